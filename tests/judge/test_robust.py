"""The order statistics on plain arrays, against what they promise spelled out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_judge.calibration import Band, band, forget
from goaround_judge.robust import in_order, median, reached, rolling_low_medians, student_upper
from goaround_judge.samples import Floats

numbers = st.lists(st.sampled_from([-2.0, -1.0, 0.5, 1.0, 3.0, 7.0, 1e9]), max_size=40)


@given(numbers)
def test_every_window_shows_its_lower_median(values: list[float]) -> None:
    for width, found in rolling_low_medians(np.array(values, dtype=np.float64)).items():
        windows = [values[i : i + width] for i in range(len(values) - width + 1)]
        assert found.tolist() == [sorted(window)[(width - 1) // 2] for window in windows]


@given(numbers)
def test_a_majority_of_three_looks_is_reached_from_the_second_look_on(values: list[float]) -> None:
    found = reached(np.array(values, dtype=np.float64)).tolist()
    assert found[:1] == [-np.inf] * len(values[:1])
    assert len(values) < 2 or found[1] == min(values[:2])
    assert found[2:] == [sorted(values[i : i + 3])[1] for i in range(len(values) - 2)]


@given(numbers.filter(bool))
def test_the_median_is_that_of_everyone_else(values: list[float]) -> None:
    assert median(in_order(np.array(values))) == pytest.approx(float(np.median(values)))


@pytest.mark.parametrize(
    ("tail", "freedom", "expected"),
    [(0.025, 10.0, 2.228), (0.005, 5.0, 4.032), (0.001, 30.0, 3.385), (0.05, 2.0, 2.920)],
)
def test_student_is_as_tabled(tail: float, freedom: float, expected: float) -> None:
    assert student_upper(tail, freedom) == pytest.approx(expected, abs=0.01)


def test_a_baseline_remembered_by_its_content_gives_the_same_limits() -> None:
    values = np.random.default_rng(5).normal(size=60)

    def limits(series: Floats, looks: int = 64) -> Band:
        return band(series, looks=looks, sides=1, signals=1, material=0.1, floor=0.02)

    forget()
    first = limits(values)
    assert limits(values.copy()) == first
    assert limits(values, looks=128) != first
    values[7] += 1e-9
    assert limits(values) != first
