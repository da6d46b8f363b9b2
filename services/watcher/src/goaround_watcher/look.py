"""Takes one look: asks all sources of a watch at the same time. Decides nothing.

A look never fails. What a source could not say is part of what was seen.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from goaround_judge import SampleState
from goaround_schemas.guide import LogSource, NumberSource, PrometheusServer, Signal
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


class SeenSignal(NamedTuple):
    """What a look brought for one signal, and for its control at the same time."""

    rows: Rows
    detail: str = ""
    reference: Rows = ()
    control: Rows = ()


class Look(NamedTuple):
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


class _Asked:
    """A number that is asked for, of some time, and then its answer."""

    __slots__ = ("answer", "source", "span")

    def __init__(self, source: NumberSource, span: Span) -> None:
        self.source = source
        self.span = span
        self.answer = _UNANSWERED


_UNANSWERED = Answer(state=SampleState.PROVIDER_ERROR, detail="it was not asked")


class _Wanted(NamedTuple):
    """What is asked for one signal: its own numbers, its control's, and its own of a like time."""

    signal: str
    own: Sequence[_Asked]
    control: Sequence[_Asked]
    like: Sequence[_Asked]


class SourcesLookout:
    """Asks each source for what the guide wants of it."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    async def look(self, order: Order) -> Look:
        """Return what is to be seen, in bounded time and whatever the providers do."""
        wanted = [self._wanted(signal, order) for signal in order.signals]
        asked = [one for signal in wanted for part in signal[1:] for one in part]
        lines: dict[str, Lines] = {}
        if order.logs:
            memory, lines = await asyncio.gather(self._ask(asked, order), self._logs(order))
        else:
            memory = await self._ask(asked, order)
        signals = {signal.signal: _seen(signal) for signal in wanted}
        is_live = bool(order.logs) or not all(self._tells(one.source) for one in asked)
        return Look(order.span, signals, lines, memory, is_live)

    def _wanted(self, signal: Signal, order: Order) -> _Wanted:
        """Return each number that is wanted, with the time that it is wanted of."""
        sources, beside = signal.sources, signal.control_sources
        past = _past(signal, order)
        span = past if all(map(self._tells, sources)) else order.span
        own = [_Asked(source, span) for source in sources]
        control: list[_Asked] = []
        if beside:
            span = past if all(map(self._tells, beside)) else order.span
            control = [_Asked(source, span) for source in beside]
        like: list[_Asked] = []
        if order.reference is not None and all(map(self._tells, sources)):
            like = [_Asked(source, order.reference) for source in sources]
        return _Wanted(signal.name, own, control, like)

    def _tells(self, source: NumberSource) -> bool:
        """Whether the source can say what was, a while ago."""
        if source.prometheus is not None:
            return True
        return source.plugin is not None and self._sources.plugin.tells_of_the_past(source)

    async def _ask(self, asked: Sequence[_Asked], order: Order) -> Memory:
        """Have each question answered, and return what is to be remembered."""
        ports: dict[str, MetricSource] = {
            "prometheus": self._sources.prometheus(order.server),
            "scrape": self._sources.scrape,
            "plugin": self._sources.plugin,
        }
        groups: dict[tuple[str, Span], list[_Asked]] = {}
        for one in asked:
            groups.setdefault((_kind(one.source), one.span), []).append(one)
        # What was remembered is of the last look; of a like time, long before, it says nothing.
        samples = [
            ports[kind].sample(
                [one.source for one in group],
                span,
                {} if span == order.reference else order.memory,
            )
            for (kind, span), group in groups.items()
        ]
        # Most looks are one question, which needs no task of its own.
        sampled = [await samples[0]] if len(samples) == 1 else await asyncio.gather(*samples)
        kept = order.memory
        for ((_, span), group), said in zip(groups.items(), sampled, strict=True):
            for one, answer in zip(group, said.answers, strict=True):
                one.answer = answer
            if span != order.reference and said.memory is not order.memory:
                news = {k: v for k, v in said.memory.items() if order.memory.get(k) is not v}
                kept = kept | news
        return kept

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
    return order.span if since >= order.span.since else order.span._replace(since=since)


def _seen(wanted: _Wanted) -> SeenSignal:
    """Put together what was answered about one signal."""
    said, own = _rows(wanted.own)
    detail = rows.detail_of(said, own)
    control: Rows = ()
    if wanted.control:
        beside, control = _rows(wanted.control)
        if lacks := rows.detail_of(beside, control):
            detail = "; ".join(filter(None, (detail, f"its control: {lacks}")))
    return SeenSignal(own, detail, _rows(wanted.like)[1] if wanted.like else (), control)


def _kind(source: NumberSource) -> str:
    if source.prometheus is not None:
        return "prometheus"
    return "plugin" if source.plugin is not None else "scrape"


def _rows(asked: Sequence[_Asked]) -> tuple[Sequence[Answer], Rows]:
    """Return what was answered to one question or more, and the looks that it makes."""
    answers, span = [one.answer for one in asked], asked[0].span
    if len(answers) == 1:
        return answers, rows.of_value(answers[0], span)
    return answers, rows.of_counts(answers[0], answers[1], span)
