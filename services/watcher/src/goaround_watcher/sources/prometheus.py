"""Numbers from a Prometheus server, by range queries.

The points asked for are the looks themselves, counted back from the end of the span, so that a look
in time gets one and a look after a gap gets what was missed. Only where there is none is the time
before asked for as well, to tell what has ended from what never was. One expression is one series:
which of several is meant cannot be guessed.

All expressions of a look are one question, since most of a question's price, here and at the
server, is that it is one. Where that is refused, or takes too long, each is asked by itself and
gets its own reason; what will not be joined is remembered for a while.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from goaround_judge import SampleState
from goaround_schemas.guide import NumberSource, PrometheusServer
from goaround_watcher.sources import joined
from goaround_watcher.sources.http import Http, Unreachable, shown
from goaround_watcher.sources.joined import Lapsing
from goaround_watcher.sources.matrix import MOST_POINTS, Matrix, answer_of, parted, read
from goaround_watcher.sources.port import Answer, Memory, Sampled, SourceError, Span
from goaround_watcher.sources.wire import encoded

LOOKBACK_S = 300.0
"""How far back a lost series is searched for, to tell stale from never there."""
MOST_IN_ADDRESS = 2_000
"""Characters of an expression that is longer are sent as a form: long addresses are refused."""
PATIENCE_JOINED = 0.5
"""The share of a look's patience that a joined question may take; the rest is for each alone."""
_REMEMBERED = 20_000
_REMEMBERED_S = 600.0
"""A server may be mended, and a series may come back."""

_GROUPED = 10_000
"""Lists of expressions of which is known what goes together, some 0.4 kB each: a watch asks its own
again and again, and to look through all brackets and quotes takes as long as to ask."""

Found = Mapping[str, Matrix | SourceError]
"""What each expression has, or why that is not known."""


@dataclass(frozen=True, slots=True)
class Experience:
    """What earlier looks have taught of expressions, each by its server and itself."""

    apart: Lapsing = field(default_factory=lambda: Lapsing(_REMEMBERED, _REMEMBERED_S))
    """A question with one of these in it was refused."""
    sparse: Lapsing = field(default_factory=lambda: Lapsing(_REMEMBERED, _REMEMBERED_S))
    """These had no number of late: for them the time before is asked for at once."""


class _Look(NamedTuple):
    """What a question is about: the span, how far back beyond it, and until when to wait."""

    span: Span
    ends_at: float
    before: bool

    def range(self) -> str:
        """The span's own points, and some before it, as parameters."""
        until, step = self.span.until, self.span.step_s
        back = min(math.ceil(LOOKBACK_S / step), 100) if self.before else 0
        count = min(self.span.points, MOST_POINTS) + back
        return f"start={until - (count - 1) * step:.3f}&end={until:.3f}&step={step:.3f}"


class Prometheus:
    """Asks a server; the guide's where it names one, else the one that the service was told."""

    def __init__(
        self, http: Http, server: PrometheusServer | None, experience: Experience | None = None
    ) -> None:
        self._http = http
        self._server = server
        self._experience = experience or Experience()

    async def sample(self, sources: Sequence[NumberSource], span: Span, memory: Memory) -> Sampled:
        """Answer for each source with its points in the span, at most `MOST_POINTS`."""
        asked = tuple([source.prometheus or "" for source in sources])
        if self._server is None:
            why = (
                "no Prometheus server: set watch.prometheus.url in the guide, "
                "or GOAROUND_PROMETHEUS_URL for the watcher"
            )
            return Sampled((_unknown(why),) * len(asked), memory)
        answers = await self._answers(tuple(dict.fromkeys(asked)), span, self._server)
        return Sampled(tuple(answers[query] for query in asked), memory)

    async def _answers(
        self, queries: tuple[str, ...], span: Span, server: PrometheusServer
    ) -> dict[str, Answer]:
        now, sparse = asyncio.get_running_loop().time(), self._experience.sparse
        before = bool(sparse) and any(sparse.has((server.url, query), now) for query in queries)
        look = _Look(span, now + span.timeout_s, before)
        found = dict(await self._found(queries, look, server))
        silent = tuple(q for q, it in found.items() if isinstance(it, Matrix) and not it.series)
        for query in silent:
            sparse.add((server.url, query), now)
        if silent and not before:
            found |= await self._found(silent, _Look(span, look.ends_at, before=True), server)
        return {query: _answer(it, span) for query, it in found.items()}

    async def _found(
        self, queries: tuple[str, ...], look: _Look, server: PrometheusServer
    ) -> Found:
        """Ask for all: together what goes together, and the others each by itself."""
        now, apart = asyncio.get_running_loop().time(), self._experience.apart
        alone = [q for q in queries if apart.has((server.url, q), now)] if apart else []
        rest = tuple(query for query in queries if query not in alone) if alone else queries
        groups = [*_groups(rest), *((query,) for query in alone)]
        if len(groups) == 1:
            return await self._group(groups[0], look, server)
        told = await asyncio.gather(*(self._group(group, look, server) for group in groups))
        return {query: it for group in told for query, it in group.items()}

    async def _group(
        self, queries: tuple[str, ...], look: _Look, server: PrometheusServer
    ) -> Found:
        if len(queries) == 1:
            return {queries[0]: await self._alone(queries[0], look, server)}
        try:
            whole = await self._ask(joined.join(queries), look, server, share=PATIENCE_JOINED)
            return dict(zip(queries, parted(whole, len(queries)), strict=True))
        except Unreachable as error:
            return dict.fromkeys(queries, error)
        except SourceError:
            told = await asyncio.gather(*(self._alone(query, look, server) for query in queries))
            found = dict(zip(queries, told, strict=True))
            self._learn(found, server)
            return found

    def _learn(self, found: Found, server: PrometheusServer) -> None:
        """Remember what must not be joined: what failed alone too, else all that failed together.

        Where nothing could be had at all it is the server that fails.
        """
        failed = [query for query, it in found.items() if isinstance(it, SourceError)]
        if len(failed) == len(found):
            return
        now = asyncio.get_running_loop().time()
        for query in failed or found:
            self._experience.apart.add((server.url, query), now)

    async def _alone(
        self, query: str, look: _Look, server: PrometheusServer
    ) -> Matrix | SourceError:
        try:
            return await self._ask(query, look, server)
        except SourceError as error:
            return error

    async def _ask(
        self, query: str, look: _Look, server: PrometheusServer, share: float = 1.0
    ) -> Matrix:
        url = f"{server.url.rstrip('/')}/api/v1/query_range"
        left = look.ends_at - asyncio.get_running_loop().time()
        body = await self._http.get(
            url,
            timeout_s=max(left, 0.0) * share,
            headers=server.headers,
            query=f"{encoded({'query': query})}&{look.range()}",
            form=len(query) > MOST_IN_ADDRESS,
        )
        return read(body, shown(url))


@lru_cache(maxsize=_GROUPED)
def _groups(queries: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Return what is asked together; what could mean something else then is asked alone."""
    fit = tuple(query for query in queries if joined.is_closed(query))
    if 0 < len(fit) == len(queries) <= joined.MOST:
        return (queries,)
    together = [fit[start : start + joined.MOST] for start in range(0, len(fit), joined.MOST)]
    return (*together, *((query,) for query in queries if query not in fit))


def _answer(found: Matrix | SourceError, span: Span) -> Answer:
    if isinstance(found, SourceError):
        return _unknown(found.detail)
    try:
        return answer_of(found, span)
    except SourceError as error:
        return _unknown(error.detail)


def _unknown(why: str) -> Answer:
    return Answer((), SampleState.PROVIDER_ERROR, why)
