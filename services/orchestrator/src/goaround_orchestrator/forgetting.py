"""Forgetting the past in small steps: what was kept for long enough, some of each at a time.

No transaction deletes for long, and none deletes what something else rests on: the ledger sees to
that. It knows no schedule; the sweeper has one.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import structlog

from goaround_chassis.clock import Clock
from goaround_orchestrator.ledger import Ledger, RunMark

log = structlog.stdlib.get_logger()

MESSAGES_AT_ONCE = 10_000
PARKED_AT_ONCE = 1000
EVIDENCE_AT_ONCE = 200
"""Of some kilobytes to some hundred each."""
REHEARSALS_AT_ONCE = 200
"""Of some kilobytes each, some hundred at most."""
CORRECTIONS_AT_ONCE = 1000
LANDINGS_AT_ONCE = 1000
RUNS_AT_ONCE = 300
"""Each with a snapshot of some kilobytes and some ten lines of history."""
FOR_EVER = timedelta(0)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long the past is kept; no time at all means for ever."""

    messages: timedelta = timedelta(days=14)
    """That a message was handled: longer than the bus can redeliver one."""
    parked: timedelta = FOR_EVER
    evidence: timedelta = FOR_EVER
    rehearsals: timedelta = FOR_EVER
    corrections: timedelta = FOR_EVER
    """That were decided on; what is open stays."""
    runs: timedelta = FOR_EVER
    """Runs that have ended, their histories, and landings that no longer stand."""

    @property
    def of_runs(self) -> timedelta:
        """How long a run is kept: no shorter than the evidence that may rest on it."""
        if FOR_EVER in (self.runs, self.evidence):
            return FOR_EVER
        return max(self.runs, self.evidence)


async def forgetting(ledger: Ledger, clock: Clock, keep: Retention) -> AsyncIterator[int]:
    """Forget all that is old enough; yields after each transaction how much that was."""
    kinds = (
        ("messages", keep.messages, ledger.forget_messages_before, MESSAGES_AT_ONCE),
        ("parked", keep.parked, ledger.forget_parked_before, PARKED_AT_ONCE),
        ("evidence", keep.evidence, ledger.forget_evidence_before, EVIDENCE_AT_ONCE),
        ("rehearsals", keep.rehearsals, ledger.forget_rehearsals_before, REHEARSALS_AT_ONCE),
        ("corrections", keep.corrections, ledger.forget_corrections_before, CORRECTIONS_AT_ONCE),
    )
    for what, kept_for, forget, at_once in kinds:
        count, total = at_once, 0
        while kept_for and count == at_once:
            count = await forget(clock.now() - kept_for, at_once)
            total += count
            yield count
        _tell(what, total)
    if keep.of_runs:
        async for count in _runs_and_landings(ledger, clock, keep.of_runs):
            yield count


async def _runs_and_landings(
    ledger: Ledger, clock: Clock, kept_for: timedelta
) -> AsyncIterator[int]:
    before = clock.now() - kept_for
    landing: int | None = 0
    run: RunMark | None = None
    landings = runs = 0
    while landing is not None:
        count, landing = await ledger.forget_landings_before(before, landing, LANDINGS_AT_ONCE)
        landings += count
        yield count
    _tell("landings", landings)
    while True:
        count, run = await ledger.forget_runs_before(before, run, RUNS_AT_ONCE)
        runs += count
        yield count
        if run is None:
            break
    _tell("runs", runs)


def _tell(what: str, total: int) -> None:
    if total:
        log.info("forgotten", what=what, count=total)
