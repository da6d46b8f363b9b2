"""Seeded figures: how often a watch without harm is called Red, and how soon harm is."""

from collections.abc import Callable

import numpy as np

from goaround_judge import Colour, Evidence, SignalKind, judge
from tests.judge.watches import errors, signal, watch

LOOKS = 60
Draw = Callable[[np.random.Generator], Evidence]


def share_red(draw: Draw, watches: int = 150) -> float:
    rng = np.random.default_rng(20)
    return sum(judge(draw(rng)).colour is Colour.RED for _ in range(watches)) / watches


def remembering(rng: np.random.Generator, n: int, rho: float) -> list[float]:
    """Return lognormal noise, each of which remembers `rho` of the one before."""
    level, values = float(rng.normal()), list[float]()
    for _ in range(n):
        level = rho * level + (1 - rho * rho) ** 0.5 * float(rng.normal())
        values.append(0.2 * float(np.exp(0.2 * level)))
    return values


def test_noise_with_a_long_memory_is_hardly_ever_red() -> None:
    def draw(rng: np.random.Generator) -> Evidence:
        values = remembering(rng, 60 + LOOKS, 0.8)
        return watch(signal(values[:60], values[60:]))

    assert share_red(draw) <= 0.01


def test_a_few_requests_with_a_rare_error_are_hardly_ever_red() -> None:
    def draw(rng: np.random.Generator) -> Evidence:
        return watch(errors(rng.binomial(50, 0.002, 60), rng.binomial(50, 0.002, LOOKS), 50.0))

    assert share_red(draw) <= 0.01


def test_a_drift_that_does_not_matter_is_hardly_ever_red() -> None:
    def draw(rng: np.random.Generator) -> Evidence:
        return watch(signal(rng.normal(1, 0.02, 60), rng.normal(1.03, 0.02, LOOKS)))

    assert share_red(draw) <= 0.01


def test_doubled_load_is_hardly_ever_red() -> None:
    def draw(rng: np.random.Generator) -> Evidence:
        return watch(
            errors(
                rng.binomial(200, 0.01, 60),
                rng.binomial(400, 0.01, LOOKS),
                200.0,
                after_requests=400.0,
            ),
            signal(rng.normal(100, 5, 60), rng.normal(200, 10, LOOKS), kind=SignalKind.THROUGHPUT),
            signal(rng.normal(30, 2, 60), rng.normal(60, 4, LOOKS), kind=SignalKind.SATURATION),
            signal(rng.normal(0.2, 0.01, 60), rng.normal(0.2, 0.01, LOOKS)),
        )

    assert share_red(draw) <= 0.01


def test_ten_times_the_errors_are_red_within_five_looks() -> None:
    def draw(rng: np.random.Generator) -> Evidence:
        return watch(errors(rng.binomial(200, 0.002, 60), rng.binomial(200, 0.02, 5)))

    assert share_red(draw) >= 0.95


def test_half_as_slow_again_is_red_within_ten_looks() -> None:
    def draw(rng: np.random.Generator) -> Evidence:
        return watch(signal(rng.normal(1, 0.1, 60), rng.normal(1.5, 0.1, 10)))

    assert share_red(draw) >= 0.95


def beside(rng: np.random.Generator, share: float, control: float, looks: int) -> Evidence:
    """Return a latency beside a control, each with its own rise over 10 % noise."""
    other = signal(rng.normal(1, 0.1, 60), rng.normal(1 + control, 0.1, looks))
    one = signal(rng.normal(1, 0.1, 60), rng.normal(1 + share, 0.1, looks))
    return watch(
        one.model_copy(update={"control_baseline": other.baseline, "control_post": other.post})
    )


def test_a_rise_that_the_control_shows_as_well_is_hardly_ever_red() -> None:
    assert share_red(lambda rng: beside(rng, 0.5, 0.5, LOOKS)) <= 0.01


def test_a_rise_beside_a_control_is_red_as_often_as_without_one() -> None:
    assert share_red(lambda rng: beside(rng, 0.5, 0.0, 10)) >= 0.9


def test_a_fifth_slower_is_red_within_a_watch() -> None:
    def draw(rng: np.random.Generator) -> Evidence:
        return watch(signal(rng.normal(1, 0.05, 60), rng.normal(1.2, 0.05, LOOKS)))

    assert share_red(draw) >= 0.95
