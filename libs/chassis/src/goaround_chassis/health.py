"""How a service is doing, written by its event loop and read by the probes' thread.

Each field is one attribute that is replaced as a whole, so that neither side needs a lock.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

# The loop beats twice a second; past this it hangs, or something blocks it.
STALL_S = 10.0
# A background task that dies so often within the window is not going to recover by itself.
DEATHS = 5
DEATHS_WITHIN_S = 60.0


@dataclass(frozen=True, slots=True)
class State:
    """An answer to a probe: well if there is nothing to complain of."""

    complaints: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Whether all is well."""
        return not self.complaints


class Health:
    """What the loop last said of itself. Times are of the monotonic clock, in seconds."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._beat_at = monotonic()
        self._deaths: dict[str, deque[float]] = {}
        self._not_ready: tuple[str, ...] = ("starting",)
        self._fatal: tuple[str, ...] = ()

    def beat(self) -> None:
        """The event loop runs."""
        self._beat_at = self._monotonic()

    def not_ready(self, reasons: tuple[str, ...]) -> None:
        """What the service is waiting for; nothing, when it is ready."""
        self._not_ready = reasons

    def fatal(self, reasons: tuple[str, ...]) -> None:
        """What only a new process can mend."""
        self._fatal = reasons

    def died(self, task: str) -> None:
        """A background task ended by itself."""
        self._deaths.setdefault(task, deque(maxlen=DEATHS)).append(self._monotonic())

    def live(self) -> State:
        """Whether this process is worth keeping."""
        complaints = list(self._fatal)
        now = self._monotonic()
        if (silent_s := now - self._beat_at) > STALL_S:
            complaints.append(f"the event loop has not run for {silent_s:.0f} s")
        for task, deaths in list(self._deaths.items()):
            if len(deaths) == DEATHS and now - deaths[0] < DEATHS_WITHIN_S:
                complaints.append(f"background task {task} keeps dying")
        return State(tuple(complaints))

    def ready(self) -> State:
        """Whether this process can do its work right now."""
        return State((*self.live().complaints, *self._not_ready))
