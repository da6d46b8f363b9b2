"""Sets a level off against its control: what both show at the same looks is not the deployment's.

Asked only where the signal would be suspicious by itself, of the looks since it departed: does more
than matters remain when the control's movement is taken off? The control excuses, never accuses;
while it cannot tell yet whose a change is, the signal is under suspicion and no more.
"""

import math
from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from goaround_judge.calibration import MEDIAN_LOSS, Band, Limit
from goaround_judge.control import LeftOut, Matched
from goaround_judge.measured import (
    Finding,
    banded,
    hold_against,
    least_spread,
    material_shift,
    scale_of,
)
from goaround_judge.promise import Promise
from goaround_judge.robust import (
    in_order,
    median,
    memory,
    student_upper,
    upper_spread,
)
from goaround_judge.rules import SignalRule
from goaround_judge.samples import Floats

SHARED_RISK = 0.01
"""Chance in a watch that a change which the control shows as well is called the deployment's."""
GROWTH = 1.4
"""The looks since a departure are weighed again when there are so many times more of them."""
MOST_DOUBT = 3.0
"""A control that leaves so many times the signal's own limit in doubt all watch long is no help."""
EXPLAINED = 0.5
"""Share of a change that the control must show before it is said to have moved as well."""


class Whose(Enum):
    """Whose a change is, as far as the control can tell."""

    OURS = auto()
    SHARED = auto()
    OPEN = auto()


@dataclass(frozen=True, slots=True)
class SetOff:
    """What stands beyond the control: whose it is, the look that said so, and single looks.

    `before` and `after` are the control's levels in its own unit, of its baseline and of the looks
    since the signal departed; `one_look` is what each look of the signal may reach, on the scale.
    """

    whose: Whose
    place: int
    strays: npt.NDArray[np.bool_]
    far: npt.NDArray[np.bool_]
    one_look: Floats
    before: float
    after: float | None


class _Pairs(NamedTuple):
    """Signal and control on the signal's scale: their differences, and what the control moved."""

    apart: Floats
    left: Floats
    moved: Floats
    known: npt.NDArray[np.bool_]


def set_off(
    rule: SignalRule, alone: Finding, before: Floats, control: Matched, promise: Promise
) -> SetOff | LeftOut | None:
    """Return what stands beyond the control, or why that cannot be told; None for no change.

    `before` is the signal's baseline in its own unit, of the same looks as the control's.
    """
    if not alone.suspicious and not alone.has_strays:
        return None
    paired = np.isfinite(control.before)
    usual = control.before[paired]
    scale = scale_of(rule, usual, alone.scale.sign)
    if scale.logarithmic != alone.scale.logarithmic:
        return LeftOut("one of the two is nought at times, so their ratios cannot be compared")
    centre = median(in_order(scale.on(usual)))
    known = np.isfinite(control.after)
    moved = np.where(known, scale.on(np.where(known, control.after, usual[0])) - centre, 0.0)
    earlier = alone.scale.on(before)
    pairs = _Pairs(
        earlier[paired] - (scale.on(usual) - centre),
        alone.after - np.maximum(moved, 0.0),
        moved,
        known,
    )
    level = alone.scale.off(median(in_order(earlier)))
    material = material_shift(rule, alone.scale, level)
    doubt = _Doubt.of(pairs.apart, least_spread(alone.scale, level), promise)
    if doubt.after(promise.looks) > MOST_DOUBT * (alone.limit.red - alone.band.centre):
        return LeftOut("it is too noisy to tell whose a change is")
    own = banded(rule, alone.scale, level, pairs.apart, promise)
    limits = _beyond_both(alone.band, own)
    later = hold_against(alone.scale, limits, pairs.left)
    since = max(alone.place + 1 - alone.limit.width, 0)
    place = _departed(alone, pairs, since, material, doubt) if alone.suspicious else None
    if later.red and alone.red and (place is None or later.place < place):
        place = max(later.place, alone.place)
    shown = slice(since, None if place is None else place + 1)
    seen = control.after[shown][known[shown]]
    if place is not None:
        whose = Whose.OURS
    else:
        whose, place = _whose(alone, pairs, since), len(pairs.left) - 1
    return SetOff(
        whose,
        place,
        pairs.left > limits.alone,
        pairs.left > limits.far,
        limits.alone + np.maximum(moved, 0.0),
        scale.off(centre),
        median(in_order(seen)) if len(seen) else None,
    )


@dataclass(frozen=True, slots=True)
class _Doubt:
    """How far the median of some differences may stray by chance from that of the baseline's."""

    sigma: float
    worth: float
    baseline: int
    quantile: float

    @staticmethod
    def of(apart: Floats, least: float, promise: Promise) -> "_Doubt":
        ordered = in_order(apart)
        worth = memory(apart, ordered)
        sigma = max(upper_spread(ordered, median(ordered)), least)
        freedom = max(len(apart) / worth - 1, 2.0)
        quantile = student_upper(SHARED_RISK / promise.signals, freedom)
        return _Doubt(sigma, worth, len(apart), quantile)

    def after(self, looks: int) -> float:
        """Return the doubt about the median of so many looks."""
        own = min(MEDIAN_LOSS * self.worth / looks, 1.0)
        return (
            self.quantile
            * self.sigma
            * math.sqrt(own + min(MEDIAN_LOSS * self.worth / self.baseline, 1.0))
        )


def _departed(
    alone: Finding, pairs: _Pairs, since: int, material: float, doubt: _Doubt
) -> int | None:
    """Return the look at which more than matters had moved away from the control for certain."""
    beyond = alone.band.centre + material
    looks, total = alone.place + 1 - since, len(pairs.left)
    while since + looks <= total:
        known = pairs.known[since : since + looks]
        own = alone.after[since : since + looks][known]
        apart = own - pairs.moved[since : since + looks][known]
        if len(own) and min(_low_median(own), _low_median(apart)) > beyond + doubt.after(len(own)):
            return since + looks - 1
        looks = max(math.ceil(GROWTH * looks), looks + 1)
    return None


def _low_median(values: Floats) -> float:
    return float(in_order(values)[(len(values) - 1) // 2])


def _whose(alone: Finding, pairs: _Pairs, since: int) -> Whose:
    """Return whether the control shows most of what the signal shows since it departed."""
    known = pairs.known[since:]
    if not np.count_nonzero(known):
        return Whose.OPEN
    change = median(in_order(alone.after[since:][known])) - alone.band.centre
    moved = median(in_order(pairs.moved[since:][known]))
    return Whose.SHARED if moved >= EXPLAINED * change else Whose.OPEN


def _beyond_both(alone: Band, apart: Band) -> Band:
    """Return the limits beyond both bands' own, around the signal's centre."""
    beyond = {limit.width: limit for limit in apart.limits}
    shift = alone.centre - apart.centre
    limits = tuple(
        Limit(
            limit.width,
            max(limit.yellow, beyond[limit.width].yellow + shift),
            max(limit.red, beyond[limit.width].red + shift),
        )
        for limit in alone.limits
        if limit.width in beyond
    )
    return Band(
        alone.centre,
        limits,
        alone.already_bad,
        max(alone.alone, apart.alone + shift),
        max(alone.far, apart.far + shift),
    )
