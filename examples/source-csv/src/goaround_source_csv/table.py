"""Reads a table of numbers with their times, and sums up what falls into each look. Pure."""

import csv
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from goaround_watcher.plugin import Point, Span

EACH: Mapping[str, Callable[[Sequence[float]], float]] = {
    "last": lambda numbers: numbers[-1],
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "sum": math.fsum,
    "count": lambda numbers: float(len(numbers)),
}
"""What is made of the rows of one look."""
_MILLISECONDS_FROM = 1e11
"""As seconds that is the year 5138; as milliseconds, 1973."""


class Unreadable(ValueError):
    """The table, or what is asked of it, makes no sense; the message says where."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a guide says of the table, in the order in which a person would."""

    file: str
    value: str
    time: str = "time"
    each: str = "last"
    where: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "Wanted":
        """Read the options.

        Raises:
            Unreadable: One is missing, unknown, or no text.
        """
        known = ("file", "value", "time", "each", "where")
        if strange := sorted(set(options) - set(known)):
            raise Unreadable(f"unknown option {strange[0]!r}; there are {', '.join(known)}")
        if lacking := [name for name in ("file", "value") if not options.get(name)]:
            raise Unreadable(f"the option {lacking[0]!r} is missing")
        texts = {k: v for k, v in options.items() if k != "where"}
        where = options.get("where", {})
        if not isinstance(where, dict) or not all(isinstance(v, str) for v in texts.values()):
            raise Unreadable("options are texts; where is one text for each column")
        if texts.get("each", "last") not in EACH:
            raise Unreadable(f"each is one of {', '.join(EACH)}, not {texts['each']!r}")
        return cls(**texts, where={str(k): str(v) for k, v in options.get("where", {}).items()})


def points(lines: Iterable[str], wanted: Wanted, span: Span) -> tuple[Point, ...]:
    """Return one point for each look of the span in which there are rows.

    Raises:
        Unreadable: A column is not there, or a row holds no time or no number.
    """
    looks: dict[int, list[float]] = {}
    for at, value in _rows(lines, wanted):
        back = math.floor((span.until - at) / span.step_s + 1e-6)
        if 0 <= back < span.points:
            looks.setdefault(back, []).append(value)
    return tuple(
        Point(span.until - back * span.step_s, _made(looks[back], wanted.each))
        for back in sorted(looks, reverse=True)
    )


def _made(numbers: Sequence[float], each: str) -> float:
    # Neither a median nor a maximum of what is no number means anything.
    return math.nan if any(map(math.isnan, numbers)) else EACH[each](numbers)


def _rows(lines: Iterable[str], wanted: Wanted) -> Iterator[tuple[float, float]]:
    # A reader of lists, as a load test writes a row for each request: dicts cost thrice as much.
    table = csv.reader(lines)
    try:
        columns: list[str] = next(table, list[str]())
        time, value, *chosen = (
            _place(column, columns) for column in (wanted.time, wanted.value, *wanted.where)
        )
        texts = list(zip(chosen, wanted.where.values(), strict=True))
        for row in table:
            if len(row) != len(columns) or any(row[place] != text for place, text in texts):
                continue
            if row[value]:
                line = f"line {table.line_num}"
                yield _time(row[time], line), _number(row[value], wanted.each, line)
    except csv.Error as error:
        raise Unreadable(f"this is no CSV: {error}") from error


def _place(column: str, columns: Sequence[str]) -> int:
    if column not in columns:
        raise Unreadable(f"no column {column!r}; there are {', '.join(columns) or 'none'}")
    return columns.index(column)


def _number(text: str, each: str, place: str) -> float:
    if each == "count":
        return 1.0
    try:
        return float(text)
    except ValueError:
        raise Unreadable(f"{place}: {text!r:.40} is no number") from None


def _time(text: str, place: str) -> float:
    """Read RFC 3339, or seconds or milliseconds since 1970."""
    try:
        number = float(text)
    except ValueError:
        return _moment(text, place)
    return number / 1000 if number >= _MILLISECONDS_FROM else number


def _moment(text: str, place: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Unreadable(f"{place}: {text!r:.40} is no time") from None
    if moment.tzinfo is None:
        raise Unreadable(f"{place}: {text!r:.40} does not say in which zone it is")
    return moment.timestamp()
