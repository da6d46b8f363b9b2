"""Who may act on a run, and what a new holder finds there. Pure: no clock, no bucket.

A rollback is the last word on a run: once one was asked for, no deployment of it begins.
"""

from dataclasses import dataclass

from goaround_deployer.journal import (
    MIGRATION,
    End,
    Journal,
    ProcedureCommand,
    ProcedureRecord,
    TaskRecord,
    fingerprint_of,
    kind_of,
)
from goaround_deployer.procedure import closed
from goaround_deployer.resuming import gone_on
from goaround_schemas.procedure import WorkRollback


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


def taken(
    journal: Journal,
    command: ProcedureCommand,
    holder: str,
    end: End,
    resumed: Journal | None = None,
) -> Journal:
    """Return the journal as its new holder writes it.

    `resumed` is the journal of the run whose failed way back this command goes on with.

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
    return kept.with_procedure(_first_record(kept, command, resumed))


def _orphaned(record: ProcedureRecord) -> ProcedureRecord:
    if record.end is not None:
        return record
    tasks = {
        key: t.model_copy(update={"state": "orphaned"}) if t.state == "started" else t
        for key, t in record.tasks.items()
    }
    return record.model_copy(update={"tasks": tasks})


def _first_record(
    journal: Journal, command: ProcedureCommand, resumed: Journal | None
) -> ProcedureRecord:
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
    same = [p for p in journal.procedures if _same(p, fresh)]
    if not same:
        return gone_on(fresh, resumed, command) if isinstance(command, WorkRollback) else fresh
    steps = {str(i): step for i, step in enumerate(command.data.steps)}
    tasks = {
        key: task
        for key, task in same[-1].tasks.items()
        if _stays(task, key == MIGRATION or steps[key].idempotent)
        # What became of the schema was decided by what was allowed then; it is asked anew.
        and not (key == MIGRATION and task.outcome == "skipped")
    }
    # The place before the first touch outlives a second try: the way back needs it. What was seen
    # there stays with the first record.
    schema = same[-1].schema_
    return fresh.model_copy(
        update={
            "tasks": tasks,
            "schema_": schema.model_copy(update={"seen": None}) if schema else None,
            "reverted": same[-1].reverted if MIGRATION in tasks else None,
        }
    )


def _same(record: ProcedureRecord, fresh: ProcedureRecord) -> bool:
    told = (record.kind, record.stage, record.fingerprint)
    return told == (fresh.kind, fresh.stage, fresh.fingerprint)


def _stays(task: TaskRecord, repeatable: bool) -> bool:
    if task.state == "orphaned" or task.outcome in ("done", "skipped"):
        return True
    return task.begun and not repeatable
