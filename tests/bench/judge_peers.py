"""Two rules to measure the judge against, written from their descriptions; never part of it.

Kayenta's: a Mann-Whitney test of all looks before against all looks so far, at six moments. The
static one: a fixed limit for every look. Both are told of a track what our judge is told.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from goaround_judge import Sample, SignalEvidence, SignalKind, SignalRule
from goaround_judge.samples import Floats

CONFIDENCE = 0.98
TOLERANCE = 0.25
MARGINAL = 0.75
MOMENTS = 6
EVERY_S = 15.0
MOST_ERRORS = 0.01
"""A static limit as people write it: 99 % of the requests of every look succeed."""
MOST_GROWTH = 1.5
LEAST_TRAFFIC = 0.5
_Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)


@dataclass(frozen=True)
class Track:
    """One signal of a drawn watch; `requests` makes it a signal of errors.

    A control is for the judge alone, as neither peer has a notion of one.
    """

    kind: SignalKind
    before: Floats
    after: Floats
    requests: tuple[float, float] | None = None
    control: "Track | None" = None

    def rates(self) -> tuple[Floats, Floats]:
        """Return what a rule without counts looks at, before and after."""
        if self.requests is None:
            return self.before, self.after
        return self.before / self.requests[0], self.after / self.requests[1]

    def evidence(self, name: str) -> SignalEvidence:
        """Return the track as the judge takes it."""
        before, after = self.sides()
        beside = self.control.sides() if self.control else ((), ())
        return SignalEvidence(
            rule=SignalRule(name=name, kind=self.kind),
            baseline=before,
            post=after,
            control_baseline=beside[0],
            control_post=beside[1],
        )

    def sides(self) -> tuple[tuple[Sample, ...], tuple[Sample, ...]]:
        """Return the looks before and after the switch."""
        asked = self.requests or (None, None)
        first = -EVERY_S * len(self.before)
        return self._samples(self.before, first, asked[0]), self._samples(self.after, 0.0, asked[1])

    def _samples(
        self, values: Floats, first_s: float, requests: float | None
    ) -> tuple[Sample, ...]:
        moments = [first_s + EVERY_S * i for i in range(len(values))]
        if requests is None:
            return tuple(Sample(at_s=t, value=v) for t, v in zip(moments, values, strict=True))
        return tuple(
            Sample(at_s=t, errors=v, requests=requests)
            for t, v in zip(moments, values, strict=True)
        )


def kayenta_red(tracks: Sequence[Track]) -> bool:
    """Tell whether Kayenta's rule stops the watch: at some moment too few signals pass."""
    looks = max(len(track.after) for track in tracks)
    for moment in np.linspace(looks / MOMENTS, looks, MOMENTS).round().astype(int):
        passed = [not _moved(track, int(moment)) for track in tracks]
        if sum(passed) / len(passed) < MARGINAL:
            return True
    return False


def _moved(track: Track, moment: int) -> bool:
    """Tell whether a track moved in the harmful direction by Mann-Whitney and the tolerance."""
    before, after = track.rates()
    if track.kind is SignalKind.THROUGHPUT:
        before, after = -before, -after
    after = after[:moment]
    shifts = np.sort(np.subtract.outer(after, before), axis=None)
    n, m = len(after), len(before)
    reach = _Z * math.sqrt(n * m * (n + m + 1) / 12)
    least = float(shifts[max(int(n * m / 2 - reach), 0)])
    return least > TOLERANCE * abs(float(np.median(shifts)))


def static_red(tracks: Sequence[Track]) -> bool:
    """Tell whether any look of any track is beyond its fixed limit."""
    return any(_beyond(track) for track in tracks)


def _beyond(track: Track) -> bool:
    before, after = track.rates()
    if track.requests is not None:
        return bool((after > MOST_ERRORS).any())
    if track.kind is SignalKind.THROUGHPUT:
        return bool((after < LEAST_TRAFFIC * before.min()).any())
    return bool((after > MOST_GROWTH * before.max()).any())
