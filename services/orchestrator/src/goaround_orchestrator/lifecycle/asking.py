"""What people may ask of a run, and when: accepted or refused with a reason, and on record.

Pure.
"""

from datetime import datetime

from goaround_orchestrator.lifecycle import back, forward
from goaround_orchestrator.lifecycle.inputs import Asked
from goaround_orchestrator.lifecycle.moving import move, order, stay, tell
from goaround_orchestrator.lifecycle.table import TURNABLE, UNTOUCHED
from goaround_orchestrator.run import Order, Run, Step, What
from goaround_schemas.phase import Phase


def asked(run: Run, what: Asked, now: datetime) -> Step:
    """Do what the person asks, or refuse it with the reason."""
    if run.phase is Phase.REQUESTED:
        return _refuse(run, "nothing is decided on it yet")
    match what.what:
        case "abort":
            return _abort(run, what, now)
        case "rollback":
            return _roll_back(run, what, now)
        case "approve":
            return _approve(run, what, now)
        case "promote":
            return _promote(run, what, now)
        case "resume":
            return _resume(run, what, now)


def _refuse(run: Run, why: str) -> Step:
    return Step(run=run, refused=f"run {run.id} is {run.phase}: {why}")


def _because(what: Asked, did: str) -> str:
    return f"{did} by {what.actor}" + (f": {what.reason}" if what.reason else "")


def given_up(run: Run, now: datetime) -> Step:
    """The run that changes nothing any more: what still looks for it is told to stop."""
    if run.phase is Phase.PREFLIGHT and run.the_plan.watched:
        return order(stay(run), now, Order(what=What.STOP_WATCH))
    return stay(run)


def _call_off(run: Run, what: Asked, now: datetime) -> Step:
    why = _because(what, "called off")
    return move(given_up(run, now), Phase.ABORTED, now, why, tell("finished"), actor=what.actor)


def _abort(run: Run, what: Asked, now: datetime) -> Step:
    if run.phase in UNTOUCHED:
        return _call_off(run, what, now)
    if run.phase in TURNABLE:
        return back.turn(stay(run), now, _because(what, "aborted"), actor=what.actor)
    return _refuse(run, "it is too late to abort it; it will end by itself")


def _roll_back(run: Run, what: Asked, now: datetime) -> Step:
    if run.phase in UNTOUCHED:
        return _call_off(run, what, now)
    if run.phase in TURNABLE:
        why = _because(what, "rollback asked for")
        return back.turn(stay(run), now, why, actor=what.actor)
    if run.phase is Phase.RECORDING and run.outcome == "succeeded":
        return _refuse(run, "it is about to succeed; ask again in a moment, for a rollback of it")
    return _refuse(run, "it is on its way back already")


def _approve(run: Run, what: Asked, now: datetime) -> Step:
    approval = run.the_plan.approval
    if run.phase is not Phase.AWAITING_APPROVAL or approval is None:
        return _refuse(run, "it is not waiting for approval")
    named = {what.actor, *what.groups} & set(approval.from_)
    if not named:
        wanted = " or ".join(approval.from_)
        return _refuse(run, f"{what.actor} may not approve it; the guide wants {wanted}")
    if what.actor == run.requested_by and what.actor not in approval.from_:
        return _refuse(run, f"{what.actor} asked for it, and someone else must approve it")
    approved = stay(run, approved_by=what.actor)
    return forward.deploy(approved, 0, now, _because(what, "approved"), actor=what.actor)


def _promote(run: Run, what: Asked, now: datetime) -> Step:
    if run.phase not in (Phase.WATCHING, Phase.HELD):
        return _refuse(run, "only a run that is watching or held can be promoted")
    why = _because(what, "accepted")
    warned = stay(run, warnings=(*run.warnings, f"{why}, before the watch had said green"))
    stopped = order(warned, now, Order(what=What.STOP_WATCH, stage=run.stage))
    return forward.ahead(stopped, now, why, actor=what.actor)


def _resume(run: Run, what: Asked, now: datetime) -> Step:
    if run.phase is not Phase.HELD:
        return _refuse(run, "only a held run can be watched on")
    # Counted by what was begun, not by what was answered: a watch may end without a verdict.
    watched = ((s.phase, s.stage) == (Phase.WATCHING, run.stage_name) for s in run.timeline)
    attempt = sum(watched) + 1
    why = _because(what, "watched on")
    return forward.watch(stay(run), now, why, actor=what.actor, attempt=attempt)
