"""Reads what a server of Prometheus' kind answers to a range query. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard, cast

import pydantic_core

from goaround_judge import SampleState
from goaround_watcher.sources.joined import LABEL
from goaround_watcher.sources.port import Answer, Point, SourceError, Span

MOST_POINTS = 1_000
"""Points of one answer: what a watch's state keeps of a signal. The server refuses over 11,000."""
SCRAPE_SLACK_S = 15.0
"""The usual interval between two scrapes: a point may be that much older without being stale."""
_MOST_WARNING = 200
_OK = SampleState.OK


class Matrix(NamedTuple):
    """The series of one expression, and what the server warns of."""

    series: Sequence[Any]
    warning: str = ""


def read(body: bytes, place: str) -> Matrix:
    """Return what was answered.

    Raises:
        SourceError: It is no such server, or they are no series.
    """
    try:
        answer: object = pydantic_core.from_json(body)
    except ValueError as error:
        raise SourceError(f"{place} did not answer with JSON; is it Prometheus?") from error
    data = answer.get("data") if _is_object(answer) else None
    if not _is_object(answer) or not _is_object(data) or not isinstance(data.get("result"), list):
        raise SourceError(f"{place} did not answer as Prometheus does; is it Prometheus?")
    if data.get("resultType") != "matrix":
        raise SourceError(f"the query gives a {data.get('resultType')}, not a series of numbers")
    return Matrix(cast("list[Any]", data["result"]), _warning(answer))


def parted(whole: Matrix, parts: int) -> list[Matrix]:
    """Return each part of a joined question with its own series; a warning is of all.

    Raises:
        SourceError: A series is of no part.
    """
    found: list[list[Any]] = [[] for _ in range(parts)]
    try:
        for series in whole.series:
            found[int(series["metric"][LABEL])].append(series)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise SourceError("the server does not say which series is whose") from error
    return [Matrix(series, whole.warning) for series in found]


def answer_of(matrix: Matrix, span: Span) -> Answer:
    """Return the numbers of the span; why there are none, else, as far as is known.

    Raises:
        SourceError: It is not one series of numbers.
    """
    points = _points(matrix.series)
    if not points:
        why = matrix.warning or "check the expression"
        return Answer((), SampleState.NO_DATA, f"the query returned nothing; {why}")
    count = min(span.points, MOST_POINTS)
    earliest = span.until - (count - 0.5) * span.step_s
    fresh = tuple([point for point in points if point.at >= earliest])
    age = span.until - points[-1].at
    if age > 2 * span.step_s + SCRAPE_SLACK_S:
        return Answer(fresh, SampleState.STALE, f"the last value is {age:.0f} s old")
    if not fresh:
        return Answer((), SampleState.NO_DATA, f"nothing new; the last value is {age:.0f} s old")
    return Answer(fresh, _OK, matrix.warning)


def _points(series: Sequence[Any]) -> list[Point]:
    """Return the points of the one series.

    Raises:
        SourceError: It is not one series of numbers.
    """
    if len(series) > 1:
        raise SourceError(f"the query returned {len(series)} series; aggregate with sum()")
    if not series:
        return []
    try:
        return [Point(float(at), float(value)) for at, value in series[0]["values"]]
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError("the query gives values that are not numbers") from error


def _warning(answer: Mapping[str, Any]) -> str:
    """Return what the server says of its own answer: that a part of the data is missing, say."""
    said: object = answer.get("warnings")
    if not isinstance(said, list) or not said:
        return ""
    warnings = cast("list[object]", said)
    more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
    return f"the server warns: {str(warnings[0])[:_MOST_WARNING]}{more}"


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
