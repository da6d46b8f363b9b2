"""Signals that stray together, and strays that the baseline knows: when one look is enough."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goaround_judge import Colour, Evidence, SignalEvidence, SignalKind, judge
from tests.judge.test_properties import later
from tests.judge.watches import EVERY_S, noise, signal, watch

BEFORE = 30


def one_bad_look(
    name: str, seed: int, look: int = 2, looks: int = 4, *, muted: bool = False
) -> SignalEvidence:
    """Return a latency that is four times its level at one look alone."""
    after = noise(seed + 1, looks)
    after[look] *= 4
    return signal(noise(seed, BEFORE), after, name=name, muted=muted)


def calm(name: str, seed: int, looks: int = 4) -> SignalEvidence:
    return signal(noise(seed, BEFORE), noise(seed + 1, looks), name=name)


def test_one_signal_alone_never_makes_one_look_red() -> None:
    others = [calm(f"calm {i}", 10 * i) for i in range(3)]
    assert judge(watch(one_bad_look("p95", 1), *others, looks=4)).colour is not Colour.RED


def test_two_signals_that_stray_at_the_same_look_are_red_at_that_look() -> None:
    verdict = judge(watch(one_bad_look("p95", 1), one_bad_look("p50", 5), looks=4))
    assert verdict.colour is Colour.RED
    assert {part.red_at_s for part in verdict.signals} == {2 * EVERY_S}
    assert "at the same look as p" in verdict.reason


def test_of_signals_that_stray_a_little_at_the_same_look_one_must_stray_by_far() -> None:
    def weather(*at_the_look: float) -> Colour:
        signals = list[SignalEvidence]()
        for i, value in enumerate(at_the_look):
            after = noise(10 * i + 1, 4)
            after[2] = value
            signals.append(signal(noise(10 * i, 20), after, name=f"p{i}"))
        return judge(watch(*signals, looks=4)).colour

    calm = [0.2] * 4
    assert weather(0.24, 0.24, *calm) is Colour.YELLOW
    assert weather(0.2, 0.3, *calm) is Colour.YELLOW
    assert weather(0.24, 0.3, *calm) is Colour.RED


def test_two_signals_that_stray_at_different_looks_are_not_red() -> None:
    verdict = judge(watch(one_bad_look("p95", 1), one_bad_look("p50", 5, look=3), looks=4))
    assert verdict.colour is not Colour.RED


def test_the_first_look_which_holds_the_switch_itself_is_no_ground_for_agreement() -> None:
    two = one_bad_look("p95", 1, look=0), one_bad_look("p50", 5, look=0)
    assert judge(watch(*two, looks=4)).colour is not Colour.RED


def test_a_muted_signal_seconds_nobody() -> None:
    two = one_bad_look("p95", 1), one_bad_look("p50", 5, muted=True)
    assert judge(watch(*two, looks=4)).colour is not Colour.RED


@pytest.mark.parametrize("kind", [SignalKind.THROUGHPUT, SignalKind.CUSTOM])
def test_a_change_of_traffic_or_of_no_known_sense_seconds_nobody(kind: SignalKind) -> None:
    one = one_bad_look("p95", 1)
    other = one_bad_look("other", 5)
    of_kind = other.model_copy(update={"rule": other.rule.model_copy(update={"kind": kind})})
    assert judge(watch(one, of_kind, looks=4)).colour is not Colour.RED


def test_a_long_watch_asks_more_signals_to_agree() -> None:
    def agreeing(signals: int, looks: int) -> Colour:
        bad = [one_bad_look(f"p{i}", 10 * i, looks=looks) for i in range(signals)]
        return judge(watch(*bad, looks=looks)).colour

    assert agreeing(2, 4) is Colour.RED
    assert agreeing(2, 8) is not Colour.RED
    assert agreeing(4, 8) is Colour.RED
    assert agreeing(4, 60) is not Colour.RED


def test_looks_that_lie_a_little_apart_are_the_same_look() -> None:
    one, other = one_bad_look("p95", 1), one_bad_look("p50", 5)
    moved = other.model_copy(
        update={
            "post": tuple(s.model_copy(update={"at_s": s.at_s + 2.0}) for s in other.post),
        }
    )
    verdict = judge(watch(one, moved, looks=4))
    assert verdict.colour is Colour.RED
    assert verdict.signals[0].red_at_s == 2 * EVERY_S + 2.0


def test_strays_that_the_baseline_knows_are_no_news_when_two_meet() -> None:
    def spiky(seed: int, n: int, at: tuple[int, ...]) -> list[float]:
        values = noise(seed, n)
        for place in at:
            values[place] *= 4
        return values

    before = spiky(1, 60, (3, 17, 31, 44, 58))
    met = spiky(2, 60, (20, 21))
    assert judge(watch(signal(before, met))).colour is Colour.GREEN
    lasting = spiky(2, 60, tuple(range(20, 32)))
    assert judge(watch(signal(before, lasting))).colour is Colour.RED


@st.composite
def several(draw: st.DrawFn) -> Evidence:
    looks = draw(st.sampled_from([4, 8]))
    signals = [
        signal(
            noise(seed, draw(st.integers(8, 30)), spread=0.1),
            [
                value * draw(st.sampled_from([1.0, 1.0, 1.0, 1.6, 4.0]))
                for value in noise(seed + 1, looks, spread=0.1)
            ],
            name=f"signal {i}",
        )
        for i, seed in enumerate(draw(st.lists(st.integers(0, 999), min_size=2, max_size=5)))
    ]
    return watch(*signals, looks=looks)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(several())
def test_agreement_rests_on_nothing_after_its_moment(evidence: Evidence) -> None:
    whole = judge(evidence)
    if whole.colour is not Colour.RED:
        return
    moment = min(part.red_at_s for part in whole.signals if part.red_at_s is not None)
    seen = tuple(
        one.model_copy(update={"post": tuple(s for s in one.post if s.at_s <= moment)})
        for one in evidence.signals
    )
    assert judge(evidence.model_copy(update={"signals": seen})).colour is Colour.RED


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(several(), st.sampled_from([-3.0, 0.25, 7.0, 86_400.0]))
def test_agreement_knows_no_clock(evidence: Evidence, by_s: float) -> None:
    assert judge(later(evidence, by_s)).colour == judge(evidence).colour
