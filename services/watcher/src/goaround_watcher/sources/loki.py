"""Log lines from Grafana Loki, by range queries."""

import json
from operator import itemgetter
from typing import Any, TypeGuard

from goaround_judge import SampleState
from goaround_schemas.guide import LogSource
from goaround_watcher.sources.http import Http, shown
from goaround_watcher.sources.logline import newest, records
from goaround_watcher.sources.port import Cursors, Lines, SourceError, Span
from goaround_watcher.sources.wire import encoded

MOST_LINES = 5_000
"""What Loki gives in one answer unless its operator allows more (`max_entries_limit_per_query`)."""


class Loki:
    """Asks a Loki server for the lines of a span."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def lines(self, source: LogSource, span: Span, cursors: Cursors | None) -> Lines:
        """Return the span's lines; the newest where there are more than one answer holds."""
        assert source.loki is not None
        url = f"{source.loki.url.rstrip('/')}/loki/api/v1/query_range"
        try:
            body = await self._http.get(
                url,
                timeout_s=span.timeout_s,
                headers=source.loki.headers,
                query=encoded(
                    {
                        "query": source.loki.query,
                        "start": _ns(span.since),
                        "end": _ns(span.until),
                        "limit": str(MOST_LINES),
                        "direction": "backward",
                    }
                ),
            )
            found = _entries(body, shown(url))
        except SourceError as error:
            return Lines((), SampleState.PROVIDER_ERROR, error.detail)
        kept, _ = newest(found)
        full = len(found) >= MOST_LINES
        detail = f"more than {MOST_LINES} lines; the older ones of this look are left out"
        return Lines(records(kept), SampleState.OK, detail if full else "")


def _entries(body: bytes, place: str) -> list[str]:
    """Return the lines of all streams in order of time.

    Raises:
        SourceError: It is no answer of Loki's, or no lines were asked for.
    """
    try:
        answer: object = json.loads(body)
    except ValueError as error:
        raise SourceError(f"{place} did not answer with JSON; is it Loki?") from error
    data = answer.get("data") if _is_object(answer) else None
    if not _is_object(data) or not isinstance(data.get("result"), list):
        raise SourceError(f"{place} did not answer as Loki does; is it Loki?")
    if data.get("resultType") != "streams":
        raise SourceError(f"the query gives a {data.get('resultType')}; a log query is needed")
    result: list[Any] = data["result"]
    try:
        # The newest came first; lines of one moment, as those of a trace, keep their order.
        entries = sorted(
            (
                (int(entry[0]), str(entry[1]))
                for stream in result
                for entry in reversed(stream["values"])
            ),
            key=itemgetter(0),
        )
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise SourceError(f"{place} answered with lines that cannot be read") from error
    return [line for _, line in entries]


def _ns(at: float) -> str:
    return str(int(at * 1_000) * 1_000_000)


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)
