"""Ticks that this process finds by its own clock, ahead of their alarms: which, and when.

Who has looked at a watch knows when to look next, and need not be told by the bus. The alarm is set
all the same, some seconds after the look is due, and each look sets the next one in its place: so
it rings only where the process that led the watch is gone, stands still, or could not take its
look. This only leads: any watcher may take any tick, and the document's revision decides between
two. Nothing of it is kept, and nothing here waits; `leading` does.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import NamedTuple

from goaround_watcher.state import Tick

FOLLOWS = timedelta(seconds=3)
"""How long after a look that is led its alarm rings. A look takes less, unless something is wrong,
and a watcher that was killed is taken for gone after as long (`rota.SILENT_BEATS`)."""
MOST_BEHIND = timedelta(seconds=30)
"""How much later alarms ring at most for who is behind anyway."""


def follows(due: datetime, behind: timedelta) -> datetime:
    """Return when the alarm of a look that is led rings, by who was so late with the one before.

    Who has more to do than he can must not be given as many alarms besides.
    """
    return due + FOLLOWS + min(max(behind, timedelta(0)), MOST_BEHIND)


class _Led(NamedTuple):
    due_s: float
    number: int
    tick: Tick


class Lead:
    """Each run's next tick, for the runs that are led. It leads none before it is opened."""

    def __init__(self) -> None:
        self._is_open = False
        self._next: dict[str, Tick] = {}
        self._by_time: list[_Led] = []
        """Soonest first, as a heap; those that are led no more are passed over."""
        self._numbers = count()
        self._ring: Callable[[], None] | None = None

    @property
    def is_open(self) -> bool:
        """Whether ticks are led."""
        return self._is_open

    def open(self, ring: Callable[[], None] | None = None) -> None:
        """Lead from now on, and call this when there is a tick that is due before all others."""
        self._is_open = True
        self._ring = ring

    def close(self) -> list[tuple[Tick, datetime]]:
        """Lead no more, and return what was led, with when each is due."""
        self._is_open = False
        led = [each for each in self._by_time if self._is_led(each.tick)]
        self._next.clear()
        self._by_time.clear()
        return [(each.tick, datetime.fromtimestamp(each.due_s, UTC)) for each in sorted(led)]

    def set(self, tick: Tick, due: datetime) -> None:
        """Lead a run's next tick, in place of the one before."""
        self._next[tick.run_id] = tick
        led = _Led(due.timestamp(), next(self._numbers), tick)
        heappush(self._by_time, led)
        if self._ring is not None and self._by_time[0] is led:
            self._ring()

    def drop(self, tick: Tick) -> None:
        """Lead this tick no more, as somebody has it in hand; another one of its run stays."""
        if self._next.get(tick.run_id) == tick:
            del self._next[tick.run_id]

    def forget(self, run_id: str) -> None:
        """Lead nothing of a run any more."""
        self._next.pop(run_id, None)

    def is_beyond(self, tick: Tick) -> bool:
        """Whether all that a tick asks for is done and said: a later one of its command is led."""
        led = self._next.get(tick.run_id)
        return led is not None and led.command_id == tick.command_id and led.number > tick.number

    def wait_s(self, now: datetime) -> float | None:
        """Return how long it is until a tick is due, 0 or less where one is; None without any."""
        while self._by_time and not self._is_led(self._by_time[0].tick):
            heappop(self._by_time)
        return self._by_time[0].due_s - now.timestamp() if self._by_time else None

    def take(self, now: datetime) -> Tick | None:
        """Return the tick that has been due for longest, and lead it no more; None if none is."""
        wait_s = self.wait_s(now)
        if wait_s is None or wait_s > 0:
            return None
        tick = heappop(self._by_time).tick
        del self._next[tick.run_id]
        return tick

    def _is_led(self, tick: Tick) -> bool:
        return self._next.get(tick.run_id) is tick
