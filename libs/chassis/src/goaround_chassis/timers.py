"""Waking up at a given time, whichever instance is there then.

The real one is `goaround_chassis.bus.NatsTimers`, the fake `goaround_chassis.testing.MemoryTimers`.
A timer may fire twice (a server killed while it fires), and may still fire while it is being
cancelled: who reads a tick checks that it is one that is waited for, by what its body says.
"""

import re
from datetime import datetime
from typing import Literal, Protocol

STREAM = "TIMERS"
_NUMBERED = re.compile(r".*-(\d+)")


def timer_stream(name: str) -> str:
    """Return the stream that keeps alarms of a name: `TIMERS`, or `TIMERS_3` for `watch-3`.

    A stream writes one thing after the other, and syncs each. To fire an alarm takes three such
    writes; alarms whose names have different numbers are written side by side.
    """
    numbered = _NUMBERED.fullmatch(name)
    return f"{STREAM}_{numbered[1]}" if numbered else STREAM


def timer_subjects(stream: str) -> str:
    """Return what a stream of alarms takes."""
    return f"{stream.replace('TIMERS', 'timer')}.>"


def timer_subject(what: Literal["at", "fired"], name: str, key: str) -> str:
    """Return the subject of an alarm, or of its firing; name and key are tokens of a subject."""
    return f"{timer_subjects(timer_stream(name))[:-2]}.{what}.{name}.{key}"


class Timers(Protocol):
    """Alarms, each known by a name (what for) and a key (for whom)."""

    async def at(self, name: str, key: str, due: datetime, body: bytes) -> None:
        """Have `body` arrive on `timer.fired.<name>.<key>` when due (`timer_subject`).

        Setting the same name and key again replaces the alarm. One that is overdue fires at once.
        """
        ...

    async def cancel(self, name: str, key: str) -> None:
        """Drop the alarm, if it has not fired; no matter if there is none."""
        ...
