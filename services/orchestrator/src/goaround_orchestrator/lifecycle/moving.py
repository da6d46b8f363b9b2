"""The one way in which a run changes: a guarded move, or an order within its phase.

Pure. Every move is held against `LEGAL`, closes a span of the timeline, counts the revision
up, and sets the next deadline, so that no phase can be entered without one.
"""

from datetime import datetime, timedelta
from typing import Any

from goaround_orchestrator.lifecycle.table import LEGAL, UNTOUCHED
from goaround_orchestrator.run import ANSWERED, Move, Order, Pending, Run, Step, What, patience_s
from goaround_schemas.outcome import Span
from goaround_schemas.phase import ENDS, Phase

ME = "orchestrator"
"""The actor of what no person and no worker has moved."""

NOTICE_GRACE_S = 10.0
"""How long pre-flight waits to hear that the stakeholders were told. A channel never holds a run
up, but a working notifier answers well within this."""


class IllegalMove(Exception):
    """A run was told to go where it cannot go from here."""

    def __init__(self, run: Run, to: Phase) -> None:
        super().__init__(f"run {run.id}: no move from {run.phase} to {to}")
        self.run = run
        self.to = to


def stay(run: Run, **changes: Any) -> Step:
    """The run with these changes, where it is."""
    changed = run.model_copy(update=changes)
    return Step(run=changed.model_copy(update={"due_at": due(changed)}))


def order(step: Step, now: datetime, *orders: Order) -> Step:
    """The same step, with these orders too."""
    pending = tuple(
        Pending(order=o, id=o.id_for(step.run.id), sent_at=now)
        for o in orders
        if o.what in ANSWERED
    )
    run = step.run.model_copy(update={"pending": (*step.run.pending, *pending)})
    return step.model_copy(
        update={
            "run": run.model_copy(update={"due_at": due(run)}),
            "orders": (*step.orders, *orders),
        }
    )


def move(
    step: Step,
    to: Phase,
    now: datetime,
    reason: str,
    *orders: Order,
    actor: str,
    within_s: float | None = None,
    **changes: Any,
) -> Step:
    """The run moved on, with a deadline for its new phase, and what to order there.

    Raises:
        IllegalMove: There is no such move.
    """
    run = step.run
    if to not in LEGAL[run.phase]:
        raise IllegalMove(run, to)
    span = Span(phase=run.phase, from_=run.phase_since, to=now, stage=run.stage_name)
    deadline = now + timedelta(seconds=within_s) if within_s is not None else None
    moved = run.model_copy(
        update={
            "phase": to,
            "phase_since": now,
            "revision": run.revision + 1,
            "timeline": (*run.timeline, span),
            "deadline": deadline,
            "pending": (),
            "reason": reason,
            "changed": run.changed or (to not in UNTOUCHED and to not in ENDS),
            **changes,
        }
    )
    made = Move(
        revision=moved.revision,
        at=now,
        from_=run.phase,
        to=to,
        stage=moved.stage_name,
        actor=actor,
        reason=reason,
    )
    after = step.model_copy(update={"run": moved, "moves": (*step.moves, made)})
    return order(after, now, *orders)


def due(run: Run) -> datetime | None:
    """When the run must be looked at again if nothing is heard of it. None once it has ended."""
    if run.ended:
        return None
    times = [p.sent_at + timedelta(seconds=patience_s(p.sent)) for p in run.pending]
    if run.deadline is not None:
        times.append(run.deadline)
    if run.phase is Phase.PREFLIGHT and not run.pending and notices_missing(run):
        times.append(run.phase_since + timedelta(seconds=NOTICE_GRACE_S))
    return min(times, default=None)


def notices_missing(run: Run) -> tuple[str, ...]:
    """Who has not been heard to be told that the run starts."""
    heard = {t.name for t in run.told if t.moment == "started"}
    return tuple(r.name for r in run.the_plan.told_of("started") if r.name not in heard)


def without(run: Run, answered: Pending) -> Run:
    """The run, no longer waiting for this answer."""
    return run.model_copy(update={"pending": tuple(p for p in run.pending if p != answered)})


def tell(moment: str) -> Order:
    """Tell everyone who wants to hear of this moment."""
    return Order.model_validate({"what": What.TELL, "moment": moment})
