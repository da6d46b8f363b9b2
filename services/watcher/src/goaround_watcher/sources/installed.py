"""Finds the sources that others wrote and that are installed beside the watcher, and loads them.

What cannot be loaded is told in the log and by every question to it. It never keeps the watcher
from starting: the guides that do not name it are watched as ever.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import structlog

from goaround_watcher.sources.plugin_thread import PluginThread
from goaround_watcher.sources.port import SourceError

log = structlog.get_logger(__name__)

LOAD_S = 10.0
"""An import may take long on a cold disk; the watcher does not wait longer to begin its work."""
CLOSE_S = 2.0

Lack = Callable[[object], str]
"""Says what a loaded object lacks to be such a source; nothing where it lacks nothing."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A source that somebody else wrote, ready to be asked."""

    name: str
    source: object
    thread: PluginThread


class Installed:
    """The sources of one group by their names, and why there is no use in some of them."""

    def __init__(self, plugins: Mapping[str, Plugin], broken: Mapping[str, str]) -> None:
        self._plugins = plugins
        self._broken = broken

    def named(self, name: str) -> Plugin:
        """Return the source of that name.

        Raises:
            SourceError: There is none, or it could not be loaded.
        """
        if name in self._plugins:
            return self._plugins[name]
        if name in self._broken:
            raise SourceError(f"the source {name} could not be loaded: {self._broken[name]}")
        known = ", ".join(sorted({*self._plugins, *self._broken})) or "none"
        raise SourceError(f"no source named {name} is installed; installed: {known}")

    async def aclose(self) -> None:
        """Tell all sources that it is over."""
        await asyncio.gather(
            *(p.thread.close(p.source, CLOSE_S) for p in self._plugins.values()),
        )


async def load(entries: Iterable[EntryPoint], lack: Lack, within_s: float = LOAD_S) -> Installed:
    """Return what these entry points name, each made once in a thread of its own."""
    by_name: dict[str, list[EntryPoint]] = {}
    for entry in entries:
        by_name.setdefault(entry.name, []).append(entry)
    made = await asyncio.gather(*(_load(same, lack, within_s) for same in by_name.values()))
    found = dict(zip(by_name, made, strict=True))
    return Installed(
        {name: it for name, it in found.items() if isinstance(it, Plugin)},
        {name: it for name, it in found.items() if isinstance(it, str)},
    )


async def _load(same: list[EntryPoint], lack: Lack, within_s: float) -> Plugin | str:
    """Return the plug-in, or why there is none."""
    entry = same[0]
    told = {"source": entry.name, "group": entry.group, "distribution": _shipped_by(entry)}
    if len(same) > 1:
        why = f"several distributions bring it: {', '.join(sorted(map(_shipped_by, same)))}"
        log.error("source_not_loaded", **told, why=why)
        return why
    thread = PluginThread(entry.name)
    try:
        source = await thread.call(lambda: _made(entry), within_s)
        if wrong := lack(source):
            raise SourceError(f"{entry.value} {wrong}")
    except SourceError as error:
        log.error("source_not_loaded", **told, why=error.detail)
        await thread.close(None, CLOSE_S)
        return error.detail
    log.info("source_loaded", **told)
    return Plugin(entry.name, source, thread)


async def _made(entry: EntryPoint) -> object:
    factory: Callable[[], object] = entry.load()
    return factory()


def _shipped_by(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else entry.value
