"""The way back: reachable from every phase in which anything changed, and proven at its end.

Pure. What is not proven healthy is not rolled back: then the run ends as rollback_failed,
says what was left, and pages a person.
"""

from datetime import datetime

from goaround_orchestrator.lifecycle import ending, forward
from goaround_orchestrator.lifecycle.inputs import Begin
from goaround_orchestrator.lifecycle.moving import ME, move, order, stay, tell
from goaround_orchestrator.run import Going, Order, Run, Step, What
from goaround_schemas.matrix import Matrix, RowOutcome
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import DeployExecutedData, Reverted, StepResult


def begin(run: Run, what: Begin, now: datetime) -> Step:
    """Start a rollback that was asked for by itself: of what runs now, to what ran before."""
    known = _taken_back(run, what)
    if known is None:
        why = (
            f"nothing is on record for {run.service} in {run.environment}, so there is nothing to "
            f"roll back; record what runs: goaround adopt {run.service} VERSION "
            f"--env {run.environment}"
        )
        return move(Step(run=run), Phase.REJECTED, now, why, tell("finished"), actor=ME)
    version, before = known.version, known.previous_version
    if run.wanted not in (None, before, version):
        why = (
            f"a rollback of {version} leads to {before or 'nothing'}, the version before "
            f"it, not to {run.wanted}; to run {run.wanted}, deploy it"
        )
        return move(Step(run=known), Phase.REJECTED, now, why, tell("finished"), actor=ME)
    left_behind = known.migration.after_green if known.migration else ()
    if left_behind and "irreversible" not in run.allowed:
        why = (
            f"after {version} was Green, {', '.join(left_behind)} was done, which {before} may "
            "not live with and nothing takes back; to go back all the same, ask with "
            "allow irreversible, and a reason"
        )
        return move(Step(run=known), Phase.REJECTED, now, why, tell("finished"), actor=ME)
    if before is None and not run.the_plan.has_first:
        why = (
            f"{version} is the first version on record, and the guide has no "
            "rollback.first that works without a previous version: there is no way back"
        )
        return move(Step(run=known), Phase.REJECTED, now, why, tell("finished"), actor=ME)
    trigger = f"asked for by {run.requested_by}"
    if run.request_reason:
        trigger += f": {run.request_reason}"
    return turn(Step(run=known), now, trigger, actor=run.requested_by)


def _taken_back(run: Run, what: Begin) -> Run | None:
    """The rollback, knowing what it takes back: what a failed way back left, else what runs."""
    if what.stranded is not None:
        left = what.stranded
        taken = {
            "version": left.version,
            "previous_version": left.previous_version,
            "deployed_by": left.deployed_by or left.id,
            "migration": left.migration,
        }
    elif what.running is not None:
        taken = {
            "version": what.running.version,
            "previous_version": what.running.previous_version,
            "deployed_by": what.running.run_id,
            "migration": what.running.migration,
        }
    else:
        return None
    proven = {"last_proof": what.last_proof, "last_rehearsal": what.last_rehearsal}
    return run.model_copy(update={**taken, **proven})


def turn(step: Step, now: datetime, trigger: str, *, actor: str, untouched: bool = False) -> Step:
    """Take the way back. Where nothing was begun and nothing ran before, there is none to take.

    A deployer that may be at work is told to stop in any case: nothing of a run may begin once its
    outcome is said, and whoever comes next must find the place at rest.
    """
    run = step.run
    looked_at = run.phase in (Phase.WATCHING, Phase.HELD)
    stop = [Order(what=What.STOP_WATCH, stage=run.stage)] if looked_at else []
    asked = [tell("started")] if run.phase in (Phase.REQUESTED, Phase.QUEUED) else []
    possible = _leads_back(run)
    at_work = any(p.order.what is What.DEPLOY for p in run.pending)
    turned = move(
        step,
        Phase.ROLLING_BACK,
        now,
        trigger,
        *stop,
        *asked,
        tell("rolling_back"),
        *([Order(what=What.ROLL_BACK)] if possible or at_work else []),
        actor=actor,
        within_s=run.the_plan.rollback_s,
        going=Going(trigger=trigger),
    )
    if possible or at_work:
        return turned
    if untouched:
        said = f"nothing was begun, so there is nothing to undo. Why: {trigger}"
        return ending.record(turned, "rolled_back", now, said, actor=ME)
    return _failed(turned, now, _left_as_it_is(run), actor=ME)


def executed(run: Run, data: DeployExecutedData, now: datetime) -> Step:
    """The deployer came to the end of the way back."""
    database = data.migration.reverted if data.migration else None
    going = _going(run).model_copy(update={"steps": data.steps, "database": database})
    step = stay(run, going=going, warnings=(*run.warnings, *_of_the_schema(database)))
    if data.outcome != "done":
        return _failed(step, now, f"the way back {data.outcome}: {data.reason}", actor="deployer")
    if not _leads_back(run):
        return _failed(step, now, _left_as_it_is(run), actor="deployer")
    if run.previous_version is None:
        why = f"{run.version} was taken away again; nothing ran before it"
        said = f"{why}. Why: {going.trigger}"
        return ending.record(step, "rolled_back", now, said, actor="deployer")
    if run.the_plan.has_rollback_readiness:
        return order(step, now, Order(what=What.ASK_ROLLBACK_READINESS))
    return _verify(step, now, data.reason, actor="deployer")


def _of_the_schema(database: Reverted | None) -> tuple[str, ...]:
    """What a person must know of a schema that is not what it was."""
    if database is None or database.outcome in ("reverted_verified", "revert_failed"):
        return ()
    return (f"the schema stays as {_BROUGHT[database.outcome]}: {database.reason}",)


_BROUGHT = {
    "kept_compatible": "the new version left it",
    "refused_lossy": "the new version left it, since going back would lose data",
}


def readied(run: Run, matrix: Matrix, now: datetime) -> Step:
    """The previous version's readiness has passed, or has not in its time."""
    step = stay(run, matrices=(*run.matrices, matrix))
    if matrix.outcome == "passed":
        return _verify(step, now, f"{run.previous_version} is ready", actor="verifier")
    left = f"{run.previous_version} did not get ready: {forward.refusals(matrix)}"
    return _failed(step, now, left, actor="verifier")


def verified(run: Run, order_: Order, matrix: Matrix, now: datetime) -> Step:
    """The previous version's health matrix is in."""
    if matrix.outcome == "errored" and order_.attempt < forward.TRIES:
        again = order_.model_copy(update={"attempt": order_.attempt + 1})
        return order(stay(run), now, again)
    named = matrix.model_copy(update={"kind": "rollback_health"})
    going = _going(run).model_copy(update={"matrix": named})
    step = stay(run, matrices=(*run.matrices, named), going=going)
    if matrix.outcome == "passed":
        said = (
            f"{run.previous_version} runs again and is healthy "
            f"({forward.counted(matrix)}). Why: {going.trigger}"
        )
        return ending.record(step, "rolled_back", now, said, actor="verifier")
    left = f"{run.previous_version} is not proven healthy: {forward.refusals(matrix)}"
    return _failed(step, now, left, actor="verifier")


def overdue(run: Run, now: datetime, why: str) -> Step:
    """The way back did not come to its end in its time."""
    return _failed(stay(run), now, why, actor=ME)


def late(run: Run, steps: tuple[StepResult, ...], data: DeployExecutedData) -> Step:
    """The deployment that was interrupted says how far it got: that belongs into the record."""
    return stay(run, steps=(*run.steps, *steps), migration=data.migration or run.migration)


def _verify(step: Step, now: datetime, why: str, *, actor: str) -> Step:
    return move(
        step,
        Phase.VERIFYING_ROLLBACK,
        now,
        why,
        Order(what=What.ASK_ROLLBACK_HEALTH),
        actor=actor,
        within_s=step.run.the_plan.verify_s,
    )


def _failed(step: Step, now: datetime, left: str, *, actor: str) -> Step:
    going = _going(step.run).model_copy(update={"left": left, "known": _known(step.run)})
    said = f"{left}. The way back was taken because: {going.trigger}"
    known = step.model_copy(update={"run": step.run.model_copy(update={"going": going})})
    return ending.record(known, "rollback_failed", now, said, tell("page"), actor=actor)


def _known(run: Run) -> tuple[str, ...]:
    """What is known of each target, as the steps and matrices have told: a sentence each."""
    going = _going(run)
    said = [f"deploy, {_told(step)}" for step in run.steps]
    said += [f"rollback, {_told(step)}" for step in going.steps]
    if going.database is not None:
        said.append(f"database: {going.database.outcome}, {going.database.reason}")
    elif run.migration is not None and run.migration.after != run.migration.before:
        after, before = run.migration.after or "an unknown revision", run.migration.before
        said.append(f"database: at {after}, and before the deployment at {before}")
    last = run.matrices[-1] if run.matrices else None
    if last is not None and last.kind in ("readiness", "health", "rollback_health"):
        rows = [r for r in last.rows if r.required and r.outcome is not RowOutcome.PASSED]
        said += [f"{last.of}, {row.name}: {row.outcome}, {row.detail}" for row in rows]
    return tuple(said[:MOST_KNOWN])


MOST_KNOWN = 60
"""A sentence for each target; a guide of hundreds of steps is not told step by step."""


def _told(step: StepResult) -> str:
    tries = f" in {step.attempts} tries" if step.attempts > 1 else ""
    return f"{step.name}: {step.outcome}{tries}" + (f", {step.detail}" if step.detail else "")


def _leads_back(run: Run) -> bool:
    """Whether there is a way back at all."""
    return run.previous_version is not None or run.the_plan.has_first


def _left_as_it_is(run: Run) -> str:
    return (
        f"{run.version} is left as it is: it was the first deployment, and the guide has no "
        "rollback.first that works without a previous version"
    )


def _going(run: Run) -> Going:
    return run.going or Going(trigger=run.reason)
