"""A small store of values by key, where writers find out that someone else was first.

The real one is a NATS key-value bucket (`goaround_chassis.bus.NatsBucket`), the fake is
`goaround_chassis.testing.MemoryBucket`; one suite holds for both. Nothing here watches or
lists: a worker that needs only its own keys needs only its own rights.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, the revision under which it was written, and when, by the bucket's own clock."""

    value: bytes
    revision: int
    written_at: datetime


class Bucket(Protocol):
    """Values by key. A revision grows with each write to the bucket and is never used again."""

    async def now(self) -> datetime:
        """Return the present moment by the bucket's own clock, which no other one is held to."""
        ...

    async def get(self, key: str) -> Entry | None:
        """Return what was last put there; None if there is nothing, or it was deleted."""
        ...

    async def create(self, key: str, value: bytes) -> int | None:
        """Write the first value of a key and return its revision; None: there is one already."""
        ...

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        """Replace the value of that revision and return the new one; None: someone was first."""
        ...

    async def put(self, key: str, value: bytes) -> int:
        """Write a value whatever is there, and return its revision."""
        ...

    async def delete(self, key: str) -> None:
        """Forget a key; no matter if there is none."""
        ...
