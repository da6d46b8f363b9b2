"""What is next in a procedure. Pure: no clock, no bucket, no process.

Everything is decided from the command and the journal, so a worker that takes over decides what
the one before it would have decided.
"""

from dataclasses import dataclass, field
from typing import Literal

from goaround_deployer.journal import (
    MIGRATION,
    MOST_TASKS,
    End,
    Journal,
    Kind,
    Outcome,
    ProcedureCommand,
    ProcedureRecord,
    TaskRecord,
)
from goaround_deployer.seen import Seen, unpacked
from goaround_schemas.guide.step import Migrations, Step
from goaround_schemas.procedure import WorkRollback

BEFORE = "{migration.before}"
ORPHANED = "begun by a worker that died"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a rollback brings the schema. `moved_to` is the last known place; None: unknown.

    The fingerprints are digests, of before and of what the deployment left; `seen` is what there
    was before, as far as there was room for it.
    """

    before: str
    moved_to: str | None
    moved: bool
    fingerprint: str | None = None
    fingerprint_after: str | None = None
    seen: Seen = field(default_factory=Seen)


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
        untouched = target is None or not target.moved
        # One that has nothing to do is there to stop what is at work, and says no more than that.
        if data.migrations is None and not reverted and (untouched or not steps):
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
            if found.outcome in ("done", "skipped") or found.goes_on:
                continue
            return Finish(_whole(found, stop), _why(task, found, plan[place + 1 :]))
        if stop:
            return Finish("stopped", f"stopped for a rollback before {_called(task)}")
        return _open(task, found, stage, record.kind)
    return _ended(plan, record)


def _ended(plan: tuple[Task, ...], record: ProcedureRecord) -> Finish:
    """Return how a procedure ended of which nothing is left: badly if anything in it did."""
    for place, task in enumerate(plan):
        found = record.tasks[task.key]
        if found.outcome not in ("done", "skipped"):
            rest = f"; what comes after it was done ({_counted(plan[place + 1 :], record)})"
            after = rest if plan[place + 1 :] else ""
            return Finish(_whole(found, stop=False), _why(task, found, ()) + after)
    return Finish("done", _counted(plan, record) if plan else "nothing to do")


def _open(task: Task, found: TaskRecord | None, stage: str, kind: Kind) -> Move:
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
    # A way back undoes every stage that was reached, and is sent those steps alone.
    if kind == "deploy" and step.only and stage not in step.only:
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


def _counted(plan: tuple[Task, ...], record: ProcedureRecord) -> str:
    done = sum(1 for t in plan if record.tasks[t.key].outcome == "done")
    skipped = len(plan) - done
    return f"{done} of {len(plan)} done" + (f", {skipped} skipped" if skipped else "")


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
        first, last = touched[0], touched[-1]
        form = first.fingerprint_before or command.data.fingerprint_before
        form_after = last.fingerprint_after
        other_form = None not in (form, form_after) and form != form_after
        return Target(
            first.before,
            moved_to=last.after,
            moved=last.after != first.before or other_form,
            fingerprint=form,
            fingerprint_after=form_after,
            seen=unpacked(first.seen),
        )
    data = command.data
    if data.migration_before is not None:
        before, form = data.migration_before, data.fingerprint_before
        return Target(before, moved_to=None, moved=True, fingerprint=form)
    return None


def closed(record: ProcedureRecord, end: End) -> ProcedureRecord:
    """Return the record with its end; what was begun and has no outcome is unknown."""
    if record.end is not None:
        return record
    tasks = {key: t if t.state == "ended" else _given_up(t) for key, t in record.tasks.items()}
    return record.model_copy(update={"tasks": tasks, "end": end})


def _given_up(task: TaskRecord) -> TaskRecord:
    said = f"{ORPHANED}; nobody can say whether it was done"
    return task.model_copy(update={"state": "ended", "outcome": "unknown", "detail": said})
