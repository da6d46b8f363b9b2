"""What is said of a procedure, made from its command and its journal alone. Pure.

The same command and record give the same messages with the same ids, so they can be sent again
at any time, by anyone, and count once.
"""

from datetime import timedelta

from goaround_deployer.journal import (
    End,
    ProcedureCommand,
    ProcedureRecord,
    TaskRecord,
    kind_of,
    tail,
)
from goaround_deployer.procedure import Task
from goaround_schemas.envelope import Event, derived_id
from goaround_schemas.procedure import (
    DeployExecuted,
    DeployExecutedData,
    DeployStepFinished,
    DeployStepFinishedData,
    MigrationResult,
    StepResult,
)

SOURCE = "deployer"
_MOST_ANSWER_BYTES = 600_000
# What a step's result has beside its texts: names of fields, numbers, a time.
_REST_BYTES = 300


def step_finished(
    command: ProcedureCommand, plan: tuple[Task, ...], place: int, record: ProcedureRecord
) -> DeployStepFinished:
    """Return what is said when the task at that place of the plan has come to its end."""
    data = command.data
    task = plan[place]
    found = record.tasks[task.key]
    return DeployStepFinished(
        id=derived_id(command.id, "deploy.step_finished", task.key),
        source=SOURCE,
        subject=data.run_id,
        time=found.started_at + timedelta(seconds=found.seconds),
        correlationid=command.correlationid,
        causationid=command.id,
        traceparent=command.traceparent,
        data=DeployStepFinishedData(
            run_id=data.run_id,
            service=data.service,
            environment=data.environment,
            procedure=kind_of(command),
            stage=data.stage,
            index=place,
            of=len(plan),
            step=_result(task, found),
        ),
    )


def executed(
    command: ProcedureCommand, plan: tuple[Task, ...], record: ProcedureRecord
) -> DeployExecuted:
    """Return the last word on a procedure that has its end on record."""
    end = record.end
    assert end is not None, "the last word comes after the end"
    results = tuple(_result(t, record.tasks[t.key]) for t in plan if t.key in record.tasks)
    return _executed(
        command,
        end,
        changed=record.changed,
        steps=_within(results, _MOST_ANSWER_BYTES),
        migration=_migration(record),
    )


def unrecorded(command: ProcedureCommand, end: End, *, changed: bool) -> DeployExecuted:
    """Return the last word where nothing is on record, or the record cannot be had."""
    return _executed(command, end, changed=changed, steps=(), migration=None)


def steps_finished(
    command: ProcedureCommand, plan: tuple[Task, ...], record: ProcedureRecord
) -> list[Event]:
    """Return what is said of the tasks that have ended, in order."""
    return [
        step_finished(command, plan, place, record)
        for place, task in enumerate(plan)
        if task.key in record.tasks and record.tasks[task.key].state == "ended"
    ]


def all_of(
    command: ProcedureCommand, plan: tuple[Task, ...], record: ProcedureRecord
) -> list[Event]:
    """Return everything that is said of a procedure that has its end on record, in order."""
    return [*steps_finished(command, plan, record), executed(command, plan, record)]


def _executed(
    command: ProcedureCommand,
    end: End,
    *,
    changed: bool,
    steps: tuple[StepResult, ...],
    migration: MigrationResult | None,
) -> DeployExecuted:
    data = command.data
    return DeployExecuted(
        id=derived_id(command.id, "deploy.executed"),
        source=SOURCE,
        subject=data.run_id,
        time=end.at,
        correlationid=command.correlationid,
        causationid=command.id,
        traceparent=command.traceparent,
        data=DeployExecutedData(
            run_id=data.run_id,
            service=data.service,
            environment=data.environment,
            procedure=kind_of(command),
            stage=data.stage,
            outcome=end.outcome,
            reason=end.reason,
            steps=steps,
            migration=migration,
            changed=changed,
        ),
    )


def _migration(record: ProcedureRecord) -> MigrationResult | None:
    schema = record.schema_
    if schema is None:
        return MigrationResult(reverted=record.reverted) if record.reverted else None
    return MigrationResult(
        before=schema.before,
        after=schema.after,
        fingerprint_before=schema.fingerprint_before,
        fingerprint_after=schema.fingerprint_after,
        reverted=record.reverted,
    )


def _result(task: Task, found: TaskRecord) -> StepResult:
    return StepResult(
        name=task.name,
        kind=task.kind,
        outcome=found.outcome or "unknown",
        detail=found.detail,
        output=found.output,
        attempts=found.attempts,
        started_at=found.started_at,
        seconds=found.seconds,
    )


def _within(results: tuple[StepResult, ...], most_bytes: int) -> tuple[StepResult, ...]:
    """Cut outputs until the answer fits: it repeats all steps, and a server takes 1 MB."""
    if sum(map(_most_size, results)) <= most_bytes:
        return results
    for output_bytes in (4096, 1024, 256, 0):
        cut = tuple(r.model_copy(update={"output": tail(r.output, output_bytes)}) for r in results)
        if sum(len(r.model_dump_json()) for r in cut) <= most_bytes:
            return cut
    return tuple(r.model_copy(update={"output": "", "detail": r.detail[:80]}) for r in results)


def _most_size(result: StepResult) -> int:
    """Return a size that its JSON does not exceed: no character takes more than six bytes."""
    texts = len(result.name) + len(result.detail) + len(result.output)
    return 6 * texts + _REST_BYTES
