"""What every ledger promises of its past: paging through it, forgetting it, and how it stands."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from goaround_orchestrator import finish
from goaround_orchestrator.ledger import ANSWERED_SOON, Letter
from goaround_orchestrator.run import Move, Run
from goaround_schemas.api import EvidenceQuery, Label, RunsQuery, ServiceQuery
from goaround_schemas.phase import ENDS, Phase
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at
from tests.orchestrator.conftest import Kept

WAIT_S = 10.0
CHANGED = (Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED)
NOW = at(1_000_000)


def ended(id_: str, phase: Phase = Phase.REJECTED, since: float = 0.0, **changes: Any) -> Run:
    """A run that ended at this second, asked for a second before."""
    times = {"requested_at": at(since - 1), "phase_since": at(since)}
    return build.run(**{"id": id_, "phase": phase, **times, **changes})


async def add(kept: Kept, *runs: Run) -> None:
    async with kept.ledger.unit() as unit:
        for run in runs:
            assert await unit.add(run)


async def ids(kept: Kept, **query: Any) -> list[str]:
    return [r.run_id for r in await kept.ledger.rows(RunsQuery.model_validate(query))]


async def left(kept: Kept) -> list[str]:
    return sorted(await ids(kept, limit=500))


async def forget(kept: Kept, before: datetime = NOW, at_once: int = 2) -> int:
    """Go over all runs, so many at a time; return how many were forgotten."""
    total, mark = 0, None
    async with asyncio.timeout(WAIT_S):
        while True:
            count, mark = await kept.ledger.forget_runs_before(before, mark, at_once)
            assert count <= at_once
            total += count
            if mark is None:
                return total


QUERIES: tuple[dict[str, Any], ...] = (
    {},
    {"service": "checkout"},
    {"environment": "prod"},
    {"service": "checkout", "environment": "prod"},
    {"phase": "rejected"},
    {"phase": "succeeded"},
    {"phase": "queued"},
    {"active": True},
    {"active": True, "phase": "queued", "environment": "prod"},
    {"active": True, "phase": "rejected"},
    {"service": "basket", "phase": "rejected"},
    {"environment": "lab"},
)


@pytest.mark.parametrize("query", QUERIES, ids=str)
async def test_pages_meet_without_a_gap_or_a_double_also_at_equal_times(
    kept: Kept, query: dict[str, Any]
) -> None:
    names = ["a-b", "ab", "B", "b0", "b-0", "0a", "Z"]
    phases = [Phase.REJECTED, Phase.QUEUED, Phase.SUCCEEDED]
    made = [
        build.run(
            id=f"{name}{n}",
            requested_at=at(n // 2),
            phase=phases[(n + i) % 3],
            service="checkout" if i % 2 else "basket",
            environment="prod" if i % 3 else "staging",
        )
        for n in range(4)
        for i, name in enumerate(names)
    ]
    await add(kept, *made)
    # By code points, whatever language the database was made for.
    wanted = sorted(made, key=lambda r: (-r.requested_at.timestamp(), r.id.encode()))
    expected = [
        r.id
        for r in wanted
        if all(str(getattr(r, k)) == v for k, v in query.items() if k != "active")
        and not (query.get("active") and r.ended)
    ]
    assert await ids(kept, **query, limit=500) == expected
    paged: list[str] = []
    place: dict[str, Any] = {}
    while page := await kept.ledger.rows(RunsQuery.model_validate({**query, "limit": 3, **place})):
        paged += [r.run_id for r in page]
        place = {"before": page[-1].requested_at, "after": page[-1].run_id}
    assert paged == expected


async def test_who_pages_by_the_time_alone_goes_on_with_the_moment_before(kept: Kept) -> None:
    await add(kept, *(build.run(id=f"r-{n}", requested_at=at(n // 2)) for n in range(6)))
    assert await ids(kept, limit=3) == ["r-4", "r-5", "r-2"]
    assert await ids(kept, limit=3, before=at(1)) == ["r-0", "r-1"]
    assert await ids(kept, limit=3, before=at(1), after="r-2") == ["r-3", "r-0", "r-1"]


async def test_ended_runs_are_forgotten_with_their_histories_and_labels(kept: Kept) -> None:
    run = build.begun(id="r-1").run
    await add(kept, run)
    async with kept.ledger.unit() as unit:
        held = await unit.run("r-1")
        assert held
        over = held.model_copy(update={"phase": Phase.ABORTED, "phase_since": at(5)})
        move = {"from": held.phase, "to": over.phase, "stage": None, "actor": "eve", "reason": "x"}
        await unit.save(over, [Move.model_validate({**move, "revision": 9, "at": at(5)})], None)
        said = Label(label="good", actor="eve", at=at(6), because="I looked")
        assert await unit.label(over, said)
    assert await kept.ledger.history("r-1")
    assert await forget(kept, at(4)) == 0
    # The label was given after that moment: it keeps its run.
    assert await forget(kept, at(5.5)) == 0
    assert await forget(kept, at(7)) == 1
    assert await kept.ledger.whole("r-1") is None
    assert await kept.ledger.history("r-1") == []
    assert await kept.ledger.labels("r-1", 10) == []


@pytest.mark.parametrize("phase", list(Phase))
async def test_only_runs_that_have_ended_are_forgotten(kept: Kept, phase: Phase) -> None:
    # The newer one is what the place rests on, if this phase is one that changes it.
    await add(kept, ended("r-1", phase))
    await add(kept, *([ended("r-2", phase, 9)] if phase in CHANGED else []))
    assert await forget(kept) == (1 if phase in ENDS else 0)
    assert ("r-1" in await left(kept)) == (phase not in ENDS)


async def test_a_run_that_ended_lately_is_kept_however_long_ago_it_was_asked_for(
    kept: Kept,
) -> None:
    await add(kept, ended("r-1", since=100, requested_at=at(0)), ended("r-2", since=50))
    assert await forget(kept, at(100)) == 1
    assert await left(kept) == ["r-1"]


async def test_a_run_whose_evidence_is_kept_is_kept(kept: Kept) -> None:
    await add(kept, ended("r-1"), ended("r-2"))
    async with kept.ledger.unit() as unit:
        assert await unit.keep_evidence(build.evidence(run_id="r-1"))
    assert await forget(kept) == 1
    assert await left(kept) == ["r-1"]
    assert len(await kept.ledger.evidence(EvidenceQuery())) == 1
    assert await kept.ledger.forget_evidence_before(NOW, 10) == 1
    assert await forget(kept) == 1
    assert await left(kept) == []


async def test_what_a_place_rests_on_is_kept_and_each_place_has_its_own(kept: Kept) -> None:
    def at_place(environment: str, *phases: Phase) -> list[Run]:
        return [
            ended(f"{environment}-{n}", phase, n, environment=environment)
            for n, phase in enumerate(phases)
        ]

    p = Phase
    await add(kept, *at_place("prod", p.ROLLED_BACK, p.ROLLED_BACK, p.SUCCEEDED, p.REJECTED))
    await add(kept, *at_place("dev", p.SUCCEEDED, p.ROLLED_BACK, p.ROLLBACK_FAILED, p.ABORTED))
    await add(kept, *at_place("lab", p.SUCCEEDED, p.SUCCEEDED, p.SUCCEEDED, p.SUCCEEDED))
    async with kept.ledger.unit() as unit:
        for n in range(3):
            landing = build.landing(f"{n}", environment="lab", run_id=f"lab-{n}", at=at(n))
            await unit.land(landing)
    assert await forget(kept) == 2 + 2 + 1
    # The last proof and the last change; of lab what runs, what ran before it, the last change.
    assert await left(kept) == ["dev-1", "dev-2", "lab-1", "lab-2", "lab-3", "prod-1", "prod-2"]
    async with kept.ledger.unit() as unit:
        standing = await unit.standing("checkout", "dev")
    assert standing.last_proof == at(1)
    assert standing.stranded is not None
    assert standing.stranded.id == "dev-2"


async def test_a_run_that_somebody_holds_is_passed_over_and_not_waited_for(kept: Kept) -> None:
    await add(kept, ended("r-1"), ended("r-2"))
    async with kept.ledger.unit() as unit:
        run = await unit.run("r-1")
        assert run
        assert await forget(kept) == 1
        assert await unit.label(run, Label(label="bad", actor="eve", at=at(9), because="slow"))
    assert await left(kept) == ["r-1"]
    assert len(await kept.ledger.labels("r-1", 10)) == 1


async def test_many_forget_at_once_and_each_run_goes_once(kept: Kept) -> None:
    await add(kept, *(ended(f"r-{n}", since=n) for n in range(30)))
    async with asyncio.timeout(WAIT_S):
        counts = await asyncio.gather(*(forget(kept, at_once=7) for _ in range(3)))
    assert sum(counts) + await forget(kept) == 30
    assert await left(kept) == []


async def test_a_pass_goes_by_what_it_may_not_forget(kept: Kept) -> None:
    """Else the kept ones would stand before all others, and nothing behind them ever went."""
    await add(kept, *(ended(f"r-{n}", since=n // 3) for n in range(20)))
    async with kept.ledger.unit() as unit:
        for n in range(10):
            await unit.keep_evidence(build.evidence(id=f"e-{n}", run_id=f"r-{n}"))
    assert await forget(kept, at_once=2) == 10
    assert len(await left(kept)) == 10


async def landings(kept: Kept, before: datetime = NOW, at_once: int = 2) -> int:
    total, mark = 0, 0
    while True:
        count, on = await kept.ledger.forget_landings_before(before, mark, at_once)
        total += count
        if on is None:
            return total
        mark = on


async def test_landings_are_forgotten_but_what_runs_and_what_ran_before_it(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        for n in range(6):
            await unit.land(build.landing(f"1.{n}", at=at(n)))
            await unit.land(build.landing(f"1.{n}", at=at(n), environment="staging"))
    assert await landings(kept, at(0)) == 0
    assert await landings(kept, at(2)) == 4
    assert await landings(kept) == 4
    assert await landings(kept) == 0
    async with kept.ledger.unit() as unit:
        last = await unit.running("checkout", "prod")
        assert last
        assert last.version == "1.5"
        await unit.undo(last, "r-5", at(9))
        before = await unit.running("checkout", "prod")
    assert before
    assert before.version == "1.4"
    rows = await kept.ledger.services(ServiceQuery())
    assert [(r.environment, r.version) for r in rows] == [("prod", "1.4"), ("staging", "1.5")]


async def test_a_landing_that_was_taken_back_is_forgotten_once_that_is_long_ago(
    kept: Kept,
) -> None:
    first, second = build.landing("1.0", at=at(0)), build.landing("1.1", at=at(1))
    async with kept.ledger.unit() as unit:
        await unit.land(first)
        await unit.land(second)
        await unit.undo(second, "r-5", at(50))
    assert await landings(kept, at(40)) == 0
    assert await landings(kept, at(60)) == 1
    async with kept.ledger.unit() as unit:
        assert await unit.running("checkout", "prod") == first


def letter(run: Run, revision: int) -> Letter:
    said = {"from": Phase.REQUESTED, "to": Phase.PREFLIGHT, "stage": None, "actor": "ada"}
    move = {**said, "revision": revision, "at": at(), "reason": "accepted"}
    return Letter(finish.advanced(run, Move.model_validate(move), None))


async def test_the_condition_tells_of_the_post_and_of_what_is_under_way(kept: Kept) -> None:
    before = await kept.ledger.condition()
    assert (before.waiting, before.waiting_since, before.parked) == (0, None, 0)
    assert before.schema == before.known
    assert dict(before.live) == {}
    assert abs(before.at - datetime.now(UTC)) < timedelta(minutes=1)
    queued = [build.run(id=f"r-{n}", phase=Phase.QUEUED) for n in range(2)]
    await add(kept, *queued, ended("r-8"), build.begun(id="r-9").run)
    async with kept.ledger.unit() as unit:
        await unit.send([letter(build.run(), n) for n in range(3)])
    async with kept.post.taken(1) as taken:
        await taken.park(taken.letters[0], "no stream takes it")
    after = await kept.ledger.condition()
    assert (after.waiting, after.parked) == (2, 1)
    assert after.waiting_since is not None
    assert after.parked_last is not None
    assert after.waiting_since <= after.parked_last <= after.at
    assert dict(after.live) == {Phase.QUEUED: 2, Phase.PREFLIGHT: 1}


async def test_parked_messages_are_forgotten_once_they_are_old(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        await unit.send([letter(build.run(), n) for n in range(3)])
    async with kept.post.taken(10) as taken:
        for one in taken.letters:
            await taken.park(one, "no stream takes it")
    now = datetime.now(UTC)
    assert await kept.ledger.forget_parked_before(now - timedelta(hours=1), 10) == 0
    assert await kept.ledger.forget_parked_before(now + timedelta(hours=1), 2) == 2
    assert await kept.ledger.forget_parked_before(now + timedelta(hours=1), 2) == 1
    assert await kept.parked() == []


@pytest.mark.parametrize("phase", list(Phase))
async def test_who_was_due_lingers_and_who_waits_for_a_machine_too(
    kept: Kept, phase: Phase
) -> None:
    def run(id_: str, **changes: Any) -> Run:
        return build.run(**{"id": id_, "phase": phase, "service": id_, **changes})

    await add(
        kept,
        run("due-2", due_at=at(20), phase_since=at(500)),
        run("due-1", due_at=at(10), phase_since=at(500)),
        run("later", due_at=at(900), phase_since=at(500)),
        run("silent", due_at=at(950), phase_since=at(100)),
    )
    found = [r.id for r in await kept.ledger.lingering(at(100), at(400), 10)]
    if phase in ENDS:
        assert found == []
    elif phase in ANSWERED_SOON:
        assert found == ["due-1", "due-2", "silent"]
    else:
        assert found == ["due-1", "due-2"]
    assert [r.id for r in await kept.ledger.lingering(at(100), at(400), 1)] == found[:1]
