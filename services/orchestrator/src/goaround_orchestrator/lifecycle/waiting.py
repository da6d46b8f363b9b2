"""What happens when nothing happens: every phase has a deadline, every command a second letter.

Pure.
"""

from datetime import datetime, timedelta

from goaround_orchestrator.lifecycle import asking, back, ending, forward
from goaround_orchestrator.lifecycle.moving import ME, due, move, order, stay, tell
from goaround_orchestrator.run import Order, Run, Step, What, patience_s
from goaround_schemas.duration import show_duration
from goaround_schemas.phase import Phase


def tick(run: Run, now: datetime) -> Step:
    """Look at a run that is due: past its deadline, past a grace, or without an answer."""
    if run.deadline is not None and now >= run.deadline:
        return _overdue(run, now)
    if run.phase is Phase.PREFLIGHT and not run.pending:
        return forward.preflight_concluded(run, now)
    return _remind(run, now)


def _remind(run: Run, now: datetime) -> Step:
    late = {p.id for p in run.pending if now >= p.sent_at + timedelta(seconds=patience_s(p.sent))}
    pending = tuple(
        p.model_copy(update={"sent_at": now, "sent": p.sent + 1}) if p.id in late else p
        for p in run.pending
    )
    again = tuple(p.order for p in run.pending if p.id in late)
    reminded = run.model_copy(update={"pending": pending})
    return Step(run=reminded.model_copy(update={"due_at": due(reminded)}), again=again)


def _overdue(run: Run, now: datetime) -> Step:
    took = show_duration(timedelta(seconds=round((now - run.phase_since).total_seconds())))
    missing = ", ".join(sorted({p.order.what.replace("_", " ") for p in run.pending}))
    silent = f"; no answer to: {missing}" if missing else ""
    match run.phase:
        case Phase.QUEUED:
            why = f"waited {took} in the queue for its turn, and the guide allows no longer"
            return move(stay(run), Phase.REJECTED, now, why, tell("finished"), actor=ME)
        case Phase.PREFLIGHT:
            why = f"pre-flight did not come to its end in {took}{silent}"
            step = asking.given_up(run, now)
            return move(step, Phase.REJECTED, now, why, tell("finished"), actor=ME)
        case Phase.AWAITING_APPROVAL:
            approval = run.the_plan.approval
            wanted = " or ".join(approval.from_) if approval else "anyone"
            why = f"{wanted} did not approve it in {took}"
            return move(stay(run), Phase.REJECTED, now, why, tell("finished"), actor=ME)
        case Phase.DEPLOYING | Phase.VERIFYING:
            why = f"{run.phase} did not come to its end in {took}{silent}"
            return back.turn(stay(run), now, why, actor=ME)
        case Phase.WATCHING:
            return _watch_overdue(run, now, f"the watch gave no verdict in {took}{silent}")
        case Phase.HELD:
            why = f"nobody decided in {took}, and the guide says {run.the_plan.hold_then}"
            if run.the_plan.hold_then == "accept":
                return forward.ahead(_warned(run, why), now, why, actor=ME)
            return back.turn(stay(run), now, why, actor=ME)
        case Phase.ROLLING_BACK | Phase.VERIFYING_ROLLBACK:
            why = f"the way back did not come to its end in {took}{silent}"
            return back.overdue(run, now, why)
        case Phase.RECORDING:
            return ending.overdue(run, now, f"the record was not confirmed in {took}{silent}")
        case _:
            return stay(run, deadline=None)


def _watch_overdue(run: Run, now: datetime, why: str) -> Step:
    match run.the_plan.undecided:
        case "hold":
            stopped = order(stay(run), now, Order(what=What.STOP_WATCH, stage=run.stage))
            return forward.hold(stopped, now, why, actor=ME)
        case "rollback":
            return back.turn(stay(run), now, why, actor=ME)
        case "accept":
            stopped = order(_warned(run, why), now, Order(what=What.STOP_WATCH, stage=run.stage))
            return forward.ahead(stopped, now, f"{why}, and the guide says accept", actor=ME)


def _warned(run: Run, why: str) -> Step:
    return stay(run, warnings=(*run.warnings, why))
