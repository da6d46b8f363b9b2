"""The way forward of a schema, in a world in memory."""

from __future__ import annotations

import asyncio

import pytest

from goaround_deployer.admitting import Admitter
from goaround_deployer.handlers import on_command
from goaround_deployer.journal import MIGRATION, Journal, ProcedureRecord, decode
from goaround_deployer.seen import unpacked
from goaround_deployer.work import Tools
from goaround_migrating import Fingerprint
from goaround_migrating.tools import Script
from goaround_schemas.guide.step import Alembic, Migrations
from goaround_schemas.procedure import WorkDeploy
from tests.deployer.builders import JUDGED, RUN, SEEN, deploy, rollback, step
from tests.deployer.world import TIMING, Catalogue, World

NOTE = Script(
    version="0002",
    name="note",
    up="ALTER TABLE orders ADD COLUMN note text;",
    down="ALTER TABLE orders DROP COLUMN note;",
)
DROP = Script(version="0002", up="ALTER TABLE orders DROP COLUMN note;")
WHOLE = SEEN.model_copy(update={"sql": ("schema", "sql"), "revert_sql": ("schema", "undo")})


@pytest.fixture
def world() -> World:
    return World()


async def journal(world: World) -> Journal:
    entry = await world.bucket.get(RUN)
    assert entry is not None
    return decode(RUN, entry.value)


async def record(world: World) -> ProcedureRecord:
    return (await journal(world)).procedures[-1]


async def dead_after_apply(world: World, command: WorkDeploy) -> None:
    """Deliver a command to a worker that dies once the schema is moved, before that is told."""
    assert not await world.deliver(command, after=("schema", "apply"))
    assert world.effects == ["apply"]


async def test_the_fingerprint_is_on_record_before_anything_is_changed(world: World) -> None:
    command = deploy(migrations=SEEN)
    before = await world.catalogue.fingerprint(SEEN)
    assert not await world.deliver(command, before=("schema", "apply"))

    assert world.effects == []
    begun = await record(world)
    assert begun.tasks[MIGRATION].state == "started"
    assert begun.schema_ is not None
    assert begun.schema_.fingerprint_before == before.digest
    assert unpacked(begun.schema_.seen).fingerprint == before


async def test_both_fingerprints_are_in_the_answer(world: World) -> None:
    command = deploy(migrations=SEEN)
    before = await world.catalogue.fingerprint(SEEN)
    await world.deliver(command)
    after = await world.catalogue.fingerprint(SEEN)

    told = world.executed(command).data.migration
    assert told is not None
    assert (told.fingerprint_before, told.fingerprint_after) == (before.digest, after.digest)
    assert before.digest != after.digest


async def test_without_a_fingerprint_nothing_is_applied_where_the_guide_names_a_database(
    world: World,
) -> None:
    world.catalogue.blind = "the schema's fingerprint could not be taken: db:5432: no answer"
    command = deploy(migrations=SEEN)
    await world.deliver(command)

    data = world.executed(command).data
    assert (data.outcome, data.changed, world.effects) == ("errored", False, [])
    assert "db:5432: no answer; nothing was applied" in data.reason


async def test_what_would_lose_data_is_refused_and_nothing_is_begun(world: World) -> None:
    world.catalogue.script = DROP
    command = deploy(step("one"), migrations=JUDGED)
    await world.deliver(command)

    data = world.executed(command).data
    assert (data.outcome, data.changed, world.effects) == ("failed", False, [])
    assert "migration 0002 is lossy: line 1 drops column orders.note" in data.reason
    assert "goaround deploy checkout 2.0.0 --env prod --allow lossy --reason" in data.reason
    assert data.migration is None


@pytest.mark.parametrize("by_person", [True, False])
async def test_what_a_guide_or_a_person_allows_is_applied(world: World, by_person: bool) -> None:
    world.catalogue.script = DROP
    word = ("lossy",)
    command = (
        deploy(migrations=JUDGED, allow=word)
        if by_person
        else deploy(migrations=JUDGED.model_copy(update={"allow": word}))
    )
    await world.deliver(command)

    assert world.executed(command).data.outcome == "done"
    assert world.effects == ["apply"]


async def test_what_nobody_can_tell_is_refused(world: World) -> None:
    command = deploy(migrations=JUDGED)
    await world.deliver(command)

    data = world.executed(command).data
    assert (data.outcome, data.changed, world.effects) == ("failed", False, [])
    assert "what is pending cannot be told (`tool --sql` ended with exit code 1)" in data.reason


async def test_a_tool_whose_sql_cannot_be_had_applies_as_it_says(world: World) -> None:
    command = deploy(migrations=SEEN)
    await world.deliver(command)

    assert world.executed(command).data.outcome == "done"


async def test_scripts_that_cannot_be_asked_for_afterwards_are_kept(world: World) -> None:
    world.catalogue.script = NOTE
    await world.deliver(deploy(migrations=WHOLE))

    kept = (await record(world)).schema_
    assert kept is not None
    assert unpacked(kept.seen).scripts == (NOTE,)


async def test_alembic_at_its_base_prints_nothing_and_is_at_base(world: World) -> None:
    world.schema = "base"
    alembic = Migrations(
        current=("alembic", "current"), apply=("schema", "apply"), alembic=Alembic()
    )
    command = deploy(migrations=alembic, allow=("irreversible",))
    await world.deliver(command)

    told = world.executed(command).data.migration
    assert told is not None
    assert (told.before, told.after) == ("base", "B")


class Locked(Catalogue):
    """A catalogue that somebody's lock keeps from being read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def fingerprint(self, migrations: Migrations) -> Fingerprint:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody lets go")


async def test_a_rollback_does_not_wait_for_a_look_that_takes_long(world: World) -> None:
    locked = Locked()
    tools = Tools(world, world.publisher, world.clock, schemas=locked)
    forward, back = deploy(step("one"), migrations=SEEN), rollback(step("back"))
    async with asyncio.timeout(8), asyncio.TaskGroup() as group:
        group.create_task(on_command(forward, Admitter(world.bucket, world.clock, TIMING), tools))
        await locked.asked.wait()
        await on_command(back, Admitter(world.bucket, world.clock, TIMING), tools)

    data = world.executed(forward).data
    assert (data.outcome, data.changed) == ("stopped", False)
    assert world.executed(back).data.outcome == "done"
    assert world.effects == ["back"]


# --- a worker that died in mid-apply ---------------------------------------------------------


async def test_an_apply_of_which_nothing_is_in_the_catalogue_is_run_again_although_current_lies(
    world: World,
) -> None:
    command = deploy(migrations=SEEN)
    await dead_after_apply(world, command)
    world.catalogue.columns = {"orders.id"}
    world.schema = "somewhere"
    await world.deliver(command)

    data = world.executed(command).data
    assert (data.outcome, world.effects) == ("done", ["apply", "apply"])
    assert data.migration is not None
    assert data.migration.before == "A"


async def test_an_apply_that_left_half_of_it_is_unknown_although_current_says_it_never_began(
    world: World,
) -> None:
    world.catalogue.adds = ("orders.note", "orders.at")
    command = deploy(migrations=SEEN)
    await dead_after_apply(world, command)
    world.catalogue.columns.remove("orders.at")
    world.schema = "A"
    await world.deliver(command)

    data = world.executed(command).data
    assert (data.outcome, world.effects) == ("unknown", ["apply"])
    assert "now at A, and its catalogue is not as it was" in data.reason


async def test_an_apply_is_judged_by_its_catalogue_where_current_says_nothing(
    world: World,
) -> None:
    silent = SEEN.model_copy(update={"current": ("schema", "silent")})
    command = deploy(migrations=SEEN)
    await dead_after_apply(world, command)
    world.catalogue.columns = {"orders.id"}
    # The same command again, by a worker whose tool is broken.
    await world.deliver(
        command.model_copy(update={"data": command.data.model_copy(update={"migrations": silent})})
    )

    assert world.effects == ["apply", "apply"]


async def test_an_apply_nobody_can_tell_anything_of_is_unknown(world: World) -> None:
    command = deploy(migrations=SEEN)
    await dead_after_apply(world, command)
    world.catalogue.blind = "no answer"
    world.schema = ""
    await world.deliver(command)

    data = world.executed(command).data
    assert data.outcome == "unknown"
    assert "could not ask where the schema is" in data.reason
