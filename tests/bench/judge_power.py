"""Prints how often watches without harm are called Red, and harm is: seeded, beside two peers.

`python -m tests.bench.judge_power` ends with one line of JSON, and fails when a target is missed.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from goaround_judge import JUDGE_VERSION, Colour, Evidence, SignalKind, judge
from goaround_judge.samples import Floats
from tests.bench.judge_peers import EVERY_S, Track, kayenta_red, static_red

WATCHES = 600
PEER_WATCHES = 200
LOOKS = 60
Draw = Callable[[np.random.Generator], list[Track]]


@dataclass(frozen=True)
class Row:
    """One kind of watch: how it is drawn, and what share of Red is asked for, if any."""

    name: str
    draw: Draw
    at_most: float | None = None
    at_least: float | None = None
    planned: int = LOOKS

    def met(self, share: float) -> bool:
        """Tell whether a share of Red is what was asked for."""
        low = self.at_least is None or share >= self.at_least
        return low and (self.at_most is None or share <= self.at_most)


def remembering(rng: np.random.Generator, n: int, rho: float = 0.8) -> Floats:
    """Return standard noise each of which remembers `rho` of the one before."""
    drawn = rng.normal(size=n)
    drawn[1:] *= (1 - rho * rho) ** 0.5
    for i in range(1, n):
        drawn[i] += rho * drawn[i - 1]
    return drawn


def _latency(values: Floats, before: int) -> Track:
    return Track(SignalKind.LATENCY, values[:before], values[before:])


def _errors(
    rng: np.random.Generator,
    rates: tuple[float, float],
    requests: tuple[int, int],
    looks: tuple[int, int],
) -> Track:
    before = rng.binomial(requests[0], rates[0], looks[0]).astype(np.float64)
    after = rng.binomial(requests[1], rates[1], looks[1]).astype(np.float64)
    return Track(SignalKind.ERRORS, before, after, (float(requests[0]), float(requests[1])))


def ar1(before: int) -> Draw:
    """Draw a latency with a long memory and 20 % noise."""
    return lambda rng: [
        _latency(0.2 * np.exp(0.2 * remembering(rng, before + LOOKS)), before),
    ]


def drift(rng: np.random.Generator) -> list[Track]:
    """Draw a latency 3 % higher after the switch, with 2 % noise."""
    return [_latency(np.r_[rng.normal(1, 0.02, 60), rng.normal(1.03, 0.02, LOOKS)], 60)]


def doubled(rng: np.random.Generator) -> list[Track]:
    """Draw twice the traffic, with as many errors a request and as much use a request."""
    return [
        _errors(rng, (0.01, 0.01), (200, 400), (60, LOOKS)),
        Track(SignalKind.THROUGHPUT, rng.normal(100, 5, 60), rng.normal(200, 10, LOOKS)),
        Track(SignalKind.SATURATION, rng.normal(30, 2, 60), rng.normal(60, 4, LOOKS)),
        Track(SignalKind.LATENCY, rng.normal(0.2, 0.01, 60), rng.normal(0.2, 0.01, LOOKS)),
    ]


def bursty(before: int) -> Draw:
    """Draw errors that come in heavy bursts: most looks none, some many."""

    def draw(rng: np.random.Generator) -> list[Track]:
        drawn = rng.negative_binomial(0.3, 0.3 / (0.3 + 2.0), before + LOOKS).astype(np.float64)
        return [Track(SignalKind.ERRORS, drawn[:before], drawn[before:], (500.0, 500.0))]

    return draw


def many(before: int, looks: int) -> Draw:
    """Draw ten latencies with long upper tails, half of whose noise is shared by all."""

    def draw(rng: np.random.Generator) -> list[Track]:
        n = before + looks
        shared = rng.standard_t(5, n)
        own = [0.7 * shared + 0.7 * rng.standard_t(5, n) for _ in range(10)]
        return [_latency(0.2 * np.exp(0.15 * noise), before) for noise in own]

    return draw


def none_then_some(rng: np.random.Generator) -> list[Track]:
    """Draw no error before, and one in 20 of 30 looks after."""
    after = np.zeros(30)
    after[rng.permutation(30)[:20]] = 1.0
    return [Track(SignalKind.ERRORS, np.zeros(30), after, (200.0, 200.0))]


def risen(looks: int) -> Draw:
    """Draw errors that rise tenfold, to 2 % of 200 requests a look."""
    return lambda rng: [_errors(rng, (0.002, 0.02), (200, 200), (60, looks))]


def slower(share: float, spread: float, looks: int, before: int = 60) -> Draw:
    """Draw a latency that rises by a share over its noise."""
    return lambda rng: [
        _latency(np.r_[rng.normal(1, spread, before), rng.normal(1 + share, spread, looks)], before)
    ]


def beside(
    share: float, control_share: float, looks: int, noise: tuple[float, float] = (0.1, 0.1)
) -> Draw:
    """Draw a latency that rises by a share, beside a control that rises by its own."""

    def draw(rng: np.random.Generator) -> list[Track]:
        (own,) = slower(share, noise[0], looks)(rng)
        (other,) = slower(control_share, noise[1], looks)(rng)
        return [replace(own, control=other)]

    return draw


def failing_beside(
    rates: tuple[float, float], control: tuple[float, float], looks: int, requests: int = 200
) -> Draw:
    """Draw errors beside those of a control of so many requests a look."""

    def draw(rng: np.random.Generator) -> list[Track]:
        own = _errors(rng, rates, (200, 200), (60, looks))
        other = _errors(rng, control, (requests, requests), (60, looks))
        return [replace(own, control=other)]

    return draw


def quiet_beside(looks: int) -> Draw:
    """Draw errors that rise tenfold, beside a control without any but two by chance."""

    def draw(rng: np.random.Generator) -> list[Track]:
        own = _errors(rng, (0.002, 0.02), (200, 200), (60, looks))
        after = np.zeros(looks)
        after[rng.permutation(looks)[:2]] = 1.0
        quiet = Track(SignalKind.ERRORS, np.zeros(60), after, (200.0, 200.0))
        return [replace(own, control=quiet)]

    return draw


def many_beside(rng: np.random.Generator) -> list[Track]:
    """Draw ten latencies, all half as slow again from the tenth look on, as are their controls."""
    step = np.r_[np.ones(70), np.full(LOOKS - 10, 1.5)]
    return [
        replace(
            _latency(rng.normal(1, 0.1, 120) * step, 60),
            control=_latency(rng.normal(1, 0.1, 120) * step, 60),
        )
        for _ in range(10)
    ]


ROWS = (
    Row("AR(1) 0.8, noise of 20 %", ar1(60), at_most=0.01),
    Row(
        "50 requests a look, 0.2 % errors",
        lambda rng: [_errors(rng, (0.002, 0.002), (50, 50), (60, LOOKS))],
        at_most=0.01,
    ),
    Row("3 % drift, 2 % noise", drift, at_most=0.01),
    Row("doubled load", doubled, at_most=0.01),
    Row("AR(1) 0.8, baseline of 10", ar1(10)),
    Row("bursts of errors, baseline of 60", bursty(60)),
    Row("bursts of errors, baseline of 10", bursty(10)),
    Row("10 latencies, shared weather, 60 + 60", many(60, LOOKS)),
    Row("10 latencies, shared weather, 20 + 8", many(20, 8), planned=8),
    Row("10 latencies, shared weather, 20 + 4", many(20, 4), planned=4),
    Row("errors 0.2 % to 2 %, within 5 looks", risen(5), at_least=0.95),
    Row("no error, then one in 20 of 30 looks", none_then_some, at_least=1.0, planned=30),
    Row("+50 % at 10 % noise, within 5 looks", slower(0.5, 0.1, 5)),
    Row("+50 % at 10 % noise, within 10 looks", slower(0.5, 0.1, 10)),
    Row("+20 % at 5 % noise, within the watch", slower(0.2, 0.05, LOOKS)),
    Row("3 times slower after 12, within 4 looks", slower(2.0, 0.15, 4, 12)),
    Row("+50 % here and in the control", beside(0.5, 0.5, LOOKS), at_most=0.01),
    Row("+50 % here and in a noisier control", beside(0.5, 0.5, LOOKS, (0.1, 0.2)), at_most=0.01),
    Row("+50 % in 10 signals and their controls", many_beside, at_most=0.01),
    Row("no change, with a control", beside(0.0, 0.0, LOOKS), at_most=0.01),
    Row("+50 % beside a control, within 10 looks", beside(0.5, 0.0, 10)),
    Row("+50 % beside a noisier control, within 10", beside(0.5, 0.0, 10, (0.1, 0.2))),
    Row("+50 % beside a noisier control, 60 looks", beside(0.5, 0.0, LOOKS, (0.1, 0.2))),
    Row("+200 % here, +50 % in the control, 10", beside(2.0, 0.5, 10), at_least=0.95),
    Row(
        "errors 0.2 % to 2 % here and in the control",
        failing_beside((0.002, 0.02), (0.002, 0.02), LOOKS),
        at_most=0.01,
    ),
    Row(
        "errors 1 % to 1.5 % here and in the control",
        failing_beside((0.01, 0.015), (0.01, 0.015), LOOKS),
    ),
    Row("errors 1 % to 1.5 % beside a control", failing_beside((0.01, 0.015), (0.01, 0.01), LOOKS)),
    Row(
        "errors 0.2 % to 2 % beside a control, 5 looks",
        failing_beside((0.002, 0.02), (0.002, 0.002), 5),
    ),
    Row("errors beside a control of two by chance, 5", quiet_beside(5)),
    Row("errors beside a control of two by chance, 10", quiet_beside(10), at_least=0.95),
    Row(
        "errors to 8 % here, to 1 % in the control, 10",
        failing_beside((0.002, 0.08), (0.002, 0.01), 10),
        at_least=0.95,
    ),
)


def ours_red(tracks: list[Track], planned: int) -> bool:
    """Tell whether the judge stops the watch."""
    seen = max(len(track.after) for track in tracks)
    verdict = judge(
        Evidence(
            signals=tuple(track.evidence(f"signal {i}") for i, track in enumerate(tracks)),
            every_s=EVERY_S,
            period_s=EVERY_S * planned,
            elapsed_s=EVERY_S * seen,
        )
    )
    return verdict.colour is Colour.RED


def measure(row: Row, watches: int = WATCHES) -> dict[str, float]:
    """Return the share of Red of the judge and of its peers, over the same drawn watches."""
    rng = np.random.default_rng(20)
    ours = kayenta = static = 0
    peers = min(PEER_WATCHES, watches)
    for i in range(watches):
        tracks = row.draw(rng)
        ours += ours_red(tracks, row.planned)
        if i < peers:
            kayenta += kayenta_red(tracks)
            static += static_red(tracks)
    return {"goaround": ours / watches, "kayenta": kayenta / peers, "static": static / peers}


def main() -> int:
    """Print the table and the line of JSON; return how the process is to end."""
    asking = argparse.ArgumentParser(description=__doc__)
    asking.add_argument("--watches", type=int, default=WATCHES, help="seeded watches a row")
    asking.add_argument("--only", default="", help="rows whose name holds this")
    options = asking.parse_args()
    began, figures, missed = time.monotonic(), dict[str, dict[str, float]](), list[str]()
    print(f"{'share of watches called Red':46}{'goaround':>10}{'Kayenta':>9}{'static':>8}   asked")
    for row in ROWS:
        if options.only not in row.name:
            continue
        shares = figures[row.name] = measure(row, options.watches)
        asked = (
            f"<= {row.at_most:.0%}"
            if row.at_most is not None
            else f">= {row.at_least:.0%}"
            if row.at_least is not None
            else ""
        )
        met = row.met(shares["goaround"])
        if not met:
            missed.append(row.name)
        print(
            f"{row.name:46}{shares['goaround']:>10.1%}{shares['kayenta']:>9.1%}"
            f"{shares['static']:>8.1%}   {asked}{'' if met else '  MISSED'}",
            flush=True,
        )
    took = round(time.monotonic() - began, 1)
    summary = {"judge_version": JUDGE_VERSION, "watches": options.watches, "took_s": took}
    print(json.dumps({**summary, "red": figures, "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
