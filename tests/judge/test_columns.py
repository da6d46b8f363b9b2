"""Evidence in columns is the same evidence: the same verdict, byte for byte."""

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from goaround_judge import Columns, SampleState, SignalColumns, judge, moments_since
from tests.judge.watches import errors, in_columns, noise, signal, watch


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 999),
    st.sampled_from([0.2, 0.3, 0.6]),
    st.lists(st.sampled_from(list(SampleState)), min_size=12, max_size=12),
)
def test_columns_and_samples_are_judged_alike(
    seed: int, level: float, states: list[SampleState]
) -> None:
    one = signal(noise(seed, 30), noise(seed + 1, 12, level))
    held = tuple(
        sample.model_copy(update={"state": state})
        for sample, state in zip(reversed(one.post), states, strict=True)
    )
    counted = errors([0] * 30, [seed % 3] * 12)
    evidence = watch(one.model_copy(update={"post": held}), counted, looks=12)
    assert judge(in_columns(evidence)).model_dump_json() == judge(evidence).model_dump_json()


def test_a_column_without_states_is_ok_throughout() -> None:
    one = signal(noise(1, 30), noise(2, 12))
    bare = SignalColumns(
        rule=one.rule,
        baseline=Columns(
            at_s=tuple(s.at_s for s in one.baseline), value=tuple(s.value for s in one.baseline)
        ),
        post=Columns(at_s=tuple(s.at_s for s in one.post), value=(None, *[0.2] * 11)),
    )
    verdict = judge(watch(looks=12).model_copy(update={"columns": (bare,)}))
    assert verdict.signals[0].samples["ok"] == 11
    assert verdict.signals[0].samples["nan"] == 1


def test_columns_of_different_length_are_refused_with_both_lengths() -> None:
    with pytest.raises(ValidationError, match="value has 1 looks, at_s has 2"):
        Columns(at_s=(0.0, 1.0), value=(1.0,))


@given(
    switched=st.floats(1e9, 2e9),
    thousandths=st.lists(st.integers(-4_000_000, 4_000_000), max_size=40),
    beside=st.sampled_from([0.0, 0.0004999, 0.0005, 0.00050001, 0.0003]),
)
def test_times_are_rounded_as_python_rounds_them(
    switched: float, thousandths: list[int], beside: float
) -> None:
    at = array("d", [switched + n / 1000 + beside for n in thousandths])
    times = moments_since(switched, at)
    due = [round(one - switched, 3) for one in at]
    assert times.at_s.tolist() == due
    assert times.in_order == (due == sorted(due))
