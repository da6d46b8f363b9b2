"""Hosts with the real services on them: what each `app.build` wires, over the simulated ports.

A host that died comes back as another one of its kind: nothing of what it had in memory is left.
"""

import asyncio
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, cast

from goaround.topology import WATCH_TIMERS
from goaround_chassis.bucket import Bucket, Entry
from goaround_chassis.bus import Received, Subscription, Unavailable
from goaround_chassis.clock import Clock
from goaround_chassis.errors import Later
from goaround_chassis.publisher import Publisher
from goaround_chassis.testing import MemoryBucket
from goaround_deployer.admitting import Admitter
from goaround_deployer.handlers import on_command as on_procedure
from goaround_deployer.handlers import on_dead as on_dead_procedure
from goaround_deployer.inspecting import Inspector, on_inspect, on_uninspected
from goaround_deployer.lease import Timing
from goaround_deployer.schemas import NoSchemas
from goaround_deployer.work import Tools
from goaround_notifier.handlers import Desk as NotifierDesk
from goaround_notifier.handlers import on_dead as on_dead_notice
from goaround_notifier.handlers import on_notify
from goaround_notifier.ledger import Ledger as NoticeLedger
from goaround_orchestrator.answers import Answers
from goaround_orchestrator.evidence import on_evidence
from goaround_orchestrator.handlers import on_answer, on_answers, on_request, on_requests
from goaround_orchestrator.ledger import Away, Ledger
from goaround_orchestrator.memory import MemoryLedger
from goaround_orchestrator.relay import Carrier, Post, send_some
from goaround_orchestrator.replies import Answer as Reply
from goaround_orchestrator.sweeper import sweep_once
from goaround_schemas.envelope import Message
from goaround_schemas.matrix import DeployVerified, WorkVerify
from goaround_schemas.notice import DeployNotified, WorkNotify
from goaround_schemas.procedure import (
    DeployExecuted,
    DeployInspected,
    WorkDeploy,
    WorkInspect,
    WorkRollback,
)
from goaround_schemas.recording import DeployRecorded, WorkRecord
from goaround_schemas.subjects import DEPLOY, TIMERS, WORK
from goaround_schemas.watching import DeployBaselined, DeployEvidenced, DeployJudged, WorkWatch
from goaround_scribe.handlers import Desk as ScribeDesk
from goaround_scribe.handlers import on_dead as on_dead_record
from goaround_scribe.handlers import on_record
from goaround_verifier.asking import Examiner, Limits
from goaround_verifier.handlers import on_dead as on_dead_matrix
from goaround_verifier.handlers import on_verify
from goaround_watcher.handlers import Ports, on_due, on_tick
from goaround_watcher.handlers import on_command as on_watch
from goaround_watcher.handlers import on_dead as on_dead_watch
from goaround_watcher.leading import Leading
from tests.simulation import estate as there
from tests.simulation.bus import Bus
from tests.simulation.clock import Host, HostClock, Loop
from tests.simulation.database import Database, PostOf, ledger_of
from tests.simulation.faults import Fate, Gate, Through
from tests.simulation.scenario import Shelf
from tests.simulation.wire import Wire

ANSWERS = (
    DeployVerified,
    DeployBaselined,
    DeployInspected,
    DeployExecuted,
    DeployEvidenced,
    DeployJudged,
    DeployRecorded,
    DeployNotified,
)
RETRY_S = (5.0, 30.0)
LEASE = Timing()
SWEEP_EVERY_S = 0.5


@dataclass(frozen=True)
class Parts:
    """What may be taken out of the system, and what stands in for it: each as it is, if None."""

    tables: Callable[[Clock], MemoryLedger] | None = None
    """What the database does; else as the seed has it, with locks on runs or without."""
    ledger: Callable[[Ledger, Wire], Ledger] | None = None
    journal: Callable[[Bucket], Bucket] | None = None
    watches: Callable[[Bucket], Bucket] | None = None
    notices: Callable[[Bucket], Bucket] | None = None
    publisher: Callable[[Publisher], Publisher] | None = None
    sweeps: bool = True


class LoggedBucket(MemoryBucket):
    """A bucket that keeps every value that was ever written, for the invariants to read."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[str, bytes]] = []

    async def put(self, key: str, value: bytes) -> int:
        """Write a value whatever is there, and return its revision."""
        self.written.append((key, value))
        return await super().put(key, value)


@dataclass
class Site:
    """All that hosts share, and outlives them."""

    loop: Loop
    fate: Fate
    bus: Bus
    database: Database
    estate: there.Estate
    shelf: Shelf
    parts: Parts
    journal: MemoryBucket
    watches: MemoryBucket
    notices: LoggedBucket


@dataclass(frozen=True)
class Life:
    """One life of a host: its gate, its connections, and what it answers over request and reply."""

    site: Site
    host: Host
    gate: Gate
    wire: Wire
    clock: HostClock

    @property
    def publisher(self) -> Publisher:
        """What a worker answers with."""
        replaced = self.site.parts.publisher
        return replaced(self.wire) if replaced else self.wire

    def bucket(self, kept: Bucket, replaced: Callable[[Bucket], Bucket] | None) -> Bucket:
        """A bucket as this host reaches it: a write may be kept and its answer lost."""
        fate = self.site.fate

        def lost(name: str) -> Exception | None:
            if name != "get" and fate.strikes(fate.weather.loses_answers, "write not confirmed"):
                return Unavailable(name, "no acknowledgement")
            return None

        reached = cast("Bucket", Through(kept, self.gate, self.wire.reach, lost))
        return replaced(reached) if replaced else reached


def orchestrator(life: Life) -> "dict[str, Reply]":
    """Start an orchestrator, with its relay and its sweeper; return what it answers."""
    site, clock, shelf = life.site, life.clock, life.site.shelf
    ledger = ledger_of(site.database, life.gate)
    if site.parts.ledger is not None:
        ledger = site.parts.ledger(ledger, life.wire)

    async def request(received: Received) -> None:
        with _patient():
            await on_request(received, ledger, shelf, clock)

    async def requests(many: Sequence[Received]) -> None:
        with _patient():
            await on_requests(many, ledger, shelf, clock)

    async def answer(event: Any) -> None:
        with _patient():
            if isinstance(event, DeployEvidenced):
                await on_evidence(event, ledger)
            else:
                await on_answer(event, ledger, clock)

    async def answers(many: Sequence[Any]) -> None:
        with _patient():
            await on_answers([e for e in many if not isinstance(e, DeployEvidenced)], ledger, clock)
            for event in many:
                if isinstance(event, DeployEvidenced):
                    await on_evidence(event, ledger)

    life.wire.subscribe(
        Subscription(
            stream=DEPLOY,
            consumer="orchestrator-requests",
            handler=request,
            together=requests,
            raw=True,
            concurrency=50,
            turns=1,
            max_delivered=1_000_000,
        )
    )
    life.wire.subscribe(
        Subscription(
            stream=DEPLOY,
            consumer="orchestrator",
            handler=answer,
            together=answers,
            kinds=ANSWERS,
            concurrency=50,
            turns=2,
            max_delivered=1_000_000,
        )
    )
    site.loop.spawn(life.host, _relay(PostOf(site.database, life.gate), life.wire))
    if site.parts.sweeps:
        site.loop.spawn(life.host, _sweep(life, ledger))
    return Answers(ledger, shelf, clock).by_subject()


@contextmanager
def _patient() -> Generator[None]:
    try:
        yield
    except Away as exc:
        raise Later(timedelta(seconds=2), str(exc)) from exc


async def _relay(post: Post, carrier: Carrier) -> None:
    """The relay as it is, but woken only: it need not look each second of a day."""
    while True:
        try:
            sent = await send_some(post, carrier, 200)
        except* (Unavailable, Away):
            sent = -1
        if sent <= 0:
            await (asyncio.sleep(1.0) if sent < 0 else post.rung(3600.0))


async def _sweep(life: Life, ledger: Ledger) -> None:
    """The sweeper as it is, but that it skips the looks at which nothing can be due."""
    while True:
        await life.site.database.due(life.host.skew_s)
        await asyncio.sleep(SWEEP_EVERY_S)
        try:
            await sweep_once(ledger, life.clock)
        except Away:
            await asyncio.sleep(1.0)


def verifier(life: Life) -> None:
    """Start a verifier."""
    probe = there.Probe(life.site.estate, life.gate)
    examiner = Examiner(
        {"http": probe}, there.NoSecrets(), there.Pace(life.site.loop), Limits(parallel=8)
    )
    life.wire.subscribe(
        Subscription(
            stream=WORK,
            consumer="verifier",
            kinds=(WorkVerify,),
            handler=partial(on_verify, examiner=examiner, publisher=life.publisher),
            on_dead=partial(on_dead_matrix, publisher=life.publisher),
            concurrency=4,
        )
    )


def deployer(life: Life) -> None:
    """Start a deployer."""
    site = life.site
    written_s: dict[str, float] = {}
    journal = life.bucket(_Noted(site.journal, site.loop, written_s), site.parts.journal)
    admitter = Admitter(journal, life.clock, LEASE)
    runner = there.Runner(site.estate, life.gate, written_s)
    tools = Tools(runner, life.publisher, life.clock)

    inspector = Inspector(
        asking=lambda _: there.Tool(site.estate, life.gate),
        schemas=NoSchemas(),
        rehearsals=there.NoRehearsals(),
        publisher=life.publisher,
        clock=life.clock,
    )

    async def give_up(message: Message, why: str) -> None:
        if isinstance(message, WorkDeploy | WorkRollback):
            await on_dead_procedure(message, why, admitter, tools)
        elif isinstance(message, WorkInspect):
            await on_uninspected(message, why, inspector)

    life.wire.subscribe(
        Subscription(
            stream=WORK,
            consumer="deployer",
            kinds=(WorkDeploy, WorkRollback),
            handler=partial(on_procedure, admitter=admitter, tools=tools),
            on_dead=give_up,
            concurrency=4,
        )
    )
    life.wire.subscribe(
        Subscription(
            stream=WORK,
            consumer="deployer-inspections",
            kinds=(WorkInspect,),
            handler=partial(on_inspect, inspector=inspector),
            on_dead=give_up,
            concurrency=4,
        )
    )


class _Noted:
    """A journal, with when this host last wrote each run's: the hold was its own then."""

    def __init__(self, bucket: Bucket, loop: Loop, written_s: dict[str, float]) -> None:
        self._bucket, self._loop, self._written_s = bucket, loop, written_s

    async def now(self) -> datetime:
        """Return the present moment by the bucket's own clock."""
        return await self._bucket.now()

    async def get(self, key: str) -> Entry | None:
        """Return what was last put there."""
        return await self._bucket.get(key)

    async def create(self, key: str, value: bytes) -> int | None:
        """Write the first value of a key."""
        return self._note(key, await self._bucket.create(key, value))

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        """Replace the value of that revision."""
        return self._note(key, await self._bucket.update(key, value, revision))

    async def put(self, key: str, value: bytes) -> int:
        """Write a value whatever is there."""
        revision = await self._bucket.put(key, value)
        self._note(key, revision)
        return revision

    async def delete(self, key: str) -> None:
        """Forget a key."""
        await self._bucket.delete(key)

    def _note(self, key: str, revision: int | None) -> int | None:
        if revision is not None:
            self._written_s[key] = self._loop.now_s
        return revision


def watcher(life: Life) -> None:
    """Start a watcher."""
    site = life.site
    ports = Ports(
        bucket=life.bucket(site.watches, site.parts.watches),
        timers=life.wire,
        publisher=life.publisher,
        lookout=there.Lookout(site.estate, life.gate),
        clock=life.clock,
        longest_baseline_s=300.0,
    )
    life.wire.subscribe(
        Subscription(
            stream=WORK,
            consumer="watcher",
            kinds=(WorkWatch,),
            handler=partial(on_watch, ports=ports),
            on_dead=partial(on_dead_watch, ports=ports),
            concurrency=8,
        )
    )
    for consumer in WATCH_TIMERS:
        life.wire.subscribe(
            Subscription(
                stream=TIMERS,
                consumer=consumer,
                handler=partial(on_tick, ports=ports),
                raw=True,
                concurrency=8,
            )
        )
    leading = Leading(ports.lead, life.clock, asyncio.Semaphore(8))
    site.loop.spawn(life.host, leading.keep(partial(on_due, ports=ports)))


def scribe(life: Life) -> None:
    """Start a scribe."""
    pages = there.Pages(life.site.estate, life.gate, fails=0.02)
    desk = ScribeDesk(pages=pages, publisher=life.publisher, within_s=30.0)
    life.wire.subscribe(
        Subscription(
            stream=WORK,
            consumer="scribe",
            kinds=(WorkRecord,),
            handler=partial(on_record, desk=desk),
            on_dead=partial(on_dead_record, publisher=life.publisher),
        )
    )


def notifier(life: Life) -> None:
    """Start a notifier."""
    desk = NotifierDesk(
        ledger=NoticeLedger(life.bucket(life.site.notices, life.site.parts.notices)),
        post=there.Post(life.site.estate, life.gate, fails=0.1),
        publisher=life.publisher,
        clock=life.clock,
        retry_s=RETRY_S,
    )
    life.wire.subscribe(
        Subscription(
            stream=WORK,
            consumer="notifier",
            kinds=(WorkNotify,),
            handler=partial(on_notify, desk=desk),
            on_dead=partial(on_dead_notice, publisher=life.publisher, retry_s=RETRY_S),
            concurrency=8,
        )
    )


KINDS: "dict[str, Callable[[Life], dict[str, Reply] | None]]" = {
    "orchestrator": orchestrator,
    "verifier": verifier,
    "deployer": deployer,
    "watcher": watcher,
    "scribe": scribe,
    "notifier": notifier,
}
