"""Time that passes, as a port: how long something took, and waiting between tries."""

import asyncio
import time
from typing import Protocol


class Pace(Protocol):
    """A clock that only goes forward, and a way to wait on it."""

    def seconds(self) -> float:
        """Return the seconds since some moment that never changes."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed, others having had their turn."""
        ...


class SystemPace:
    """The machine's own time."""

    def seconds(self) -> float:
        """Return the seconds since some moment that never changes."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed, others having had their turn."""
        await asyncio.sleep(seconds)
