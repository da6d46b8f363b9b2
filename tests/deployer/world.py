"""A small world that steps change, and a worker that dies where a test wants it to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from goaround_chassis.bucket import Bucket, Entry
from goaround_chassis.testing import ManualClock, MemoryBucket, RecordingPublisher
from goaround_deployer.admitting import Admitter
from goaround_deployer.handlers import on_command
from goaround_deployer.journal import ProcedureCommand
from goaround_deployer.lease import Timing
from goaround_deployer.runner import Attempt, Runner, ensure_in_time
from goaround_deployer.schemas import Copy, NotCopied, Schemas
from goaround_deployer.tooling import NotTold
from goaround_deployer.work import Tools
from goaround_migrating import Fingerprint
from goaround_migrating.tools import Script
from goaround_schemas.envelope import Message
from goaround_schemas.guide.step import Migrations, Step
from goaround_schemas.procedure import DeployExecuted, DeployStepFinished

TIMING = Timing(lease_s=0.3, beat_s=0.1)
# Where every wait costs nothing, a lease is as many looks long, and outlasts a machine that stalls.
PATIENT = Timing(lease_s=30, beat_s=10)


class Died(Exception):
    """The worker is dead: nothing of it does anything any more."""


class Fuse:
    """Lets so many moments pass, then kills, for good.

    `before` and `after` are commands at whose beginning, or end, it kills whatever is left.
    """

    def __init__(
        self,
        moments: int | None,
        before: tuple[str, ...] | None = None,
        after: tuple[str, ...] | None = None,
    ) -> None:
        self.left = moments
        self._before, self._after = before, after

    def begin(self, argv: tuple[str, ...]) -> None:
        self._kill_at(self._before, argv)

    def end(self, argv: tuple[str, ...]) -> None:
        self._kill_at(self._after, argv)

    def _kill_at(self, moment: tuple[str, ...] | None, argv: tuple[str, ...]) -> None:
        if moment is not None and argv[: len(moment)] == moment:
            self.left = 0

    def burn(self) -> None:
        if self.left is None:
            return
        if self.left <= 0:
            raise Died
        self.left -= 1


@dataclass
class MortalBucket:
    """A bucket whose user may die just before or just after each call."""

    real: Bucket
    fuse: Fuse

    async def now(self) -> datetime:
        return await self.real.now()

    async def get(self, key: str) -> Entry | None:
        self.fuse.burn()
        return await self.real.get(key)

    async def create(self, key: str, value: bytes) -> int | None:
        self.fuse.burn()
        made = await self.real.create(key, value)
        self.fuse.burn()
        return made

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        self.fuse.burn()
        made = await self.real.update(key, value, revision)
        self.fuse.burn()
        return made

    async def put(self, key: str, value: bytes) -> int:
        raise AssertionError("the deployer writes under a revision only")

    async def delete(self, key: str) -> None:
        raise AssertionError("the deployer forgets nothing")


@dataclass
class MortalRunner:
    """A runner whose worker may die before a step, or after it was done and before it is told."""

    real: Runner
    fuse: Fuse

    async def run(
        self,
        step: Step,
        values: Mapping[str, str],
        stop: asyncio.Event,
        *,
        start_by: float | None = None,
    ) -> Attempt:
        self.fuse.begin(step.run or ())
        self.fuse.burn()
        attempt = await self.real.run(step, values, stop, start_by=start_by)
        self.fuse.end(step.run or ())
        await asyncio.sleep(0)
        self.fuse.burn()
        return attempt


@dataclass
class MortalSchemas:
    """Looks at schemas for a worker that may die over it."""

    real: Schemas
    fuse: Fuse

    async def fingerprint(self, migrations: Migrations) -> Fingerprint:
        self.fuse.burn()
        return await self.real.fingerprint(migrations)

    async def pending(
        self, migrations: Migrations, values: Mapping[str, str], current: str
    ) -> tuple[Script, ...]:
        self.fuse.burn()
        return await self.real.pending(migrations, values, current)

    async def applied_since(
        self, migrations: Migrations, values: Mapping[str, str], before: str, now: str
    ) -> tuple[Script, ...]:
        self.fuse.burn()
        return await self.real.applied_since(migrations, values, before, now)

    async def keep(
        self, migrations: Migrations, downs: tuple[str, ...], run_id: str
    ) -> tuple[Copy, ...]:
        self.fuse.burn()
        kept = await self.real.keep(migrations, downs, run_id)
        self.fuse.burn()
        return kept


@dataclass
class Catalogue:
    """A schema in memory, and the one migration that leads from revision A to B.

    `adds` are the columns that it adds, `forgets` those that its way back leaves. What is None
    cannot be had.
    """

    columns: set[str] = field(default_factory=lambda: {"orders.id"})
    adds: tuple[str, ...] = ("orders.note",)
    forgets: tuple[str, ...] = ()
    script: Script | None = None
    blind: str = ""
    refuses_copies: str = ""
    copied: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])

    async def fingerprint(self, migrations: Migrations) -> Fingerprint:
        assert migrations.database is not None, "asked for without a database"
        if self.blind:
            raise NotTold(self.blind)
        return Fingerprint.of({"column": {c: {"type": "text"} for c in self.columns}})

    async def pending(
        self, migrations: Migrations, values: Mapping[str, str], current: str
    ) -> tuple[Script, ...]:
        return self._told() if current == "A" else ()

    async def applied_since(
        self, migrations: Migrations, values: Mapping[str, str], before: str, now: str
    ) -> tuple[Script, ...]:
        if migrations.sql is not None:
            raise NotTold("the SQL of what was applied cannot be asked for afterwards")
        return self._told()

    async def keep(
        self, migrations: Migrations, downs: tuple[str, ...], run_id: str
    ) -> tuple[Copy, ...]:
        if self.refuses_copies:
            raise NotCopied(self.refuses_copies)
        self.copied.append(downs)
        return (Copy("goaround_kept.orders_note", "UPDATE orders SET note = kept.note"),)

    def _told(self) -> tuple[Script, ...]:
        if self.script is None:
            raise NotTold("`tool --sql` ended with exit code 1")
        return (self.script,)


@dataclass
class MortalPublisher:
    """A publisher whose worker may die before or after a message is kept."""

    real: RecordingPublisher
    fuse: Fuse

    async def publish(self, message: Message) -> None:
        self.fuse.burn()
        await self.real.publish(message)
        self.fuse.burn()


@dataclass
class World:
    """What outlives a worker: the bucket, the bus, and what steps have done."""

    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    publisher: RecordingPublisher = field(default_factory=RecordingPublisher)
    clock: ManualClock = field(default_factory=ManualClock)
    effects: list[str] = field(default_factory=list[str])
    outcomes: dict[str, list[Attempt]] = field(default_factory=dict[str, list[Attempt]])
    schema: str = "A"
    catalogue: Catalogue = field(default_factory=Catalogue)

    async def run(
        self,
        step: Step,
        values: Mapping[str, str],
        stop: asyncio.Event,
        *,
        start_by: float | None = None,
    ) -> Attempt:
        """Change the world as the program says; `outcomes` are what a step gives, in turn."""
        ensure_in_time(start_by)
        match step.run:
            case ("schema", "current"):
                return Attempt("done", "exit code 0", value=self.schema)
            case ("alembic", "current"):
                said = "" if self.schema == "base" else f"{self.schema} (head)\n"
                return Attempt("done", "exit code 0", f"INFO  [alembic] Context impl\n{said}")
            case ("schema", "silent"):
                return Attempt("failed", "exit code 1, and printed nothing")
            case ("schema", "apply"):
                self.schema = "B"
                self.catalogue.columns |= set(self.catalogue.adds)
                self.effects.append("apply")
                return Attempt("done", "exit code 0")
            case ("schema", "revert", to):
                self.schema = to
                known = self.catalogue
                known.columns -= set(known.adds) - set(known.forgets)
                self.effects.append("revert")
                return Attempt("done", "exit code 0")
            case _:
                planned = self.outcomes.get(step.name)
                attempt = planned.pop(0) if planned else Attempt("done", "exit code 0")
                if attempt.begun:
                    self.effects.append(step.name)
                return attempt

    def tools(self, fuse: Fuse | None = None) -> Tools:
        fuse = fuse or Fuse(None)
        return Tools(
            MortalRunner(self, fuse),
            MortalPublisher(self.publisher, fuse),
            self.clock,
            sleep=soon,
            schemas=MortalSchemas(self.catalogue, fuse),
        )

    def admitter(self, fuse: Fuse | None = None) -> Admitter:
        bucket, hurry = MortalBucket(self.bucket, fuse or Fuse(None)), Hurry()
        return Admitter(bucket, self.clock, PATIENT, sleep=hurry.sleep, now=hurry.now)

    async def deliver(
        self,
        command: ProcedureCommand,
        dies_after: int | None = None,
        *,
        before: tuple[str, ...] | None = None,
        after: tuple[str, ...] | None = None,
    ) -> bool:
        """Have a fresh worker handle a command; False: it died over it."""
        fuse = Fuse(dies_after, before, after)
        try:
            await on_command(command, self.admitter(fuse), self.tools(fuse))
        except Died:
            return False
        return True

    def executed(self, command: ProcedureCommand) -> DeployExecuted:
        """The one answer to a command."""
        (found,) = [e for e in self.publisher.of(DeployExecuted) if e.causationid == command.id]
        return found

    def finished(self, command: ProcedureCommand) -> list[DeployStepFinished]:
        return [e for e in self.publisher.of(DeployStepFinished) if e.causationid == command.id]


async def soon(_seconds: float) -> None:
    """Time that costs nothing: every wait is over after the others had their turn."""
    await asyncio.sleep(0)


class Hurry:
    """Such time, for who looks at a clock as well: as much has passed as was waited for."""

    def __init__(self) -> None:
        self._passed_s = 0.0

    async def sleep(self, seconds: float) -> None:
        self._passed_s += seconds
        await soon(seconds)

    def now(self) -> float:
        return self._passed_s
