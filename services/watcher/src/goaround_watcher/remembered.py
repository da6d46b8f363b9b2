"""States that this process wrote last, so that its next look need not ask for them, nor read them.

A memory and no truth: it is used for the one tick that the state itself waits for, and every write
is guarded by the revision that was remembered. Where another watcher was there in between, its tick
is another one, or the write is refused; then the bucket is read.
"""

from collections import OrderedDict
from typing import NamedTuple

from goaround_watcher.evidence import Insight
from goaround_watcher.state import State, Tick

MOST_BYTES = 96 * 1024 * 1024
"""Ten thousand documents of 9 KiB, whose states take twice that: what does not fit is read again at
each look."""


class Kept(NamedTuple):
    """A run's state, the revision it was read or written at, and what was worked out of it."""

    state: State
    revision: int
    insight: Insight


class _Weighed(NamedTuple):
    kept: Kept
    size: int


class Remembered:
    """The states written last, as many as there is room for, counted in bytes as written."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = self._room = most_bytes
        self._kept: OrderedDict[str, _Weighed] = OrderedDict()

    def keep(self, kept: Kept, size: int) -> None:
        """Remember a state for the tick that it waits for; lets go of the oldest.

        What its last look led to has been said, or will be by who reads the document.
        """
        state = kept.state
        self.forget(state.run_id)
        if not state.runs or size > self._most:
            return
        said_no_more = state.model_copy(update={"said": ()})
        self._kept[state.run_id] = _Weighed(kept._replace(state=said_no_more), size)
        self._room -= size
        while self._room < 0:
            self.forget(next(iter(self._kept)))

    def waiting_for(self, tick: Tick) -> Kept | None:
        """Return the state that waits for this very tick, and forget it."""
        kept = self.forget(tick.run_id)
        if kept is None:
            return None
        state = kept.state
        return kept if (state.command_id, state.tick) == (tick.command_id, tick.number) else None

    def forget(self, run_id: str) -> Kept | None:
        """Forget a run's state, and return it."""
        weighed = self._kept.pop(run_id, None)
        if weighed is None:
            return None
        self._room += weighed.size
        return weighed.kept
