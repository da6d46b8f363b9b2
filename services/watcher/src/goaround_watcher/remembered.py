"""Documents that this process wrote last, so that its next look need not ask for them.

A memory and no truth: it is used for the one tick that the document itself waits for, and every
write is guarded by the revision that was remembered. Where another watcher was there in between,
its tick is another one, or the write is refused; then the bucket is read.
"""

from collections import OrderedDict
from typing import NamedTuple

from goaround_chassis.bucket import Entry
from goaround_watcher.state import State, Tick

MOST_BYTES = 64 * 1024 * 1024
"""Ten thousand documents of 6 KiB: what does not fit is read again at each look."""


class _Kept(NamedTuple):
    command_id: str
    number: int
    entry: Entry


class Remembered:
    """The documents written last, as many as there is room for."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = self._room = most_bytes
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def keep(self, state: State, written: bytes, revision: int) -> None:
        """Remember a document for the tick that it waits for; lets go of the oldest."""
        self.forget(state.run_id)
        if not state.runs or len(written) > self._most:
            return
        entry = Entry(written, revision)
        self._kept[state.run_id] = _Kept(state.command_id, state.tick, entry)
        self._room -= len(written)
        while self._room < 0:
            self.forget(next(iter(self._kept)))

    def waiting_for(self, tick: Tick) -> Entry | None:
        """Return the document that waits for this very tick, and forget it."""
        kept = self.forget(tick.run_id)
        if kept is None or (kept.command_id, kept.number) != (tick.command_id, tick.number):
            return None
        return kept.entry

    def forget(self, run_id: str) -> _Kept | None:
        """Forget a run's document, and return it."""
        kept = self._kept.pop(run_id, None)
        if kept is not None:
            self._room += len(kept.entry.value)
        return kept
