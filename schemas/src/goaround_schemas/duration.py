"""Lengths of time as people write them: `15m`, `1h30m`, `500ms`, or a number of seconds."""

import re
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_LONGEST_S = 366 * 86400.0


def parse_duration(value: Any) -> timedelta:
    """Read a length of time.

    Raises:
        ValueError: It is no length of time, is negative, or is over a year.
    """
    if isinstance(value, str):
        return _read(value)
    if isinstance(value, timedelta):
        seconds = value.total_seconds()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        # A whole number may be too large to be a float at all.
        seconds = float(value) if abs(value) <= _LONGEST_S else float("inf")
    else:
        raise ValueError(f"{value!r} is not a length of time; write for example 90s, 15m or 1h30m")
    return _bounded(seconds, value)


@lru_cache(maxsize=1024)
def _read(text: str) -> timedelta:
    # A guide is read with each message that carries a part of it: the same few texts each time.
    if _WHOLE.fullmatch(text.strip()):
        seconds = sum(float(n) * _SECONDS[u] for n, u in _PART.findall(text))
    elif re.fullmatch(r"\d+(\.\d+)?", text.strip()):
        seconds = float(text)
    else:
        raise ValueError(f"{text!r} is not a length of time; write for example 90s, 15m or 1h30m")
    return _bounded(seconds, text)


def _bounded(seconds: float, value: object) -> timedelta:
    if not 0 <= seconds <= _LONGEST_S:
        raise ValueError(f"{value!r} is not between 0 and a year")
    return timedelta(seconds=seconds)


@lru_cache(maxsize=1024)
def show_duration(value: timedelta) -> str:
    """Write a length of time in the shortest exact form that `parse_duration` reads."""
    ms = round(value.total_seconds() * 1000)
    parts: list[str] = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, ms = divmod(ms, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(show_duration, return_type=str),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string"}, {"type": "number", "minimum": 0}],
            "description": "A length of time: 500ms, 90s, 15m, 1h30m, or a number of seconds.",
        }
    ),
]
