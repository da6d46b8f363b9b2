"""The way back of a schema, in a world in memory."""

from __future__ import annotations

from typing import Any

import pytest

from goaround_deployer.journal import MIGRATION, decode
from goaround_deployer.runner import Attempt
from goaround_migrating.tools import Script
from goaround_schemas.guide.step import Migrations, Step
from goaround_schemas.procedure import DeployExecutedData, Reverted, WorkRollback
from tests.deployer.builders import JUDGED, RUN, SEEN, deploy, rollback, step
from tests.deployer.world import World

NOTE = Script(
    version="0002",
    name="note",
    up="ALTER TABLE orders ADD COLUMN note text;",
    down="ALTER TABLE orders DROP COLUMN note;",
)
INDEX = Script(version="0002", up="CREATE INDEX i ON orders (id);", down="DROP INDEX i;")
WHOLE = SEEN.model_copy(update={"sql": ("schema", "sql"), "revert_sql": ("schema", "undo")})
BACK = step("back", idempotent=True)


@pytest.fixture
def world() -> World:
    return World()


async def there_and_back(
    world: World, migrations: Migrations, **given: Any
) -> tuple[DeployExecutedData, Reverted]:
    """Deploy, roll back, and return what is said of the way back."""
    await world.deliver(deploy(step("one"), migrations=migrations, allow=("irreversible",)))
    return await roll_back(world, rollback(BACK, migrations=migrations, **given))


async def roll_back(world: World, command: WorkRollback) -> tuple[DeployExecutedData, Reverted]:
    await world.deliver(command)
    data = world.executed(command).data
    assert data.migration is not None
    assert data.migration.reverted is not None
    return data, data.migration.reverted


async def test_a_revert_is_proven_by_the_fingerprint_of_before(world: World) -> None:
    before = await world.catalogue.fingerprint(SEEN)
    data, reverted = await there_and_back(world, SEEN)

    assert (data.outcome, world.effects) == ("done", ["apply", "one", "revert", "back"])
    assert reverted.outcome == "reverted_verified"
    assert f"its fingerprint is the one of before ({before.digest})" in reverted.reason
    assert data.migration is not None
    assert data.migration.fingerprint_after == before.digest


async def test_where_the_journal_is_gone_the_commands_fingerprint_is_the_proof(
    world: World,
) -> None:
    before = await world.catalogue.fingerprint(SEEN)
    world.schema, world.catalogue.columns = "B", {"orders.id", "orders.note"}
    back = rollback(BACK, migrations=SEEN, migration_before="A", fingerprint_before=before.digest)
    _, reverted = await roll_back(world, back)

    assert reverted.outcome == "reverted_verified"
    assert before.digest in reverted.reason


async def test_a_revert_that_forgets_something_fails_with_the_difference_and_the_code_goes_back(
    world: World,
) -> None:
    world.catalogue.forgets = ("orders.note",)
    data, reverted = await there_and_back(world, SEEN)

    assert data.outcome == "failed"
    assert world.effects == ["apply", "one", "revert", "back"]
    assert [s.outcome for s in data.steps] == ["failed", "done"]
    assert reverted.outcome == "revert_failed"
    assert reverted.difference == ("column orders.note should not be there",)
    assert "column orders.note should not be there; what comes after it was done" in data.reason


async def test_a_revert_that_fails_half_way_says_where_the_schema_is_and_nothing_follows(
    world: World,
) -> None:
    class Breaking(World):
        async def run(self, step: Any, values: Any, stop: Any, **rest: Any) -> Attempt:
            if step.run[:2] == ("schema", "revert"):
                self.catalogue.columns.remove("orders.at")
                self.effects.append("half")
                return Attempt("failed", "exit code 1; it printed: boom")
            return await super().run(step, values, stop, **rest)

    world = Breaking()
    world.catalogue.adds = ("orders.note", "orders.at")
    data, reverted = await there_and_back(world, SEEN)

    assert (data.outcome, world.effects) == ("failed", ["apply", "one", "half"])
    assert reverted.outcome == "revert_failed"
    assert "boom" in reverted.reason
    assert "the schema is at B, which is not where it was (A)" in reverted.reason
    assert "in between, neither as before" in reverted.reason
    assert reverted.difference == ("column orders.note should not be there",)


async def test_a_lossy_way_back_is_refused_and_the_code_goes_back_alone(world: World) -> None:
    world.catalogue.script = NOTE
    await world.deliver(deploy(step("one"), migrations=JUDGED))
    data, reverted = await roll_back(world, rollback(BACK, migrations=JUDGED))

    assert (data.outcome, world.effects) == ("done", ["apply", "one", "back"])
    assert [s.outcome for s in data.steps] == ["skipped", "done"]
    assert reverted.outcome == "refused_lossy"
    assert "the schema stays at B: going back to A would lose data" in reverted.reason
    assert "migration 0002 (note), line 1: drops column orders.note" in reverted.reason
    assert world.catalogue.copied == []
    assert data.migration is not None
    assert (data.migration.before, data.migration.after) == ("B", "B")


async def test_an_allowed_loss_is_copied_first_and_the_copy_is_named(world: World) -> None:
    world.catalogue.script = NOTE
    await world.deliver(deploy(migrations=JUDGED))
    data, reverted = await roll_back(world, rollback(BACK, migrations=JUDGED, allow=("lossy",)))

    assert (data.outcome, reverted.outcome) == ("done", "reverted_verified")
    assert world.catalogue.copied == [(NOTE.down,)]
    assert reverted.kept == ("goaround_kept.orders_note",)
    assert "copied first, to goaround_kept.orders_note" in reverted.reason
    assert "UPDATE orders SET note = kept.note" in data.steps[0].output


async def test_what_may_be_lost_and_cannot_be_copied_is_not_dropped(world: World) -> None:
    world.catalogue.script = NOTE
    world.catalogue.refuses_copies = "no right to create a schema"
    await world.deliver(deploy(migrations=JUDGED))
    data, reverted = await roll_back(world, rollback(BACK, migrations=JUDGED, allow=("lossy",)))

    assert (data.outcome, reverted.outcome) == ("done", "refused_lossy")
    assert "could not be copied first: no right to create a schema" in reverted.reason
    assert "revert" not in world.effects


async def test_the_guide_allows_the_way_back_by_a_word_of_its_own(world: World) -> None:
    world.catalogue.script = NOTE
    forward = JUDGED.model_copy(update={"allow": ("lossy",)})
    await world.deliver(deploy(migrations=forward))
    _, reverted = await roll_back(world, rollback(BACK, migrations=forward))
    assert reverted.outcome == "refused_lossy"

    allowing = JUDGED.model_copy(update={"allow_revert": ("lossy",)})
    again = rollback(BACK, migrations=allowing, message_id="again")
    _, reverted = await roll_back(world, again)
    assert reverted.outcome == "reverted_verified"


async def test_who_allows_what_cannot_be_undone_loses_it_without_a_copy(world: World) -> None:
    world.catalogue.script = NOTE
    world.catalogue.refuses_copies = "no right to create a schema"
    _, reverted = await there_and_back(world, JUDGED, allow=("irreversible",))

    assert (reverted.outcome, reverted.kept) == ("reverted_verified", ())
    assert "was not copied: no right to create a schema" in reverted.reason


async def test_a_loss_cannot_be_copied_where_no_database_is_named(world: World) -> None:
    world.catalogue.script = NOTE
    nameless = JUDGED.model_copy(update={"database": None})
    await world.deliver(deploy(migrations=nameless))
    _, reverted = await roll_back(world, rollback(BACK, migrations=nameless, allow=("lossy",)))

    assert reverted.outcome == "refused_lossy"
    assert "the guide does not name the database" in reverted.reason


async def test_scripts_that_cannot_be_asked_for_afterwards_are_judged_by_the_journal(
    world: World,
) -> None:
    world.catalogue.script = INDEX
    _, reverted = await there_and_back(world, WHOLE)
    assert reverted.outcome == "reverted_verified"


async def test_the_guide_may_keep_the_schema(world: World) -> None:
    world.catalogue.script = NOTE
    keeping = JUDGED.model_copy(update={"on_rollback": "keep"})
    data, reverted = await there_and_back(world, keeping)

    assert (data.outcome, world.effects) == ("done", ["apply", "one", "back"])
    assert reverted.outcome == "kept_compatible"
    assert "the schema stays at B: the guide keeps it" in reverted.reason


async def test_the_guide_may_keep_a_schema_that_nobody_can_tell_the_place_of(world: World) -> None:
    keeping = SEEN.model_copy(update={"on_rollback": "keep", "current": ("schema", "silent")})
    await world.deliver(deploy(migrations=SEEN))
    data, reverted = await roll_back(world, rollback(BACK, migrations=keeping))

    assert (data.outcome, reverted.outcome) == ("done", "kept_compatible")


async def test_a_compatible_schema_without_a_way_back_is_kept(world: World) -> None:
    world.catalogue.script = NOTE
    one_way = JUDGED.model_copy(update={"revert": None})
    data, reverted = await there_and_back(world, one_way)

    assert (data.outcome, reverted.outcome) == ("done", "kept_compatible")
    assert "leaves the previous version alone" in reverted.reason


async def test_a_schema_that_the_deployment_left_alone_is_not_spoken_of(world: World) -> None:
    world.schema, world.catalogue.adds = "B", ()
    await world.deliver(deploy(migrations=SEEN))
    world.catalogue.columns.add("others.id")
    back = rollback(BACK, migrations=SEEN)
    await world.deliver(back)

    data = world.executed(back).data
    assert data.outcome == "done"
    assert data.migration is None or data.migration.reverted is None


async def test_a_schema_that_a_person_has_brought_back_needs_no_revert(world: World) -> None:
    await world.deliver(deploy(migrations=SEEN))
    world.schema, world.catalogue.columns = "A", {"orders.id"}
    _, reverted = await roll_back(world, rollback(BACK, migrations=SEEN))

    assert reverted.outcome == "reverted_verified"
    assert "nothing to revert" in reverted.reason
    assert "revert" not in world.effects


async def test_a_migration_of_data_alone_is_reverted_although_the_catalogue_is_the_same(
    world: World,
) -> None:
    world.catalogue.adds = ()
    _, reverted = await there_and_back(world, SEEN)

    assert reverted.outcome == "reverted_verified"
    assert "revert" in world.effects
    assert world.schema == "A"


async def test_a_schema_whose_place_is_not_told_is_not_touched(world: World) -> None:
    silent = SEEN.model_copy(update={"current": ("schema", "silent")})
    await world.deliver(deploy(migrations=SEEN))
    data, reverted = await roll_back(world, rollback(BACK, migrations=silent))

    assert (data.outcome, reverted.outcome) == ("errored", "revert_failed")
    assert world.effects == ["apply"]


async def test_a_revert_that_cannot_be_proven_is_none_and_the_code_goes_back(
    world: World,
) -> None:
    await world.deliver(deploy(migrations=SEEN))
    world.catalogue.blind = "no answer"
    data, reverted = await roll_back(world, rollback(BACK, migrations=SEEN))

    assert (data.outcome, reverted.outcome) == ("errored", "revert_failed")
    assert "which is not proven: no answer" in reverted.reason
    assert world.effects == ["apply", "revert", "back"]


# --- a worker that died in mid-revert --------------------------------------------------------


async def dead_after_revert(world: World, command: WorkRollback) -> None:
    """Deliver a command to a worker that dies once the schema is moved, before that is told."""
    assert not await world.deliver(command, after=("schema", "revert"))
    assert world.effects[-1] == "revert"


async def test_a_completed_revert_whose_worker_died_is_found_done(world: World) -> None:
    await world.deliver(deploy(migrations=SEEN))
    command = rollback(BACK, migrations=SEEN)
    await dead_after_revert(world, command)
    data, reverted = await roll_back(world, command)

    assert (data.outcome, reverted.outcome) == ("done", "reverted_verified")
    assert world.effects == ["apply", "revert", "back"]
    assert "back at A" in reverted.reason


async def test_a_revert_of_which_nothing_was_done_is_run_again(world: World) -> None:
    await world.deliver(deploy(migrations=SEEN))
    after = set(world.catalogue.columns)
    command = rollback(BACK, migrations=SEEN)
    await dead_after_revert(world, command)
    world.schema, world.catalogue.columns = "somewhere", after
    data, reverted = await roll_back(world, command)

    assert (data.outcome, reverted.outcome) == ("done", "reverted_verified")
    assert world.effects == ["apply", "revert", "revert", "back"]


@pytest.mark.parametrize("nothing_done", [True, False])
async def test_a_revert_is_judged_by_its_catalogue_where_current_says_nothing(
    world: World, nothing_done: bool
) -> None:
    world.catalogue.adds = ("orders.note", "orders.at")
    await world.deliver(deploy(migrations=SEEN))
    after = set(world.catalogue.columns)
    command = rollback(BACK, migrations=SEEN)
    await dead_after_revert(world, command)
    silent = SEEN.model_copy(update={"current": ("schema", "silent")})
    world.catalogue.columns = after if nothing_done else {"orders.id", "orders.at"}
    data, _ = await roll_back(
        world,
        command.model_copy(update={"data": command.data.model_copy(update={"migrations": silent})}),
    )

    assert world.effects.count("revert") == (2 if nothing_done else 1)
    assert data.outcome == ("failed" if nothing_done else "unknown")


async def test_a_revert_left_half_done_is_unknown_and_says_what_is_there(world: World) -> None:
    world.catalogue.adds = ("orders.note", "orders.at")
    await world.deliver(deploy(migrations=SEEN))
    command = rollback(BACK, migrations=SEEN)
    await dead_after_revert(world, command)
    world.schema = "B"
    world.catalogue.columns.add("orders.note")
    data, reverted = await roll_back(world, command)

    assert (data.outcome, reverted.outcome) == ("unknown", "revert_failed")
    assert "begun at B by a worker that died" in reverted.reason
    assert reverted.difference == ("column orders.note should not be there",)
    assert "back" not in world.effects


@pytest.mark.parametrize("done", [True, False])
async def test_copies_that_were_made_are_told_by_the_worker_that_takes_over(
    world: World, done: bool
) -> None:
    world.catalogue.script = NOTE
    await world.deliver(deploy(migrations=JUDGED))
    command = rollback(BACK, migrations=JUDGED, allow=("lossy",))
    await dead_after_revert(world, command)
    if not done:
        world.schema = "B"
        world.catalogue.columns.add("orders.note")
    _, reverted = await roll_back(world, command)

    assert reverted.outcome == "reverted_verified"
    assert reverted.kept == ("goaround_kept.orders_note",)


# --- a person goes on with a run whose way back failed ---------------------------------------

STEPS = (step("drain"), step("switch"), step("open", idempotent=True))
FAILED = Attempt("failed", "exit code 3")


async def failed_run(world: World) -> None:
    """A run whose way back failed at its second step."""
    world.outcomes["switch"] = [FAILED]
    await world.deliver(deploy(migrations=SEEN))
    await world.deliver(rollback(*STEPS, migrations=SEEN))
    assert world.effects == ["apply", "revert", "drain", "switch"]


def resuming(steps: tuple[Step, ...] = STEPS, **given: Any) -> WorkRollback:
    where = {"run_id": "run-2", "deployed_by": RUN, "resumes": RUN}
    return rollback(*steps, message_id="resume-1", **{"migrations": SEEN, **where, **given})


async def test_what_was_done_is_not_done_again_and_what_failed_is(world: World) -> None:
    await failed_run(world)
    world.effects.clear()
    data, reverted = await roll_back(world, resuming())

    assert (data.outcome, world.effects) == ("done", ["switch", "open"])
    assert [s.outcome for s in data.steps] == ["done"] * 4
    assert reverted.outcome == "reverted_verified"


async def test_it_does_not_matter_which_stage_the_run_that_goes_on_names(world: World) -> None:
    await failed_run(world)
    world.effects.clear()
    await roll_back(world, resuming(stage="second"))

    assert world.effects == ["switch", "open"]


async def test_a_step_nobody_knows_the_end_of_stays_unknown(world: World) -> None:
    world.outcomes["switch"] = [Attempt("unknown", "the worker died")]
    await world.deliver(deploy(migrations=SEEN))
    await world.deliver(rollback(*STEPS, migrations=SEEN))
    world.effects.clear()
    data, _ = await roll_back(world, resuming())

    assert (data.outcome, world.effects) == ("unknown", [])
    assert "the worker died" in data.reason


async def test_a_schema_that_a_person_has_put_right_is_proven_when_it_is_gone_on(
    world: World,
) -> None:
    world.catalogue.forgets = ("orders.note",)
    await world.deliver(deploy(migrations=SEEN))
    await world.deliver(rollback(*STEPS, migrations=SEEN))
    world.catalogue.columns.remove("orders.note")
    world.effects.clear()
    data, reverted = await roll_back(world, resuming())

    assert (data.outcome, world.effects) == ("done", [])
    assert reverted.outcome == "reverted_verified"


async def test_a_refused_loss_is_judged_anew_once_it_is_allowed(world: World) -> None:
    world.catalogue.script = NOTE
    world.outcomes["switch"] = [FAILED]
    await world.deliver(deploy(migrations=JUDGED))
    await world.deliver(rollback(*STEPS, migrations=JUDGED))
    world.effects.clear()
    _, reverted = await roll_back(world, resuming(allow=("lossy",), migrations=JUDGED))

    assert world.effects == ["revert", "switch", "open"]
    assert reverted.outcome == "reverted_verified"


async def test_a_step_nobody_knows_the_end_of_is_done_once_the_guide_calls_it_idempotent(
    world: World,
) -> None:
    world.outcomes["switch"] = [Attempt("unknown", "the worker died")]
    await world.deliver(deploy(migrations=SEEN))
    await world.deliver(rollback(*STEPS, migrations=SEEN))
    world.effects.clear()
    mended = (STEPS[0], step("switch", idempotent=True, timeout=9), STEPS[2])
    data, _ = await roll_back(world, resuming(steps=mended))

    assert (data.outcome, world.effects) == ("done", ["switch", "open"])


async def test_a_step_is_known_by_what_it_does_wherever_the_guide_has_it_by_now(
    world: World,
) -> None:
    await failed_run(world)
    world.effects.clear()
    mended = (step("first"), STEPS[0], step("better switch"), STEPS[2])
    data, _ = await roll_back(world, resuming(steps=mended))

    assert (data.outcome, world.effects) == ("done", ["first", "better switch", "open"])


async def test_a_step_that_has_the_runs_id_in_it_is_the_same_step(world: World) -> None:
    world.outcomes["switch"] = [FAILED]
    await world.deliver(rollback(step("drain", run=("drain", RUN)), step("switch")))
    world.effects.clear()
    command = rollback(
        step("drain", run=("drain", "run-2")),
        step("switch"),
        message_id="resume-1",
        run_id="run-2",
        resumes=RUN,
    )
    await world.deliver(command)

    assert world.executed(command).data.outcome == "done"
    assert world.effects == ["switch"]


async def test_a_run_that_left_no_journal_is_gone_on_with_from_the_start(world: World) -> None:
    command = rollback(BACK, run_id="run-2", resumes="forgotten")
    await world.deliver(command)

    assert world.executed(command).data.outcome == "done"
    assert world.effects == ["back"]


async def test_the_journal_of_a_way_back_holds_what_became_of_the_schema(world: World) -> None:
    await there_and_back(world, SEEN)
    entry = await world.bucket.get(RUN)
    assert entry is not None
    kept = decode(RUN, entry.value).procedures[-1]

    assert kept.reverted is not None
    assert kept.tasks[MIGRATION].outcome == "done"
