"""What keeps runs going when nothing is heard: deadlines, lost commands, forgotten places.

Any number of sweepers may run: each run is looked at under its own lock, and only if it is
still due.
"""

import asyncio
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import structlog
from prometheus_client import Counter

from goaround_chassis.clock import Clock
from goaround_orchestrator import conduct
from goaround_orchestrator.forgetting import Retention, forgetting
from goaround_orchestrator.handlers import on_due
from goaround_orchestrator.ledger import Away, Ledger, Overtaken, PlaceTaken
from goaround_orchestrator.lifecycle import IllegalMove

log = structlog.stdlib.get_logger()

SWEPT = Counter("goaround_swept_runs_total", "Runs that were looked at because they were due.")

STUCK = Counter("goaround_stuck_total", "Looks at a run or a place that ended in an error.")

AT_ONCE = 100


@dataclass
class LastLook:
    """When a sweeper last looked, for whoever asks whether it does."""

    every_s: float = 0.5
    at: datetime | None = None


async def sweep(
    ledger: Ledger,
    clock: Clock,
    last_look: LastLook,
    *,
    forget_every: int = 3600,
    keep: Retention | None = None,
) -> None:
    """Sweep for ever; every so many sweeps, begin to forget what was kept for long enough."""
    turns = 0
    steps: AsyncIterator[int] | None = None
    while True:
        try:
            await sweep_once(ledger, clock)
            last_look.at = clock.now()
            if steps is None and turns % forget_every == 0:
                steps = forgetting(ledger, clock, keep or Retention())
            # One step after each sweep: what is due never waits for what is old.
            if steps is not None and await anext(steps, None) is None:
                steps = None
        except Away as error:
            log.warning("nothing can be swept", why=str(error))
            await asyncio.sleep(1.0)
            continue
        turns += 1
        await asyncio.sleep(last_look.every_s)


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
            await conduct.begin_next(ledger, service, environment, clock)
    return len(due) + len(free)


@contextmanager
def _alone(what: str) -> Generator[None]:
    """What cannot be looked at holds up nothing but itself: it is due again at the next sweep."""
    try:
        yield
    except (Overtaken, PlaceTaken, IllegalMove, LookupError, ValueError) as exc:
        STUCK.inc()
        log.error("cannot be looked at", what=what, why=f"{type(exc).__name__}: {exc}")
