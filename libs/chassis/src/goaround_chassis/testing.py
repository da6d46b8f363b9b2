"""Stand-ins for the ports of this package, for tests of handlers.

Each passes the suite of the real one. They live in one process and one event loop and keep nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from goaround_chassis.bucket import Entry
from goaround_chassis.clock import Clock, SystemClock
from goaround_schemas.envelope import Message

M = TypeVar("M", bound=Message)

_START = datetime(2026, 1, 1, tzinfo=UTC)


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime = _START) -> None:
        self._now = start

    def now(self) -> datetime:
        """Return the moment it was last set to."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move on, and return the new moment."""
        self._now += by
        return self._now

    def set(self, moment: datetime) -> None:
        """Move to a moment, in either direction."""
        self._now = moment


class RecordingPublisher:
    """Keeps what is published, once for each id, in order."""

    def __init__(self) -> None:
        self.published: list[Message] = []

    async def publish(self, message: Message) -> None:
        """Keep the message, unless one of its id is kept already."""
        if all(str(kept.id) != str(message.id) for kept in self.published):
            self.published.append(message)

    def of(self, kind: type[M]) -> list[M]:
        """Return the messages of one kind, in order."""
        return [message for message in self.published if isinstance(message, kind)]


class MemoryBucket:
    """Values by key, in memory; `clock` is the bucket's own."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._entries: dict[str, Entry] = {}
        self._revision = 0
        self._clock = clock or SystemClock()

    async def now(self) -> datetime:
        """Return the present moment by the bucket's own clock, which no other one is held to."""
        return self._clock.now()

    async def get(self, key: str) -> Entry | None:
        """Return what was last put there; None if there is nothing, or it was deleted."""
        return self._entries.get(key)

    async def create(self, key: str, value: bytes) -> int | None:
        """Write the first value of a key and return its revision; None: there is one already."""
        return None if key in self._entries else await self.put(key, value)

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        """Replace the value of that revision and return the new one; None: someone was first."""
        entry = self._entries.get(key)
        if entry is None or entry.revision != revision:
            return None
        return await self.put(key, value)

    async def put(self, key: str, value: bytes) -> int:
        """Write a value whatever is there, and return its revision."""
        self._revision += 1
        self._entries[key] = Entry(value, self._revision, self._clock.now())
        return self._revision

    async def delete(self, key: str) -> None:
        """Forget a key; no matter if there is none."""
        self._revision += 1
        self._entries.pop(key, None)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm that is set, or has fired."""

    name: str
    key: str
    due: datetime
    body: bytes


class MemoryTimers:
    """Alarms by a clock that is moved by hand; `fire` delivers what is due."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._alarms: dict[tuple[str, str], Alarm] = {}

    @property
    def pending(self) -> list[Alarm]:
        """The alarms that are set, soonest first."""
        return sorted(self._alarms.values(), key=lambda alarm: alarm.due)

    async def at(self, name: str, key: str, due: datetime, body: bytes) -> None:
        """Set an alarm, in place of an earlier one of that name and key."""
        self._alarms[name, key] = Alarm(name, key, due, body)

    async def cancel(self, name: str, key: str) -> None:
        """Drop the alarm; no matter if there is none."""
        self._alarms.pop((name, key), None)

    async def fire(self, deliver: Callable[[Alarm], Awaitable[None]]) -> int:
        """Deliver every alarm that is due now, soonest first, and say how many there were."""
        fired = 0
        while self.pending and self.pending[0].due <= self._clock.now():
            alarm = self.pending[0]
            del self._alarms[alarm.name, alarm.key]
            await deliver(alarm)
            fired += 1
        return fired
