"""A small world that steps change, and a worker that dies where a test wants it to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from goaround_chassis.bucket import Bucket, Entry
from goaround_chassis.testing import ManualClock, MemoryBucket, RecordingPublisher
from goaround_deployer.handlers import on_command
from goaround_deployer.journal import ProcedureCommand
from goaround_deployer.lease import Admitter, Timing
from goaround_deployer.runner import Attempt, Runner
from goaround_deployer.work import Tools
from goaround_schemas.envelope import Message
from goaround_schemas.guide.step import Step
from goaround_schemas.procedure import DeployExecuted, DeployStepFinished

TIMING = Timing(lease_s=0.3, beat_s=0.1)


class Died(Exception):
    """The worker is dead: nothing of it does anything any more."""


class Fuse:
    """Lets so many moments pass, then kills, for good."""

    def __init__(self, moments: int | None) -> None:
        self.left = moments

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

    async def run(self, step: Step, values: Mapping[str, str], stop: asyncio.Event) -> Attempt:
        self.fuse.burn()
        attempt = await self.real.run(step, values, stop)
        await asyncio.sleep(0)
        self.fuse.burn()
        return attempt


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

    async def run(self, step: Step, values: Mapping[str, str], stop: asyncio.Event) -> Attempt:
        """Change the world as the program says; `outcomes` are what a step gives, in turn."""
        match step.run:
            case ("schema", "current"):
                return Attempt("done", "exit code 0", value=self.schema)
            case ("schema", "apply"):
                self.schema = "B"
                self.effects.append("apply")
                return Attempt("done", "exit code 0")
            case ("schema", "revert", to):
                self.schema = to
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
            MortalRunner(self, fuse), MortalPublisher(self.publisher, fuse), self.clock, sleep=soon
        )

    def admitter(self, fuse: Fuse | None = None) -> Admitter:
        return Admitter(
            MortalBucket(self.bucket, fuse or Fuse(None)), self.clock, TIMING, sleep=soon
        )

    async def deliver(self, command: ProcedureCommand, dies_after: int | None = None) -> bool:
        """Have a fresh worker handle a command; False: it died over it."""
        fuse = Fuse(dies_after)
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
