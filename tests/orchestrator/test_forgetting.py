"""The sweeper forgets what was kept for long enough, step by step, and nothing before its time."""

import asyncio
from datetime import datetime, timedelta

import pytest

from goaround_orchestrator.evidence import on_evidence
from goaround_orchestrator.forgetting import EVIDENCE_AT_ONCE, FOR_EVER, Retention, forgetting
from goaround_orchestrator.memory import MemoryLedger
from goaround_orchestrator.settings import OrchestratorSettings
from goaround_orchestrator.sweeper import LastLook, sweep
from goaround_schemas.phase import Phase
from goaround_schemas.watching import DeployEvidenced
from tests import builders as messages
from tests.orchestrator import builders as build
from tests.orchestrator.office import Office

DAY = timedelta(days=1)


async def office_with(verdicts: int) -> Office:
    """An office with one ended run, and the evidence of so many verdicts."""
    office = Office(messages.guide(watch=messages.watch()))
    await office.request(run_id="r-1")
    await office.bring_to("r-1", Phase.SUCCEEDED)
    for n in range(verdicts):
        said = {"run_id": "r-1", "id": f"evidenced-{n}", "judged_at": build.at(n)}
        await on_evidence(messages.message(DeployEvidenced, **said), office.ledger)
    return office


async def forget(office: Office, **days: int) -> int:
    """Make one whole pass; return how much it forgot."""
    keep = Retention(**{what: timedelta(days=many) for what, many in days.items()})
    return sum([count async for count in forgetting(office.ledger, office.clock, keep)])


async def outcome_of(office: Office, run_id: str) -> Phase | None:
    run = await office.ledger.whole(run_id)
    return run.phase if run else None


async def test_by_itself_the_past_is_kept_for_ever_but_which_messages_were_handled() -> None:
    office = await office_with(verdicts=3)
    office.clock.advance(5000 * DAY)
    handled = len(office.ledger.kept.inbox)
    assert handled > 3
    assert await forget(office) == handled
    assert await outcome_of(office, "r-1") is Phase.SUCCEEDED
    assert len(office.ledger.kept.evidence) == 3


@pytest.mark.parametrize(
    ("runs", "evidence", "kept"), [(30, 400, 400), (400, 30, 400), (0, 30, 0), (30, 0, 0)]
)
def test_a_run_is_kept_no_shorter_than_evidence_may_rest_on_it(
    runs: int, evidence: int, kept: int
) -> None:
    keep = Retention(runs=runs * DAY, evidence=evidence * DAY)
    assert keep.of_runs == (kept * DAY or FOR_EVER)


async def test_superseded_runs_go_and_what_runs_stays_with_what_ran_before_it() -> None:
    office = Office()
    for n in range(4):
        await office.request(run_id=f"r-{n}", version=f"2.{n}")
        await office.bring_to(f"r-{n}", Phase.SUCCEEDED)
    office.clock.advance(100 * DAY)
    assert await forget(office, runs=90, evidence=90, messages=0) == 2 + 2
    assert [await outcome_of(office, f"r-{n}") for n in range(4)] == [
        None,
        None,
        Phase.SUCCEEDED,
        Phase.SUCCEEDED,
    ]
    assert {run_id for run_id, _ in office.ledger.kept.history} == {"r-2", "r-3"}


async def test_the_way_back_is_found_and_taken_after_the_past_was_forgotten() -> None:
    office = Office()
    for n in range(3):
        await office.request(run_id=f"r-{n}", version=f"2.{n}")
        await office.bring_to(f"r-{n}", Phase.SUCCEEDED)
    office.clock.advance(100 * DAY)
    assert await forget(office, runs=90, evidence=90) > 0
    await office.request(run_id="back", kind="rollback", version=None)
    ended = await office.bring_to("back", Phase.ROLLED_BACK)
    assert ended.previous_version == "2.1"
    (row,) = (await office.ask("api.services.list"))["data"]["running"]
    assert row["version"] == "2.1"


class Counting(MemoryLedger):
    """Rings after ten sweeps, and tells how much evidence was forgotten in each step."""

    def __init__(self, office: Office) -> None:
        super().__init__(office.clock)
        self.kept, self.batches, self.done = office.ledger.kept, list[int](), asyncio.Event()
        self.sweeps = 0

    async def free_places(self, limit: int) -> list[tuple[str, str]]:
        self.sweeps += 1
        if self.sweeps == 10:
            self.done.set()
        return await super().free_places(limit)

    async def forget_evidence_before(self, at: datetime, limit: int) -> int:
        self.batches.append(await super().forget_evidence_before(at, limit))
        return self.batches[-1]


@pytest.mark.parametrize(
    ("days", "batches"), [(1, [EVIDENCE_AT_ONCE, EVIDENCE_AT_ONCE, 1]), (9, [0]), (0, [])]
)
async def test_the_sweeper_takes_one_step_after_each_sweep_until_nothing_is_left_that_old(
    days: int, batches: list[int]
) -> None:
    office = await office_with(verdicts=2 * EVIDENCE_AT_ONCE + 1)
    office.clock.advance(timedelta(days=2))
    ledger = Counting(office)
    look = LastLook(every_s=0)
    keep = Retention(evidence=timedelta(days=days))
    sweeping = asyncio.create_task(sweep(ledger, office.clock, look, keep=keep))
    async with asyncio.timeout(10):
        await ledger.done.wait()
    sweeping.cancel()
    assert ledger.batches == batches
    assert look.at == office.clock.now()


def test_days_in_the_settings_are_the_retention() -> None:
    said = {"runs_kept_days": 30, "evidence_kept_days": 20, "messages_kept_days": 3}
    needed = {"database_url": "postgresql://x", "guides_dir": ".", "nats_url": "nats://x"}
    settings = OrchestratorSettings.model_validate({**needed, **said})
    keep = settings.retention
    assert (keep.runs, keep.evidence, keep.messages) == (30 * DAY, 20 * DAY, 3 * DAY)
    assert keep.parked == 90 * DAY
    assert OrchestratorSettings.model_validate(needed).retention.of_runs == FOR_EVER
