"""What deployments change, as far as a history needs it: services, schemas, pages, inboxes.

Whatever a worker does to it is written into an append-only log of effects, by whom and when, which
the invariants read. Nothing here goes wrong by itself but what the seed says of a version or step.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from goaround_deployer.runner import Attempt, ensure_in_time
from goaround_deployer.tooling import NotTold, Told
from goaround_judge import SampleState
from goaround_notifier.channel import NotDelivered
from goaround_schemas.guide import Check
from goaround_schemas.guide.model import Argv
from goaround_schemas.guide.step import Migrations, Step
from goaround_schemas.notice import WorkNotify
from goaround_schemas.procedure import RehearsalResult, WorkInspectData
from goaround_scribe.page import NotWritten
from goaround_verifier.checks.probe import Mask
from goaround_verifier.finding import Finding, absent, errored, failed, passed
from goaround_verifier.secret import Opened
from goaround_watcher.look import Look, Order, SeenSignal
from goaround_watcher.sources.port import Span
from goaround_watcher.state import Row, Rows
from tests.simulation.clock import Host, Loop
from tests.simulation.faults import Gate

STEP_S = (0.05, 0.3, 0.3, 1.0, 1.0, 3.0, 12.0)
"""How long a step takes; the longest outlives a lease."""


@dataclass(slots=True)
class Effect:
    """One try of a step or a migration, from its beginning."""

    run_id: str
    procedure: str
    stage: str
    name: str
    idempotent: bool
    host: Host
    began_s: float
    ended_s: float | None = None
    outcome: str | None = None
    """What its worker came to know; None: it never did."""
    belated: bool = False
    """Its machine stood still, clock and all, since its worker wrote the step down: who looks at
    that clock begins the step too late, and cannot know."""

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The step of the run that it is a try of."""
        return self.run_id, self.procedure, self.stage, self.name


@dataclass(frozen=True, slots=True)
class Mood:
    """What a version is like, by the seed."""

    step_fails: float = 0.0
    healthy: float = 1.0
    """Share of health checks that pass."""
    unsure: float = 0.0
    """Share of checks that cannot tell."""
    watch: str = "green"


@dataclass
class Estate:
    """Everything that is there apart from goaround."""

    loop: Loop
    random: Random
    moods: dict[str, Mood] = field(default_factory=dict[str, Mood])
    running: dict[str, str] = field(default_factory=dict[str, str])
    schemas: dict[str, str] = field(default_factory=dict[str, str])
    effects: list[Effect] = field(default_factory=list[Effect])
    notices: list[tuple[str, float]] = field(default_factory=list[tuple[str, float]])
    pages: dict[str, str] = field(default_factory=dict[str, str])
    tell: Callable[[str], None] = lambda _: None

    def mood(self, version: str | None) -> Mood:
        """What a version is like."""
        return self.moods.get(version or "", Mood())


@dataclass(frozen=True)
class Runner:
    """Runs the steps of guides for one host; each try is an effect."""

    estate: Estate
    gate: Gate
    written_s: Mapping[str, float]
    """When this host last wrote each run's journal."""

    async def run(
        self,
        step: Step,
        values: Mapping[str, str],
        stop: asyncio.Event,
        *,
        start_by: float | None = None,
    ) -> Attempt:
        """Do a step once, in the time that the seed gives it; leave off once `stop` is set."""
        del values
        ensure_in_time(start_by)
        match step.run:
            case ("schema", "current", service):
                await self.gate("ask the schema")
                return Attempt("done", "exit code 0", value=self.estate.schemas[service])
            case ("schema", how, service, run_id, to):
                # Migrations say themselves whether they were done: they may be asked again.
                effect = self._begin(run_id, how, "", "schema", idempotent=True)
                return await self._do(effect, stop, lambda: self._move(service, to))
            case ("step", procedure, service, run_id, stage, version):
                effect = self._begin(run_id, procedure, stage, step.name, step.idempotent)
                return await self._do(effect, stop, lambda: self._switch(service, version), version)
            case _:
                raise AssertionError(f"no guide of the simulation has {step.run}")

    def _begin(
        self, run_id: str, procedure: str, stage: str, name: str, idempotent: bool
    ) -> Effect:
        host, now_s = self.gate.host, self.estate.loop.now_s
        belated = host.lost_time(self.written_s.get(run_id, 0.0), now_s)
        effect = Effect(
            run_id, procedure, stage, name, idempotent, host, began_s=now_s, belated=belated
        )
        self.estate.effects.append(effect)
        self.estate.tell(f"{host.name} begins {procedure} {name!r} of {run_id} {stage}")
        return effect

    async def _do(
        self,
        effect: Effect,
        stop: asyncio.Event,
        change: Callable[[], None],
        version: str = "",
    ) -> Attempt:
        draw, mood = self.estate.random, self.estate.mood(version)
        takes_s = draw.choice(STEP_S)
        done_anyway = draw.random() < 0.5
        attempt = Attempt("done", "exit code 0")
        if draw.random() < mood.step_fails:
            attempt = draw.choice(
                (Attempt("failed", "exit code 1"), Attempt("errored", "not found", begun=False))
            )
        try:
            async with asyncio.timeout(takes_s):
                await stop.wait()
            attempt = Attempt("stopped", "stopped while it ran")
        except TimeoutError:
            pass
        except asyncio.CancelledError:
            if done_anyway:
                change()
            raise
        if attempt.outcome == "done":
            change()
        await self.gate("step over")
        effect.ended_s, effect.outcome = self.estate.loop.now_s, attempt.outcome
        return attempt

    def _move(self, service: str, to: str) -> None:
        self.estate.schemas[service] = to

    def _switch(self, service: str, version: str) -> None:
        self.estate.running[service] = version


@dataclass(frozen=True)
class Tool:
    """The migration tool of every service, as an inspection asks it."""

    estate: Estate
    gate: Gate

    async def __call__(self, argv: Argv, migrations: Migrations, /) -> Told:
        """Say where a schema is, or that nobody can tell just now."""
        del migrations
        await self.gate("ask the schema")
        if self.estate.random.random() < 0.05:
            raise NotTold("the database does not answer")
        return Told(0, f"{self.estate.schemas[argv[2]]}\n")


class NoRehearsals:
    """Guides of the simulation ask for none."""

    async def rehearse(self, data: WorkInspectData, /) -> RehearsalResult:
        """Return nothing: it is never asked."""
        raise AssertionError(f"no guide of the simulation rehearses: {data.run_id}")


@dataclass(frozen=True)
class Probe:
    """Answers the checks of guides: what is asked stands in the check's URL."""

    estate: Estate
    gate: Gate

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        """Ask once."""
        del timeout_s, mask
        await self.gate("ask")
        assert check.http is not None, "every check of the simulation is over HTTP"
        what, service, version = check.http.url.split("/")
        draw, mood = self.estate.random, self.estate.mood(version)
        if draw.random() < mood.unsure:
            return errored("no answer in time")
        runs = self.estate.running.get(service)
        if what == "running":
            return passed(f"{runs} runs", runs) if runs else absent("nothing runs")
        if what == "health" and (runs != version or draw.random() >= mood.healthy):
            return failed(f"{runs} runs, {version} is wanted, or it is sick")
        return passed("as it should be")


class NoSecrets:
    """Guides of the simulation hold none."""

    def open(self, check: Check) -> Opened:
        """Return the check as it is."""
        return Opened(check, lambda text: text)


@dataclass(frozen=True)
class Pace:
    """The time of one host, to a verifier."""

    loop: Loop

    def seconds(self) -> float:
        """Return the seconds by the host's clock."""
        return self.loop.time()

    async def sleep(self, seconds: float) -> None:
        """Return when so many seconds have passed."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Lookout:
    """Shows a watcher what the seed says of a version: well, badly, or nothing at all."""

    estate: Estate
    gate: Gate

    async def look(self, order: Order) -> Look:
        """Return what is to be seen."""
        await self.gate("look")
        signals = {s.name: self._seen(s.prometheus or "", order) for s in order.signals}
        return Look(order.span, signals, {}, {}, is_live=False)

    def _seen(self, query: str, order: Order) -> SeenSignal:
        span = order.history or order.span
        watched = "" if order.history else query
        return SeenSignal(_rows(self.estate.mood(watched).watch, span, self.estate.random))


def _rows(colour: str, span: Span, random: Random) -> Rows:
    if colour == "yellow":
        return (Row(span.until, None, SampleState.NO_DATA),)
    level = 3.0 if colour == "red" else 1.0
    first = span.until - span.step_s * (span.points - 1)
    return tuple(
        Row(first + i * span.step_s, level + 0.05 * random.random()) for i in range(span.points)
    )


@dataclass(frozen=True)
class Post:
    """Tells people; what was told is known by the id of its command."""

    estate: Estate
    gate: Gate
    fails: float

    async def send(self, command: WorkNotify) -> str:
        """Return how, or say that it was not delivered."""
        await self.gate("send")
        if self.estate.random.random() < self.fails:
            raise NotDelivered("no answer", permanent=False)
        self.estate.notices.append((command.id, self.estate.loop.now_s))
        await self.gate("sent")
        return "told"


@dataclass(frozen=True)
class Pages:
    """Files, each written whole or not at all."""

    estate: Estate
    gate: Gate
    fails: float

    def amend(self, name: str, change: Callable[[str], str]) -> bool:
        """Replace a page by what `change` makes of it. False: it stayed as it was."""
        old = self.estate.pages.get(name, "")
        return self._write(name, old, change(old))

    def extend(self, name: str, addition: Callable[[bytes], bytes | None]) -> bool:
        """Append what `addition` makes of what is there. False: it was nothing."""
        old = self.estate.pages.get(name, "")
        more = addition(old.encode())
        return self._write(name, old, old + more.decode() if more else old)

    def read(self, name: str) -> bytes | None:
        """Return what a file holds; None if it is not there."""
        text = self.estate.pages.get(name)
        return None if text is None else text.encode()

    def _write(self, name: str, old: str, new: str) -> bool:
        self.gate.at_once("write")
        if self.estate.random.random() < self.fails:
            raise NotWritten(f"{name}: the disk is full")
        if new == old:
            return False
        self.estate.pages[name] = new
        self.gate.at_once("written")
        return True
