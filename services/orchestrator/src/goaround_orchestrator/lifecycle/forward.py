"""The way forward: from the run's turn to the moment its outcome is known.

Pure.
"""

from datetime import datetime, timedelta

from goaround_orchestrator.lifecycle import back, ending
from goaround_orchestrator.lifecycle.inputs import Begin
from goaround_orchestrator.lifecycle.moving import (
    ME,
    NOTICE_GRACE_S,
    move,
    notices_missing,
    order,
    stay,
    tell,
)
from goaround_orchestrator.preflight import matrix_of, previous_of, same_version
from goaround_orchestrator.run import Order, Run, Step, What
from goaround_schemas.matrix import Matrix, MatrixRow, RowOutcome
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import DeployExecutedData, DeployInspectedData
from goaround_schemas.watching import DeployBaselinedData, WatchSummary

TRIES = 3
"""How often a matrix that could not be told is asked for, before that counts as a no."""


def begin(run: Run, what: Begin, now: datetime) -> Step:
    """The run's turn has come: refuse it, send it to pre-flight, or start the way back."""
    if run.kind == "rollback":
        return back.begin(run, what, now)
    ready = run.model_copy(
        update={
            "previous_version": what.running.version if what.running else None,
            "last_proof": what.last_proof,
            "last_rehearsal": what.last_rehearsal,
        }
    )
    if not run.the_plan.asks_running and (why := same_version(ready)):
        return move(Step(run=ready), Phase.REJECTED, now, why, tell("finished"), actor=ME)
    orders = [Order(what=What.ASK_PREFLIGHT)]
    if run.the_plan.watched:
        orders.append(Order(what=What.TAKE_BASELINE))
    if run.the_plan.inspects:
        orders.append(Order(what=What.INSPECT))
    return move(
        Step(run=ready),
        Phase.PREFLIGHT,
        now,
        f"accepted; {_from_to(ready)}",
        *orders,
        tell("started"),
        actor=run.requested_by,
        within_s=run.the_plan.preflight_s,
    )


def preflight_asked(run: Run, order_: Order, matrix: Matrix, now: datetime) -> Step:
    """The verifier's part of pre-flight is in."""
    if matrix.outcome == "errored" and order_.attempt < TRIES:
        return order(stay(run), now, _once_more(order_))
    return preflight_concluded(run.model_copy(update={"asked_rows": matrix.rows}), now)


def baseline_taken(run: Run, data: DeployBaselinedData, now: datetime) -> Step:
    """The watcher's part of pre-flight is in."""
    signals = (*data.signals, *data.logs)
    return preflight_concluded(run.model_copy(update={"baseline": signals}), now)


def inspected(run: Run, order_: Order, data: DeployInspectedData, now: datetime) -> Step:
    """The deployer has looked at the migrations."""
    if data.outcome == "errored" and order_.attempt < TRIES:
        return order(stay(run), now, _once_more(order_))
    tried = data.rehearsal
    proven = {"last_rehearsal": tried.at} if tried and tried.outcome == "passed" else {}
    return preflight_concluded(run.model_copy(update={"inspection": data, **proven}), now)


def preflight_concluded(run: Run, now: datetime) -> Step:
    """Decide pre-flight if every answer that it waits for is in; else wait on."""
    if run.pending:
        return stay(run)
    if notices_missing(run) and now < run.phase_since + timedelta(seconds=NOTICE_GRACE_S):
        return stay(run)
    matrix = matrix_of(run, now)
    said, record = previous_of(run), run.previous_version
    warnings = run.warnings
    if said and record and said != record:
        warnings = (
            *warnings,
            f"the service said that {said} runs, the record said {record}; "
            f"the way back leads to {said}",
        )
    known = run.model_copy(
        update={
            "matrices": (*run.matrices, matrix),
            "warnings": warnings,
            "previous_version": said,
        }
    )
    step = stay(known)
    if why := same_version(run):
        return move(step, Phase.REJECTED, now, why, tell("finished"), actor=ME)
    if matrix.outcome != "passed":
        why = f"pre-flight {matrix.outcome}: {refusals(matrix)}"
        return move(step, Phase.REJECTED, now, why, tell("finished"), actor="verifier")
    approval = run.the_plan.approval
    if approval and not run.emergency:
        return move(
            step,
            Phase.AWAITING_APPROVAL,
            now,
            f"pre-flight passed; {' or '.join(approval.from_)} must approve",
            tell("awaiting_approval"),
            actor=ME,
            within_s=approval.within.total_seconds(),
        )
    why = "pre-flight passed"
    if approval:
        why += f"; an emergency passes approval: {run.request_reason}"
    return deploy(step, 0, now, why, actor=ME)


def deploy(step: Step, stage: int, now: datetime, why: str, *, actor: str) -> Step:
    """Start to deploy this stage."""
    return move(
        step,
        Phase.DEPLOYING,
        now,
        why,
        Order(what=What.DEPLOY, stage=stage),
        actor=actor,
        within_s=step.run.the_plan.stages[stage].deploy_s,
        stage=stage,
    )


def deployed(run: Run, data: DeployExecutedData, at: datetime, now: datetime) -> Step:
    """The deployer came to the end of this stage's steps."""
    known = run.model_copy(
        update={
            "steps": (*run.steps, *data.steps),
            "migration": data.migration or run.migration,
            "switched_at": min(at, now),
        }
    )
    if data.outcome != "done":
        return back.turn(
            stay(known),
            now,
            f"deploying {run.version} {data.outcome}: {data.reason}",
            actor="deployer",
            untouched=not data.changed and run.stage == 0,
        )
    if run.the_plan.has_readiness:
        return order(stay(known), now, Order(what=What.ASK_READINESS, stage=run.stage))
    return verify(stay(known), now, data.reason, actor="deployer")


def readied(run: Run, matrix: Matrix, now: datetime) -> Step:
    """The readiness probe has passed, or has not in its time."""
    step = stay(run, matrices=(*run.matrices, matrix))
    if matrix.outcome == "passed":
        return verify(step, now, f"{run.version} is ready", actor="verifier")
    return back.turn(
        step, now, f"{run.version} did not get ready: {refusals(matrix)}", actor="verifier"
    )


def verify(step: Step, now: datetime, why: str, *, actor: str) -> Step:
    """Start to verify this stage."""
    run = step.run
    return move(
        step,
        Phase.VERIFYING,
        now,
        why,
        Order(what=What.ASK_HEALTH, stage=run.stage),
        actor=actor,
        within_s=run.the_plan.verify_s,
    )


def verified(run: Run, order_: Order, matrix: Matrix, now: datetime) -> Step:
    """The health matrix is in. A no rolls back at once; a 'could not tell' is asked again."""
    if matrix.outcome == "errored" and order_.attempt < TRIES:
        return order(stay(run), now, _once_more(order_))
    step = stay(run, matrices=(*run.matrices, matrix))
    if matrix.outcome == "passed":
        return watch(step, now, f"{run.version} is healthy: {counted(matrix)}", actor="verifier")
    why = f"{run.version} {'failed' if matrix.outcome == 'failed' else 'could not show'} its health"
    return back.turn(step, now, f"{why}: {refusals(matrix)}", actor="verifier")


def watch(step: Step, now: datetime, why: str, *, actor: str, attempt: int = 1) -> Step:
    """Start to watch this stage."""
    run = step.run
    return move(
        step,
        Phase.WATCHING,
        now,
        why,
        Order(what=What.WATCH, stage=run.stage, attempt=attempt),
        actor=actor,
        within_s=run.the_plan.stages[run.stage].watch_s,
    )


def judged(run: Run, summary: WatchSummary, now: datetime) -> Step:
    """The watch came to its verdict."""
    step = stay(run, watches=(*run.watches, summary))
    match summary.action:
        case "accept":
            return ahead(step, now, summary.reason, actor="watcher")
        case "rollback":
            return back.turn(step, now, summary.reason, actor="watcher")
        case "hold":
            return hold(step, now, summary.reason, actor="watcher")


def hold(step: Step, now: datetime, why: str, *, actor: str) -> Step:
    """Let a person decide, within the guide's time."""
    return move(
        step,
        Phase.HELD,
        now,
        why,
        tell("held"),
        actor=actor,
        within_s=step.run.the_plan.hold_within.total_seconds(),
    )


def ahead(step: Step, now: datetime, why: str, *, actor: str) -> Step:
    """This stage is good: on to the next one, or to the record."""
    run = step.run
    if run.stage + 1 < len(run.the_plan.stages):
        return deploy(step, run.stage + 1, now, why, actor=actor)
    said = f"{run.version} runs in {run.environment}: {why}"
    return ending.record(step, "succeeded", now, said, actor=actor)


def refusals(matrix: Matrix) -> str:
    """The rows that stand against it, the first in full."""
    against = [
        r
        for r in matrix.rows
        if r.required and r.outcome in (RowOutcome.FAILED, RowOutcome.ERRORED)
    ]
    # A definite no says more than a 'could not tell'.
    against.sort(key=lambda r: r.outcome is not RowOutcome.FAILED)
    if not against:
        return "no row of the matrix says why"
    first = against[0]
    more = f" (and {len(against) - 1} more)" if len(against) > 1 else ""
    return f"{_named(first)}: {first.detail}{more}"


def counted(matrix: Matrix) -> str:
    """How many rows passed."""
    passed = sum(r.outcome is RowOutcome.PASSED for r in matrix.rows)
    return f"{passed} of {len(matrix.rows)} checks passed"


def _named(row: MatrixRow) -> str:
    return row.name if row.category in row.name else f"{row.category}, {row.name}"


def _once_more(order_: Order) -> Order:
    return order_.model_copy(update={"attempt": order_.attempt + 1})


def _from_to(run: Run) -> str:
    if run.previous_version is None:
        return f"{run.version} is the first version on record in {run.environment}"
    return f"{run.previous_version} is to be replaced by {run.version} in {run.environment}"
