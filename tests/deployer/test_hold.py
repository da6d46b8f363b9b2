"""What is written together, what comes before what, and who is first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import pytest

from goaround_chassis.bucket import Entry
from goaround_chassis.bus.errors import Unavailable
from goaround_chassis.testing import MemoryBucket
from goaround_deployer.admitting import Admitter
from goaround_deployer.handlers import on_command
from goaround_deployer.hold import Sleep
from goaround_deployer.journal import Journal, ProcedureCommand, decode, encode
from goaround_deployer.runner import Attempt
from goaround_schemas.envelope import Message
from goaround_schemas.guide.step import Step
from goaround_schemas.procedure import DeployExecuted, DeployStepFinished
from tests.deployer.builders import MIGRATIONS, RUN, deploy, rollback, step
from tests.deployer.world import PATIENT, World, soon

WITHIN_S = 5.0


@dataclass
class Watched:
    """A bucket that counts, and in which a test can do something just before or after a write."""

    real: MemoryBucket
    calls: list[str] = field(default_factory=list[str])
    before: Callable[[Journal], Awaitable[None]] | None = None
    after: Callable[[Journal], Awaitable[None]] | None = None

    async def now(self) -> datetime:
        return await self.real.now()

    async def get(self, key: str) -> Entry | None:
        self.calls.append("get")
        return await self.real.get(key)

    async def create(self, key: str, value: bytes) -> int | None:
        self.calls.append("create")
        return await self._around(value, self.real.create(key, value))

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        self.calls.append("update")
        return await self._around(value, self.real.update(key, value, revision))

    async def put(self, key: str, value: bytes) -> int:
        raise AssertionError("the deployer writes under a revision only")

    async def delete(self, key: str) -> None:
        raise AssertionError("the deployer forgets nothing")

    async def _around(self, value: bytes, write: Awaitable[int | None]) -> int | None:
        written = decode(RUN, value)
        if self.before is not None:
            await self.before(written)
        made = await write
        if self.after is not None:
            await self.after(written)
        return made


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def bucket(world: World) -> Watched:
    return Watched(world.bucket)


async def carried_out(
    world: World, bucket: Watched, command: ProcedureCommand, sleep: Sleep = asyncio.sleep
) -> None:
    """Carry a command out; with the sleep as it is, no beat comes in between."""
    admitter = Admitter(bucket, world.clock, PATIENT, sleep=sleep)
    async with asyncio.timeout(WITHIN_S):
        await on_command(command, admitter, world.tools())


async def kept(world: World) -> Journal:
    entry = await world.bucket.get(RUN)
    assert entry is not None
    return decode(RUN, entry.value)


@pytest.mark.parametrize("steps", [0, 1, 2, 5])
async def test_steps_cost_one_write_each_and_one_for_the_end_and_no_read(
    world: World, bucket: Watched, steps: int
) -> None:
    command = deploy(*(step(f"s{i}") for i in range(steps)))
    await carried_out(world, bucket, command)

    assert bucket.calls == ["create"] + ["update"] * steps
    assert world.executed(command).data.outcome == "done"


async def test_a_schema_is_not_asked_before_the_run_is_ours(world: World, bucket: Watched) -> None:
    begun: list[list[str]] = []

    async def before(written: Journal) -> None:
        begun.append([*written.procedures[0].tasks])

    bucket.before = before
    await carried_out(world, bucket, deploy(step("one"), migrations=MIGRATIONS))

    # The claim; the apply begun; applied, before it is asked where that led; ended, and the step.
    assert begun == [[], ["migration"], ["migration"], ["migration", "0"], ["migration", "0"]]


@dataclass
class Onlooker:
    """Does steps, and sees what is written at that moment."""

    world: World
    seen: list[dict[str, str]] = field(default_factory=list[dict[str, str]])

    async def run(
        self,
        step: Step,
        values: Mapping[str, str],
        stop: asyncio.Event,
        *,
        start_by: float | None = None,
    ) -> Attempt:
        tasks = (await kept(self.world)).procedures[0].tasks
        self.seen.append({key: task.state for key, task in tasks.items()})
        return await self.world.run(step, values, stop, start_by=start_by)


async def test_a_step_is_written_down_as_begun_before_it_begins(world: World) -> None:
    runner = Onlooker(world)
    tools = replace(world.tools(), runner=runner)
    await on_command(deploy(step("one"), step("two")), world.admitter(), tools)

    assert runner.seen == [{"0": "started"}, {"0": "ended", "1": "started"}]


@dataclass
class Listener:
    """A publisher that sees what is written when something is told."""

    world: World
    said: list[str] = field(default_factory=list[str])

    async def publish(self, message: Message) -> None:
        record = (await kept(self.world)).procedures[0]
        if isinstance(message, DeployStepFinished):
            assert record.tasks[str(message.data.index)].state == "ended"
        if isinstance(message, DeployExecuted):
            assert record.end is not None
            assert (await kept(self.world)).holder is None
        self.said.append(message.type)


async def test_nothing_is_told_before_it_is_written(world: World) -> None:
    listener = Listener(world)
    tools = replace(world.tools(), publisher=listener)
    await on_command(deploy(step("one"), step("two")), world.admitter(), tools)

    assert listener.said == [*["deploy.step_finished.v1"] * 2, "deploy.executed.v1"]


@dataclass
class Together:
    """A publisher that keeps a message only once so many are on their way."""

    barrier: asyncio.Barrier

    async def publish(self, message: Message) -> None:
        async with asyncio.timeout(WITHIN_S):
            await self.barrier.wait()


async def test_the_last_step_and_the_last_word_are_told_at_the_same_time(world: World) -> None:
    tools = replace(world.tools(), publisher=Together(asyncio.Barrier(2)))
    await on_command(deploy(step("one")), world.admitter(), tools)


async def test_a_step_is_told_while_the_next_one_runs(world: World) -> None:
    told = asyncio.Event()

    class Teller:
        async def publish(self, message: Message) -> None:
            told.set()

    class Waiting:
        async def run(
            self,
            step: Step,
            values: Mapping[str, str],
            stop: asyncio.Event,
            *,
            start_by: float | None = None,
        ) -> Attempt:
            if step.name == "two":
                await asyncio.wait_for(told.wait(), WITHIN_S)
            return await world.run(step, values, stop, start_by=start_by)

    tools = replace(world.tools(), publisher=Teller(), runner=Waiting())
    await on_command(deploy(step("one"), step("two")), world.admitter(), tools)

    assert world.effects == ["one", "two"]


# --- a rollback that asks to stop, seen by the write that begins a step -----------------------


def asked_to_stop(world: World, key: str) -> Callable[[Journal], Awaitable[None]]:
    """Have a rollback ask for the run just before a task is first written down as begun."""

    async def before(written: Journal) -> None:
        entry = await world.bucket.get(RUN)
        if entry is None or key not in written.procedures[0].tasks:
            return
        found = decode(RUN, entry.value)
        if found.stop_requested is None:
            asked = found.model_copy(update={"stop_requested": "rollback-1"})
            await world.bucket.put(RUN, encode(asked))

    return before


async def test_a_step_that_a_stop_comes_before_never_begins(world: World, bucket: Watched) -> None:
    bucket.before = asked_to_stop(world, "1")
    command = deploy(step("one"), step("two"))
    await carried_out(world, bucket, command)

    data = world.executed(command).data
    assert (data.outcome, data.changed) == ("stopped", True)
    assert data.reason == "stopped for a rollback before step 'two'"
    assert [s.name for s in data.steps] == ["one"]
    assert world.effects == ["one"]


async def test_a_further_try_that_a_stop_comes_before_leaves_the_first_as_it_ended(
    world: World, bucket: Watched
) -> None:
    failed = Attempt("failed", "exit code 3")
    world.outcomes["one"] = [failed, failed]
    command = deploy(step("one", idempotent=True, retries=1))

    async def before(written: Journal) -> None:
        if written.procedures[0].tasks["0"].attempts == 2:
            await asked_to_stop(world, "0")(written)

    bucket.before = before
    await carried_out(world, bucket, command)

    data = world.executed(command).data
    assert (data.outcome, data.steps[0].attempts) == ("failed", 1)
    assert world.effects == ["one"]


async def test_an_apply_that_a_stop_comes_before_never_begins(
    world: World, bucket: Watched
) -> None:
    bucket.before = asked_to_stop(world, "migration")
    command = deploy(migrations=MIGRATIONS)
    await carried_out(world, bucket, command)

    data = world.executed(command).data
    assert (data.outcome, data.changed) == ("stopped", False)
    assert world.effects == []
    assert (await kept(world)).procedures[0].schema_ is None


# --- who is first -----------------------------------------------------------------------------


async def test_a_deployment_that_a_rollback_forestalls_runs_nothing(
    world: World, bucket: Watched
) -> None:
    command, back = deploy(step("one")), rollback(step("back"))

    async def before(written: Journal) -> None:
        bucket.before = None
        await world.deliver(back)

    bucket.before = before
    await carried_out(world, bucket, command)

    assert world.effects == ["back"]
    data = world.executed(command).data
    assert (data.outcome, data.changed, data.steps) == ("stopped", False, ())


async def test_one_that_has_nothing_to_do_is_not_taken_for_another_that_has_none(
    world: World, bucket: Watched
) -> None:
    first, second = deploy(message_id="first"), deploy(message_id="second")

    async def before(written: Journal) -> None:
        bucket.before = None
        await world.deliver(first)

    bucket.before = before
    await carried_out(world, bucket, second)

    assert [p.command_id for p in (await kept(world)).procedures] == [first.id, second.id]
    assert world.executed(second).data.outcome == "done"


@pytest.mark.parametrize("steps", [0, 1])
async def test_a_claim_whose_answer_was_lost_is_ours_all_the_same(
    world: World, bucket: Watched, steps: int
) -> None:
    async def after(written: Journal) -> None:
        bucket.after = None
        raise Unavailable("write", "no acknowledgement")

    bucket.after = after
    command = deploy(*(step(f"s{i}") for i in range(steps)))
    await carried_out(world, bucket, command, sleep=soon)

    assert world.effects == [f"s{i}" for i in range(steps)]
    assert (await kept(world)).epoch == 1
    assert world.executed(command).data.outcome == "done"


async def test_what_is_noted_while_a_write_is_under_way_is_not_lost(
    world: World, bucket: Watched
) -> None:
    """A beat is under way, its answer is lost, and meanwhile a step has ended."""
    beating, ended = asyncio.Event(), asyncio.Event()

    async def after(written: Journal) -> None:
        if written.beat == 2:
            bucket.after = None
            beating.set()
            await ended.wait()
            raise Unavailable("write", "no acknowledgement")

    class Waiting:
        async def run(
            self,
            step: Step,
            values: Mapping[str, str],
            stop: asyncio.Event,
            *,
            start_by: float | None = None,
        ) -> Attempt:
            await beating.wait()
            asyncio.get_running_loop().call_soon(ended.set)
            return await world.run(step, values, stop, start_by=start_by)

    bucket.after = after
    command = deploy(step("one"))
    tools = replace(world.tools(), runner=Waiting())
    async with asyncio.timeout(WITHIN_S):
        await on_command(command, Admitter(bucket, world.clock, PATIENT, sleep=soon), tools)

    record = (await kept(world)).procedures[0]
    assert (record.tasks["0"].outcome, record.end is not None) == ("done", True)
