"""A worker that was frozen past its lease must not begin what it was about to begin."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from goaround_chassis.errors import Later
from goaround_deployer.admitting import Admitter
from goaround_deployer.handlers import on_command
from goaround_deployer.journal import decode
from goaround_deployer.runner import Attempt
from goaround_schemas.guide.step import Step
from tests.deployer.builders import deploy, step
from tests.deployer.world import TIMING, Fuse, MortalBucket, World, soon


class FreezingBucket(MortalBucket):
    """The whole process stands still just after a step was written down as begun."""

    async def create(self, key: str, value: bytes) -> int | None:
        return _stand_still(value, key, await super().create(key, value))

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        return _stand_still(value, key, await super().update(key, value, revision))


def _stand_still(value: bytes, key: str, made: int | None) -> int | None:
    tasks = [t for p in decode(key, value).procedures for t in p.tasks.values()]
    if any(task.state == "started" for task in tasks):
        time.sleep(TIMING.lease_s)
    return made


async def test_a_worker_that_was_frozen_past_its_lease_does_not_begin_its_step() -> None:
    world = World()
    command = deploy(step("once"), step("twice", idempotent=True))
    bucket = FreezingBucket(world.bucket, Fuse(None))
    frozen = Admitter(bucket, world.clock, TIMING, sleep=soon)
    with pytest.raises(Later):
        await on_command(command, frozen, world.tools())
    assert world.effects == []
    assert await world.deliver(command)
    assert world.executed(command).data.outcome == "unknown", "nobody can say whether it was begun"
    assert world.effects == []


@dataclass
class SoonFreezingBucket(MortalBucket):
    """The process stands still at the next turn of its event loop after a step was written down."""

    frozen: bool = field(default=False, init=False)

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        made = await super().update(key, value, revision)
        asyncio.get_running_loop().call_soon(self._stand_still)
        return made

    def _stand_still(self) -> None:
        self.frozen = True
        time.sleep(TIMING.lease_s)


@dataclass
class Onlooker:
    """Does steps, and sees which of them are begun after the process has stood still."""

    world: World
    bucket: SoonFreezingBucket
    late: list[str] = field(default_factory=list[str])

    async def run(
        self,
        step: Step,
        values: Mapping[str, str],
        stop: asyncio.Event,
        *,
        start_by: float | None = None,
    ) -> Attempt:
        if self.bucket.frozen:
            self.late.append(step.name)
        await asyncio.sleep(0)
        return await self.world.run(step, values, stop, start_by=start_by)


async def test_a_step_begins_at_once_after_the_look_at_the_lease() -> None:
    world = World()
    bucket = SoonFreezingBucket(world.bucket, Fuse(None))
    onlooker = Onlooker(world, bucket)
    tools = replace(world.tools(), runner=onlooker)
    with pytest.raises(Later):
        await on_command(
            deploy(step("one"), step("two")), Admitter(bucket, world.clock, TIMING), tools
        )
    assert world.effects[:1] == ["one"]
    assert onlooker.late == []


def _past_the_lease() -> None:
    time.sleep(TIMING.lease_s)


@dataclass
class FreezingRunner:
    """The process stands still when a step is to be begun, and all looks at the lease are over."""

    world: World

    async def run(
        self,
        step: Step,
        values: Mapping[str, str],
        stop: asyncio.Event,
        *,
        start_by: float | None = None,
    ) -> Attempt:
        _past_the_lease()
        return await self.world.run(step, values, stop, start_by=start_by)


async def test_a_step_that_would_begin_after_the_lease_is_not_begun_and_not_told_of() -> None:
    world = World()
    command = deploy(step("once"), step("twice", idempotent=True))
    frozen = Admitter(world.bucket, world.clock, TIMING, sleep=soon)
    with pytest.raises(Later):
        await on_command(command, frozen, replace(world.tools(), runner=FreezingRunner(world)))
    assert world.effects == []
    assert world.publisher.published == []
    assert await world.deliver(command)
    assert world.executed(command).data.outcome == "unknown", "nobody can say whether it was begun"
    assert world.effects == []
