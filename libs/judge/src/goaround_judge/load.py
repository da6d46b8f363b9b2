"""How much more traffic came after the switch; more load is no regression, and explains some.

Only growth explains: less traffic never makes harm look greater than it is.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from goaround_judge.calibration import LEAST_BASELINE
from goaround_judge.evidence import Observed
from goaround_judge.robust import in_order, median, reached
from goaround_judge.rules import Bad, SignalKind
from goaround_judge.samples import Floats, Levels, Series

WORTH_TELLING = 1.2


@dataclass(frozen=True, slots=True)
class Load:
    """The growth each traffic signal shows, over the looks it was seen at; each at least 1."""

    growths: tuple[Levels, ...]

    def at(self, moments: Floats) -> Floats:
        """Return by how many times traffic had grown at each moment; at least 1.

        What is known at a moment is the last look before it, never a later one.
        """
        grown: Floats | None = None
        if len(moments):
            for growth in self.growths:
                place = growth.at_s.searchsorted(moments, side="right") - 1
                known = growth.values[place]
                if place[0] < 0:  # it was seen first at a later look than this
                    known[place < 0] = 1.0
                grown = known if grown is None else np.maximum(grown, known)
        return np.ones(len(moments)) if grown is None else grown


def load_of(observed: Iterable[Observed]) -> Load:
    """Return the growth of traffic over the baseline's, from the signals that measure it.

    Growth that the guide itself calls harm excuses nothing, nor does a muted signal.
    """
    growths: list[Levels] = []
    for one in observed:
        rule = one.rule
        if rule.kind is not SignalKind.THROUGHPUT or rule.direction is not Bad.DOWN or rule.muted:
            continue
        after = one.later.levels()
        if one.before.usable < LEAST_BASELINE or len(after.values) < 2:
            continue
        level = one.usual.once("level", partial(_level, one.earlier))
        if level > 0:
            # A majority of three looks must show it: a spike of load explains no lasting harm.
            growth = np.maximum(reached(after.values) / level, 1.0)
            growths.append(Levels(after.at_s, growth))
    return Load(tuple(growths))


def _level(earlier: Callable[[], Series]) -> float:
    return median(in_order(earlier().levels().values))
