"""The end of a run: its record, and then its outcome.

Pure. The outcome is settled before the record is written; a record that cannot be written is
a warning and never changes how the run ended.
"""

from datetime import datetime, timedelta

from goaround_orchestrator.lifecycle.moving import ME, move, order, stay, tell
from goaround_orchestrator.run import Order, Plan, Run, Step, What
from goaround_schemas.matrix import Matrix, RowOutcome
from goaround_schemas.phase import Outcome, Phase
from goaround_schemas.procedure import DeployExecutedData, MigrationResult
from goaround_schemas.recording import DeployRecordedData


def record(
    step: Step, outcome: Outcome, now: datetime, why: str, *orders: Order, actor: str
) -> Step:
    """The outcome is known: have it written down; first, after Green, what is left to be done."""
    plan, run = step.run.the_plan, step.run
    contracts = plan.contracts and outcome == "succeeded" and run.kind == "deploy"
    first = [Order(what=What.CONTRACT)] if contracts else _writing(plan, outcome)
    return move(
        step,
        Phase.RECORDING,
        now,
        why,
        *first,
        *orders,
        actor=actor,
        within_s=plan.contract_s if contracts else plan.record_s,
        outcome=outcome,
    )


def contracted(run: Run, data: DeployExecutedData, now: datetime) -> Step:
    """The steps for after Green came to their end, well or badly: the deployment stands anyway."""
    done = tuple(s.name for s in data.steps if s.outcome == "done")
    schema = run.migration or MigrationResult()
    known = run.model_copy(
        update={
            "steps": (*run.steps, *data.steps),
            "migration": schema.model_copy(update={"after_green": done}) if done else run.migration,
            "deadline": now + timedelta(seconds=run.the_plan.record_s),
        }
    )
    if data.outcome != "done":
        why = f"after Green, not everything was done ({data.outcome}: {data.reason}): see to it"
        known = known.model_copy(update={"warnings": (*known.warnings, why)})
    return order(stay(known), now, *_writing(known.the_plan, "succeeded"))


def _writing(plan: Plan, outcome: Outcome) -> list[Order]:
    asked = outcome == "succeeded" and plan.has_monitoring
    monitoring = [Order(what=What.ASK_MONITORING)] if asked else []
    return [Order(what=What.RECORD), *monitoring]


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
    """The record was not confirmed in its time: the outcome stands, and says so.

    Steps for after Green may still be done by a worker that is slow: nothing of a run may happen
    once its outcome is said, so that worker is told to stop, and its word is waited for.
    """
    asked = {p.order.what for p in run.pending}
    known = run.model_copy(update={"warnings": (*run.warnings, why), "pending": ()})
    if What.CONTRACT in asked:
        later = now + timedelta(seconds=run.the_plan.contract_s)
        return order(stay(known, deadline=later), now, Order(what=What.STOP_CONTRACT))
    return _end(known, now)


def _end(run: Run, now: datetime) -> Step:
    if run.pending or run.outcome is None:
        return stay(run)
    return move(Step(run=run), Phase(run.outcome), now, run.reason, tell("finished"), actor=ME)
