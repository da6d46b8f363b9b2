"""Errors are counts: few say little, a burst is no rise, more traffic is no regression."""

import numpy as np
import pytest

from goaround_judge import Colour, SignalEvidence, SignalKind, SignalVerdict, Word, judge
from tests.judge.watches import counts, errors, noise, signal, watch


def verdict_on(evidence: SignalEvidence, looks: int = 60) -> SignalVerdict:
    return judge(watch(evidence, looks=looks)).signals[0]


def test_a_baseline_without_errors_and_then_one_in_twenty_of_thirty_looks_is_red() -> None:
    after = [1, 1, 0] * 10
    found = verdict_on(errors([0] * 30, after, 100.0), looks=30)
    assert found.colour is Colour.RED
    assert found.baseline == 0
    assert found.change is None
    assert "against 0 % before" in found.reason


def test_one_error_after_none_is_nothing() -> None:
    found = verdict_on(errors([0] * 30, [0] * 10 + [1] + [0] * 19, 100.0), looks=30)
    assert (found.colour, found.verdict) == (Colour.GREEN, Word.STEADY)


def test_one_burst_however_great_is_not_red() -> None:
    after = [0] * 30
    after[12] = 190
    assert verdict_on(errors([0] * 60, after)).colour is not Colour.RED


def test_a_green_burst_is_called_a_burst() -> None:
    found = verdict_on(errors([0] * 60, [0] * 20 + [50] + [0] * 39))
    assert found.colour is Colour.GREEN
    assert "in a burst that did not last" in found.reason


@pytest.mark.parametrize("begins", [0, 7, 25, 40, 55])
def test_the_numbers_told_are_those_beyond_the_limit_whenever_harm_began(begins: int) -> None:
    after = np.random.default_rng(begins).binomial(200, 0.03, 60)
    after[:begins] = 0
    found = verdict_on(errors([0, 1, 0] * 20, after))
    assert found.colour is Colour.RED
    assert found.observed is not None
    assert found.limit is not None
    assert found.observed > found.limit
    assert found.red_at_s is not None
    assert found.red_at_s >= 15.0 * begins


def test_a_service_that_fails_every_request_is_red_at_the_second_look() -> None:
    found = verdict_on(errors([0] * 10, [30] * 3, 30.0), looks=16)
    assert (found.colour, found.red_at_s) == (Colour.RED, 15.0)


def test_a_third_of_the_requests_failing_is_red_within_four_looks_of_a_short_watch() -> None:
    for seed in range(20):
        after = np.random.default_rng(seed).binomial(40, 0.3, 4)
        broken = errors([0] * 10, after, 40.0, every_s=0.5)
        assert judge(watch(broken, looks=16, every_s=0.5)).colour is Colour.RED


@pytest.mark.parametrize("growth", [2.0, 5.0])
def test_more_requests_with_as_many_more_errors_are_no_regression(growth: float) -> None:
    draw = np.random.default_rng(3)
    before = draw.poisson(4.0, 60)
    after = draw.poisson(4.0 * growth, 60)
    evidence = errors(before, after, 400.0, after_requests=400.0 * growth)
    assert verdict_on(evidence).colour is Colour.GREEN


def test_uncounted_requests_are_taken_from_the_throughput_where_there_is_one() -> None:
    draw = np.random.default_rng(3)
    uncounted = errors(draw.poisson(8.0, 60), draw.poisson(16.0, 60), None)
    doubled = signal(noise(1, 60, 100.0), noise(2, 60, 200.0), kind=SignalKind.THROUGHPUT)
    assert judge(watch(uncounted)).colour is Colour.RED
    assert judge(watch(uncounted, doubled)).colour is Colour.GREEN


def test_fewer_errors_are_told_as_an_improvement() -> None:
    found = verdict_on(errors([10] * 60, [1] * 60))
    assert (found.colour, found.improved) == (Colour.GREEN, True)


def test_errors_that_began_before_the_switch_blame_nobody() -> None:
    found = verdict_on(errors([0] * 40 + [20] * 20, [20] * 60))
    assert (found.colour, found.already_bad) == (Colour.GREEN, True)


def test_a_service_that_always_failed_one_in_ten_was_already_bad() -> None:
    found = verdict_on(errors([20] * 60, [20] * 60))
    assert (found.colour, found.verdict) == (Colour.GREEN, Word.ALREADY_BAD)
    assert verdict_on(errors([20] * 60, [60] * 60)).colour is Colour.RED


def test_looks_without_requests_are_not_evidence_of_health() -> None:
    evidence = errors([0] * 60, [0] * 60, 100.0, after_requests=0.0)
    found = verdict_on(evidence)
    assert (found.colour, found.verdict) == (Colour.YELLOW, Word.THIN)


def test_more_errors_than_requests_is_a_race_of_counters_and_still_judged() -> None:
    racing = errors([0] * 60, [3] * 60, 100.0).model_copy(update={"post": counts([3] * 9, 2, 0)})
    found = verdict_on(racing)
    assert found.colour is Colour.RED
    assert found.observed == 1.0


def test_a_value_serves_as_the_count_where_errors_are_not_given() -> None:
    plain = signal([0.0] * 30, [4.0] * 10, kind=SignalKind.ERRORS, name="errors")
    found = verdict_on(plain)
    assert found.colour is Colour.RED
    assert "a look" in found.reason


def test_the_counterfactual_is_a_rate_that_is_green_indeed() -> None:
    found = verdict_on(errors([1] * 60, [8] * 10))
    assert found.colour is Colour.RED
    assert found.green_limit is not None
    assert found.limit is not None
    assert found.baseline is not None
    assert found.baseline < found.green_limit < found.limit
    calm = int(found.green_limit * 200)
    assert verdict_on(errors([1] * 60, [calm] * 2)).colour is Colour.YELLOW  # too few samples
    assert verdict_on(errors([1] * 60, [1] * 10)).colour is Colour.GREEN
