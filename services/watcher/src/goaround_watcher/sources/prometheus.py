"""Numbers from a Prometheus server, by range queries.

The points asked for are the looks themselves, counted back from the end of the span, so that a look
in time gets one and a look after a gap gets what was missed. One expression is one series: which of
several is meant cannot be guessed.
"""

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard, cast

from goaround_judge import SampleState
from goaround_schemas.guide import PrometheusServer, Source
from goaround_watcher.sources.http import Http, shown
from goaround_watcher.sources.port import Answer, Memory, Point, Sampled, SourceError, Span

MOST_POINTS = 1_000
"""Points of one answer: what a watch's state keeps of a signal. The server refuses over 11,000."""
LOOKBACK_S = 300.0
"""How far back a lost series is searched for, to tell stale from never there."""
_MOST_WARNING = 200
SCRAPE_SLACK_S = 15.0
"""The usual interval between two scrapes: a point may be that much older without being stale."""


class Prometheus:
    """Asks a server; the guide's where it names one, else the one that the service was told."""

    def __init__(self, http: Http, server: PrometheusServer | None) -> None:
        self._http = http
        self._server = server

    async def sample(self, sources: Sequence[Source], span: Span, memory: Memory) -> Sampled:
        """Answer for each source with its points in the span, at most `MOST_POINTS`."""
        answers = await asyncio.gather(*(self._answer(s.prometheus or "", span) for s in sources))
        return Sampled(tuple(answers), memory)

    async def _answer(self, query: str, span: Span) -> Answer:
        if self._server is None:
            why = (
                "no Prometheus server: set watch.prometheus.url in the guide, "
                "or GOAROUND_PROMETHEUS_URL for the watcher"
            )
            return Answer((), SampleState.PROVIDER_ERROR, why)
        url = f"{self._server.url.rstrip('/')}/api/v1/query_range"
        try:
            body = await self._http.get(
                url,
                timeout_s=span.timeout_s,
                headers=self._server.headers,
                params={"query": query, **_range(span)},
            )
            answer = _read(body, shown(url))
            return _judge_age(_points(answer), _warning(answer), span)
        except SourceError as error:
            return Answer((), SampleState.PROVIDER_ERROR, error.detail)


def _range(span: Span) -> Mapping[str, str]:
    """The span's own points, and some before it."""
    back = min(math.ceil(LOOKBACK_S / span.step_s), 100)
    count = min(span.points, MOST_POINTS) + back
    return {
        "start": f"{span.until - (count - 1) * span.step_s:.3f}",
        "end": f"{span.until:.3f}",
        "step": f"{span.step_s:.3f}",
    }


def _read(body: bytes, place: str) -> dict[str, Any]:
    """Return what a server of Prometheus' kind said.

    Raises:
        SourceError: It is no such server.
    """
    try:
        answer: object = json.loads(body)
    except ValueError as error:
        raise SourceError(f"{place} did not answer with JSON; is it Prometheus?") from error
    data = answer.get("data") if _is_object(answer) else None
    if not _is_object(answer) or not _is_object(data) or not isinstance(data.get("result"), list):
        raise SourceError(f"{place} did not answer as Prometheus does; is it Prometheus?")
    return answer


def _warning(answer: Mapping[str, Any]) -> str:
    """Return what the server says of its own answer: that a part of the data is missing, say."""
    said: object = answer.get("warnings")
    if not isinstance(said, list) or not said:
        return ""
    warnings = cast("list[object]", said)
    more = f" (and {len(warnings) - 1} more)" if len(warnings) > 1 else ""
    return f"the server warns: {str(warnings[0])[:_MOST_WARNING]}{more}"


def _points(answer: Mapping[str, Any]) -> list[Point]:
    """Return the points of the one series.

    Raises:
        SourceError: It is not one series of numbers.
    """
    data: dict[str, Any] = answer["data"]
    if data.get("resultType") != "matrix":
        raise SourceError(f"the query gives a {data.get('resultType')}, not a series of numbers")
    result: list[Any] = data["result"]
    if len(result) > 1:
        raise SourceError(f"the query returned {len(result)} series; aggregate with sum()")
    if not result:
        return []
    try:
        return [Point(float(at), float(value)) for at, value in result[0]["values"]]
    except (KeyError, TypeError, ValueError) as error:
        raise SourceError("the query gives values that are not numbers") from error


def _judge_age(points: list[Point], warning: str, span: Span) -> Answer:
    """Keep the points of the span; say so where the newest there is, is too old to speak of now."""
    count = min(span.points, MOST_POINTS)
    earliest = span.until - (count - 0.5) * span.step_s
    fresh = tuple(p for p in points if p.at >= earliest)
    if not points:
        why = warning or "check the expression"
        return Answer((), SampleState.NO_DATA, f"the query returned nothing; {why}")
    age = span.until - points[-1].at
    if age > 2 * span.step_s + SCRAPE_SLACK_S:
        return Answer(fresh, SampleState.STALE, f"the last value is {age:.0f} s old")
    if not fresh:
        return Answer((), SampleState.NO_DATA, f"nothing new; the last value is {age:.0f} s old")
    return Answer(fresh, SampleState.OK, warning)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
