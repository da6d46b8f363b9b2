"""Whether every command of a run can be written, tried before anything runs.

Pure. A template without a value, or with one that does not fit where it stands, is found here and
refused at the door; found in the middle of a run it would leave the run where it is.
"""

from datetime import datetime

from goaround_guidebook import Unresolved
from goaround_guidebook.template import uses
from goaround_orchestrator.commands import Desk, PinnedGuide, commands_for
from goaround_orchestrator.run import Order, Run, What
from goaround_schemas.guide.guide import NoticeMoment

_STAND_IN = "0.0.0"
"""For the version before, which is only known once it has been asked for."""

_FORWARD = (What.DEPLOY, What.ASK_READINESS, What.ASK_HEALTH, What.WATCH)
_BACK = (What.ROLL_BACK, What.ASK_ROLLBACK_READINESS, What.ASK_ROLLBACK_HEALTH)
_ONCE = (What.ASK_PREFLIGHT, What.TAKE_BASELINE, What.ASK_MONITORING, What.RECORD)
_MOMENT: NoticeMoment = "finished"


def fault(run: Run, pinned: PinnedGuide, now: datetime) -> str | None:
    """Return what stands in the way of writing the run's commands, or None."""
    if not uses(pinned.guide):
        return None
    version = run.version or _STAND_IN
    known = {"version": version, "previous_version": _STAND_IN, "outcome": "succeeded"}
    tried = run.model_copy(update=known)
    stages = range(len(run.the_plan.stages))
    orders = [Order(what=what) for what in _ONCE]
    orders += [Order(what=What.INSPECT)] if run.the_plan.inspects else []
    orders += [Order(what=What.CONTRACT)] if run.the_plan.contracts else []
    orders += [Order(what=what, stage=i) for i in stages for what in (*_FORWARD, *_BACK)]
    try:
        for order in orders:
            _write(tried, pinned, order, now)
        for recipient in run.the_plan.recipients:
            told = run.the_plan.model_copy(update={"recipients": (recipient,)})
            _write(tried.model_copy(update={"plan": told}), pinned, _tell(recipient.when), now)
        if run.the_plan.has_first:
            first = tried.model_copy(update={"previous_version": None})
            _write(first, pinned, Order(what=What.ROLL_BACK), now)
    except Unresolved as exc:
        return f"{pinned.name}, for {version} in {run.environment}: {exc}"
    return None


def _write(run: Run, pinned: PinnedGuide, order: Order, now: datetime) -> None:
    staged = run.model_copy(update={"stage": order.stage})
    commands_for(Desk(staged, pinned, None, now, None), order)


def _tell(when: tuple[NoticeMoment, ...]) -> Order:
    return Order(what=What.TELL, moment=when[0] if when else _MOMENT)
