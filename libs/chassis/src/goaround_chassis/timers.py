"""Waking up at a given time, whichever instance is there then.

The real one is `goaround_chassis.bus.NatsTimers`, the fake `goaround_chassis.testing.MemoryTimers`.
A timer may fire twice (a server killed while it fires), and may still fire while it is being
cancelled: who reads a tick checks that it is one that is waited for, by what its body says.
"""

from datetime import datetime
from typing import Protocol

AT = "timer.at"
FIRED = "timer.fired"


class Timers(Protocol):
    """Alarms, each known by a name (what for) and a key (for whom)."""

    async def at(self, name: str, key: str, due: datetime, body: bytes) -> None:
        """Have `body` arrive on `timer.fired.<name>.<key>` when due.

        Setting the same name and key again replaces the alarm. One that is overdue fires at once.
        """
        ...

    async def cancel(self, name: str, key: str) -> None:
        """Drop the alarm, if it has not fired; no matter if there is none."""
        ...
