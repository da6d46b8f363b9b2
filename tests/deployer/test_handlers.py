"""Commands from their arrival to their answers, in a world in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import pytest

from goaround_chassis.bucket import Entry
from goaround_chassis.bus.errors import Unavailable
from goaround_chassis.errors import Later
from goaround_chassis.testing import MemoryBucket
from goaround_deployer.admitting import Admitter
from goaround_deployer.handlers import on_command, on_dead
from goaround_deployer.journal import ProcedureCommand, decode
from goaround_deployer.runner import Attempt
from goaround_deployer.testing import ScriptedRunner
from goaround_deployer.work import Tools
from goaround_schemas.envelope import Message, derived_id
from goaround_schemas.procedure import MigrationResult
from tests.deployer.builders import MIGRATIONS, RUN, deploy, rollback, step
from tests.deployer.waiting import until
from tests.deployer.world import TIMING, World

FAILED = Attempt("failed", "exit code 3; it printed: no such release", "no such release\n")
NOT_FOUND = Attempt("errored", "program 'x' was not found", begun=False)


@pytest.fixture
def world() -> World:
    return World()


async def test_a_procedure_is_done_in_order_and_told_step_by_step(world: World) -> None:
    command = deploy(step("one"), step("two"), migrations=MIGRATIONS)
    await world.deliver(command)

    assert world.effects == ["apply", "one", "two"]
    told = world.finished(command)
    assert [(t.data.index, t.data.of, t.data.step.kind) for t in told] == [
        (0, 3, "migration"),
        (1, 3, "step"),
        (2, 3, "step"),
    ]
    last = world.executed(command)
    assert (last.data.outcome, last.data.reason, last.data.changed) == ("done", "3 of 3 done", True)
    assert last.data.migration == MigrationResult(before="A", after="B")
    assert [s.outcome for s in last.data.steps] == ["done"] * 3


async def test_every_answer_says_whose_it_is(world: World) -> None:
    command = deploy(step("one"))
    await world.deliver(command)

    assert world.executed(command).id == derived_id(command.id, "deploy.executed")
    for message in world.publisher.published:
        assert (message.source, message.subject) == ("deployer", RUN)
        assert (message.causationid, message.correlationid) == (command.id, command.correlationid)
        assert message.traceparent == command.traceparent


async def test_a_finished_command_delivered_again_is_answered_again_and_runs_nothing(
    world: World,
) -> None:
    command = deploy(step("one"), step("two"), migrations=MIGRATIONS)
    await world.deliver(command)
    first, world.publisher.published = world.publisher.published, []
    await world.deliver(command)

    assert world.publisher.published == first
    assert world.effects == ["apply", "one", "two"]


async def test_a_failing_step_ends_the_procedure_with_its_reason(world: World) -> None:
    world.outcomes["one"] = [FAILED]
    command = deploy(step("one"), step("two"))
    await world.deliver(command)

    data = world.executed(command).data
    assert data.outcome == "failed"
    assert data.reason == (
        "step 'one': exit code 3; it printed: no such release; not reached: 'two'"
    )
    assert data.steps[0].output == "no such release\n"
    assert world.effects == ["one"]


async def test_what_never_began_is_errored_and_changed_nothing(world: World) -> None:
    world.outcomes["one"] = [NOT_FOUND]
    command = deploy(step("one"))
    await world.deliver(command)

    data = world.executed(command).data
    assert (data.outcome, data.changed) == ("errored", False)


async def test_a_step_that_may_be_repeated_is_as_often_as_it_says(world: World) -> None:
    world.outcomes["one"] = [FAILED, NOT_FOUND]
    world.outcomes["two"] = [FAILED, FAILED]
    command = deploy(
        step("one", idempotent=True, retries=2), step("two", idempotent=True, retries=1)
    )
    await world.deliver(command)

    data = world.executed(command).data
    assert [(s.outcome, s.attempts) for s in data.steps] == [("done", 3), ("failed", 2)]
    assert data.changed


async def test_a_rollback_reverts_what_this_run_applied_then_runs_its_steps(world: World) -> None:
    back = rollback(step("back"), migrations=MIGRATIONS, migration_before="not this")
    await world.deliver(deploy(step("one"), migrations=MIGRATIONS))
    await world.deliver(back)

    assert world.effects == ["apply", "one", "revert", "back"]
    assert world.schema == "A"
    told = world.executed(back).data.migration
    assert told is not None
    assert (told.before, told.after) == ("B", "A")
    assert told.reverted is not None
    assert told.reverted.outcome == "reverted_verified"


async def test_a_rollback_of_another_run_reads_that_runs_journal(world: World) -> None:
    await world.deliver(deploy(migrations=MIGRATIONS, run_id="earlier"))
    await world.deliver(rollback(migrations=MIGRATIONS, deployed_by="earlier"))

    assert world.schema == "A"


async def test_a_rollback_with_a_record_and_no_journal_goes_by_the_record(world: World) -> None:
    world.schema = "B"
    await world.deliver(rollback(migrations=MIGRATIONS, migration_before="A"))

    assert world.schema == "A"


async def test_a_rollback_where_no_migration_is_on_record_leaves_the_schema_alone(
    world: World,
) -> None:
    back = rollback(step("back"), migrations=MIGRATIONS)
    await world.deliver(back)

    assert world.effects == ["back"]
    assert [s.outcome for s in world.executed(back).data.steps] == ["skipped", "done"]


async def test_a_schema_that_is_where_it_was_needs_no_revert(world: World) -> None:
    back = rollback(migrations=MIGRATIONS, migration_before="A")
    await world.deliver(back)

    data = world.executed(back).data
    assert (data.outcome, data.changed, world.effects) == ("done", False, [])
    assert data.steps[0].detail.startswith("at A as before: nothing to revert")


@pytest.mark.parametrize("without", [None, MIGRATIONS.model_copy(update={"revert": None})])
async def test_no_way_back_for_a_schema_that_was_moved_fails_and_says_what_is_left(
    world: World, without: object
) -> None:
    await world.deliver(deploy(migrations=MIGRATIONS))
    back = rollback(step("back"), migrations=without)
    await world.deliver(back)

    data = world.executed(back).data
    assert data.outcome == "failed"
    assert "moved from A and the guide has no way back" in data.reason
    assert "left at B; not reached: 'back'" in data.reason
    assert world.effects == ["apply"]


async def test_a_revert_that_does_not_bring_the_schema_back_fails_with_both_revisions(
    world: World,
) -> None:
    astray = MIGRATIONS.model_copy(update={"revert": ("schema", "revert", "C")})
    await world.deliver(deploy(migrations=MIGRATIONS))
    back = rollback(step("back"), migrations=astray)
    await world.deliver(back)

    data = world.executed(back).data
    assert data.outcome == "failed"
    assert "revert ended well, but the schema is at C, not at A" in data.reason


async def test_a_current_that_prints_nothing_stops_before_anything_is_begun(world: World) -> None:
    world.schema = ""
    command = deploy(step("one"), migrations=MIGRATIONS)
    await world.deliver(command)

    data = world.executed(command).data
    assert (data.outcome, data.changed) == ("errored", False)
    assert "`schema current` printed nothing: it must print the revision" in data.reason


async def test_a_deployment_that_comes_after_its_rollback_runs_nothing(world: World) -> None:
    await world.deliver(rollback(step("back")))
    command = deploy(step("one"))
    await world.deliver(command)

    data = world.executed(command).data
    assert (data.outcome, data.changed, data.steps) == ("stopped", False, ())
    assert world.effects == ["back"]


@pytest.mark.parametrize(
    ("found", "outcome", "says"),
    [
        ("A", "done", "from A to B"),
        ("half", "unknown", "begun at A by a worker that died, and the schema is now at half"),
    ],
)
async def test_an_apply_whose_worker_died_is_judged_by_where_the_schema_is(
    world: World, found: str, outcome: str, says: str
) -> None:
    command = deploy(migrations=MIGRATIONS)
    await world.deliver(command, after=("schema", "apply"))
    assert world.effects == ["apply"]
    world.schema = found
    await world.deliver(command)

    data = world.executed(command).data
    assert (data.outcome, data.steps[0].attempts) == (outcome, 2 if outcome == "done" else 1)
    assert says in data.steps[0].detail


# --- two workers at once, on a real clock with short leases ----------------------------------


def worker(world: World, runner: ScriptedRunner) -> tuple[Admitter, Tools]:
    return Admitter(world.bucket, world.clock, TIMING), Tools(
        runner, world.publisher, world.clock, retry_first_s=0.01
    )


@asynccontextmanager
async def at_work(
    command: ProcedureCommand, admitter: Admitter, tools: Tools
) -> AsyncGenerator[asyncio.Task[None]]:
    handling = asyncio.create_task(on_command(command, admitter, tools))
    try:
        yield handling
    finally:
        handling.cancel()
        await asyncio.gather(handling, return_exceptions=True)


async def test_a_rollback_stops_the_running_deployment_and_then_goes_on(world: World) -> None:
    runner = ScriptedRunner()
    runner.teach("long")
    runner.teach("back", does=lambda: Attempt("done", "exit code 0"))
    forward, back = deploy(step("long"), step("next")), rollback(step("back"))

    async with at_work(forward, *worker(world, runner)) as handling:
        await until(lambda: runner.asked)
        await on_command(back, *worker(world, runner))
        await handling

    assert runner.asked == [("long",), ("back",)]
    stopped = world.executed(forward).data
    assert (stopped.outcome, stopped.changed) == ("stopped", True)
    assert [s.outcome for s in stopped.steps] == ["unknown"]
    assert "stopped while it ran, for a rollback of this run" in stopped.reason
    assert world.executed(back).data.outcome == "done"


async def test_a_rollback_stops_a_deployment_that_waits_for_its_next_try(world: World) -> None:
    runner = ScriptedRunner()
    runner.teach("x", does=lambda: FAILED)
    admitter, tools = worker(world, runner)
    forward = deploy(step("x", idempotent=True, retries=20))

    async with at_work(forward, admitter, replace(tools, retry_first_s=60)) as handling:
        await until(lambda: runner.asked)
        await on_command(rollback(), *worker(world, runner))
        await handling

    assert runner.asked == [("x",)]
    assert world.executed(forward).data.outcome == "failed"


async def test_a_command_delivered_again_while_a_worker_is_at_it_waits(world: World) -> None:
    runner = ScriptedRunner()
    runner.teach("long")
    command = deploy(step("long"))

    async with at_work(command, *worker(world, runner)):
        await until(lambda: runner.asked)
        with pytest.raises(Later):
            await on_command(command, *worker(world, runner))

    assert runner.asked == [("long",)]


class Gate:
    """A bucket that can be cut off."""

    def __init__(self, bucket: MemoryBucket) -> None:
        self._bucket = bucket
        self.open = True
        self.refused = 0

    async def now(self) -> datetime:
        return await self._bucket.now()

    async def get(self, key: str) -> Entry | None:
        self._pass()
        return await self._bucket.get(key)

    async def create(self, key: str, value: bytes) -> int | None:
        self._pass()
        return await self._bucket.create(key, value)

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        self._pass()
        return await self._bucket.update(key, value, revision)

    async def put(self, key: str, value: bytes) -> int:
        return await self._bucket.put(key, value)

    async def delete(self, key: str) -> None:
        await self._bucket.delete(key)

    def _pass(self) -> None:
        if not self.open:
            self.refused += 1
            raise Unavailable("write", "the server is away")


async def test_a_worker_cut_off_for_too_long_kills_its_step_and_another_goes_on(
    world: World,
) -> None:
    runner, gate = ScriptedRunner(), Gate(world.bucket)
    runner.teach("long")
    admitter, tools = worker(world, runner)
    command = deploy(step("long"))

    async with at_work(command, replace(admitter, bucket=gate), tools) as handling:
        await until(lambda: runner.asked)
        gate.open = False
        with pytest.raises(Later, match="could not be renewed"):
            await handling
    assert not world.publisher.published

    await on_command(command, *worker(world, runner))
    assert world.executed(command).data.outcome == "unknown"
    assert runner.asked == [("long",)]


async def test_a_short_outage_of_the_bucket_does_not_disturb_a_step(world: World) -> None:
    runner, gate = ScriptedRunner(), Gate(world.bucket)
    runner.teach("long")
    patient = replace(TIMING, lease_s=3.0, beat_s=0.02)
    command = deploy(step("long", timeout=0.6))
    admitter = Admitter(gate, world.clock, patient)

    async with at_work(command, admitter, worker(world, runner)[1]) as handling:
        await until(lambda: runner.asked)
        gate.open = False
        await until(lambda: gate.refused >= 1)
        gate.open = True
        await handling

    assert "did not end within 0.6 s" in world.executed(command).data.reason


async def test_a_journal_that_somebody_removed_is_put_back_by_its_holder(world: World) -> None:
    runner = ScriptedRunner()
    runner.teach("long")
    command = deploy(step("long", timeout=0.5))

    async with at_work(command, *worker(world, runner)) as handling:
        await until(lambda: runner.asked)
        await world.bucket.delete(RUN)
        await handling

    entry = await world.bucket.get(RUN)
    assert entry is not None
    assert decode(RUN, entry.value).procedures[0].end is not None


async def test_an_overtaken_worker_writes_and_says_nothing_more(world: World) -> None:
    runner = ScriptedRunner()
    runner.teach("long")
    command = deploy(step("long"))

    async with at_work(command, *worker(world, runner)) as handling:
        await until(lambda: runner.asked)
        entry = await world.bucket.get(RUN)
        assert entry is not None
        other = decode(RUN, entry.value).model_copy(update={"epoch": 2, "holder": "other"})
        theirs = other.model_dump_json(by_alias=True).encode()
        await world.bucket.put(RUN, theirs)
        with pytest.raises(Later, match=r"took it over \(epoch 2\)"):
            await handling

    after = await world.bucket.get(RUN)
    assert after is not None
    assert after.value == theirs
    assert not world.publisher.published


class Deaf:
    """A publisher that cannot be reached for the first so many messages."""

    def __init__(self, world: World, misses: int) -> None:
        self._world = world
        self.misses = misses

    async def publish(self, message: Message) -> None:
        if self.misses:
            self.misses -= 1
            raise Unavailable("publish", "the server is away")
        await self._world.publisher.publish(message)


async def test_a_step_is_told_later_if_it_cannot_be_told_now(world: World) -> None:
    command = deploy(step("one"), step("two"))
    await on_command(command, world.admitter(), replace(world.tools(), publisher=Deaf(world, 1)))

    assert [f.data.index for f in world.finished(command)] == [0, 1]
    assert world.executed(command).data.outcome == "done"


async def test_an_end_that_cannot_be_told_is_told_by_the_next_delivery(world: World) -> None:
    command = deploy(step("one"))
    with pytest.raises(Unavailable):
        await on_command(
            command, world.admitter(), replace(world.tools(), publisher=Deaf(world, 9))
        )
    await world.deliver(command)

    assert world.executed(command).data.outcome == "done"
    assert world.effects == ["one"]


# --- what is given up -----------------------------------------------------------------------


async def test_a_command_that_is_given_up_is_answered_and_never_run_again(world: World) -> None:
    command = deploy(step("one"))
    await on_dead(command, "failed five times", world.admitter(), world.tools())
    await world.deliver(command)

    data = world.executed(command).data
    assert (data.outcome, data.changed) == ("errored", False)
    assert data.reason == "the deployer gave this command up: failed five times"
    assert world.effects == []


async def test_a_command_given_up_half_way_says_that_something_was_begun(world: World) -> None:
    command = deploy(step("one"), step("two"))
    await world.deliver(command, after=("one",))
    assert world.effects == ["one"]
    await on_dead(command, "it kills every worker", world.admitter(), world.tools())

    data = world.executed(command).data
    assert (data.outcome, data.changed) == ("errored", True)


async def test_a_command_given_up_after_its_end_is_answered_with_that_end(world: World) -> None:
    command = deploy(step("one"))
    with pytest.raises(Unavailable):
        await on_command(
            command, world.admitter(), replace(world.tools(), publisher=Deaf(world, 9))
        )
    await on_dead(command, "could not be told", world.admitter(), world.tools())

    assert world.executed(command).data.outcome == "done"


async def test_a_journal_that_cannot_be_read_counts_as_changed(world: World) -> None:
    await world.bucket.create(RUN, b'{"format": 9}')
    command = deploy(step("one"))
    await on_dead(command, "the journal cannot be read", world.admitter(), world.tools())

    data = world.executed(command).data
    assert (data.outcome, data.changed) == ("errored", True)
    assert world.effects == []
