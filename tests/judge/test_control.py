"""What a control shows as well is not the deployment's; what it does not show is told as before."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goaround_judge import (
    Colour,
    Evidence,
    Sample,
    SampleState,
    SignalEvidence,
    SignalKind,
    SignalVerdict,
    Word,
    judge,
)
from tests.judge.watches import (
    columns,
    counts,
    errors,
    levels,
    missing,
    noise,
    signal,
    signal_in_columns,
    watch,
)

LOOKS = 60
STEADY = noise(11, 60)
SLOWER = noise(12, LOOKS, 0.3)


def beside(
    own: SignalEvidence, before: tuple[Sample, ...], after: tuple[Sample, ...]
) -> SignalEvidence:
    return own.model_copy(update={"control_baseline": before, "control_post": after})


def latency(after: list[float], control_after: list[float], name: str = "p95") -> SignalEvidence:
    control = levels(noise(13, 60), -900), levels(control_after, 0.0)
    return beside(signal(STEADY, after, name=name), *control)


def failing(after: list[int], control_before: list[int], control_after: list[int]) -> Evidence:
    own = errors([1, 0, 0] * 20, after)
    control = counts(control_before, 200.0, -900), counts(control_after, 200.0, 0.0)
    return watch(beside(own, *control))


def found(evidence: Evidence) -> SignalVerdict:
    return judge(evidence).signals[0]


def test_a_change_that_the_control_shows_as_well_is_green_and_says_what_both_show() -> None:
    verdict = found(watch(latency(SLOWER, noise(14, LOOKS, 0.3))))
    assert (verdict.colour, verdict.verdict) == (Colour.GREEN, Word.ELSEWHERE)
    assert "its control shows 0.3" in verdict.reason
    assert "against 0.2" in verdict.reason
    assert verdict.red_at_s is None
    assert judge(watch(latency(SLOWER, noise(14, LOOKS, 0.3)))).action == "accept"


def test_a_change_that_the_control_does_not_show_is_red_and_says_so() -> None:
    verdict = found(watch(latency(SLOWER, noise(14, LOOKS))))
    assert (verdict.colour, verdict.verdict) == (Colour.RED, Word.REGRESSED)
    assert "its control shows 0.199 s against 0.203 s before (-2.32 %)" in verdict.reason
    assert verdict.red_at_s is not None
    assert verdict.red_at_s <= 60


def test_a_signal_that_moved_much_more_than_its_control_is_red() -> None:
    assert found(watch(latency(noise(15, LOOKS, 0.6), SLOWER))).colour is Colour.RED


def test_a_control_that_improved_excuses_and_accuses_nobody() -> None:
    better = noise(16, LOOKS, 0.1)
    assert found(watch(latency(noise(17, LOOKS), better))).colour is Colour.GREEN
    assert found(watch(latency(SLOWER, better))).colour is Colour.RED


def test_a_control_too_noisy_to_compare_is_left_out_with_the_reason() -> None:
    own = signal(STEADY, SLOWER)
    wild = levels(noise(18, 60, spread=2.0), -900), levels(noise(19, LOOKS, spread=2.0), 0.0)
    verdict = found(watch(beside(own, *wild)))
    assert verdict.colour is Colour.RED
    assert "its control is left out: it is too noisy to tell whose a change is" in verdict.reason


def test_while_the_control_cannot_tell_whose_a_change_is_it_is_yellow() -> None:
    own = signal(STEADY, SLOWER[:4])
    unsure = levels(noise(20, 60, spread=0.25), -900), levels([0.16, 0.22, 0.21, 0.25], 0.0)
    verdict = found(watch(beside(own, *unsure), at=0.1))
    assert verdict.colour is Colour.YELLOW
    assert "which does not tell yet whose that is" in verdict.reason
    longer = signal(STEADY, SLOWER)
    calm = unsure[0], levels(noise(21, LOOKS, spread=0.25), 0.0)
    assert found(watch(beside(longer, *calm))).colour is Colour.RED


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        ((), (), "0 looks of it before the switch, 6 needed"),
        (levels(STEADY[:4], -900), levels(SLOWER, 0.0), "4 looks of it before the switch"),
        (levels(STEADY, -900), (), "no look of it after the switch"),
        (levels(STEADY, -900), missing(60, SampleState.NO_DATA), "no look of it after the switch"),
    ],
)
@pytest.mark.parametrize("after_level", [0.2, 0.3])
def test_a_control_without_data_is_left_out_and_the_reason_says_so(
    before: tuple[Sample, ...], after: tuple[Sample, ...], why: str, after_level: float
) -> None:
    own = signal(STEADY, noise(12, LOOKS, after_level))
    bare = signal_in_columns(own)
    held = bare.model_copy(
        update={"control_baseline": columns(before), "control_post": columns(after)}
    )
    alone = found(watch(own))
    verdict = found(watch().model_copy(update={"columns": (held,)}))
    assert (verdict.colour, verdict.verdict) == (alone.colour, alone.verdict)
    assert f"its control is left out: {why}" in verdict.reason


def test_a_control_that_is_nought_at_times_has_no_ratio_to_compare() -> None:
    nought = levels([0.0, 0.2] * 30, -900), levels([0.3] * LOOKS, 0.0)
    verdict = found(watch(beside(signal(STEADY, SLOWER), *nought)))
    assert verdict.colour is Colour.RED
    assert "one of the two is nought at times" in verdict.reason


def test_a_control_that_stopped_answering_excuses_nothing_that_came_later() -> None:
    own = [*noise(22, 30), *noise(23, 30, 0.4)]
    silent = (*levels(noise(24, 20), 0.0), *missing(40, SampleState.NO_DATA, first_s=300))
    before = levels(noise(13, 60), -900)
    assert found(watch(beside(signal(STEADY, own), before, silent))).colour is not Colour.GREEN


def test_harm_after_a_shared_change_is_still_seen() -> None:
    shared, more = noise(25, 20, 0.3), noise(26, 40, 0.9)
    verdict = found(watch(latency([*shared, *more], noise(27, LOOKS, 0.3))))
    assert verdict.colour is Colour.RED
    assert verdict.red_at_s is not None
    assert 300 <= verdict.red_at_s <= 450


def test_signals_that_stray_together_with_their_controls_second_nobody() -> None:
    spiked = [0.2] * 8
    spiked[4] = 1.0

    def three(control: list[float]) -> Evidence:
        return watch(*(latency(spiked, control, f"p{i}") for i in range(3)), looks=4)

    assert judge(three([0.2] * 8)).colour is Colour.RED
    assert judge(three(spiked)).colour is Colour.GREEN


def test_errors_that_the_control_shows_as_well_are_green_and_say_what_both_show() -> None:
    verdict = found(failing([4, 5, 3] * 20, [0, 1, 0] * 20, [3, 5, 4] * 20))
    assert (verdict.colour, verdict.verdict) == (Colour.GREEN, Word.ELSEWHERE)
    assert "its control shows 2 % against 0.167 % before" in verdict.reason


def test_errors_that_the_control_does_not_show_are_red() -> None:
    verdict = found(failing([4, 5, 3] * 20, [0, 1, 0] * 20, [1, 0, 0] * 20))
    assert verdict.colour is Colour.RED
    assert "its control shows" in verdict.reason


def test_errors_that_rose_much_more_than_the_controls_are_red() -> None:
    assert found(failing([20] * 60, [0, 1, 0] * 20, [1, 1, 1] * 20)).colour is Colour.RED


def test_two_chance_errors_of_a_quiet_control_excuse_nothing() -> None:
    verdict = found(failing([4, 5, 3] * 20, [0] * 60, [0, 1, 1, *[0] * 57]))
    alone = found(watch(errors([1, 0, 0] * 20, [4, 5, 3] * 20)))
    assert verdict.colour is Colour.RED
    assert verdict.red_at_s == alone.red_at_s


def test_a_control_of_errors_without_data_is_left_out_and_the_reason_says_so() -> None:
    own = errors([0] * 60, [0] * 60)
    verdict = found(watch(beside(own, counts([0] * 2, 200.0, -30), counts([0] * 60, 200.0, 0.0))))
    assert verdict.colour is Colour.GREEN
    assert "its control is left out: 2 looks of it before the switch, 3 needed" in verdict.reason


def test_a_muted_signal_keeps_its_control_to_itself() -> None:
    own = signal(STEADY, SLOWER, muted=True)
    control = levels(noise(13, 60), -900), levels(noise(14, LOOKS, 0.3), 0.0)
    assert found(watch(beside(own, *control))).verdict is Word.ELSEWHERE


def test_looks_of_the_control_are_matched_by_their_time() -> None:
    """A control whose clock stands a little late is at the same look; one half a watch late not."""
    step = [*noise(28, 20), *noise(29, 40, 0.4)]
    other = [*noise(30, 20), *noise(31, 40, 0.4)]
    near = levels(noise(13, 60), -898), levels(other, 2.0)
    far = levels(noise(13, 60), -900), levels([*noise(30, 40), *other[20:40]], 0.0)
    own = signal(STEADY, step)
    assert found(watch(beside(own, *near))).verdict is Word.ELSEWHERE
    assert found(watch(beside(own, *far))).colour is Colour.RED


def test_the_use_of_a_resource_is_set_off_for_each_unit_of_load() -> None:
    rng = np.random.default_rng(3)
    traffic = signal(
        rng.normal(100, 2, 60), rng.normal(200, 4, LOOKS), name="rps", kind=SignalKind.THROUGHPUT
    )
    use = signal(
        rng.normal(30, 1, 60), rng.normal(120, 4, LOOKS), name="cpu", kind=SignalKind.SATURATION
    )
    as_loaded = levels(rng.normal(30, 1, 60), -900), levels(rng.normal(60, 2, LOOKS), 0.0)
    as_used = levels(rng.normal(30, 1, 60), -900), levels(rng.normal(120, 4, LOOKS), 0.0)
    assert judge(watch(traffic, beside(use, *as_loaded))).signals[1].colour is Colour.RED
    assert judge(watch(traffic, beside(use, *as_used))).signals[1].verdict is Word.ELSEWHERE


def test_a_control_in_columns_is_judged_alike() -> None:
    for own in (latency(SLOWER, noise(14, LOOKS, 0.3)), latency(SLOWER, noise(14, LOOKS))):
        held = signal_in_columns(own)
        assert found(watch().model_copy(update={"columns": (held,)})) == found(watch(own))


@st.composite
def with_control(draw: st.DrawFn) -> SignalEvidence:
    """Draw a signal of any kind of movement beside a control of any other."""
    seed = draw(st.integers(0, 10_000))
    spread, wide = draw(st.sampled_from([0.02, 0.1])), draw(st.sampled_from([0.02, 0.1, 0.4]))
    shift, other = (draw(st.sampled_from([0.5, 1.0, 1.25, 1.6, 3.0])) for _ in range(2))
    looks = draw(st.integers(3, 60))
    if draw(st.booleans()):
        rng = np.random.default_rng(seed)
        rates = [draw(st.sampled_from([0.0, 0.002, 0.02])) for _ in range(4)]
        own = errors(rng.binomial(200, rates[0], 40), rng.binomial(200, rates[1], looks))
        return beside(
            own,
            counts(rng.binomial(200, rates[2], 40), 200.0, -600),
            counts(rng.binomial(200, rates[3], looks), 200.0, 0.0),
        )
    kind = draw(st.sampled_from([SignalKind.LATENCY, SignalKind.CUSTOM, SignalKind.THROUGHPUT]))
    own = signal(
        noise(seed, 40, spread=spread),
        noise(seed + 1, looks, 0.2 * shift, spread),
        kind=kind,
        name=f"signal {seed}",
        unit="",
    )
    return beside(
        own,
        levels(noise(seed + 2, 40, 7.0, wide), -600),
        levels(noise(seed + 3, looks, 7.0 * other, wide), 0.0),
    )


quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@quick
@given(st.lists(with_control(), min_size=1, max_size=3))
def test_a_control_excuses_and_never_accuses(signals: list[SignalEvidence]) -> None:
    without = [beside(one, (), ()) for one in signals]
    assert judge(watch(*signals)).colour.rank <= judge(watch(*without)).colour.rank


@quick
@given(with_control(), st.sampled_from([1e-3, 3.7, 1e6]))
def test_the_unit_of_the_control_is_nothing(one: SignalEvidence, factor: float) -> None:
    def scaled(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        return tuple(
            s.model_copy(update={"value": None if s.value is None else s.value * factor})
            for s in samples
        )

    other = beside(one, scaled(one.control_baseline), scaled(one.control_post))
    assert judge(watch(other)).colour is judge(watch(one)).colour


@quick
@given(st.lists(with_control(), min_size=2, max_size=3), st.data())
def test_the_order_of_signals_with_controls_is_nothing(
    signals: list[SignalEvidence], data: st.DataObject
) -> None:
    turned = data.draw(st.permutations(signals))
    one, other = judge(watch(*signals)), judge(watch(*turned))
    assert (one.colour, one.deciding, one.reason) == (other.colour, other.deciding, other.reason)


@quick
@given(with_control())
def test_red_beside_a_control_rests_on_nothing_after_its_moment(one: SignalEvidence) -> None:
    moment = found(watch(one)).red_at_s
    if moment is None:
        return

    def until(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        return tuple(sample for sample in samples if sample.at_s <= moment)

    cut = one.model_copy(update={"post": until(one.post), "control_post": until(one.control_post)})
    assert (found(watch(cut)).colour, found(watch(cut)).red_at_s) == (Colour.RED, moment)


@quick
@given(with_control(), st.integers(1, 30))
def test_more_looks_at_both_never_turn_red_back(one: SignalEvidence, more: int) -> None:
    def longer(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        last = samples[-1]
        again = (last.model_copy(update={"at_s": last.at_s + 15 * (i + 1)}) for i in range(more))
        return (*samples, *again)

    grown = one.model_copy(
        update={"post": longer(one.post), "control_post": longer(one.control_post)}
    )
    if found(watch(one)).colour is Colour.RED:
        assert found(watch(grown)).colour is Colour.RED
