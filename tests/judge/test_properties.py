"""What must never change a colour: units, clocks, the order of signals, a benign companion."""

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goaround_judge import (
    Colour,
    Evidence,
    Sample,
    SignalEvidence,
    SignalKind,
    judge,
)
from tests.judge.watches import errors, noise, signal, watch

SIDES = ("baseline", "post", "control_baseline", "control_post")
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
seeds = st.integers(0, 10_000)
spreads = st.sampled_from([0.01, 0.1, 0.4])
shifts = st.sampled_from([0.5, 0.9, 1.0, 1.1, 1.25, 1.6, 3.0])
kinds = st.sampled_from([SignalKind.LATENCY, SignalKind.SATURATION, SignalKind.CUSTOM])


@st.composite
def measured(draw: st.DrawFn) -> SignalEvidence:
    seed, spread = draw(seeds), draw(spreads)
    before = noise(seed, draw(st.integers(8, 60)), spread=spread)
    after = noise(seed + 1, draw(st.integers(1, 60)), 0.2 * draw(shifts), spread)
    return signal(before, after, kind=draw(kinds), name=f"signal {seed}", unit="")


@st.composite
def counted(draw: st.DrawFn) -> SignalEvidence:
    rng = np.random.default_rng(draw(seeds))
    before = rng.binomial(200, draw(st.sampled_from([0.0, 0.002, 0.05])), draw(st.integers(4, 60)))
    after = rng.binomial(200, draw(st.sampled_from([0.0, 0.002, 0.02, 0.2])), 30)
    return errors(before, after)


@st.composite
def accompanied(draw: st.DrawFn) -> SignalEvidence:
    """Draw a signal beside a control that goes its own way."""
    one, other = draw(measured()), draw(measured())
    return one.model_copy(update={"control_baseline": other.baseline, "control_post": other.post})


either = st.one_of(measured(), counted(), accompanied())
levelled = st.one_of(measured(), accompanied())


def scaled(evidence: SignalEvidence, factor: float) -> SignalEvidence:
    def by(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        return tuple(
            s.model_copy(update={"value": None if s.value is None else s.value * factor})
            for s in samples
        )

    return evidence.model_copy(update={side: by(getattr(evidence, side)) for side in SIDES})


def later(evidence: Evidence, by_s: float) -> Evidence:
    def moved(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
        return tuple(s.model_copy(update={"at_s": s.at_s + by_s}) for s in samples)

    return evidence.model_copy(
        update={
            "signals": tuple(
                s.model_copy(update={side: moved(getattr(s, side)) for side in SIDES})
                for s in evidence.signals
            )
        }
    )


@quick
@given(levelled, st.sampled_from([1e-6, 0.001, 1000.0, 3.7, 1e9]))
def test_another_unit_is_the_same_colour(evidence: SignalEvidence, factor: float) -> None:
    one, other = judge(watch(evidence)), judge(watch(scaled(evidence, factor)))
    assert one.colour == other.colour


@quick
@given(st.lists(either, min_size=1, max_size=3), st.sampled_from([-3.0, 0.25, 7.0, 86_400.0]))
def test_another_clock_is_the_same_colour(signals: list[SignalEvidence], by_s: float) -> None:
    evidence = watch(*signals)
    assert judge(later(evidence, by_s)).colour == judge(evidence).colour


@quick
@given(st.lists(either, min_size=2, max_size=3), st.data())
def test_the_order_of_the_signals_is_nothing(
    signals: list[SignalEvidence], data: st.DataObject
) -> None:
    turned = data.draw(st.permutations(signals))
    one, other = judge(watch(*signals)), judge(watch(*turned))
    assert (one.colour, one.deciding, one.reason) == (other.colour, other.deciding, other.reason)


@quick
@given(st.lists(either, min_size=1, max_size=3), st.sampled_from(list(SignalKind)))
def test_a_constant_benign_companion_changes_nothing(
    signals: list[SignalEvidence], kind: SignalKind
) -> None:
    calm = {SignalKind.ERRORS: 0.0, SignalKind.ERROR_RATE: 0.0}.get(kind, 0.99)
    companion = signal([calm] * 60, [calm] * 60, kind=kind, name="companion", unit="")
    assert judge(watch(companion)).colour is Colour.GREEN
    alone, together = judge(watch(*signals)), judge(watch(*signals, companion))
    assert alone.colour == together.colour
    assert alone.deciding == together.deciding


@quick
@given(measured(), st.integers(1, 30))
def test_more_looks_at_the_same_harm_never_turn_red_back(
    evidence: SignalEvidence, more: int
) -> None:
    last = evidence.post[-1]
    longer = evidence.post + tuple(
        Sample(at_s=last.at_s + 15 * (i + 1), value=last.value) for i in range(more)
    )
    before = judge(watch(evidence)).colour
    after = judge(watch(evidence.model_copy(update={"post": longer}))).colour
    assert before is not Colour.RED or after is Colour.RED


@quick
@given(counted(), st.integers(1, 30))
def test_more_of_the_same_errors_never_turn_red_back(evidence: SignalEvidence, more: int) -> None:
    again = tuple(
        s.model_copy(update={"at_s": s.at_s + 15 * 30}) for s in evidence.post[: min(more, 30)]
    )
    before = judge(watch(evidence)).colour
    after = judge(watch(evidence.model_copy(update={"post": evidence.post + again}))).colour
    assert before is not Colour.RED or after is Colour.RED


@quick
@given(either)
def test_a_red_verdict_rests_on_nothing_after_its_moment(evidence: SignalEvidence) -> None:
    whole = judge(watch(evidence)).signals[0]
    if whole.red_at_s is None:
        return
    moment = whole.red_at_s
    seen = {
        side: tuple(sample for sample in getattr(evidence, side) if sample.at_s <= moment)
        for side in ("post", "control_post")
    }
    cut = judge(watch(evidence.model_copy(update=seen))).signals[0]
    assert (cut.colour, cut.red_at_s) == (Colour.RED, moment)


@quick
@given(either, st.integers(0, 59))
def test_noise_in_the_states_never_breaks_the_judge(evidence: SignalEvidence, place: int) -> None:
    holes = tuple(
        Sample(at_s=s.at_s, value=float("nan")) if i % (place + 2) == 0 else s
        for i, s in enumerate(evidence.post)
    )
    verdict = judge(watch(evidence.model_copy(update={"post": holes})))
    assert "NaN" not in verdict.model_dump_json()
    assert verdict.reason.endswith(".")
