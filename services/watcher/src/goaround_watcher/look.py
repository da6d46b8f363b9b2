"""Takes one look: asks all sources of a watch at the same time. Decides nothing.

A look never fails. What a source could not say is part of what was seen.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from goaround_schemas.guide import LogSource, PrometheusServer, Signal
from goaround_watcher import rows
from goaround_watcher.plan import tells_of_the_past
from goaround_watcher.sources.port import (
    Answer,
    Counters,
    Cursors,
    Lines,
    LineSource,
    Memory,
    MetricSource,
    Span,
)
from goaround_watcher.state import Rows


@dataclass(frozen=True, slots=True)
class Order:
    """What to look at, and which time the look is about."""

    span: Span
    signals: tuple[Signal, ...] = ()
    logs: Mapping[str, LogSource] = field(default_factory=dict[str, LogSource])
    cursors: Mapping[str, Cursors | None] = field(default_factory=dict[str, Cursors | None])
    memory: Memory = field(default_factory=dict[str, Counters])
    server: PrometheusServer | None = None
    history: Span | None = None
    """The time that a first look is about, for sources that can tell of the past."""
    reference: Span | None = None
    """A like time, long before; asked of sources that can tell of the past."""


@dataclass(frozen=True, slots=True)
class SeenSignal:
    """What a look brought for one signal."""

    rows: Rows
    detail: str = ""
    reference: Rows = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What a look brought."""

    span: Span
    signals: Mapping[str, SeenSignal]
    logs: Mapping[str, Lines]
    memory: Memory


class Lookout(Protocol):
    """Takes looks."""

    async def look(self, order: Order) -> Look:
        """Return what is to be seen, in bounded time and whatever the providers do."""
        ...


@dataclass(frozen=True, slots=True)
class Sources:
    """Every kind of source there is."""

    prometheus: Callable[[PrometheusServer | None], MetricSource]
    scrape: MetricSource
    file: LineSource
    command: LineSource
    loki: LineSource


class SourcesLookout:
    """Asks each source for what the guide wants of it."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def look(self, order: Order) -> Look:
        """Return what is to be seen, in bounded time and whatever the providers do."""
        seen, lines = await asyncio.gather(self._signals(order), self._logs(order))
        signals, memory = seen
        return Look(order.span, signals, lines, memory)

    async def _signals(self, order: Order) -> tuple[dict[str, SeenSignal], Memory]:
        wanted = {
            (signal.name, place): source
            for signal in order.signals
            for place, source in enumerate(signal.sources)
        }
        spans = {s.name: _span(s, order) for s in order.signals}
        queried = {k: s for k, s in wanted.items() if s.prometheus is not None}
        scraped = {k: s for k, s in wanted.items() if s.scrape is not None}
        whole = {s.name for s in order.signals if tells_of_the_past(s)}
        past = {k: s for k, s in queried.items() if order.reference and k[0] in whole}
        server = self._sources.prometheus(order.server)
        pages, *answered = await asyncio.gather(
            self._sources.scrape.sample(list(scraped.values()), order.span, order.memory),
            *(server.sample([s], spans[name], {}) for (name, _), s in queried.items()),
            *(server.sample([s], order.reference or order.span, {}) for s in past.values()),
        )
        answers = [sampled.answers[0] for sampled in answered]
        found = dict(zip(queried, answers, strict=False))
        found |= dict(zip(scraped, pages.answers, strict=True))
        like = dict(zip(past, answers[len(queried) :], strict=True))
        seen: dict[str, SeenSignal] = {}
        for signal in order.signals:
            said = _of(signal, found)
            made = _rows(said, spans[signal.name])
            before = _of(signal, like)
            reference = _rows(before, order.reference) if before and order.reference else ()
            seen[signal.name] = SeenSignal(made, rows.detail_of(said, made), reference)
        return seen, pages.memory

    async def _logs(self, order: Order) -> dict[str, Lines]:
        async def one(title: str, source: LogSource) -> Lines:
            cursors = order.cursors.get(title)
            span = (order.history or order.span) if cursors is None else order.span
            return await self._line_source(source).lines(source, span, cursors)

        found = await asyncio.gather(*(one(t, s) for t, s in order.logs.items()))
        return dict(zip(order.logs, found, strict=True))

    def _line_source(self, source: LogSource) -> LineSource:
        if source.file is not None:
            return self._sources.file
        return self._sources.loki if source.loki is not None else self._sources.command


def _span(signal: Signal, order: Order) -> Span:
    return order.history if order.history and tells_of_the_past(signal) else order.span


def _of(signal: Signal, found: Mapping[tuple[str, int], Answer]) -> list[Answer]:
    keys = [(signal.name, place) for place in range(len(signal.sources))]
    return [found[key] for key in keys if key in found]


def _rows(answers: Sequence[Answer], span: Span) -> Rows:
    if len(answers) == 1:
        return rows.of_value(answers[0], span)
    return rows.of_counts(answers[0], answers[1], span)
