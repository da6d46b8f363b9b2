"""Whether what a plug-in answered makes sense. Pure.

A plug-in is somebody else's code: its answer is taken apart and put together anew, so that nothing
of it reaches the watch's document that the document cannot hold.
"""

import math
from collections.abc import Callable, Mapping
from typing import cast

from goaround_judge import SampleState
from goaround_watcher.sources.logline import newest, records
from goaround_watcher.sources.port import Answer, Lines, Point, SourceError, Span

MOST_POINTS = 1_000
"""Points of one answer: what a watch's state keeps of a signal."""
MOST_REMEMBERED = 1_000
MOST_DETAIL = 300

Hide = Callable[[str], str]
"""Takes secrets out of a text."""


class Nonsense(SourceError):
    """A plug-in answered with what is no answer."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"{name} answered with {what}")


def numbers(answer: object, span: Span, name: str, hide: Hide) -> Answer:
    """Return the answer's numbers in order of time, the newest where there are too many.

    Raises:
        Nonsense: It is no answer.
    """
    if not isinstance(answer, Answer):
        raise Nonsense(name, f"{_kind(answer)} instead of an Answer")
    state, detail = _state(answer.state, name), _detail(answer.detail, name, hide)
    given = [_point(point, name) for point in _all(answer.points, name)]
    kept = sorted((p for p in given if _is_in(p, span)), key=lambda p: p.at)
    if given and not kept:
        asked = f"{span.since:.10g} to {span.until:.10g}, in seconds since 1970"
        raise Nonsense(name, f"numbers of another time: {given[0].at:.10g}, asked for {asked}")
    if not kept and state is SampleState.OK:
        state, detail = SampleState.NO_DATA, detail or f"{name}: no number for this time"
    return Answer(tuple(kept[-MOST_POINTS:]), state, detail, _remembered(answer.remember, name))


def lines(answer: object, name: str, hide: Hide) -> Lines:
    """Return the answer's lines, joined to records; the newest where there are too many.

    Raises:
        Nonsense: It is no answer.
    """
    if not isinstance(answer, Lines):
        raise Nonsense(name, f"{_kind(answer)} instead of Lines")
    state, detail = _state(answer.state, name), _detail(answer.detail, name, hide)
    given = _all(answer.lines, name)
    text = [line for line in given if isinstance(line, str)]
    if len(text) < len(given):
        raise Nonsense(name, "lines that are not text")
    if state is not SampleState.OK:
        return Lines((), state, detail)
    kept, skipped = newest([line for whole in text for line in whole.splitlines()])
    said = f"{name}: the older {skipped} lines of this look are left out" if skipped else ""
    return Lines(records(kept), state, detail or said)


def _all(given: object, name: str) -> list[object]:
    if not isinstance(given, tuple | list):
        raise Nonsense(name, f"{_kind(given)} where a tuple is due")
    return list(cast("list[object]", given))


def _point(given: object, name: str) -> Point:
    if not isinstance(given, Point):
        raise Nonsense(name, f"{_kind(given)} where a Point is due")
    at, value = _number(given.at), _number(given.value)
    if at is None or value is None or not math.isfinite(at):
        raise Nonsense(name, f"a point that is none: {given!r:.80}")
    return Point(at, value)


def _number(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        return None
    try:
        return float(given)
    except OverflowError:
        return math.inf


def _is_in(point: Point, span: Span) -> bool:
    """Whether the point is one of the span's, as near as the clocks of two machines agree."""
    slack = span.step_s / 2
    return span.since - slack <= point.at <= span.until + slack


def _state(given: object, name: str) -> SampleState:
    try:
        return SampleState(str(given))
    except ValueError:
        raise Nonsense(name, f"an unknown state {given!r:.40}") from None


def _detail(given: object, name: str, hide: Hide) -> str:
    if not isinstance(given, str):
        raise Nonsense(name, f"{_kind(given)} for its detail")
    return f"{name}: {hide(given)}"[:MOST_DETAIL] if given else ""


def _remembered(given: object, name: str) -> dict[str, float]:
    if not isinstance(given, Mapping):
        raise Nonsense(name, f"{_kind(given)} to remember, not numbers by name")
    kept: dict[str, float] = {}
    for key, value in cast("Mapping[object, object]", given).items():
        number = _number(value)
        if not isinstance(key, str) or number is None or not math.isfinite(number):
            raise Nonsense(name, f"something to remember that is no number: {value!r:.40}")
        kept[key] = number
    if len(kept) > MOST_REMEMBERED:
        raise Nonsense(name, f"{len(kept)} numbers to remember, more than {MOST_REMEMBERED}")
    return kept


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"
