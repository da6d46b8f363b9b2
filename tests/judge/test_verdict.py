"""What a whole watch is answered: colours, actions, reasons, and the same bytes every time."""

import json

import pytest

from goaround_judge import (
    Action,
    Colour,
    Evidence,
    Sample,
    SampleState,
    SignalEvidence,
    SignalKind,
    SignalRule,
    Undecided,
    Word,
    judge,
)
from tests.judge.watches import errors, levels, log, missing, noise, signal, watch

STEADY = signal(noise(1, 60), noise(2, 60))
REGRESSED = signal(noise(1, 60), noise(2, 60, level=0.5))
NO_DATA = SignalEvidence(
    rule=SignalRule(name="p95 latency", kind=SignalKind.LATENCY, unit="s"),
    baseline=levels(noise(1, 60), -900),
    post=missing(60, SampleState.NO_DATA),
)


def test_a_steady_service_is_green_and_accepted_at_the_end() -> None:
    verdict = judge(watch(STEADY))
    assert (verdict.colour, verdict.action, verdict.decided) == ("green", "accept", True)
    assert verdict.deciding is None
    assert verdict.would_be_green == ""
    assert verdict.signals[0].verdict is Word.STEADY


def test_a_steady_service_goes_on_being_watched_until_the_period_is_over() -> None:
    verdict = judge(watch(STEADY, at=0.5))
    assert (verdict.colour, verdict.action, verdict.decided) == ("green", "continue", False)
    assert "450 s of the watch are left" in verdict.reason


def test_harm_ends_the_watch_at_once_and_says_with_what_numbers() -> None:
    verdict = judge(watch(REGRESSED, at=0.2, extensions=(0, 2)))
    assert (verdict.colour, verdict.action, verdict.decided) == ("red", "rollback", True)
    assert verdict.deciding == "p95 latency"
    found = verdict.signals[0]
    assert found.red_at_s == 15.0
    assert found.limit is not None
    assert found.green_limit is not None
    assert 0.2 < found.green_limit <= found.limit < 0.5
    assert "beyond the limit of" in verdict.reason
    assert verdict.would_be_green.startswith("would have been Green at p95 latency <= 0.2")


@pytest.mark.parametrize(
    ("extensions", "undecided", "action", "decided"),
    [
        ((0, 2), Undecided.ROLLBACK, Action.EXTEND, False),
        ((1, 2), Undecided.ACCEPT, Action.EXTEND, False),
        ((2, 2), Undecided.HOLD, Action.HOLD, True),
        ((2, 2), Undecided.ROLLBACK, Action.ROLLBACK, True),
        ((2, 2), Undecided.ACCEPT, Action.ACCEPT, True),
        ((0, 0), Undecided.HOLD, Action.HOLD, True),
    ],
)
def test_yellow_extends_within_its_budget_and_then_does_as_the_guide_says(
    extensions: tuple[int, int], undecided: Undecided, action: Action, decided: bool
) -> None:
    verdict = judge(watch(NO_DATA, extensions=extensions, undecided=undecided))
    assert verdict.colour is Colour.YELLOW
    assert (verdict.action, verdict.decided) == (action, decided)


def minor_anomaly() -> SignalEvidence:
    """Return a signal whose last three looks stand between Green's limit and Red's."""
    before = noise(1, 60, spread=0.06)
    limits = judge(watch(signal(before, before[:8]))).signals[0]
    assert limits.limit is not None
    assert limits.green_limit is not None
    between = (limits.limit + limits.green_limit) / 2
    return signal(before, [*noise(2, 57, spread=0.02), *[between] * 3])


def test_a_minor_anomaly_is_extended_and_then_left_to_the_guide() -> None:
    extended = judge(watch(minor_anomaly(), extensions=(0, 1)))
    assert (extended.colour, extended.action) == ("yellow", "extend")
    assert extended.signals[0].verdict is Word.SUSPICIOUS
    held = judge(watch(minor_anomaly(), extensions=(1, 1)))
    assert (held.colour, held.action, held.decided) == ("yellow", "hold", True)
    assert "would have been Green at" in held.would_be_green


def test_a_period_of_nought_is_accepted_because_the_guide_asks_for_no_watch() -> None:
    verdict = judge(Evidence(period_s=0, signals=(REGRESSED,)))
    assert (verdict.colour, verdict.action, verdict.decided) == ("green", "accept", True)
    assert "no watch" in verdict.reason


def test_a_watch_that_looks_at_nothing_is_never_green() -> None:
    muted = signal(noise(1, 60), noise(2, 60), muted=True)
    for verdict in (judge(watch()), judge(watch(muted))):
        assert (verdict.colour, verdict.action) == ("yellow", "hold")
        assert "Nothing is watched" in verdict.reason


def test_the_whole_is_the_worst_of_its_parts_and_names_the_one_that_decided() -> None:
    bad = errors([0] * 60, [0] * 10 + [20] * 50)
    verdict = judge(watch(STEADY, bad, NO_DATA.model_copy(update={"post": ()})))
    assert verdict.colour is Colour.RED
    assert verdict.deciding == "errors"
    assert [part.colour.value for part in verdict.signals] == ["green", "red", "yellow"]


def test_a_finding_decides_before_a_lack_of_evidence_of_the_same_colour() -> None:
    blind = NO_DATA.model_copy(update={"rule": SignalRule(name="a blind signal")})
    verdict = judge(watch(blind, minor_anomaly()))
    assert verdict.colour is Colour.YELLOW
    assert verdict.deciding == "p95 latency"


def test_a_muted_signal_is_judged_and_shown_and_never_counts() -> None:
    loud = signal(noise(1, 60), noise(2, 60, level=0.5), name="shadow", muted=True)
    verdict = judge(watch(STEADY, loud))
    assert verdict.colour is Colour.GREEN
    assert (verdict.signals[1].colour, verdict.signals[1].muted) == ("red", True)


def test_the_same_evidence_gives_the_same_bytes_and_so_does_its_stored_copy() -> None:
    evidence = watch(REGRESSED, errors([0] * 60, [1] * 60), logs=(log([[]], [["ERROR a"]]),))
    first = judge(evidence).model_dump_json()
    assert judge(evidence).model_dump_json() == first
    stored = Evidence.model_validate_json(evidence.model_dump_json())
    assert judge(stored).model_dump_json() == first
    json.loads(first, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_samples_out_of_order_are_judged_in_the_order_of_their_time() -> None:
    shuffled = REGRESSED.model_copy(update={"post": REGRESSED.post[::-1]})
    assert judge(watch(shuffled)) == judge(watch(REGRESSED))


def test_a_sample_that_says_ok_and_holds_no_finite_number_counts_as_nan() -> None:
    broken = tuple(Sample(at_s=15.0 * i, value=v) for i, v in enumerate([None, float("inf")] * 5))
    verdict = judge(watch(NO_DATA.model_copy(update={"post": broken})))
    assert verdict.colour is Colour.YELLOW
    assert verdict.signals[0].samples["nan"] == 10
