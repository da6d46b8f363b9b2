"""States that this process wrote last, so that its next look need not ask for them, nor read them.

A memory and no truth: it is used for the one tick that the state itself waits for, and every write
is guarded by the revision that was remembered. Where another watcher was there in between, its tick
is another one, or the write is refused; then the bucket is read. What the judge has worked out of a
watch's baselines is of use all the same: it is held against those that were read.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from pydantic import BaseModel

from goaround_watcher.evidence import Insight
from goaround_watcher.looks import Looks
from goaround_watcher.state import NOTHING_GIVEN, State, Tick, changed

MOST_BYTES = 44 * 1024 * 1024
"""Some 5,500 documents of 8 KiB, each of which takes 28 KiB with what is known of it."""
MOST_INSIGHTS = 5_000
"""Runs of which no more is remembered than what was worked out of their baselines, 7 KiB each: to
work it out again takes longer than all the rest of a look, to read a document a sixth of it."""
OVERDUE_S = 60.0
"""A state whose next look should have been so long ago is another watcher's by now."""


class Kept(NamedTuple):
    """A run's state, the revision it was read or written at, and what was worked out of it."""

    state: State
    revision: int
    insight: Insight


class _Weighed(NamedTuple):
    kept: Kept
    size: int
    waits: bool = True


class Remembered:
    """The states written last, as many as there is room for, counted in bytes as written."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = self._room = most_bytes
        self._kept: OrderedDict[str, _Weighed] = OrderedDict()
        self._insights: OrderedDict[str, Insight] = OrderedDict()
        """What is known of runs whose states have no room."""

    def keep(self, kept: Kept, size: int) -> None:
        """Remember a state for the tick that it waits for, if there is room.

        The oldest is let go where it is overdue, never else: it is the next to be asked for. What
        does not fit is read again at each look; what was worked out of its baselines is remembered.
        """
        self.forget(kept.state.run_id)
        if not kept.state.runs or size > self._most:
            return
        while self._room < size:
            oldest = next(iter(self._kept.values())).kept.state
            if oldest.due and oldest.due.timestamp() > kept.state.looked - OVERDUE_S:
                self._insights[kept.state.run_id] = kept.insight
                if len(self._insights) > MOST_INSIGHTS:
                    self._insights.popitem(last=False)
                return
            self.forget(oldest.run_id)
        self._kept[kept.state.run_id] = _Weighed(kept._replace(state=_small(kept.state)), size)
        self._room -= size

    def waiting_for(self, tick: Tick) -> Kept | None:
        """Return the state that waits for this very tick; once, as it may be out of date."""
        weighed = self._kept.get(tick.run_id)
        if weighed is None or not weighed.waits:
            return None
        self._kept[tick.run_id] = weighed._replace(waits=False)
        state = weighed.kept.state
        is_it = (state.command_id, state.tick) == (tick.command_id, tick.number)
        return weighed.kept if is_it else None

    def insight(self, run_id: str) -> Insight:
        """Return what was worked out of a run's baselines, which may have been others."""
        weighed = self._kept.get(run_id)
        known = self._insights.get(run_id) if weighed is None else weighed.kept.insight
        return Insight() if known is None else known

    def forget_but(self, stays: Callable[[str], bool]) -> None:
        """Forget all runs but those."""
        for run_id in [*self._kept, *self._insights]:
            if not stays(run_id):
                self.forget(run_id)

    def forget(self, run_id: str) -> None:
        """Forget a run."""
        self._insights.pop(run_id, None)
        weighed = self._kept.pop(run_id, None)
        if weighed is not None:
            self._room += weighed.size


def _small(state: State) -> State:
    """Return the state without what its next look does not need: half of its size.

    What its last look led to has been said, or will be by who reads the document. Nobody asks which
    of its fields were given and which are defaults, of which every part holds a set of its own.
    """
    state = changed(state, said=())
    plan, records = state.plan, state.signals.values()
    if plan.model_fields_set is not NOTHING_GIVEN:  # it was read; else all is as we left it
        parts: list[BaseModel | None] = [plan, plan.extend, plan.baseline, *plan.signals, *records]
        parts += (p for s in plan.signals for p in (s.errors, s.requests, s.control))
        for part in parts:
            if part is not None:
                # One for all: whoever makes a changed copy copies it first.
                object.__setattr__(part, "__pydantic_fields_set__", NOTHING_GIVEN)
    Looks.share_times(looks for r in records for looks in (r.before, r.after) if looks)
    return state
