"""What is next in a procedure, and who may act on a run. Pure: no clock, no bucket, no process.

Everything is decided from the command and the journal, so a worker that takes over decides what
the one before it would have decided.
"""

from dataclasses import dataclass
from typing import Literal

from goaround_deployer.journal import (
    MIGRATION,
    MOST_TASKS,
    End,
    Journal,
    Outcome,
    ProcedureCommand,
    ProcedureRecord,
    TaskRecord,
    fingerprint_of,
    kind_of,
)
from goaround_schemas.guide.step import Migrations, Step
from goaround_schemas.procedure import WorkRollback

BEFORE = "{migration.before}"
ORPHANED = "begun by a worker that died"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a rollback brings the schema. `moved_to` is the last known place; None: unknown."""

    before: str
    moved_to: str | None
    moved: bool


@dataclass(frozen=True, slots=True)
class Task:
    """One thing of a plan: a step, the migrations forward, or the migrations back."""

    key: str
    name: str
    step: Step | None = None
    migrations: Migrations | None = None
    target: Target | None = None

    @property
    def kind(self) -> Literal["migration", "step"]:
        """What the answer calls it."""
        return "migration" if self.step is None else "step"


@dataclass(frozen=True, slots=True)
class Begin:
    """Do this task. `again`: a worker that died had begun it, and it may be done again."""

    task: Task
    again: bool = False


@dataclass(frozen=True, slots=True)
class Settle:
    """Write down an outcome without doing anything."""

    task: Task
    outcome: Literal["skipped", "unknown"]
    detail: str


@dataclass(frozen=True, slots=True)
class Finish:
    """The procedure is over."""

    outcome: Outcome
    reason: str


Move = Begin | Settle | Finish


def plan_of(
    command: ProcedureCommand, target: Target | None, *, reverted: bool = False
) -> tuple[Task, ...]:
    """Return the tasks of a command in their order: migrations, forward or back, come first.

    `reverted`: the journal has a way back of the schema already, so there is such a task.
    """
    data = command.data
    steps = tuple(Task(key=str(i), name=step.name, step=step) for i, step in enumerate(data.steps))
    if isinstance(command, WorkRollback):
        if data.migrations is None and not reverted and (target is None or not target.moved):
            return steps
        back = Task(MIGRATION, "revert migrations", migrations=data.migrations, target=target)
        return (back, *steps)
    if data.migrations is None:
        return steps
    return (Task(MIGRATION, "apply migrations", migrations=data.migrations), *steps)


def next_move(
    plan: tuple[Task, ...], record: ProcedureRecord, stage: str, stop: bool = False
) -> Move:
    """Return what is next. `stop`: a rollback of this run waits for us to leave off."""
    if len(plan) > MOST_TASKS and not record.tasks:
        return Finish(
            "errored",
            f"{len(plan)} steps are more than the journal of a run holds ({MOST_TASKS}); "
            f"join some of them, a script: can hold many commands",
        )
    for place, task in enumerate(plan):
        found = record.tasks.get(task.key)
        if found is not None and found.state == "ended":
            if found.outcome in ("done", "skipped"):
                continue
            return Finish(_whole(found, stop), _why(task, found, plan[place + 1 :]))
        if stop:
            return Finish("stopped", f"stopped for a rollback before {_called(task)}")
        return _open(task, found, stage)
    return Finish("done", _all_done(plan, record))


def _open(task: Task, found: TaskRecord | None, stage: str) -> Move:
    step = task.step
    if step is None:
        return Begin(task, again=found is not None)
    if found is not None:
        if step.idempotent:
            return Begin(task, again=True)
        return Settle(
            task,
            "unknown",
            f"step {step.name!r} was {ORPHANED}, and is not idempotent: "
            f"nobody can say whether it was done",
        )
    if step.only and stage not in step.only:
        return Settle(task, "skipped", f"only for {', '.join(step.only)}")
    return Begin(task)


def _whole(found: TaskRecord, stop: bool) -> Outcome:
    if stop and found.outcome == "unknown":
        return "stopped"
    match found.outcome:
        case "failed" | "errored" | "unknown":
            return found.outcome
        case _:
            return "unknown"


def _called(task: Task) -> str:
    return f"step {task.name!r}" if task.step else task.name


def _why(task: Task, found: TaskRecord, left: tuple[Task, ...]) -> str:
    said = found.detail if _called(task) in found.detail else f"{_called(task)}: {found.detail}"
    if not left:
        return said
    names = ", ".join(repr(t.name) for t in left[:5])
    more = f" and {len(left) - 5} more" if len(left) > 5 else ""
    return f"{said}; not reached: {names}{more}"


def _all_done(plan: tuple[Task, ...], record: ProcedureRecord) -> str:
    done = sum(1 for t in plan if record.tasks[t.key].outcome == "done")
    skipped = len(plan) - done
    said = f"{done} of {len(plan)} done" + (f", {skipped} skipped" if skipped else "")
    return said if plan else "nothing to do"


def after_crash(before: str, now: str, known_after: frozenset[str]) -> str:
    """Say what became of an `apply` whose worker died: `again`, `done` or `unknown`."""
    if now == before:
        return "again"
    return "done" if now in known_after else "unknown"


def target_of(command: WorkRollback, journal: Journal | None) -> Target | None:
    """Return where the schema goes back to; None if nothing says that it was touched.

    The journal's word comes first: the place before the run's first migration. The command's
    record stands in where the journal is gone.
    """
    touched = [
        p.schema_
        for p in (journal.procedures if journal else ())
        if p.kind == "deploy" and p.schema_ is not None
    ]
    if touched:
        before, last = touched[0].before, touched[-1].after
        return Target(before, moved_to=last, moved=last != before)
    if command.data.migration_before is not None:
        return Target(command.data.migration_before, moved_to=None, moved=True)
    return None


# --- who may act -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """This command has ended: say again what was said."""

    record: ProcedureRecord


@dataclass(frozen=True, slots=True)
class Refuse:
    """A rollback of the run has begun, so this deployment, of which nothing was, never may."""


@dataclass(frozen=True, slots=True)
class Take:
    """Nobody holds the run."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Somebody holds the run; `patient`: it was asked to stop, so it is worth waiting for."""

    patient: bool


@dataclass(frozen=True, slots=True)
class AskToStop:
    """A deployment holds the run that is to be rolled back: ask it to leave off."""


Admission = Answer | Refuse | Take | Wait | AskToStop


def admit(journal: Journal, command: ProcedureCommand) -> Admission:
    """Say what a command may do with a run, by the run's journal."""
    own = journal.of(command.id)
    if own is not None and own.end is not None:
        return Answer(own)
    rollback = kind_of(command) == "rollback"
    if journal.holder is None:
        # One that had begun is taken all the same: to be ended, not to be gone on with.
        late = not rollback and own is None and _going_back(journal)
        return Refuse() if late else Take()
    if not rollback:
        return Refuse() if own is None and _going_back(journal) else Wait(patient=False)
    holder = journal.of(journal.command_id or "")
    if holder is not None and holder.kind == "rollback":
        return Wait(patient=False)
    return Wait(patient=True) if journal.stop_requested else AskToStop()


def _going_back(journal: Journal) -> bool:
    return journal.stop_requested is not None or any(
        p.kind == "rollback" for p in journal.procedures
    )


def taken(journal: Journal, command: ProcedureCommand, holder: str, end: End) -> Journal:
    """Return the journal as its new holder writes it.

    What the last holder had at hand is orphaned. If we come to roll back, or are a deployment
    that a rollback has overtaken, deployments that never ended are ended so (`end`).
    """
    going_back = kind_of(command) == "rollback" or _going_back(journal)
    kept = journal.model_copy(
        update={
            "epoch": journal.epoch + 1,
            "beat": 0,
            "holder": holder,
            "command_id": command.id,
            "procedures": tuple(
                closed(_orphaned(p), end) if going_back and p.kind == "deploy" else _orphaned(p)
                for p in journal.procedures
            ),
        }
    )
    if kept.of(command.id) is not None:
        return kept
    return kept.with_procedure(_first_record(kept, command))


def _orphaned(record: ProcedureRecord) -> ProcedureRecord:
    if record.end is not None:
        return record
    tasks = {
        key: t.model_copy(update={"state": "orphaned"}) if t.state == "started" else t
        for key, t in record.tasks.items()
    }
    return record.model_copy(update={"tasks": tasks})


def closed(record: ProcedureRecord, end: End) -> ProcedureRecord:
    """Return the record with its end; what was begun and has no outcome is unknown."""
    if record.end is not None:
        return record
    tasks = {key: t if t.state == "ended" else _given_up(t) for key, t in record.tasks.items()}
    return record.model_copy(update={"tasks": tasks, "end": end})


def _given_up(task: TaskRecord) -> TaskRecord:
    said = f"{ORPHANED}; nobody can say whether it was done"
    return task.model_copy(update={"state": "ended", "outcome": "unknown", "detail": said})


def _first_record(journal: Journal, command: ProcedureCommand) -> ProcedureRecord:
    """Start a record; go on from an earlier command that was to do the very same.

    What it has done stays done. What never began, or may be done again, is open again. A step
    that is not idempotent and was begun keeps its outcome: a new command is no leave to repeat it.
    """
    fresh = ProcedureRecord(
        command_id=command.id,
        kind=kind_of(command),
        stage=command.data.stage,
        fingerprint=fingerprint_of(command),
    )
    same = [
        p
        for p in journal.procedures
        if (p.kind, p.stage, p.fingerprint) == (fresh.kind, fresh.stage, fresh.fingerprint)
    ]
    if not same:
        return fresh
    steps = {str(i): step for i, step in enumerate(command.data.steps)}
    tasks = {
        key: task
        for key, task in same[-1].tasks.items()
        if _stays(task, key == MIGRATION or steps[key].idempotent)
    }
    # The place before the first touch outlives a second try: the way back needs it.
    return fresh.model_copy(update={"tasks": tasks, "schema_": same[-1].schema_})


def _stays(task: TaskRecord, repeatable: bool) -> bool:
    if task.state == "orphaned" or task.outcome in ("done", "skipped"):
        return True
    return task.begun and not repeatable
