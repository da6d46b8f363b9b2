"""What keeps runs going when nothing is heard: deadlines, lost commands, forgotten places.

Any number of sweepers may run: each run is looked at under its own lock, and only if it is
still due.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from prometheus_client import Counter

from goaround_chassis.clock import Clock
from goaround_orchestrator import conduct
from goaround_orchestrator.handlers import on_due
from goaround_orchestrator.ledger import Away, Ledger, Overtaken, PlaceTaken
from goaround_orchestrator.lifecycle import IllegalMove

log = structlog.stdlib.get_logger()

SWEPT = Counter("goaround_swept_runs_total", "Runs that were looked at because they were due.")

STUCK = Counter("goaround_stuck_total", "Looks at a run or a place that ended in an error.")

REMEMBER = timedelta(days=14)
"""How long a handled message is remembered: longer than the bus can redeliver one."""

AT_ONCE = 100

EVIDENCE_AT_ONCE = 200
"""Of some kilobytes to some hundred each: one transaction never deletes for long."""


async def sweep(
    ledger: Ledger,
    clock: Clock,
    *,
    every_s: float,
    forget_every: int = 3600,
    evidence_for: timedelta = timedelta(0),
) -> None:
    """Sweep for ever. Evidence is kept for so long; for no time at all means for ever."""
    turns = 0
    more = False
    while True:
        try:
            await sweep_once(ledger, clock)
            if turns % forget_every == 0:
                await ledger.forget_messages_before(clock.now() - REMEMBER)
            if evidence_for and (more or turns % forget_every == 0):
                more = await forget_evidence(ledger, clock, evidence_for)
        except Away as error:
            log.warning("nothing can be swept", why=str(error))
            await asyncio.sleep(1.0)
            continue
        turns += 1
        await asyncio.sleep(every_s)


async def sweep_once(ledger: Ledger, clock: Clock) -> int:
    """Look at what is due and at places where runs wait; return how many of both."""
    due = await ledger.due_before(clock.now(), AT_ONCE)
    for run_id in due:
        SWEPT.inc()
        with _alone(run_id):
            await on_due(run_id, ledger, clock)
    free = await ledger.free_places(AT_ONCE)
    for service, environment in free:
        with _alone(f"{service} in {environment}"):
            await conduct.begin_next(ledger, service, environment, clock.now())
    return len(due) + len(free)


async def forget_evidence(ledger: Ledger, clock: Clock, kept_for: timedelta) -> bool:
    """Forget some of the evidence that was kept for long enough; True if more of it may be left."""
    before = clock.now() - kept_for
    forgotten = await ledger.forget_evidence_before(before, EVIDENCE_AT_ONCE)
    if forgotten:
        log.info("evidence forgotten", verdicts=forgotten, before=before.isoformat())
    return forgotten == EVIDENCE_AT_ONCE


@contextmanager
def _alone(what: str) -> Generator[None]:
    """What cannot be looked at holds up nothing but itself: it is due again at the next sweep."""
    try:
        yield
    except (Overtaken, PlaceTaken, IllegalMove, LookupError, ValueError) as exc:
        STUCK.inc()
        log.error("cannot be looked at", what=what, why=f"{type(exc).__name__}: {exc}")
