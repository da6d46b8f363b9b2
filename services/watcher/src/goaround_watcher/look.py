"""Takes one look: asks all sources of a watch at the same time. Decides nothing.

A look never fails. What a source could not say is part of what was seen.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum, unique
from typing import NamedTuple, Protocol

from goaround_schemas.guide import LogSource, PrometheusServer, Signal, Source
from goaround_watcher import rows
from goaround_watcher.looks import Rows
from goaround_watcher.sources.port import (
    Answer,
    Counters,
    Cursors,
    Lines,
    LineSource,
    Memory,
    MetricSource,
    PastTeller,
    Span,
)


@dataclass(frozen=True, slots=True)
class Order:
    """What to look at, and which time the look is about."""

    span: Span
    signals: tuple[Signal, ...] = ()
    logs: Mapping[str, LogSource] = field(default_factory=dict[str, LogSource])
    cursors: Mapping[str, Cursors | None] = field(default_factory=dict[str, Cursors | None])
    memory: Memory = field(default_factory=dict[str, Counters])
    server: PrometheusServer | None = None
    outages: Mapping[str, float] = field(default_factory=dict[str, float])
    """Signals of which nothing could be asked since then, they or their controls."""
    history: Span | None = None
    """The time that a first look is about, for sources that can tell of the past."""
    reference: Span | None = None
    """A like time, long before; asked of sources that can tell of the past."""


@dataclass(frozen=True, slots=True)
class SeenSignal:
    """What a look brought for one signal, and for its control at the same time."""

    rows: Rows
    detail: str = ""
    reference: Rows = ()
    control: Rows = ()


@dataclass(frozen=True, slots=True)
class Look:
    """What a look brought."""

    span: Span
    signals: Mapping[str, SeenSignal]
    logs: Mapping[str, Lines]
    memory: Memory
    is_live: bool = True
    """Whether some of it can be known by looking over time alone; else one look tells all."""


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
    plugin: PastTeller
    log_plugin: LineSource


@unique
class _Part(StrEnum):
    """Whose number is asked for."""

    OWN = "own"
    CONTROL = "control"
    LIKE = "like"
    """The signal's own, of a like time."""


class _Key(NamedTuple):
    signal: str
    part: _Part
    place: int


class _Asked(NamedTuple):
    source: Source
    span: Span


class SourcesLookout:
    """Asks each source for what the guide wants of it."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def look(self, order: Order) -> Look:
        """Return what is to be seen, in bounded time and whatever the providers do."""
        asked = dict(self._questions(order))
        lines: dict[str, Lines] = {}
        if order.logs:
            (found, memory), lines = await asyncio.gather(
                self._answers(asked, order), self._logs(order)
            )
        else:
            found, memory = await self._answers(asked, order)
        parts = _parts(asked, found)
        signals = {s.name: _seen(s.name, parts) for s in order.signals}
        is_live = bool(order.logs) or not all(self._tells(a.source) for a in asked.values())
        return Look(order.span, signals, lines, memory, is_live)

    def _questions(self, order: Order) -> Iterator[tuple[_Key, _Asked]]:
        """Yield each number that is wanted, with the time that it is wanted of."""
        for signal in order.signals:
            for part, sources in (
                (_Part.OWN, signal.sources),
                (_Part.CONTROL, signal.control_sources),
            ):
                span = _past(signal, order) if all(map(self._tells, sources)) else order.span
                for place, source in enumerate(sources):
                    yield _Key(signal.name, part, place), _Asked(source, span)
            if order.reference is not None and all(map(self._tells, signal.sources)):
                for place, source in enumerate(signal.sources):
                    yield _Key(signal.name, _Part.LIKE, place), _Asked(source, order.reference)

    def _tells(self, source: Source) -> bool:
        """Whether the source can say what was, a while ago."""
        if source.plugin is not None:
            return self._sources.plugin.tells_of_the_past(source)
        return source.prometheus is not None

    async def _answers(
        self, asked: Mapping[_Key, _Asked], order: Order
    ) -> tuple[dict[_Key, Answer], Memory]:
        server = self._sources.prometheus(order.server)
        ports: dict[str, MetricSource] = {
            "prometheus": server,
            "scrape": self._sources.scrape,
            "plugin": self._sources.plugin,
        }
        groups: dict[tuple[str, Span], list[_Key]] = {}
        for key, (source, span) in asked.items():
            groups.setdefault((_kind(source), span), []).append(key)
        # What was remembered is of the last look; of a like time, long before, it says nothing.
        samples = [
            ports[kind].sample(
                [asked[key].source for key in keys],
                span,
                {} if span == order.reference else order.memory,
            )
            for (kind, span), keys in groups.items()
        ]
        # Most looks are one question, which needs no task of its own.
        sampled = [await samples[0]] if len(samples) == 1 else await asyncio.gather(*samples)
        found: dict[_Key, Answer] = {}
        kept = dict(order.memory)
        for ((_, span), keys), said in zip(groups.items(), sampled, strict=True):
            found |= zip(keys, said.answers, strict=True)
            if span != order.reference:
                kept |= {k: v for k, v in said.memory.items() if order.memory.get(k) is not v}
        return found, kept

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
        if source.plugin is not None:
            return self._sources.log_plugin
        return self._sources.loki if source.loki is not None else self._sources.command


def _past(signal: Signal, order: Order) -> Span:
    """Return what to ask of a source that can say what was: also of what an outage has hidden."""
    if order.history is not None:
        return order.history
    since = order.outages.get(signal.name, order.span.since)
    return order.span if since >= order.span.since else replace(order.span, since=since)


Parts = Mapping[tuple[str, _Part], tuple[Sequence[Answer], Rows]]
"""What was answered of each part of each signal, and the looks that it makes."""


def _parts(asked: Mapping[_Key, _Asked], found: Mapping[_Key, Answer]) -> Parts:
    said: dict[tuple[str, _Part], tuple[list[Answer], Span]] = {}
    for key, (_, span) in asked.items():
        said.setdefault((key.signal, key.part), ([], span))[0].append(found[key])
    return {part: (answers, _rows(answers, span)) for part, (answers, span) in said.items()}


def _seen(name: str, parts: Parts) -> SeenSignal:
    """Put together what was answered about one signal."""
    said, own = parts[name, _Part.OWN]
    beside, control = parts.get((name, _Part.CONTROL), ((), ()))
    _, like = parts.get((name, _Part.LIKE), ((), ()))
    lacks = rows.detail_of(beside, control)
    details = (rows.detail_of(said, own), f"its control: {lacks}" if lacks else "")
    return SeenSignal(own, "; ".join(filter(None, details)), like, control)


def _kind(source: Source) -> str:
    if source.plugin is not None:
        return "plugin"
    return "scrape" if source.scrape is not None else "prometheus"


def _rows(answers: Sequence[Answer], span: Span) -> Rows:
    if len(answers) == 1:
        return rows.of_value(answers[0], span)
    return rows.of_counts(answers[0], answers[1], span)
