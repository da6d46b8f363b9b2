"""Numbers and lines from sources that others wrote: asked in bounded time, believed with care."""

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib.metadata import entry_points
from typing import Any, TypeVar, cast

from goaround_judge import SampleState
from goaround_schemas.guide import LogSource, NumberSource, PluginSource
from goaround_watcher.plugin import LOG_SOURCES, SOURCES, LogPlugin, MetricPlugin, Question
from goaround_watcher.sources import answered, installed
from goaround_watcher.sources.answered import Hide
from goaround_watcher.sources.installed import Installed
from goaround_watcher.sources.port import (
    Answer,
    Counters,
    Cursors,
    Lines,
    Memory,
    Sampled,
    SourceError,
    Span,
)

Options = Mapping[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Opened:
    """Options with their secrets in them, and what takes those out of a text again."""

    options: Options = field(repr=False)
    hide: Hide


Open = Callable[[Options], Opened]
"""Opens the references to secrets in options.

Raises:
    SourceError: A secret is not there.
"""


@dataclass(frozen=True, slots=True)
class Plugins:
    """All that is installed."""

    metrics: Installed
    logs: Installed

    async def aclose(self) -> None:
        """Tell all sources that it is over."""
        await asyncio.gather(self.metrics.aclose(), self.logs.aclose())


NONE = Plugins(Installed({}, {}), Installed({}, {}))


async def load() -> Plugins:
    """Load what is installed beside the watcher; what cannot be loaded is told when it is asked."""
    metrics, logs = await asyncio.gather(
        installed.load(entry_points(group=SOURCES), lack_of_metrics),
        installed.load(entry_points(group=LOG_SOURCES), lack_of_lines),
    )
    return Plugins(metrics, logs)


def lack_of_metrics(source: object) -> str:
    """Say what an object lacks to give numbers."""
    if not callable(getattr(source, "sample", None)):
        return "has no method `async def sample(self, question)`"
    if not isinstance(getattr(source, "tells_of_the_past", None), bool):
        return "does not say in `tells_of_the_past` (True or False) whether it does"
    return ""


def lack_of_lines(source: object) -> str:
    """Say what an object lacks to give lines."""
    if not callable(getattr(source, "lines", None)):
        return "has no method `async def lines(self, question)`"
    return ""


class PluginMetrics:
    """Asks the plug-ins that give numbers; the same question of two signals is asked once."""

    def __init__(self, plugins: Installed, opens: Open) -> None:
        self._plugins = plugins
        self._open = opens

    def tells_of_the_past(self, source: NumberSource) -> bool:
        """Whether the source says that it can; of one that is not there, time tells no more."""
        assert source.plugin is not None
        try:
            plugin = cast("MetricPlugin", self._plugins.named(source.plugin.name).source)
        except SourceError:
            return True
        return plugin.tells_of_the_past

    async def sample(self, sources: Sequence[NumberSource], span: Span, memory: Memory) -> Sampled:
        """Answer for each source, whatever the plug-ins do."""
        asked = [s.plugin for s in sources if s.plugin is not None]
        unlike = {_key(plugin): plugin for plugin in asked}
        answers = await asyncio.gather(
            *(self._answer(plugin, span, memory.get(key)) for key, plugin in unlike.items())
        )
        found = dict(zip(unlike, answers, strict=True))
        fresh = {
            key: Counters(at=span.until, values=dict(answer.remember))
            for key, answer in found.items()
            if answer.remember
        }
        return Sampled(tuple(found[_key(plugin)] for plugin in asked), memory | fresh)

    async def _answer(self, wanted: PluginSource, span: Span, before: Counters | None) -> Answer:
        remembered = before.values if before else {}

        async def ask(source: object, options: Options) -> object:
            return await cast("MetricPlugin", source).sample(Question(options, span, remembered))

        def read(said: object, hide: Hide) -> Answer:
            return answered.numbers(said, span, wanted.name, hide)

        try:
            return await _asked(self._plugins, self._open, wanted, span, ask, read)
        except SourceError as error:
            return Answer((), SampleState.PROVIDER_ERROR, error.detail)


class PluginLogs:
    """Asks the plug-ins that give lines."""

    def __init__(self, plugins: Installed, opens: Open) -> None:
        self._plugins = plugins
        self._open = opens

    async def lines(self, source: LogSource, span: Span, cursors: Cursors | None) -> Lines:
        """Return the span's lines, whatever the plug-in does."""
        assert source.plugin is not None
        wanted = source.plugin

        async def ask(source: object, options: Options) -> object:
            return await cast("LogPlugin", source).lines(Question(options, span))

        def read(said: object, hide: Hide) -> Lines:
            return answered.lines(said, wanted.name, hide)

        try:
            return await _asked(self._plugins, self._open, wanted, span, ask, read)
        except SourceError as error:
            return Lines((), SampleState.PROVIDER_ERROR, error.detail)


async def _asked(
    plugins: Installed,
    opens: Open,
    wanted: PluginSource,
    span: Span,
    ask: Callable[[object, Options], Coroutine[Any, Any, object]],
    read: Callable[[object, Hide], T],
) -> T:
    """Return what the plug-in said, as it was read.

    Raises:
        SourceError: It could not be asked or made no sense; no secret is in the detail.
    """
    plugin = plugins.named(wanted.name)
    opened = opens(wanted.options)
    try:
        said = await plugin.thread.call(lambda: ask(plugin.source, opened.options), span.timeout_s)
        return read(said, opened.hide)
    except SourceError as error:
        # Without the cause: what the plug-in raised may show what it was given.
        raise SourceError(opened.hide(error.detail)[: answered.MOST_DETAIL]) from None


def _key(wanted: PluginSource) -> str:
    """Where the answers to a question are remembered; secrets are no part of it."""
    text = json.dumps([wanted.name, wanted.options], sort_keys=True)
    return f"plugin {blake2b(text.encode(), digest_size=8).hexdigest()}"
