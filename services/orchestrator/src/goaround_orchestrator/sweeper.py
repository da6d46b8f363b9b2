"""What keeps runs going when nothing is heard: deadlines, lost commands, forgotten places.

Any number of sweepers may run: each run is looked at under its own lock, and only if it is
still due.
"""

import asyncio
from datetime import timedelta

import structlog
from prometheus_client import Counter

from goaround_chassis.clock import Clock
from goaround_orchestrator import conduct
from goaround_orchestrator.handlers import on_due
from goaround_orchestrator.ledger import Ledger

log = structlog.stdlib.get_logger()

SWEPT = Counter("goaround_swept_runs_total", "Runs that were looked at because they were due.")

REMEMBER = timedelta(days=14)
"""How long a handled message is remembered: longer than the bus can redeliver one."""

AT_ONCE = 100


async def sweep(ledger: Ledger, clock: Clock, *, every_s: float, forget_every: int = 3600) -> None:
    """Sweep for ever."""
    turns = 0
    while True:
        await sweep_once(ledger, clock)
        if turns % forget_every == 0:
            await ledger.forget_messages_before(clock.now() - REMEMBER)
        turns += 1
        await asyncio.sleep(every_s)


async def sweep_once(ledger: Ledger, clock: Clock) -> int:
    """Look at what is due and at places where runs wait; return how many of both."""
    due = await ledger.due_before(clock.now(), AT_ONCE)
    for run_id in due:
        SWEPT.inc()
        await on_due(run_id, ledger, clock)
    free = await ledger.free_places(AT_ONCE)
    for service, environment in free:
        await conduct.begin_next(ledger, service, environment, clock.now())
    return len(due) + len(free)
