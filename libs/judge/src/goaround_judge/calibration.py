"""How far a service strays from itself: limits for a signal, taken from its baseline's own windows.

A limit is a predictive one: so many standard deviations of the baseline's moving windows, by
Student's t with the baseline's *effective* size for its freedom, so that few or strongly
remembering baselines get wide limits by themselves. Orientation is the caller's: up is harm.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from goaround_judge.robust import (
    in_order,
    median,
    memory,
    rolling_low_medians,
    student_upper,
    upper_spread,
)
from goaround_judge.samples import Floats

RED_RISK = 0.001
"""Chance that a signal without any change turns Red in a whole watch."""
FAMILY = 3
"""Signals that may take `RED_RISK` each; more of them share what three would have."""
YELLOW_RISK = 0.03
"""The same for a suspicion, which costs an extension and no rollback."""
MOST_SIGMAS = 6.0
"""However short the baseline, harm of this size is not asked to be greater still."""
WIDTHS = (3, 6, 12)
"""Looks whose majority must have moved: few for great harm soon, more for small harm surely."""
WINDOWS_PER_WIDTH = 4
"""A width is used where the baseline holds this many whole windows of it; the first always."""
LEAST_BASELINE = 6
"""Usable baseline samples without which nothing can be compared."""
STRAY_RISK = 0.01
"""Chance in a whole watch that strays as frequent as the baseline's make up a majority."""
FAR_RISK = 0.05
"""Chance that any look of any signal of a watch strays as far as one of several must."""
STRAY_SUSPICION = STRAY_RISK * YELLOW_RISK / RED_RISK
WORST_WINDOW_MARGIN = 1.1
"""What the baseline itself reached by harm's way is no news; so much beyond it may be."""
REMEMBERED = 512
"""Baselines whose limits are remembered by their content, about 2 kB each. Who judges many watches
again and again keeps what it knows of each (`Usual`)."""
MEDIAN_LOSS = math.pi / 2
"""Variance of a normal sample's median over that of its mean."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Where suspicion and Red begin for the majority of `width` looks."""

    width: int
    yellow: float
    red: float


@dataclass(frozen=True, slots=True)
class Band:
    """A baseline's centre and the limits around it, on the oriented scale.

    `alone` is what one look must pass to be a word for harm that other signals may second, `far`
    what one of those that second each other must pass.
    """

    centre: float
    limits: tuple[Limit, ...]
    already_bad: bool
    alone: float
    far: float


def settled(values: Floats, material: float) -> tuple[Floats, bool]:
    """Return the part of a baseline that describes the service just before the switch.

    Where the last third is worse than the rest beyond doubt, the harm began before the switch:
    the deployment is held against that last third, and the answer says so.
    """
    n = len(values)
    third = n // 3
    if third < LEAST_BASELINE:
        return values, False
    early, late = values[:-third], values[-third:]
    early_ordered, late_ordered = in_order(early), in_order(late)
    was, now = median(early_ordered), median(late_ordered)
    shift = now - was
    if shift <= max(material, 0.0):
        return values, False
    spread = max(upper_spread(early_ordered, was), upper_spread(late_ordered, now))
    worth = memory(early, early_ordered)
    error = spread * math.sqrt(MEDIAN_LOSS * worth * (1 / third + 1 / (n - third)))
    freedom = max(third / memory(late, late_ordered) - 1, 2.0)
    if shift > student_upper(RED_RISK, freedom) * error:
        return late, True
    return values, False


def straying(ordered: Floats, width: int, looks: int, worth: float, risk: float) -> float:
    """Return the level that the baseline's single looks pass too seldom to make up a majority.

    No shape of noise is assumed: if a look passes a level with the chance `p`, a majority of `k`
    of `width` independent looks does with about `comb(width, k) p^k`. Strays that remember each
    other count for fewer. A short baseline cannot show so small a `p`: then it is its worst look.
    """
    majority = width - (width - 1) // 2
    ways = math.comb(width, majority) * looks
    seldom = (risk / ways) ** (min(worth, majority) / majority)
    allowed = max(int(seldom * (len(ordered) + 1)) - 1, 0)
    return float(ordered[len(ordered) - 1 - allowed])


def band(
    values: Floats,
    *,
    looks: int,
    sides: int,
    signals: int,
    material: float,
    floor: float,
    widths: tuple[int, ...] = WIDTHS,
) -> Band:
    """Return the limits for looks that are compared with this baseline.

    A baseline is the same at every look of a watch, so its limits are remembered by its content.

    Args:
        values: The baseline on the oriented scale, oldest first, at least `LEAST_BASELINE`.
        looks: How many looks the promise of `RED_RISK` covers.
        sides: 2 where both directions hurt and each gets half of the risk.
        signals: How many signals share the promise.
        material: The shift below which no change matters.
        floor: The least standard deviation to believe in.
        widths: Looks to judge by, shortest first; the shortest is always used.
    """
    return _band(values.tobytes(), looks, sides, signals, material, floor, widths)


def forget() -> None:
    """Forget all limits, as a process that has just begun; for measuring."""
    _band.cache_clear()


@lru_cache(maxsize=REMEMBERED)
def _band(
    series: bytes,
    looks: int,
    sides: int,
    signals: int,
    material: float,
    floor: float,
    widths: tuple[int, ...],
) -> Band:
    values: Floats = np.frombuffer(series, dtype=np.float64)
    windows = rolling_low_medians(values)
    part, already_bad = settled(values, material)
    n = len(part)
    ordered = in_order(part)
    centre = median(ordered)
    worth = memory(part, ordered)
    sigma = max(upper_spread(ordered, centre), floor)
    if sigma == 0 and centre == 0:
        # A series of zeros has no scale: only a lasting majority of something else can speak.
        return Band(centre, (Limit(6, 0.0, 0.0),), already_bad, math.inf, math.inf)
    freedom = max(n / worth - 1, 2.0)
    centre_variance = sigma * sigma * MEDIAN_LOSS * worth / n
    centre_error = math.sqrt(centre_variance)
    used = [k for k in widths if k == widths[0] or n >= WINDOWS_PER_WIDTH * k]
    share = min(1.0, FAMILY / signals)
    limits: list[Limit] = []
    for width in used:
        moving = in_order(windows[width][len(values) - n :])
        least = 0.8 * sigma * min(1.0, math.sqrt(MEDIAN_LOSS * worth / width))
        spread = math.hypot(max(upper_spread(moving, median(moving)), least), centre_error)
        worst = float(moving[-1]) - centre
        tests = max(looks / max(worth, width / 2), 1.0) * len(used) * sides
        red = min(student_upper(RED_RISK * share / tests, freedom), MOST_SIGMAS) * spread
        yellow = min(student_upper(YELLOW_RISK / tests, freedom), MOST_SIGMAS) * spread
        strays = straying(ordered, width, looks, worth, STRAY_RISK * share) - centre
        red = max(red, WORST_WINDOW_MARGIN * max(worst, strays), material)
        yellow = max(yellow, straying(ordered, width, looks, worth, STRAY_SUSPICION) - centre)
        limits.append(Limit(width, centre + max(min(yellow, red), material), centre + red))
    look = math.sqrt(sigma**2 + centre_variance)
    one = student_upper(YELLOW_RISK / looks, freedom) * look
    alone = max(one, WORST_WINDOW_MARGIN * float(ordered[-1] - centre), material)
    far = max(alone, student_upper(FAR_RISK / (looks * signals), freedom) * look)
    return Band(centre, tuple(limits), already_bad, centre + alone, centre + far)
