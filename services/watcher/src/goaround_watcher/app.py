"""The watcher put together. The only place that constructs."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from urllib.request import getproxies

import httpx

from goaround_chassis.bus import Bus, Gate, Received, Subscription, as_token
from goaround_chassis.clock import Clock, SystemClock
from goaround_chassis.service import Service
from goaround_schemas.guide import PrometheusServer
from goaround_schemas.subjects import TIMERS, WORK
from goaround_schemas.watching import WorkWatch
from goaround_watcher import telemetry
from goaround_watcher.envelope import SOURCE
from goaround_watcher.handlers import BUCKET, Ports, arm, on_command, on_dead, on_due, on_tick
from goaround_watcher.leading import Leading
from goaround_watcher.look import Sources, SourcesLookout
from goaround_watcher.presence import Presence
from goaround_watcher.rota import SLOTS
from goaround_watcher.secret import opened_from, options_from
from goaround_watcher.settings import WatcherSettings
from goaround_watcher.sources import plugins
from goaround_watcher.sources.command import LogCommand
from goaround_watcher.sources.file import LogFiles
from goaround_watcher.sources.http import Http
from goaround_watcher.sources.loki import Loki
from goaround_watcher.sources.plugins import PluginLogs, PluginMetrics, Plugins
from goaround_watcher.sources.prometheus import Experience, Prometheus
from goaround_watcher.sources.scrape import Scrape
from goaround_watcher.sources.wire import Wire

COMMANDS = "watcher"
TICKS = "watcher-timers"
TOGETHER_S = 0.1
"""What many looks lead to is written together: the bus does with half the work, and a look that is
three tenths of a second later is none the worse."""
ALARMS_TOGETHER_S = 0.3
"""An alarm of a look that is led is for seconds after it."""
CREW = 4
"""Of how many looks at once one slot may have its part in hand: alone, a watcher takes all four."""
OWN = "GOAROUND_"
"""Our own settings, with our own passwords; a guide's command has no business with them."""


async def build(settings: WatcherSettings, bus: Bus) -> Service:
    """Return the service, its parts wired and nothing started."""
    bus.gather(TOGETHER_S)
    bus.gather(ALARMS_TOGETHER_S, stream=TIMERS)
    client = httpx.AsyncClient()
    installed = await plugins.load()
    ports = Ports(
        bucket=bus.bucket(BUCKET),
        timers=bus.timers(),
        publisher=bus,
        lookout=SourcesLookout(sources(settings, client, os.environ, installed)),
        clock=SystemClock(),
        longest_baseline_s=settings.live_baseline_max_s,
    )
    gates = {slot: Gate(is_open=False) for slot in range(SLOTS)}
    presence = Presence(bus, _name(ports.clock), partial(_take, gates=gates, ports=ports))
    places = asyncio.Semaphore(settings.looks_at_once)
    leading = Leading(ports.lead, ports.clock, places)
    ticks = partial(
        Subscription,
        stream=TIMERS,
        handler=_within(places, partial(on_tick, ports=ports)),
        raw=True,
        concurrency=-(-settings.looks_at_once // CREW),
    )
    return Service(
        name=SOURCE,
        settings=settings,
        subscriptions=(
            Subscription(
                stream=WORK,
                consumer=COMMANDS,
                kinds=(WorkWatch,),
                handler=partial(on_command, ports=ports),
                on_dead=partial(on_dead, ports=ports),
                # A command begins with a look.
                concurrency=max(settings.concurrency, settings.looks_at_once // 2),
            ),
            *(ticks(consumer=f"{TICKS}-{slot}", gate=gate) for slot, gate in gates.items()),
            # Alarms that were set by a release without slots.
            ticks(consumer=TICKS),
        ),
        background=(presence.keep, partial(leading.keep, partial(on_due, ports=ports))),
        on_leave=(presence.leave, partial(leading.hand_back, partial(arm, ports=ports))),
        on_stop=(client.aclose, installed.aclose),
    )


def _name(clock: Clock) -> str:
    """Return what no other watcher is called: since when, where, which.

    Who comes last sorts last, so that the others' shares change the least.
    """
    since_ms = int(clock.now().timestamp() * 1000)
    return as_token(f"{since_ms:012x}-{socket.gethostname()}-{os.getpid()}")


def _take(slots: frozenset[int], gates: Mapping[int, Gate], ports: Ports) -> None:
    """Ask for the ticks of these slots and of no others, and forget what others will look at."""
    ports.share.slots = slots
    ports.remembered.forget_but(ports.share.holds)
    telemetry.SLOTS.set(len(slots))
    for slot, gate in gates.items():
        if slot in slots:
            gate.open()
        else:
            gate.shut()


def _within(
    places: asyncio.Semaphore, handler: Callable[[Received], Awaitable[None]]
) -> Callable[[Received], Awaitable[None]]:
    """Have as many handled at a time as there are places, whichever consumers they come from."""

    async def handle(received: Received) -> None:
        async with places:
            await handler(received)

    return handle


def sources(
    settings: WatcherSettings,
    client: httpx.AsyncClient,
    environ: Mapping[str, str],
    installed: Plugins = plugins.NONE,
) -> Sources:
    """Return every kind of source, over one connection pool."""
    # A proxy is the client's to find and to speak with.
    wire = None if getproxies() else Wire()
    http = Http(client, opened_from(environ), wire)
    experience = Experience()
    default = PrometheusServer(url=settings.prometheus_url) if settings.prometheus_url else None
    return Sources(
        prometheus=lambda server: Prometheus(http, server or default, experience),
        scrape=Scrape(http),
        file=LogFiles(),
        command=LogCommand({k: v for k, v in environ.items() if not k.startswith(OWN)}),
        loki=Loki(http),
        plugin=PluginMetrics(installed.metrics, options_from(environ)),
        log_plugin=PluginLogs(installed.logs, options_from(environ)),
    )
