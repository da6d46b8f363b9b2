"""Latency, rates, throughput, saturation: what is Red, what is only a change."""

import numpy as np
import pytest

from goaround_judge import Bad, Colour, SignalEvidence, SignalKind, SignalVerdict, Word, judge
from tests.judge.watches import noise, signal, watch


def verdict_on(evidence: SignalEvidence, looks: int = 60) -> SignalVerdict:
    return judge(watch(evidence, looks=looks)).signals[0]


@pytest.mark.parametrize(
    ("kind", "bad", "before", "after", "colour"),
    [
        (SignalKind.LATENCY, None, 0.2, 0.4, "red"),
        (SignalKind.LATENCY, None, 0.2, 0.1, "green"),
        (SignalKind.SATURATION, None, 40.0, 80.0, "red"),
        (SignalKind.SATURATION, None, 40.0, 20.0, "green"),
        (SignalKind.THROUGHPUT, None, 100.0, 200.0, "green"),
        (SignalKind.THROUGHPUT, None, 100.0, 70.0, "green"),
        (SignalKind.THROUGHPUT, None, 100.0, 5.0, "red"),
        (SignalKind.THROUGHPUT, Bad.BOTH, 100.0, 200.0, "red"),
        (SignalKind.CUSTOM, None, 10.0, 20.0, "red"),
        (SignalKind.CUSTOM, None, 10.0, 5.0, "red"),
        (SignalKind.CUSTOM, Bad.DOWN, 10.0, 20.0, "green"),
        (SignalKind.CUSTOM, Bad.DOWN, 10.0, 5.0, "red"),
        (SignalKind.ERROR_RATE, None, 0.01, 0.05, "red"),
        (SignalKind.ERROR_RATE, None, 0.01, 0.011, "green"),
        (SignalKind.SUCCESS_RATE, None, 0.99, 0.93, "red"),
        (SignalKind.SUCCESS_RATE, None, 0.95, 0.99, "green"),
    ],
)
def test_a_direction_hurts_or_it_does_not(
    kind: SignalKind, bad: Bad | None, before: float, after: float, colour: str
) -> None:
    spread = 0.0005 if kind is SignalKind.SUCCESS_RATE else 0.03
    evidence = signal(
        noise(1, 60, before, spread), noise(2, 60, after, spread), kind=kind, bad=bad, unit=""
    )
    assert verdict_on(evidence).colour.value == colour


def test_an_improvement_is_told_and_is_green() -> None:
    found = verdict_on(signal(noise(1, 60), noise(2, 60, level=0.1)))
    assert (found.colour, found.verdict, found.improved) == ("green", Word.IMPROVED, True)


def test_one_spike_however_high_is_not_red() -> None:
    after = noise(2, 60)
    after[20] = 1000.0
    assert verdict_on(signal(noise(1, 60), after)).colour is Colour.GREEN


def test_two_looks_in_a_row_are_enough_for_great_harm() -> None:
    found = verdict_on(signal(noise(1, 60), [0.2, 0.2, 0.9, 0.9]))
    assert (found.colour, found.red_at_s) == ("red", 45.0)


def test_harm_that_passed_is_still_red() -> None:
    after = [*noise(2, 20), *[0.9] * 5, *noise(3, 35)]
    assert verdict_on(signal(noise(1, 60), after)).colour is Colour.RED


def test_a_change_below_what_matters_is_green_however_sure() -> None:
    before, after = noise(1, 60, spread=0.005), noise(2, 60, level=0.212, spread=0.005)
    assert verdict_on(signal(before, after)).colour is Colour.GREEN
    assert verdict_on(signal(before, after, matters_from=0.01)).colour is not Colour.GREEN


def test_a_noisy_baseline_is_given_the_room_it_takes_itself() -> None:
    after = noise(2, 60, level=0.3, spread=0.02)
    assert verdict_on(signal(noise(1, 60, spread=0.02), after)).colour is Colour.RED
    assert verdict_on(signal(noise(1, 60, spread=0.4), after)).colour is not Colour.RED


def test_a_flat_baseline_is_not_taken_for_a_promise() -> None:
    assert verdict_on(signal([0.02] * 10, [0.0215] * 16)).colour is Colour.GREEN
    assert verdict_on(signal([0.02] * 10, [0.4] * 16)).colour is Colour.RED


def test_a_baseline_of_noughts_takes_a_lasting_majority_to_leave() -> None:
    def of(after: list[float]) -> Colour:
        evidence = signal([0.0] * 30, after, kind=SignalKind.CUSTOM, bad=Bad.UP, unit="messages")
        return verdict_on(evidence).colour

    assert of([0.0] * 30) is Colour.GREEN
    assert of([0.0, 3.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0]) is Colour.GREEN
    assert of([0.0, 3.0, 2.0, 4.0, 2.0, 3.0, 5.0, 4.0]) is Colour.RED


def test_harm_that_began_before_the_switch_blames_nobody() -> None:
    before = [*noise(1, 40), *noise(2, 20, level=0.6)]
    found = verdict_on(signal(before, noise(3, 60, level=0.6)))
    assert (found.colour, found.already_bad) == ("green", True)
    assert found.verdict is Word.ALREADY_BAD


def test_harm_on_top_of_what_was_already_bad_is_red() -> None:
    before = [*noise(1, 40), *noise(2, 20, level=0.6)]
    assert verdict_on(signal(before, noise(3, 60, level=3.0))).colour is Colour.RED


def test_what_the_same_hour_last_week_shows_too_is_the_seasons() -> None:
    before, after = noise(1, 60), noise(2, 60, level=0.5)
    season = noise(3, 60, level=0.5)
    assert verdict_on(signal(before, after)).colour is Colour.RED
    assert verdict_on(signal(before, after, reference=season)).colour is not Colour.RED
    worse = noise(2, 60, level=1.5)
    assert verdict_on(signal(before, worse, reference=season)).colour is Colour.RED


def test_use_that_grows_with_its_load_is_no_regression_and_use_that_outgrows_it_is() -> None:
    doubled = signal(
        noise(1, 60, 100.0), noise(2, 60, 200.0), kind=SignalKind.THROUGHPUT, name="requests"
    )

    def cpu(after: float) -> SignalEvidence:
        return signal(noise(3, 60, 30.0), noise(4, 60, after), kind=SignalKind.SATURATION)

    assert judge(watch(cpu(60.0))).colour is Colour.RED
    assert judge(watch(cpu(60.0), doubled)).colour is Colour.GREEN
    assert judge(watch(cpu(150.0), doubled)).colour is Colour.RED


def test_ten_seconds_of_baseline_still_tell_a_service_that_broke_from_one_that_did_not() -> None:
    for seed in range(20):
        before = noise(seed, 10, level=0.02, spread=0.2)
        broken = signal(before, noise(seed + 100, 4, level=0.4, spread=0.2), every_s=0.5)
        assert judge(watch(broken, looks=16, every_s=0.5)).colour is Colour.RED
        well = signal(before, noise(seed + 200, 16, level=0.02, spread=0.2), every_s=0.5)
        assert judge(watch(well, looks=16, every_s=0.5)).colour is Colour.GREEN


def test_negative_values_are_compared_by_differences() -> None:
    drawn = np.random.default_rng(1).normal(size=120)
    before, after = [float(x) for x in drawn[:60]], [float(x) + 20 for x in drawn[60:]]
    evidence = signal(before, after, kind=SignalKind.CUSTOM, bad=Bad.UP, unit="C")
    assert verdict_on(evidence).colour is Colour.RED
    calm = signal(before, [x - 20 for x in after], kind=SignalKind.CUSTOM, bad=Bad.UP)
    assert verdict_on(calm).colour is Colour.GREEN


def test_a_throughput_that_stops_altogether_is_red() -> None:
    evidence = signal(noise(1, 60, 100.0), [0.0] * 12, kind=SignalKind.THROUGHPUT)
    found = verdict_on(evidence)
    assert found.colour is Colour.RED
    assert found.limit is not None
    assert 0 < found.limit < 55
