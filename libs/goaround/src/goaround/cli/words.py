"""Times, lengths and amounts as people read them; foreign text made fit for a terminal. Pure."""

import re
from datetime import UTC, datetime, timedelta

from goaround_schemas.duration import show_duration

# Escape sequences, and what else would move the cursor: a check's answer must not draw.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return text without what a terminal would obey; tabs and line ends stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text))


def one_line(text: str) -> str:
    """Return text as one clean line."""
    return clean(" ".join(text.split()))


def length(seconds: float) -> str:
    """`1m12s`; with milliseconds below ten seconds."""
    exact = seconds if seconds < 10 else round(seconds)
    return show_duration(timedelta(seconds=max(0.0, exact)))


def moment(at: datetime) -> str:
    """`2026-03-04 12:00:07`, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def clock(at: datetime) -> str:
    """`12:00:07`, in UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def ago(at: datetime, now: datetime) -> str:
    """`4m ago`, `in 3h`: one unit is enough in a list."""
    seconds = (now - at).total_seconds()
    count, unit = next(
        (int(abs(seconds) // size), unit)
        for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
        if abs(seconds) >= size or unit == "s"
    )
    return f"{count}{unit} ago" if seconds >= 0 else f"in {count}{unit}"


def amount(value: float | None, unit: str = "") -> str:
    """`0.214 s`; `-` where there is none."""
    if value is None:
        return "-"
    number = f"{value:.4g}"
    return f"{number} {unit}" if unit else number


def change(share: float | None) -> str:
    """`+1.9 %` of a share of 0.019; `-` where there is none."""
    return "-" if share is None else f"{share * 100:+.3g} %"


def spoken(name: str) -> str:
    """`rolling back` of `rolling_back`."""
    return name.replace("_", " ")


def count(number: int, noun: str) -> str:
    """`1 run`, `2 runs`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"
