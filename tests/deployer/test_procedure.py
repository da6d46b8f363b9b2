"""What is next, by tables."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from goaround_deployer.admission import (
    Admission,
    Answer,
    AskToStop,
    Refuse,
    Take,
    Wait,
    admit,
    taken,
)
from goaround_deployer.journal import (
    MIGRATION,
    MOST_TASKS,
    End,
    Journal,
    ProcedureRecord,
    SchemaRecord,
    TaskRecord,
    fingerprint_of,
)
from goaround_deployer.procedure import (
    Begin,
    Finish,
    Settle,
    Target,
    next_move,
    plan_of,
    target_of,
)
from goaround_deployer.seen import Seen, packed
from goaround_migrating import Fingerprint
from goaround_schemas.procedure import WorkDeploy, WorkRollback
from tests.deployer.builders import MIGRATIONS, RUN, deploy, rollback, step

NOW = datetime(2026, 11, 23, tzinfo=UTC)
END = End(outcome="stopped", reason="a rollback came", at=NOW)
PLAN = (step("one"), step("two", idempotent=True), step("canary only", only=("canary",)))


def task(state: str = "ended", outcome: str | None = "done", **given: Any) -> TaskRecord:
    return TaskRecord.model_validate(
        {
            "state": state,
            "outcome": outcome if state == "ended" else None,
            "started_at": NOW,
            **given,
        }
    )


def record(
    command: WorkDeploy | WorkRollback, *tasks: TaskRecord, end: End | None = None
) -> ProcedureRecord:
    return ProcedureRecord(
        command_id=command.id,
        kind="deploy" if isinstance(command, WorkDeploy) else "rollback",
        stage="all",
        fingerprint=fingerprint_of(command),
        tasks={str(i): t for i, t in enumerate(tasks)},
        end=end,
    )


@pytest.mark.parametrize(
    ("tasks", "stop", "expected"),
    [
        ((), False, ("begin", "one", False)),
        ((), True, ("finish", "stopped", "stopped for a rollback before step 'one'")),
        ((task(),), False, ("begin", "two", False)),
        ((task(outcome="skipped"),), False, ("begin", "two", False)),
        (
            (task("orphaned"),),
            False,
            ("settle", "unknown", "step 'one' was begun by a worker that died, and is not "
             "idempotent: nobody can say whether it was done"),
        ),
        ((task("orphaned"),), True,
         ("finish", "stopped", "stopped for a rollback before step 'one'")),
        ((task(), task("orphaned")), False, ("begin", "two", True)),
        ((task(), task()), False, ("settle", "skipped", "only for canary")),
        ((task(), task(), task(outcome="skipped")), False,
         ("finish", "done", "2 of 3 done, 1 skipped")),
        ((task(), task(), task(outcome="skipped")), True,
         ("finish", "done", "2 of 3 done, 1 skipped")),
        (
            (task(), task(outcome="failed", detail="exit code 3")),
            False,
            ("finish", "failed", "step 'two': exit code 3; not reached: 'canary only'"),
        ),
        (
            (task(outcome="errored", detail="no secret", begun=False),),
            False,
            ("finish", "errored", "step 'one': no secret; not reached: 'two', 'canary only'"),
        ),
        (
            (task(outcome="unknown", detail="stopped while it ran"),),
            True,
            ("finish", "stopped",
             "step 'one': stopped while it ran; not reached: 'two', 'canary only'"),
        ),
        (
            (task(outcome="unknown", detail="x"), ),
            False,
            ("finish", "unknown", "step 'one': x; not reached: 'two', 'canary only'"),
        ),
    ],
)  # fmt: skip
def test_what_is_next(tasks: tuple[TaskRecord, ...], stop: bool, expected: tuple[Any, ...]) -> None:
    command = deploy(*PLAN)
    move = next_move(plan_of(command, None), record(command, *tasks), "all", stop)

    match move:
        case Begin(found, again):
            assert expected == ("begin", found.name, again)
        case Settle(_, outcome, detail):
            assert expected == ("settle", outcome, detail)
        case Finish(outcome, reason):
            assert expected == ("finish", outcome, reason)


def test_a_way_back_does_all_the_steps_that_it_is_sent_whatever_stage_they_belong_to() -> None:
    back = rollback(step("undo the canary", only=("canary",)), stage="wave-2")
    move = next_move(plan_of(back, None), record(back), "wave-2")

    assert isinstance(move, Begin)


def test_what_need_not_hold_up_the_rest_fails_the_whole_all_the_same() -> None:
    back = rollback(step("back"), migrations=MIGRATIONS)
    plan = plan_of(back, Target("A", "B", moved=True))
    astray = task(outcome="failed", detail="column note should not be there", goes_on=True)
    begun = record(back).with_task(MIGRATION, astray)
    assert next_move(plan, begun, "all") == Begin(plan[1])

    ended = begun.with_task("0", task())
    assert next_move(plan, ended, "all") == Finish(
        "failed",
        "revert migrations: column note should not be there; what comes after it was done "
        "(1 of 1 done)",
    )


def test_a_procedure_without_steps_is_done() -> None:
    command = deploy()
    assert next_move((), record(command), "all") == Finish("done", "nothing to do")


def test_a_procedure_that_its_journal_cannot_hold_is_refused_before_anything_is_begun() -> None:
    command = deploy(*(step(f"s{i}") for i in range(MOST_TASKS + 1)))
    move = next_move(plan_of(command, None), record(command), "all")

    assert isinstance(move, Finish)
    assert move.outcome == "errored"
    assert str(MOST_TASKS) in move.reason


def test_migrations_come_first_forward_and_back() -> None:
    forward = plan_of(deploy(step("s"), migrations=MIGRATIONS), None)
    back = plan_of(rollback(step("s"), migrations=MIGRATIONS), None)

    assert [t.key for t in forward] == [t.key for t in back] == [MIGRATION, "0"]


def test_a_way_back_without_migrations_has_that_task_only_where_the_schema_was_moved() -> None:
    command = rollback(step("s"))

    assert len(plan_of(command, None)) == 1
    assert len(plan_of(command, Target("A", "A", moved=False))) == 1
    assert len(plan_of(command, Target("A", "B", moved=True))) == 2
    assert len(plan_of(command, None, reverted=True)) == 2


def test_a_way_back_with_nothing_to_do_only_stops_what_is_at_work() -> None:
    assert plan_of(rollback(), Target("A", "B", moved=True)) == ()


@pytest.mark.parametrize(
    ("schemas", "recorded", "expected"),
    [
        ((), None, None),
        ((), "A", Target("A", None, moved=True)),
        ((("A", "B"),), "Z", Target("A", "B", moved=True)),
        ((("A", None),), None, Target("A", None, moved=True)),
        ((("A", "A"),), None, Target("A", "A", moved=False)),
        ((("A", "B"), ("B", "C")), None, Target("A", "C", moved=True)),
    ],
)
def test_where_the_schema_goes_back_to(
    schemas: tuple[tuple[str, str | None], ...], recorded: str | None, expected: Target | None
) -> None:
    procedures = tuple(
        record(deploy(message_id=f"d{i}")).model_copy(
            update={"schema_": SchemaRecord(before=before, after=after)}
        )
        for i, (before, after) in enumerate(schemas)
    )
    journal = Journal(run_id=RUN, procedures=procedures)

    assert target_of(rollback(migration_before=recorded), journal) == expected
    if not schemas:
        assert target_of(rollback(migration_before=recorded), None) == expected


def test_the_way_back_knows_the_catalogue_of_before_and_of_after() -> None:
    before = Fingerprint.of({"column": {"orders.id": {"type": "int"}}})
    first = SchemaRecord(
        before="A",
        after="A",
        fingerprint_before=before.digest,
        fingerprint_after="f2",
        seen=packed(Seen(fingerprint=before)),
    )
    again = first.model_copy(update={"seen": None, "fingerprint_after": "f3"})
    journal = Journal(
        run_id=RUN,
        procedures=tuple(
            record(deploy(message_id=f"d{i}")).model_copy(update={"schema_": schema})
            for i, schema in enumerate((first, again))
        ),
    )

    assert target_of(rollback(fingerprint_before="other"), journal) == Target(
        "A",
        "A",
        # The revision stayed, the catalogue did not.
        moved=True,
        fingerprint=before.digest,
        fingerprint_after="f3",
        seen=Seen(fingerprint=before),
    )
    bare = first.model_copy(update={"fingerprint_before": None, "seen": None})
    old = Journal(run_id=RUN, procedures=(record(deploy()).model_copy(update={"schema_": bare}),))
    recorded = rollback(migration_before="A", fingerprint_before="f1")
    assert target_of(recorded, old) == Target(
        "A", "A", moved=True, fingerprint="f1", fingerprint_after="f2"
    )
    assert target_of(recorded, None) == Target("A", None, moved=True, fingerprint="f1")


FORWARD, BACK, STAGE_2 = deploy(), rollback(), deploy(message_id="deploy-2", stage="second")
ENDED = record(FORWARD, end=END)


@pytest.mark.parametrize(
    ("journal", "command", "expected"),
    [
        ({}, FORWARD, Take()),
        ({}, BACK, Take()),
        ({"procedures": (ENDED,)}, FORWARD, Answer(ENDED)),
        ({"procedures": (ENDED,)}, STAGE_2, Take()),
        ({"procedures": (ENDED,)}, BACK, Take()),
        ({"holder": "x", "command_id": FORWARD.id, "procedures": (record(FORWARD),)},
         FORWARD, Wait(patient=False)),
        ({"holder": "x", "command_id": FORWARD.id, "procedures": (record(FORWARD),)},
         STAGE_2, Wait(patient=False)),
        ({"holder": "x", "command_id": FORWARD.id, "procedures": (record(FORWARD),)},
         BACK, AskToStop()),
        ({"holder": "x", "command_id": FORWARD.id, "procedures": (record(FORWARD),),
          "stop_requested": BACK.id}, BACK, Wait(patient=True)),
        ({"holder": "x", "command_id": BACK.id, "procedures": (record(BACK),)},
         BACK, Wait(patient=False)),
        ({"holder": "x", "command_id": BACK.id, "procedures": (record(BACK),)},
         FORWARD, Refuse()),
        ({"procedures": (record(BACK, end=END),)}, FORWARD, Refuse()),
        ({"stop_requested": BACK.id}, FORWARD, Refuse()),
        ({"stop_requested": BACK.id, "procedures": (record(FORWARD),)}, FORWARD, Take()),
    ],
)  # fmt: skip
def test_who_may_act(
    journal: dict[str, Any], command: WorkDeploy | WorkRollback, expected: Admission
) -> None:
    assert admit(Journal(run_id=RUN).model_copy(update=journal), command) == expected


def test_taking_a_run_orphans_what_its_last_holder_had_at_hand() -> None:
    left = Journal(run_id=RUN, epoch=4, holder="x", procedures=(record(FORWARD, task("started")),))
    now = taken(left, FORWARD, "y", END)

    assert (now.epoch, now.holder, now.command_id) == (5, "y", FORWARD.id)
    assert now.procedures[0].tasks["0"].state == "orphaned"
    assert now.procedures[0].end is None


def test_a_rollback_that_takes_a_run_ends_its_deployment() -> None:
    left = Journal(run_id=RUN, holder="x", procedures=(record(FORWARD, task(), task("started")),))
    now = taken(left, BACK, "y", END)

    ended = now.procedures[0]
    assert ended.end == END
    assert [t.outcome for t in ended.tasks.values()] == ["done", "unknown"]
    assert now.procedures[1].command_id == BACK.id


AGAIN = (step("a"), step("b", idempotent=True), step("c"), step("d", idempotent=True), step("e"))


def test_another_command_for_the_very_same_goes_on_where_the_first_ended() -> None:
    first, second = deploy(*AGAIN), deploy(*AGAIN, message_id="deploy-2")
    tried = (
        task(),
        task(outcome="failed"),
        task(outcome="failed"),
        task(outcome="errored", begun=False),
        task(outcome="errored", begun=False),
    )
    left = Journal(run_id=RUN, procedures=(record(first, *tried, end=END),))
    now = taken(left, second, "y", END).of(second.id)

    assert now is not None
    # Done stays done; a failed step that is not idempotent stays failed; the rest is open.
    assert sorted(now.tasks) == ["0", "2"]


def test_a_command_for_other_steps_begins_anew() -> None:
    left = Journal(run_id=RUN, procedures=(record(deploy(*AGAIN), task(), end=END),))
    other = deploy(step("a"), message_id="deploy-2")
    now = taken(left, other, "y", END).of(other.id)

    assert now is not None
    assert now.tasks == {}
