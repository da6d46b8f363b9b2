"""No data is never Green and never Red, whatever its name; enough data is judged for what it is."""

import pytest

from goaround_judge import (
    Colour,
    Sample,
    SampleState,
    SignalEvidence,
    SignalKind,
    SignalRule,
    Word,
    judge,
)
from tests.judge.watches import counts, levels, missing, noise, watch

NOTHING = [state for state in SampleState if state is not SampleState.OK]
KINDS = [SignalKind.LATENCY, SignalKind.ERRORS, SignalKind.SUCCESS_RATE, SignalKind.THROUGHPUT]


def evidence(kind: SignalKind, post: tuple[Sample, ...]) -> SignalEvidence:
    before = counts([0] * 60, 200.0, -900) if kind is SignalKind.ERRORS else None
    return SignalEvidence(
        rule=SignalRule(name="signal", kind=kind),
        baseline=before or levels(noise(3, 60, level=0.9, spread=0.01), -900),
        post=post,
    )


def usable(kind: SignalKind, n: int, first_s: float = 0.0) -> tuple[Sample, ...]:
    if kind is SignalKind.ERRORS:
        return counts([0] * n, 200.0, first_s)
    return levels(noise(4, n, level=0.9, spread=0.01), first_s)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", NOTHING)
def test_a_watch_without_data_is_yellow_and_says_what_came_instead(
    kind: SignalKind, state: SampleState
) -> None:
    found = judge(watch(evidence(kind, missing(60, state)))).signals[0]
    assert (found.colour, found.verdict) == (Colour.YELLOW, Word.THIN)
    assert found.samples[state.value] == 60
    assert f"60 {state.value.replace('_', ' ')}" in found.reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_signal_that_was_never_looked_at_is_yellow(kind: SignalKind) -> None:
    assert judge(watch(evidence(kind, ()))).colour is Colour.YELLOW


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("state", NOTHING)
def test_a_value_in_a_sample_that_is_not_ok_is_not_evidence(
    kind: SignalKind, state: SampleState
) -> None:
    wild = tuple(
        Sample(at_s=15.0 * i, value=1e9, errors=200.0, requests=200.0, state=state)
        for i in range(60)
    )
    assert judge(watch(evidence(kind, wild))).colour is Colour.YELLOW


@pytest.mark.parametrize("kind", KINDS)
def test_data_that_stops_is_yellow_however_much_came_before(kind: SignalKind) -> None:
    post = usable(kind, 50) + missing(10, SampleState.NO_DATA, first_s=750)
    found = judge(watch(evidence(kind, post))).signals[0]
    assert found.colour is Colour.YELLOW
    assert "the data stopped" in found.reason


@pytest.mark.parametrize("kind", KINDS)
def test_data_that_comes_back_is_judged_again(kind: SignalKind) -> None:
    gap = missing(8, SampleState.PROVIDER_ERROR, first_s=300)
    post = usable(kind, 20) + gap + usable(kind, 32, first_s=420)
    assert judge(watch(evidence(kind, post))).colour is Colour.GREEN


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_fails_half_the_time_is_judged_by_the_other_half(kind: SignalKind) -> None:
    def half(post: tuple[Sample, ...]) -> tuple[Sample, ...]:
        return tuple(
            sample if i % 2 else Sample(at_s=sample.at_s, state=SampleState.PROVIDER_ERROR)
            for i, sample in enumerate(post)
        )

    harmed = (
        counts([20] * 60, 200.0, 0.0)
        if kind is SignalKind.ERRORS
        else levels([1.8 if kind is SignalKind.LATENCY else 0.3] * 60, 0.0)
    )
    calm = judge(watch(evidence(kind, half(usable(kind, 60))))).signals[0]
    assert (calm.colour, calm.samples["provider_error"]) == (Colour.GREEN, 30)
    assert judge(watch(evidence(kind, half(harmed)))).colour is Colour.RED


def test_a_look_from_too_few_events_is_named_and_never_counted() -> None:
    few = tuple(
        Sample(at_s=15.0 * i, value=9.0, state=SampleState.TOO_FEW) if i % 4 else calm
        for i, calm in enumerate(usable(SignalKind.LATENCY, 60))
    )
    found = judge(watch(evidence(SignalKind.LATENCY, few))).signals[0]
    assert found.colour is Colour.YELLOW
    assert "15 of 60 looks brought data (45 too few)" in found.reason


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf"), None])
def test_what_is_no_finite_number_is_nan_whatever_its_state_says(broken: float | None) -> None:
    post = tuple(Sample(at_s=15.0 * i, value=broken) for i in range(60))
    found = judge(watch(evidence(SignalKind.LATENCY, post))).signals[0]
    assert (found.colour, found.samples["nan"]) == (Colour.YELLOW, 60)
    assert "60 nan" in found.reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_fails_most_of_the_time_has_not_watched(kind: SignalKind) -> None:
    post = tuple(
        sample if i % 3 == 0 else Sample(at_s=sample.at_s, state=SampleState.PROVIDER_ERROR)
        for i, sample in enumerate(usable(kind, 60))
    )
    found = judge(watch(evidence(kind, post))).signals[0]
    assert found.colour is Colour.YELLOW
    assert "20 of 60 looks brought data" in found.reason


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_samples_are_too_few_for_green(kind: SignalKind) -> None:
    found = judge(watch(evidence(kind, usable(kind, 4)))).signals[0]
    assert found.colour is Colour.YELLOW
    assert "4 usable samples after the switch, 5 needed" in found.reason


def test_too_few_requests_are_too_few_for_green() -> None:
    post = counts([0] * 20, 2.0, 0.0)
    found = judge(watch(evidence(SignalKind.ERRORS, post))).signals[0]
    assert found.colour is Colour.YELLOW
    assert "40 requests after the switch, 50 needed" in found.reason


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_baseline_nothing_is_compared_and_nothing_is_blamed(kind: SignalKind) -> None:
    bare = evidence(kind, usable(kind, 60)).model_copy(update={"baseline": ()})
    found = judge(watch(bare)).signals[0]
    assert (found.colour, found.verdict) == (Colour.YELLOW, Word.THIN)
    assert "before the switch" in found.reason


def test_harm_that_was_seen_before_the_data_stopped_stays_red() -> None:
    post = counts([40] * 10, 200.0, 0.0) + missing(50, SampleState.NO_DATA, first_s=150)
    assert judge(watch(evidence(SignalKind.ERRORS, post))).colour is Colour.RED
