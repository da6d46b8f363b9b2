"""Judges a signal that is a level: latency, rates, throughput, saturation, anything else.

Red where a majority of the last looks stands beyond the baseline's own limits, in the direction
that hurts, by more than matters. Once Red, a watch stays Red: later relief is not unharm.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from goaround_judge.calibration import LEAST_BASELINE, WIDTHS, Band, Limit, band
from goaround_judge.promise import Promise
from goaround_judge.robust import in_order, median, rolling_low_medians
from goaround_judge.rules import Bad, SignalKind, SignalRule
from goaround_judge.samples import Floats, Levels, Series
from goaround_judge.usual import Usual

RATE_MATTERS_FROM = 0.005
"""Half a point of all requests: a rate near nought would else be doubled by one failure."""
RELATIVE_FLOOR = 0.02
"""No service is steadier than two percent: a flat baseline is a coarse clock, not a promise."""
THROUGHPUT_MATTERS_FROM = 0.50
"""Less traffic is no regression; half of it gone beyond the baseline's ways is worth a stop."""
EARLY = WIDTHS[0]
_SIGNS = {Bad.UP: (1.0,), Bad.DOWN: (-1.0,), Bad.BOTH: (1.0, -1.0)}
_RATES = (SignalKind.ERROR_RATE, SignalKind.SUCCESS_RATE)


@dataclass(frozen=True, slots=True)
class Scale:
    """The axis on which a signal is compared: oriented so that up is harm, and back again."""

    sign: float
    logarithmic: bool
    ceiling: float | None
    smallest: float

    def on(self, values: Floats) -> Floats:
        """Return the values on this axis."""
        if self.logarithmic:
            values = np.log(np.maximum(values, self.smallest))
        return values if self.sign > 0 else -values

    def all_off(self, numbers: Floats) -> Floats:
        """Return numbers of this axis in the signal's own unit."""
        return np.exp(self.sign * numbers) if self.logarithmic else self.sign * numbers

    def off(self, number: float) -> float:
        """Return a number of this axis in the signal's own unit."""
        return math.exp(self.sign * number) if self.logarithmic else self.sign * number


class Finding(NamedTuple):
    """What one direction of a signal shows, on the scale.

    `place` is the look at which it turned Red, else the last one, and `highest` what stands
    nearest to harm of all looks.
    """

    scale: Scale
    band: Band
    after: Floats
    limit: Limit
    observed: float
    place: int
    red: bool
    suspicious: bool
    highest: float

    @property
    def has_strays(self) -> bool:
        """Tell whether any look stands by itself beyond all that the baseline has shown."""
        return self.highest > self.band.alone

    @property
    def strays(self) -> npt.NDArray[np.bool_]:
        """Return which looks do."""
        return self.after > self.band.alone

    @property
    def excess(self) -> float:
        """Return how far the observed stands towards the red limit: 1 is on it."""
        room = self.limit.red - self.band.centre
        shift = self.observed - self.band.centre
        return shift / room if room > 0 else (math.inf if shift > 0 else 0.0)


def scale_of(rule: SignalRule, baseline: Floats, sign: float) -> Scale:
    """Return the axis for a signal: ratios where all is positive, differences elsewhere."""
    ceiling: float | None = None
    if rule.kind in _RATES:
        ceiling = 100.0 if "%" in rule.unit or float(baseline.max()) > 1.0 else 1.0
    smallest = float(baseline.min())
    logarithmic = ceiling is None and smallest > 0
    return Scale(sign, logarithmic, ceiling, smallest * 1e-3 if logarithmic else 0.0)


def material_shift(rule: SignalRule, scale: Scale, centre: float) -> float:
    """Return the least shift on the scale that matters, for a baseline's centre in its unit."""
    share = rule.matters_from
    if _is_load_falling(rule, scale):
        share = max(share, THROUGHPUT_MATTERS_FROM)
    if scale.ceiling is not None:
        bad = scale.ceiling - centre if rule.kind is SignalKind.SUCCESS_RATE else centre
        return max(share * bad, RATE_MATTERS_FROM * scale.ceiling)
    if not scale.logarithmic:
        return share * abs(centre)
    if scale.sign > 0:
        return math.log1p(share)
    return -math.log1p(-share) if share < 1 else math.inf


def least_spread(scale: Scale, centre: float) -> float:
    """Return the least standard deviation to believe in, for a centre in the signal's unit."""
    if scale.logarithmic:
        return RELATIVE_FLOOR
    return RELATIVE_FLOOR * (scale.ceiling / 10 if scale.ceiling else abs(centre))


def _is_load_falling(rule: SignalRule, scale: Scale) -> bool:
    return rule.kind is SignalKind.THROUGHPUT and scale.sign < 0


def directions(rule: SignalRule) -> tuple[float, ...]:
    """Return the signs by which harm is up."""
    return _SIGNS[rule.direction]


def _widest(one: Band, other: Band) -> Band:
    """Return the limits that stand beyond both bands: the season explains what either shows."""
    beyond = {limit.width: limit for limit in other.limits}
    limits = tuple(
        Limit(
            limit.width,
            max(limit.yellow, beyond[limit.width].yellow),
            max(limit.red, beyond[limit.width].red),
        )
        for limit in one.limits
        if limit.width in beyond
    )
    return Band(
        one.centre,
        limits or one.limits,
        one.already_bad,
        max(one.alone, other.alone),
        max(one.far, other.far),
    )


def find(
    rule: SignalRule,
    sign: float,
    earlier: Callable[[], Series],
    after: Levels,
    reference: Callable[[], Series] | None,
    promise: Promise,
    usual: Usual,
) -> Finding:
    """Return what one direction of the signal shows.

    `earlier` holds `LEAST_BASELINE` numbers or more, `after` at least one.
    """
    scale, limits = usual.once(
        (sign, promise),
        lambda: _limits(
            rule,
            sign,
            earlier().levels().values,
            reference().levels() if reference else None,
            promise,
        ),
    )
    return hold_against(scale, limits, scale.on(after.values))


def _limits(
    rule: SignalRule, sign: float, before: Floats, reference: Levels | None, promise: Promise
) -> tuple[Scale, Band]:
    """Return the axis, and on it the limits that the baseline and the reference give."""
    scale = scale_of(rule, before, sign)
    limits = banded(rule, scale, median(in_order(before)), scale.on(before), promise)
    if reference is not None and len(reference.values) >= LEAST_BASELINE:
        season, centre = scale.on(reference.values), median(in_order(reference.values))
        limits = _widest(limits, banded(rule, scale, centre, season, promise))
    return scale, limits


def banded(
    rule: SignalRule,
    scale: Scale,
    centre: float,
    values: Floats,
    promise: Promise,
) -> Band:
    """Return the limits of one stretch on the scale; its `centre` is in the signal's unit."""
    return band(
        values,
        looks=promise.looks,
        sides=len(directions(rule)),
        signals=promise.signals,
        material=material_shift(rule, scale, centre),
        floor=least_spread(scale, centre),
        # Traffic comes in waves that are nobody's fault: its fall is asked to last.
        widths=WIDTHS[1:] if _is_load_falling(rule, scale) else WIDTHS,
    )


def hold_against(scale: Scale, limits: Band, post: Floats) -> Finding:
    """Return the first moment of Red over all widths, or else how the last looks stand."""
    ordered = in_order(post)
    doubtful = [limit for limit in limits.limits if _may_pass(limit, ordered)]
    windows = rolling_low_medians(post) if doubtful else {}
    first: tuple[int, float, Limit] | None = None
    suspect: tuple[float, Limit] | None = None
    for limit in doubtful:
        stands, place = windows[limit.width], limit.width - 1
        if limit.width == EARLY and len(post) >= 2:
            # The shortest speaks from the second look on, then asking both: one is never enough.
            stands, place = np.concatenate(((min(post[0], post[1]),), stands)), 1
        if not len(stands):
            continue
        beyond = stands > limit.red
        at = int(beyond.argmax())
        if beyond[at] and (first is None or at + place < first[0]):
            first = (at + place, float(stands[at]), limit)
        if suspect is None and stands[-1] > limit.yellow:
            suspect = (float(stands[-1]), limit)
    last = len(post) - 1
    if first is not None:
        place, observed, limit = first
    elif suspect is not None:
        place, (observed, limit) = last, suspect
    else:
        place, observed, limit = last, median(ordered), limits.limits[0]
    red, suspicious = first is not None, first is not None or suspect is not None
    return Finding(
        scale=scale,
        band=limits,
        after=post,
        limit=limit,
        observed=observed,
        place=place,
        red=red,
        suspicious=suspicious,
        highest=float(ordered[-1]),
    )


def _may_pass(limit: Limit, ordered: Floats) -> bool:
    """Tell whether so many looks at all stand beyond a limit as make up one majority of them.

    Red never stands below yellow. `ordered` are all looks, least first.
    """
    majority = min(limit.width - (limit.width - 1) // 2, len(ordered))
    return bool(ordered[len(ordered) - majority] > limit.yellow)
