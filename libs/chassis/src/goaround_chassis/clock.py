"""The time of day as a port, so that what depends on it can be tested without waiting."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where a handler asks what time it is."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment, aware, in UTC."""
        return datetime.now(UTC)
