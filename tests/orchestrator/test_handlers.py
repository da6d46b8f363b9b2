"""Messages in, messages out, over the shipped fakes: once, twice, late, and after a crash."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from goaround_chassis.bus import Received
from goaround_chassis.errors import Never
from goaround_orchestrator import conduct
from goaround_orchestrator.handlers import on_answer, on_due, on_request
from goaround_orchestrator.memory import MemoryLedger, MemoryUnit
from goaround_orchestrator.run import What
from goaround_schemas.catalogue import TooNew
from goaround_schemas.guide import Policy, RollbackProcedure
from goaround_schemas.outcome import DeployAdvanced, DeployFinished
from goaround_schemas.phase import ENDS, Phase
from tests import builders as messages
from tests.orchestrator import builders as build
from tests.orchestrator.office import Office, answer_to

P = Phase


class Crash(Exception):
    """The process dies here."""


class DyingLedger(MemoryLedger):
    """Dies at the end of a transaction, before or after it is in, as often as it is told."""

    def __init__(self, kept: MemoryLedger, *, before: bool) -> None:
        super().__init__(kept.clock)
        self.kept, self.locks, self.numbers, self.bell = (
            kept.kept,
            kept.locks,
            kept.numbers,
            kept.bell,
        )
        self._before = before

    @asynccontextmanager
    async def unit(self, *, trusting: bool = False) -> AsyncGenerator[MemoryUnit]:
        async with super().unit(trusting=trusting) as unit:
            yield unit
            if self._before:
                raise Crash
        raise Crash


async def test_a_request_runs_to_its_one_outcome() -> None:
    office = Office()
    await office.request(run_id="r-1")
    await office.bring_to("r-1", P.SUCCEEDED)
    await office.deliver()
    assert office.stream.outcomes() == [("r-1", "succeeded")]
    moves = [m for m in office.stream.messages if isinstance(m, DeployAdvanced)]
    assert [m.data.revision for m in moves] == list(range(1, len(moves) + 1))
    assert [t.to for t in await office.ledger.history("r-1")] == [m.data.to for m in moves]
    assert await office.ledger.due_before(build.at(10**6), 10) == []


async def test_what_succeeded_is_what_runs_and_what_it_replaced() -> None:
    office = Office()
    for n, version in enumerate(("1.0.0", "2.0.0")):
        await office.request(run_id=f"r-{n}", version=version)
        await office.bring_to(f"r-{n}", P.SUCCEEDED)
    async with office.ledger.unit() as unit:
        running = await unit.running("checkout", "prod")
    assert running is not None
    assert (running.version, running.previous_version, running.run_id) == ("2.0.0", "1.0.0", "r-1")


async def test_a_version_deployed_again_still_has_the_way_back_that_it_had() -> None:
    office = Office()
    for n, version in enumerate(("1.0.0", "2.0.0", "2.0.0")):
        await office.request(run_id=f"r-{n}", version=version, redeploy=n == 2)
        await office.bring_to(f"r-{n}", P.SUCCEEDED)
    async with office.ledger.unit() as unit:
        running = await unit.running("checkout", "prod")
    assert running is not None
    assert (running.version, running.previous_version, running.run_id) == ("2.0.0", "1.0.0", "r-1")


async def test_rollbacks_asked_for_one_after_the_other_lead_further_back() -> None:
    office = Office()
    for n, version in enumerate(("1.0.0", "2.0.0", "3.0.0")):
        await office.request(run_id=f"r-{n}", version=version)
        await office.bring_to(f"r-{n}", P.SUCCEEDED)
    for n, back_to in enumerate(("2.0.0", "1.0.0")):
        await office.request(run_id=f"b-{n}", kind="rollback", version=None)
        run = await office.bring_to(f"b-{n}", P.ROLLED_BACK)
        assert run.previous_version == back_to
        async with office.ledger.unit() as unit:
            running = await unit.running("checkout", "prod")
        assert running is not None
        assert running.version == back_to
    await office.request(run_id="b-9", kind="rollback", version=None)
    run = await office.run("b-9")
    assert run.phase is P.REJECTED
    assert "first version on record" in run.reason


async def test_a_request_delivered_twice_is_one_run() -> None:
    office = Office()
    received = await office.request()
    await office.take(received)
    assert len(office.ledger.kept.runs) == 1
    await office.deliver()
    commands = [m for m in office.stream.messages if m.type == "work.verify.v1"]
    assert len(commands) == 1


@pytest.mark.parametrize("before", [True, False])
async def test_a_process_that_dies_over_a_request_leaves_one_run(before: bool) -> None:
    office = Office()
    received = office.knock(run_id="r-1")
    dying = DyingLedger(office.ledger, before=before)
    with pytest.raises(Crash):
        await on_request(received, dying, office.shelf, office.clock)
    assert len(office.ledger.kept.runs) == (0 if before else 1)
    await office.take(received)
    assert len(office.ledger.kept.runs) == 1
    await office.bring_to("r-1", P.SUCCEEDED)
    await office.deliver()
    assert office.stream.outcomes() == [("r-1", "succeeded")]


@pytest.mark.parametrize("before", [True, False])
async def test_a_process_that_dies_over_any_answer_changes_no_outcome(before: bool) -> None:
    office = Office()
    await office.request(run_id="r-1")
    dying = DyingLedger(office.ledger, before=before)
    answered = 0
    while (run := await office.run("r-1")).phase not in ENDS:
        event = answer_to(run, run.pending[0].order.what, good=answered != 2).event
        with pytest.raises(Crash):
            await on_answer(event, dying, office.clock)
        for _ in range(2):
            await on_answer(event, office.ledger, office.clock)
        answered += 1
        await office.deliver()
    assert office.stream.outcomes() == [("r-1", "rollback_failed")]
    assert len([m for m in office.stream.messages if isinstance(m, DeployFinished)]) == 1


async def test_a_bad_request_is_a_rejected_run_with_its_history_and_its_outcome() -> None:
    office = Office()
    await office.request(run_id="r-1", version="--help")
    await office.deliver()
    assert office.stream.outcomes() == [("r-1", "rejected")]
    (move,) = await office.ledger.history("r-1")
    assert (move.from_, move.to) == (P.REQUESTED, P.REJECTED)
    assert "version: String should match pattern" in move.reason
    (subject,) = [s for s, _, _ in office.stream.taken.values() if "finished" in s]
    assert subject == "DEPLOY deploy.finished.rejected.prod.checkout"


async def test_a_request_that_is_nobodys_is_put_aside() -> None:
    office = Office()
    with pytest.raises(Never, match="not JSON"):
        await office.take(Received("deploy.requested", b"!", {}, "DEPLOY", 1, build.at()))
    with pytest.raises(TooNew):
        await office.request(specversion="1.0", type="deploy.requested.v9", data={"version": "1"})
    assert office.ledger.kept.runs == {}


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({"service": "basket"}, "no guide for basket; there is one for checkout"),
        ({"environment": "moon"}, "knows no environment 'moon'; it knows prod"),
    ],
)
async def test_an_unknown_place_is_refused_with_its_outcome(wish: Any, why: str) -> None:
    office = Office()
    await office.request(run_id="r-1", **wish)
    await office.deliver()
    assert office.stream.outcomes() == [("r-1", "rejected")]
    assert why in (await office.run("r-1")).reason


async def test_a_run_id_used_for_other_content_is_refused_and_the_first_run_is_untouched() -> None:
    office = Office()
    await office.request(run_id="r-1")
    first = await office.run("r-1")
    await office.request(run_id="r-1", version="9.9.9")
    assert await office.run("r-1") == first
    await office.deliver()
    ((other, outcome),) = office.stream.outcomes()
    assert (other != "r-1", outcome) == (True, "rejected")
    await office.request(run_id="r-1")
    assert len(office.ledger.kept.runs) == 2


async def test_the_shortest_watch_that_can_be_asked_for_is_one_look() -> None:
    office = Office(messages.guide(watch=messages.watch()))
    await office.request(run_id="r-1", watch_period="20ms")
    assert (await office.run("r-1")).phase is P.PREFLIGHT
    await office.bring_to("r-1", P.SUCCEEDED)


async def test_the_next_in_line_begins_when_a_run_ends() -> None:
    office = Office()
    for n in (1, 2, 3):
        await office.request(run_id=f"r-{n}", version=f"{n}.0.0")
    await office.request(run_id="r-now", version="4.0.0", emergency=True, reason="down")
    assert (await office.run("r-1")).phase is P.SUPERSEDED
    await office.bring_to("r-now", P.SUCCEEDED)
    assert (await office.run("r-2")).phase is P.PREFLIGHT
    assert (await office.run("r-3")).phase is P.QUEUED
    assert (await office.run("r-2")).previous_version == "4.0.0"


async def test_the_sweeper_begins_the_next_where_the_process_died_right_after_the_end() -> None:
    office = Office()
    await office.request(run_id="r-1")
    await office.request(run_id="r-2", version="3.0.0")
    run = await office.bring_to("r-1", P.RECORDING)
    event = answer_to(run, What.RECORD, good=True).event
    with pytest.raises(Crash):
        await on_answer(event, DyingLedger(office.ledger, before=False), office.clock)
    assert (await office.run("r-1")).phase is P.SUCCEEDED
    assert (await office.run("r-2")).phase is P.QUEUED
    await office.sweep()
    assert (await office.run("r-2")).phase is P.PREFLIGHT
    assert await office.sweep() == 0


async def test_a_rollback_does_not_stand_in_line() -> None:
    office = Office()
    await office.request(run_id="r-0", version="1.0.0")
    await office.bring_to("r-0", P.SUCCEEDED)
    await office.request(run_id="r-1", version="2.0.0")
    await office.bring_to("r-1", P.RECORDING)
    await office.request(run_id="r-2", version="3.0.0")
    await office.request(run_id="r-back", kind="rollback", version=None)
    await office.bring_to("r-1", P.SUCCEEDED)
    assert (await office.run("r-back")).phase is P.ROLLING_BACK
    assert (await office.run("r-2")).phase is P.QUEUED
    await office.bring_to("r-back", P.ROLLED_BACK)
    assert (await office.run("r-2")).previous_version == "1.0.0"


async def test_an_answer_for_a_run_that_nobody_knows_is_dropped() -> None:
    office = Office()
    stranger = build.in_phase(P.DEPLOYING, id="r-9")
    await on_answer(build.executed(stranger).event, office.ledger, office.clock)
    assert office.ledger.kept.runs == {}


async def test_a_run_that_is_not_due_is_left_alone() -> None:
    office = Office()
    await office.request(run_id="r-1")
    before = office.ledger.kept.runs["r-1"].edition
    await on_due("r-1", office.ledger, office.clock)
    await on_due("r-none", office.ledger, office.clock)
    assert office.ledger.kept.runs["r-1"].edition == before
    assert await office.sweep() == 0


async def test_a_run_without_any_answer_ends_by_its_deadline() -> None:
    office = Office()
    await office.request(run_id="r-1")
    for _ in range(100):
        await office.sweep(31)
    await office.deliver()
    assert office.stream.outcomes() == [("r-1", "rejected")]


async def test_a_run_that_cannot_be_looked_at_holds_up_no_other() -> None:
    office = Office()
    await office.request(run_id="r-1")
    poisoned = build.in_phase(P.DEPLOYING, id="r-0", environment="dev", guide_digest="sha256:gone")
    async with office.ledger.unit() as unit:
        await unit.add(poisoned)
    await office.sweep(4000)
    assert (await office.run("r-0")).phase is P.DEPLOYING
    assert (await office.run("r-1")).phase is P.REJECTED


async def test_the_sweeper_forgets_old_messages_for_good() -> None:
    office = Office()
    await office.request(run_id="r-1")
    office.clock.advance(timedelta(days=15))
    assert await office.ledger.forget_messages_before(office.clock.now(), 10) == 1


async def test_a_guide_whose_first_way_back_needs_a_previous_version_has_none() -> None:
    way = RollbackProcedure(
        steps=(messages.step("back", run=("./release", "{previous.version}")),),
        first=(messages.step("away", run=("./remove", "{previous.version}")),),
    )
    office = Office(messages.guide(rollback=way))
    await office.request(run_id="r-1")
    await office.bring_to("r-1", P.VERIFYING)
    await office.answer("r-1", What.ASK_HEALTH, good=False)
    run = await office.run("r-1")
    assert (run.phase, run.outcome) == (P.RECORDING, "rollback_failed")


async def test_the_very_guide_that_was_pinned_is_followed_whatever_the_file_says_by_now() -> None:
    office = Office()
    await office.request(run_id="r-1")
    changed = messages.guide(policy=Policy.model_validate({"when_busy": "reject"}))
    office.shelf.guide = changed
    await office.bring_to("r-1", P.SUCCEEDED)
    assert (await office.run("r-1")).guide_digest == build.pinned(messages.guide()).digest


async def test_begin_next_does_nothing_where_the_place_is_held_or_nobody_waits() -> None:
    office = Office()
    await conduct.begin_next(office.ledger, "checkout", "prod", office.clock)
    await office.request(run_id="r-1")
    await office.request(run_id="r-2")
    await conduct.begin_next(office.ledger, "checkout", "prod", office.clock)
    assert (await office.run("r-2")).phase is P.QUEUED
