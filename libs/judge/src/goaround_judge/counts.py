"""Has a rate of rare events risen? Asked after every look, with one promise over the whole watch.

Errors are counted, never turned into a rate first, so few requests say little by themselves.
The test is a mixture of likelihood ratios: for a rate that rose `r`-fold against one that did
not, the unknown rate integrated over what the baseline leaves open (gamma-Poisson). Under no
change such a mixture exceeds 1/risk with probability `risk` at most, at any look (Ville).
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from goaround_judge.samples import Floats

RISES = np.array([1.5, 3.0, 8.0, 40.0])
"""Rises the mixture lays its bets on."""
LOG_RISES = np.log(RISES)
_EACH = tuple((rise, math.log(rise)) for rise in RISES.tolist())
LOG_BETS = math.log(len(RISES))
CONTROL_MOVED = -1.0
"""Evidence, stakes paid, from which a control has moved as well: about three to one before them."""
QUIET_MOVED = 3.0
"""The same for one with next to no event before: its rate is unknown, and two more are chance."""
QUIET_EVENTS = 4.0
STARTS = 6
"""Moments at which harm may have begun; half of the bet is on the switch itself."""
PRIOR_EVENTS = 1.0
"""Events added to the baseline's, so that a baseline of none still allows for some."""
BLOCK = 4
"""Looks taken together when the baseline's own bursts are measured."""

CHANCE = 1.0
"""Standard errors by which a Poisson process may look bursty by chance before it is held so."""


class Known(NamedTuple):
    """What the baseline says of a rate: events, exposure, and how bursty its events come."""

    events: float
    exposure: float
    burstiness: float

    def less_sure(self, keep: float) -> "Known":
        """Return the same rate, of which the share `keep` is believed."""
        events = (self.events + PRIOR_EVENTS) * keep - PRIOR_EVENTS
        return Known(events, self.exposure * keep, self.burstiness)

    @property
    def rate(self) -> float:
        """Return events for one unit of exposure."""
        return self.events / self.exposure


def known(events: Floats, exposure: Floats) -> Known:
    """Return what a baseline says; `exposure` is positive throughout.

    Burstiness is the variance of the counts over what a Poisson process would show, of single
    looks or of blocks of them, whichever is greater, less what chance alone would show; 1 where
    the events are too few to tell.
    """
    total, over = float(events.sum()), float(exposure.sum())
    burstiness = 1.0
    if total >= BLOCK:
        for width in (1, BLOCK):
            blocks = len(events) // width
            if blocks < BLOCK:
                continue
            seen = events[: blocks * width].reshape(blocks, width).sum(axis=1)
            due = exposure[: blocks * width].reshape(blocks, width).sum(axis=1) * (total / over)
            dispersion = float(((seen - due) ** 2 / due).sum() / (blocks - 1))
            chance = 1 + CHANCE * math.sqrt(2 / (blocks - 1))
            burstiness = max(burstiness, dispersion / chance)
    return Known(total, over, burstiness)


class Beside(NamedTuple):
    """A control's events and exposure before the switch, and at each look after it."""

    events_before: Floats
    exposure_before: Floats
    events: Floats
    exposure: Floats


class Rising(NamedTuple):
    """For each look: the log of the evidence, the look it counts from, and that start's stake.

    `highest` is the greatest of those logs. `growths` is how many times the control grew
    since that look, and `keep` the share of the baseline that is as sure as that; 1 without a
    control.
    """

    logs: Floats
    since: npt.NDArray[np.intp]
    stakes: Floats
    growths: Floats
    keep: Floats
    highest: float


def without_the_worst(events: Floats) -> Floats:
    """Return running totals in which the worst look counts twice the second worst at most.

    This is what makes one burst, however great, no evidence of a lasting change.
    """
    worst = np.maximum.accumulate(events, axis=-1)
    second = np.zeros(worst.shape)
    later = np.minimum(events[..., 1:], worst[..., :-1])
    np.maximum.accumulate(later, axis=-1, out=second[..., 1:])
    counted = events.cumsum(axis=-1)
    counted -= worst
    counted += np.minimum(worst, 2 * second)
    return counted


def log_ratio(
    base: Known, events: Floats, exposure: Floats, matters_from: float, keep: Floats | float = 1.0
) -> Floats:
    """Return the log of the evidence for a rise, for totals of events and exposure.

    The evidence is the best bet of the mixture at its share of the stake, which the whole
    mixture is never below. The null is a rate that rose by `matters_from` at most. Of what the
    baseline says, the share `keep` is believed.
    """
    usual = base.exposure * keep
    grown = exposure * (1 + matters_from)
    rises, log_rises = _bets(events.ndim)
    bets = grown * rises
    bets += usual
    np.divide(usual + grown, bets, out=bets)
    np.log(bets, out=bets)
    bets *= (base.events + PRIOR_EVENTS) * keep + events
    bets += events * log_rises
    best: Floats = bets.max(axis=0)
    best -= LOG_BETS
    best /= base.burstiness
    return best


@lru_cache(maxsize=4)
def _bets(dimensions: int) -> tuple[Floats, Floats]:
    """Return the rises and their logs before so many axes: numpy is slow over a short last one."""
    first = (len(RISES), *([1] * dimensions))
    return RISES.reshape(first), LOG_RISES.reshape(first)


def log_ratio_once(base: Known, events: float, exposure: float, matters_from: float) -> float:
    """Return the same for one pair of totals."""
    grown = exposure * (1 + matters_from)
    best = max(
        events * log_rise
        + (base.events + PRIOR_EVENTS + events)
        * math.log((base.exposure + grown) / (base.exposure + grown * rise))
        for rise, log_rise in _EACH
    )
    return float(best - LOG_BETS) / base.burstiness


def _bursts(events: Floats, exposure: Floats, looks: Floats) -> Floats:
    """Return how bursty the events are that came since each start, at each look; at least 1."""
    squares = (events * events / exposure).cumsum(axis=-1)
    total, over = events.cumsum(axis=-1), exposure.cumsum(axis=-1)
    more = np.maximum(looks - 1, 1.0)
    dispersion = (squares * over / np.maximum(total, 1e-12) - total) / more
    burstiness = dispersion / (1 + CHANCE * np.sqrt(2 / more))
    return np.asarray(np.where(looks >= BLOCK, np.maximum(burstiness, 1.0), 1.0))


def rising(
    base: Known,
    events: Floats,
    exposure: Floats,
    *,
    looks: int,
    matters_from: float,
    control: Beside | None = None,
) -> Rising:
    """Return, for each look, the evidence that the rate has risen since some moment.

    What a control shows since the same moment as well stretches the exposure.
    """
    starts, since, stakes = _starts(len(events), looks)
    seen = np.where(since, events, 0.0)
    # A look before its start adds next to nothing, and divides no nought by nought.
    over = np.where(since, exposure, 1e-12)
    growths = keep = None
    totals = over.cumsum(axis=-1)
    if control is None:
        ratio = log_ratio(base, without_the_worst(seen), totals, matters_from)
    else:
        growths, keep = _grown(base, control, since, stakes)
        ratio = log_ratio(base, without_the_worst(seen), totals * growths, matters_from, keep)
    staked = ratio + stakes[:, None]
    logs: Floats = staked.max(axis=0)
    highest = float(logs.max())
    if highest > 0:  # else there is no evidence that bursts could take away
        staked = _less_bursts(base, ratio, seen, over, since) + stakes[:, None]
        logs = staked.max(axis=0)
        highest = float(logs.max())
    best = staked.argmax(axis=0)
    if growths is None or keep is None:
        growths = keep = _alike(len(events))
    else:
        each = np.arange(len(events))
        growths, keep = growths[best, each], keep[best, each]
    return Rising(logs, starts[best], stakes[best], growths, keep, highest)


@lru_cache(maxsize=256)
def _starts(n: int, looks: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_], Floats]:
    """Return where harm may have begun in `n` looks, which looks are since then, and the stakes.

    Shared, so never written to.
    """
    every = max(looks // STARTS, 1)
    starts = np.arange(0, min(n, STARTS * every), every)
    since = np.arange(n)[None, :] >= starts[:, None]
    stakes = np.where(starts == 0, math.log(0.5), math.log(0.5 / (STARTS - 1)))
    for shared in (starts, since, stakes):
        shared.setflags(write=False)
    return starts, since, stakes


@lru_cache(maxsize=64)
def _alike(looks: int) -> Floats:
    """Return a one for each look; shared, so never written to."""
    ones = np.ones(looks)
    ones.setflags(write=False)
    return ones


def _grown(
    base: Known, control: Beside, since: npt.NDArray[np.bool_], stakes: Floats
) -> tuple[Floats, Floats]:
    """Return the growth of the control's rate since each start, and how much that leaves sure.

    The estimate starts from no growth as if that had been one event, and counts only where a rise
    is likelier than none: so chance errors of a quiet control excuse nothing. The doubts about
    three counts add up: the baseline's, the control's before, and the control's after.
    """
    other = known(control.events_before, control.exposure_before)
    seen = np.where(since, control.events, 0.0).cumsum(axis=-1)
    over = np.where(since, control.exposure, 0.0).cumsum(axis=-1)
    usual = (other.events + PRIOR_EVENTS) / other.exposure
    logs = log_ratio(other, seen, over, 0.0) + stakes[:, None]
    best, each = logs.argmax(axis=0), np.arange(len(control.events))
    enough = CONTROL_MOVED if other.events >= QUIET_EVENTS else QUIET_MOVED
    moved = logs[best, each] > enough
    supported = (seen + PRIOR_EVENTS) / (usual * over + PRIOR_EVENTS)
    expected = np.where(moved, np.maximum(supported[best, each], 1.0), 1.0)
    growths = (seen + PRIOR_EVENTS) / (usual * over + PRIOR_EVENTS / expected)
    own = base.events + PRIOR_EVENTS
    keep = 1 / (1 + own / (other.events + PRIOR_EVENTS) + own / (seen + PRIOR_EVENTS))
    grown = moved & (growths > 1)
    return np.where(grown, growths, 1.0), np.where(grown, keep, 1.0)


def _less_bursts(
    base: Known, ratio: Floats, seen: Floats, over: Floats, since: npt.NDArray[np.bool_]
) -> Floats:
    """Return the evidence at the price of the bursts that came since, where they are greater."""
    bursts = _bursts(seen, over, since.cumsum(axis=-1, dtype=np.float64))
    return np.asarray(ratio * base.burstiness / np.maximum(base.burstiness, bursts))


def most_events(
    base: Known, exposure: float, matters_from: float, log_limits: Sequence[float]
) -> list[float]:
    """Return the greatest count in one exposure that stays below each limit, stakes included."""
    grown = exposure * (1 + matters_from)
    prior = base.events + PRIOR_EVENTS
    # Each bet is linear in the count, so its own limit is a division; the least of them counts.
    bets = [
        (prior * shrunk, log_rise + shrunk)
        for rise, log_rise in _EACH
        for shrunk in [math.log((base.exposure + grown) / (base.exposure + grown * rise))]
        if log_rise + shrunk > 0
    ]
    if not bets:
        return [math.inf] * len(log_limits)
    limits: list[float] = []
    for log_limit in log_limits:
        needed = log_limit * base.burstiness + LOG_BETS
        least = min([(needed - fixed) / each for fixed, each in bets])
        limits.append(max(float(math.ceil(least) - 1), 0.0))
    return limits
