"""The life of a service: settings, log, probes, bus, work, and a clean end.

What a service is made of is a value (`Service`), built by its own `app.build`. `run` is what each
`__main__` calls.
"""

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeVar

import structlog

from goaround_chassis.background import Background, keep_running, name_of
from goaround_chassis.bus import Bus, Subscription
from goaround_chassis.health import Health
from goaround_chassis.probes import CannotListen, Probes
from goaround_chassis.settings import BadSettings, ServiceSettings, read
from goaround_chassis.telemetry import start_logging

log = structlog.get_logger(__name__)

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_BAD_SETTINGS = 2
EXIT_CONSUMER_LOST = 3

BEAT_EVERY_S = 0.5
# Messages make many objects that die young: looked for less often than in a script.
COLLECT_AFTER = (20_000, 20, 50)
CHECK_TIMEOUT_S = 2.0

S = TypeVar("S", bound=ServiceSettings)

Hook = Callable[[], Awaitable[None]]
ReadyCheck = Callable[[], Awaitable[str | None]]


@dataclass(frozen=True)
class Answer:
    """Requests on a subject, and who answers them."""

    subject: str
    handler: Callable[[bytes], Awaitable[bytes]]
    queue: str | None = None


@dataclass(frozen=True)
class Service:
    """What a service consists of.

    `background` are tasks that run until cancelled; `on_start` runs before the first message is
    taken, `on_leave` before the bus is asked for no more, `on_stop` after the last is settled (in
    reverse order). A ready check returns what is wrong, or None.
    """

    name: str
    settings: ServiceSettings
    subscriptions: tuple[Subscription, ...] = ()
    answers: tuple[Answer, ...] = ()
    background: tuple[Background, ...] = ()
    on_start: tuple[Hook, ...] = ()
    on_leave: tuple[Hook, ...] = ()
    on_stop: tuple[Hook, ...] = ()
    ready_checks: tuple[ReadyCheck, ...] = ()


@dataclass
class _End:
    """Why and when the service is to end; the first reason stands."""

    asked: asyncio.Event = field(default_factory=asyncio.Event)
    code: int = EXIT_OK

    def ask(self, code: int = EXIT_OK) -> None:
        if not self.asked.is_set():
            self.code = code
            self.asked.set()


def run(
    build: Callable[[S, Bus], Awaitable[Service]],
    settings_class: type[S],
    name: str | None = None,
) -> int:
    """Run a service until it is told to stop, and return the exit code of the process.

    0 after SIGTERM or SIGINT, 2 for bad settings, 3 when a consumer it reads was deleted, 1 when it
    could not be built.
    """
    # Of `goaround_verifier.app` the verifier.
    name = name or build.__module__.partition(".")[0].removeprefix("goaround_")
    try:
        settings = read(settings_class)
    except BadSettings as error:
        for fault in error.faults:
            print(f"{name}: {fault}", file=sys.stderr)  # noqa: T201 - there is no log yet
        return EXIT_BAD_SETTINGS
    start_logging(name, settings.log_level, settings.log_format)
    health = Health()
    try:
        with Probes(
            health, settings.probe_host, settings.probe_port, settings.probe_port_file
        ) as probes:
            log.info("starting", probe_host=settings.probe_host, probe_port=probes.port)
            return asyncio.run(_live(build, settings, health, name))
    except CannotListen as error:
        log.error("cannot_listen", why=str(error))
        return EXIT_BAD_SETTINGS


async def _live(
    build: Callable[[S, Bus], Awaitable[Service]], settings: S, health: Health, name: str
) -> int:
    end = _End()
    loop = asyncio.get_running_loop()
    for told in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(told, _asked_to_stop, end, told)
    beating = asyncio.create_task(_beat(health))
    working = asyncio.create_task(_work(build, settings, health, name, end))
    asked = asyncio.create_task(end.asked.wait())
    try:
        await asyncio.wait({working, asked}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        with suppress(asyncio.CancelledError):
            await working
    except Exception:  # the process ends by it: its last line must say why
        log.exception("service_failed")
        return EXIT_FAILED
    finally:
        beating.cancel()
        asked.cancel()
    log.info("stopped", code=end.code)
    return end.code


def _asked_to_stop(end: _End, told: signal.Signals) -> None:
    log.info("stop_asked", signal=told.name)
    end.ask()


async def _work(
    build: Callable[[S, Bus], Awaitable[Service]],
    settings: S,
    health: Health,
    name: str,
    end: _End,
) -> None:
    """Connect, start, and work until cancelled; then finish what is in hand."""
    health.not_ready((f"waiting for the bus at {settings.nats_url.rpartition('@')[2]}",))
    async with await Bus.connect(settings, name) as bus:
        health.not_ready(("starting",))
        service = await build(settings, bus)
        started = asyncio.Event()
        watchers = [
            asyncio.create_task(_watch_ready(service, bus, health, started)),
            asyncio.create_task(_watch_consumers(bus, health, end, settings.consumer_check_s)),
        ]
        helpers: list[asyncio.Task[None]] = []
        try:
            for hook in service.on_start:
                await hook()
            helpers += [
                asyncio.create_task(keep_running(task, health)) for task in service.background
            ]
            for answer in service.answers:
                await bus.answer(answer.subject, answer.handler, answer.queue)
            await asyncio.gather(*(bus.consume(s) for s in service.subscriptions))
            started.set()
            _settle_down()
            log.info("started", consumers=len(service.subscriptions))
            await asyncio.Event().wait()
        finally:
            # Messages first, with their helpers still running; then the helpers; then the rest.
            await _cancelled(watchers)
            health.not_ready(("stopping",))
            await _each(service.on_leave, "on_leave_failed")
            await bus.stop_consuming()
            await _cancelled(helpers)
            await _each(service.on_stop[::-1], "on_stop_failed")


async def _each(hooks: tuple[Hook, ...], failed: str) -> None:
    for hook in hooks:
        try:
            await hook()
        except Exception:  # the next ones still have to run
            log.exception(failed)


def _settle_down() -> None:
    """Spare the collector what a service is made of: it never becomes garbage (4 % of CPU)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _beat(health: Health) -> None:
    while True:
        health.beat()
        await asyncio.sleep(BEAT_EVERY_S)


async def _watch_consumers(bus: Bus, health: Health, end: _End, every_s: float) -> None:
    """Return when a consumer was deleted under us, which nothing else would ever tell."""
    while True:
        await asyncio.sleep(every_s)
        if gone := await bus.vanished():
            reasons = tuple(f"consumer {name} was deleted" for name in gone)
            health.fatal(reasons)
            log.critical("consumer_lost", consumers=gone, next="run the migration command")
            end.ask(EXIT_CONSUMER_LOST)
            return


async def _watch_ready(service: Service, bus: Bus, health: Health, started: asyncio.Event) -> None:
    was: tuple[str, ...] | None = None
    while True:
        reasons = await _not_ready(service, bus)
        if not started.is_set():
            reasons = (*reasons, "starting")
        health.not_ready(reasons)
        if reasons != was:
            log.info("ready" if not reasons else "not_ready", reasons=reasons)
            was = reasons
        await asyncio.sleep(BEAT_EVERY_S / 5 if reasons else BEAT_EVERY_S)


async def _not_ready(service: Service, bus: Bus) -> tuple[str, ...]:
    reasons = [] if bus.connected else ["not connected to the bus"]
    reasons += [f"waiting for consumer {name}" for name in bus.waiting_for]
    for check in service.ready_checks:
        try:
            complaint = await asyncio.wait_for(check(), CHECK_TIMEOUT_S)
        except TimeoutError:
            complaint = f"{name_of(check)}: no answer within {CHECK_TIMEOUT_S:g} s"
        except Exception as error:  # noqa: BLE001 - a check that fails is a complaint, never an end
            complaint = f"{name_of(check)}: {type(error).__name__}: {error}"
        if complaint:
            reasons.append(complaint)
    return tuple(reasons)
