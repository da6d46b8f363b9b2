"""Has a rate of rare events risen? Asked after every look, with one promise over the whole watch.

Errors are counted, never turned into a rate first, so few requests say little by themselves.
The test is a mixture of likelihood ratios: for a rate that rose `r`-fold against one that did
not, the unknown rate integrated over what the baseline leaves open (gamma-Poisson). Under no
change such a mixture exceeds 1/risk with probability `risk` at most, at any look (Ville).
"""

import math
from dataclasses import dataclass

import numpy as np

from goaround_judge.samples import Floats

RISES = np.array([1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0])
"""Rises the mixture lays its bets on."""
STARTS = 8
"""Moments at which harm may have begun; half of the bet is on the switch itself."""
PRIOR_EVENTS = 1.0
"""Events added to the baseline's, so that a baseline of none still allows for some."""
BLOCK = 4
"""Looks taken together when the baseline's own bursts are measured."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the baseline says of a rate: events, exposure, and how bursty its events come."""

    events: float
    exposure: float
    burstiness: float

    @property
    def rate(self) -> float:
        """Return events for one unit of exposure."""
        return self.events / self.exposure


def known(events: Floats, exposure: Floats) -> Known:
    """Return what a baseline says; `exposure` is positive throughout.

    Burstiness is the variance of the counts over what a Poisson process would show, of single
    looks or of blocks of them, whichever is greater; 1 where the events are too few to tell.
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
            burstiness = max(burstiness, float(((seen - due) ** 2 / due).sum() / (blocks - 1)))
    return Known(total, over, burstiness)


def without_the_worst(events: Floats) -> Floats:
    """Return running totals in which the worst look counts no more than the second worst.

    This is what makes one burst, however great, no evidence of a lasting change.
    """
    worst = np.maximum.accumulate(events)
    previous = np.concatenate(([0.0], worst[:-1]))
    second = np.maximum.accumulate(np.minimum(events, previous))
    return np.cumsum(events) - worst + second


def log_ratio(base: Known, events: Floats, exposure: Floats, matters_from: float) -> Floats:
    """Return the log of the mixture over all rises for running totals of events and exposure.

    The null is a rate that rose by `matters_from` at most.
    """
    grown = exposure * (1 + matters_from)
    e, t = events[:, None], grown[:, None]
    held = base.events + PRIOR_EVENTS + e
    logs = e * np.log(RISES) + held * np.log((base.exposure + t) / (base.exposure + t * RISES))
    top = logs.max(axis=1)
    mixed = top + np.log(np.exp(logs - top[:, None]).mean(axis=1))
    return np.asarray(mixed / base.burstiness, dtype=np.float64)


def rising(
    base: Known, events: Floats, exposure: Floats, *, looks: int, matters_from: float
) -> Floats:
    """Return, for each look, the log of the evidence that the rate has risen since some moment."""
    n = len(events)
    combined = np.full(n, -np.inf)
    for place in range(STARTS):
        start = place * max(looks // STARTS, 1)
        if start >= n:
            break
        weight = 0.5 if place == 0 else 0.5 / (STARTS - 1)
        ratio = log_ratio(
            base,
            without_the_worst(events[start:]),
            np.cumsum(exposure[start:]),
            matters_from,
        )
        combined[start:] = np.logaddexp(combined[start:], ratio + math.log(weight))
    return combined


def most_events(base: Known, exposure: float, matters_from: float, log_limit: float) -> float:
    """Return the greatest count in one exposure that stays below the limit of evidence."""
    low, high = 0, 1
    over = np.array([exposure])

    def evidence(count: int) -> float:
        value = log_ratio(base, np.array([float(count)]), over, matters_from)[0]
        return float(value) + math.log(0.5)

    while evidence(high) < log_limit and high < 2**40:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if evidence(middle) < log_limit else (low, middle)
    return float(low)
