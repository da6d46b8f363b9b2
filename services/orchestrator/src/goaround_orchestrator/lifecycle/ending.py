"""The end of a run: its record, and then its outcome.

Pure. The outcome is settled before the record is written; a record that cannot be written is
a warning and never changes how the run ended.
"""

from datetime import datetime

from goaround_orchestrator.lifecycle.moving import ME, move, stay, tell
from goaround_orchestrator.run import Order, Run, Step, What
from goaround_schemas.matrix import Matrix, RowOutcome
from goaround_schemas.phase import Outcome, Phase
from goaround_schemas.recording import DeployRecordedData


def record(
    step: Step, outcome: Outcome, now: datetime, why: str, *orders: Order, actor: str
) -> Step:
    """The outcome is known: have it written down."""
    plan = step.run.the_plan
    asked = outcome == "succeeded" and plan.has_monitoring
    monitoring = [Order(what=What.ASK_MONITORING)] if asked else []
    return move(
        step,
        Phase.RECORDING,
        now,
        why,
        Order(what=What.RECORD),
        *monitoring,
        *orders,
        actor=actor,
        within_s=plan.record_s,
        outcome=outcome,
    )


def recorded(run: Run, data: DeployRecordedData, now: datetime) -> Step:
    """The scribe has answered."""
    failed = tuple(
        f"{e.what} was not written: {e.detail}" for e in data.entries if e.outcome == "failed"
    )
    known = run.model_copy(
        update={
            "entries": data.entries,
            "corrections": data.corrections,
            "warnings": (*run.warnings, *failed),
        }
    )
    return _end(known, now)


def monitored(run: Run, matrix: Matrix, now: datetime) -> Step:
    """Monitoring was asked once more, after the deployment."""
    silent = tuple(
        f"monitoring: {r.name}: {r.detail}"
        for r in matrix.rows
        if r.outcome in (RowOutcome.FAILED, RowOutcome.ERRORED)
    )
    known = run.model_copy(
        update={"matrices": (*run.matrices, matrix), "warnings": (*run.warnings, *silent)}
    )
    return _end(known, now)


def overdue(run: Run, now: datetime, why: str) -> Step:
    """The record was not confirmed in its time: the outcome stands, and says so."""
    known = run.model_copy(update={"warnings": (*run.warnings, why), "pending": ()})
    return _end(known, now)


def _end(run: Run, now: datetime) -> Step:
    if run.pending or run.outcome is None:
        return stay(run)
    return move(Step(run=run), Phase(run.outcome), now, run.reason, tell("finished"), actor=ME)
