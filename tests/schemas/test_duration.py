"""Lengths of time and shares, as people write them."""

import math
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_schemas.duration import parse_duration, show_duration
from goaround_schemas.guide import parse_share


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("500ms", 0.5),
        ("90s", 90),
        ("15m", 900),
        ("1h30m", 5400),
        ("1.5h", 5400),
        ("2d", 172_800),
        ("1w", 604_800),
        (" 5s ", 5),
        ("30", 30),
        (30, 30),
        (0.25, 0.25),
        (0, 0),
        (timedelta(minutes=1), 60),
    ],
)
def test_a_length_of_time_is_read(said: Any, seconds: float) -> None:
    assert parse_duration(said) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "said",
    [
        True,
        None,
        "",
        "soon",
        "5 s",
        "-5s",
        -1,
        "1y",
        "400d",
        float("nan"),
        float("inf"),
        [5],
        "5m5",
    ],
)
def test_what_is_no_length_of_time_is_refused_with_its_value(said: Any) -> None:
    with pytest.raises(ValueError, match="is not") as caught:
        parse_duration(said)
    assert repr(said) in str(caught.value)


@given(st.integers(0, 366 * 86_400_000))
def test_a_length_of_time_survives_being_written(ms: int) -> None:
    length = timedelta(milliseconds=ms)
    assert parse_duration(show_duration(length)) == length


@given(st.text(max_size=12))
def test_any_text_is_a_length_of_time_or_refused(said: str) -> None:
    with suppress(ValueError):
        assert timedelta(0) <= parse_duration(said) <= timedelta(days=366)


@pytest.mark.parametrize(
    ("said", "share"), [("10%", 0.1), (" 2.5 % ", 0.025), (0.1, 0.1), (0, 0.0), (2, 2.0)]
)
def test_a_share_is_read(said: Any, share: float) -> None:
    assert parse_share(said) == share


@pytest.mark.parametrize("said", ["10", "ten", "-1%", -0.1, True, None, math.nan, math.inf])
def test_what_is_no_share_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match="is not a share"):
        parse_share(said)
