"""Whether a request becomes a run, and what becomes of the run that is in its way.

Pure: the facts come in as values, a list of deeds goes out. One run for each service and
environment may be active; what happens to the next request is the guide's `when_busy`, but a
rollback waits for nothing and an emergency goes first.
"""

from dataclasses import dataclass
from datetime import datetime

from goaround_orchestrator import rehearsal
from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.frontdoor import Refusal, Request, run_id_from
from goaround_orchestrator.lifecycle import UNTOUCHED, Asked, Enqueue, GiveWay, Refuse
from goaround_orchestrator.planning import plan_of
from goaround_orchestrator.run import Run
from goaround_schemas.envelope import derived_id
from goaround_schemas.phase import Phase


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when a request is read, in the transaction that decides on it."""

    guide: PinnedGuide | None
    guide_error: str | None
    same_id: Run | None
    """The run that has this id already."""
    active: Run | None
    """The one that holds the service and environment."""
    queued: tuple[Run, ...]
    """Those that wait, in their order."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What to do, in this order: others first, then the new run's own first input.

    `first` is None where the run's turn is now: the caller begins it with what is on record.
    `run` is None where the request is a repeat of one that is known.
    """

    run: Run | None
    first: Enqueue | Refuse | GiveWay | None = None
    others: tuple[tuple[str, GiveWay | Asked], ...] = ()


def admit(request: Request, facts: Facts, now: datetime) -> Admission:
    """Decide on a request."""
    run = _run_of(request, now)
    if facts.same_id is not None:
        if facts.same_id.request_digest == run.request_digest:
            return Admission(run=None)
        # One id, two meanings: the first keeps the id and its one outcome.
        reason = (
            f"run id {run.id} was used already for {_short(facts.same_id)}; "
            "give this request another run_id, or none"
        )
        other = run.model_copy(update={"id": run_id_from(f"{run.id}/{request.cause}")})
        return Admission(run=other, first=Refuse(reason))
    pinned = facts.guide
    if pinned is None:
        reason = facts.guide_error or "there is no deployment guide for it"
        return Admission(run=run, first=Refuse(reason))
    environment = pinned.guide.environments.get(run.environment)
    if environment is None:
        known = ", ".join(sorted(pinned.guide.environments))
        reason = f"{pinned.name} knows no environment {run.environment!r}; it knows {known}"
        return Admission(run=run, first=Refuse(reason))
    admitted = run.model_copy(
        update={
            "guide_name": pinned.name,
            "guide_digest": pinned.digest,
            "plan": plan_of(pinned.guide, environment, request.data),
        }
    )
    if unwritable := rehearsal.fault(admitted, pinned, now):
        # Not by the guide: to tell its people, its commands would have to be written.
        return Admission(run=run, first=Refuse(unwritable))
    return _among(admitted, facts, pinned.guide.policy.when_busy)


def refused(refusal: Refusal, same_id: Run | None, now: datetime) -> Admission:
    """A bad request becomes a run that was rejected, under an id of its own."""
    id_ = refusal.run_id
    if same_id is not None:
        id_ = run_id_from(f"{id_}/{refusal.cause}")
        if same_id.id == id_:
            return Admission(run=None)
    run = Run(
        id=id_,
        service=refusal.service,
        environment=refusal.environment,
        version=refusal.version,
        requested_by=refusal.requested_by,
        requested_at=now,
        phase_since=now,
    )
    return Admission(run=run, first=Refuse(refusal.reason))


def _run_of(request: Request, now: datetime) -> Run:
    data = request.data
    return Run(
        id=data.run_id,
        kind=data.kind,
        service=data.service,
        environment=data.environment,
        version=data.version,
        wanted=data.version if data.kind == "rollback" else None,
        requested_by=data.requested_by,
        request_reason=data.reason,
        request_digest=request.digest,
        artifact=data.artifact,
        emergency=data.emergency,
        redeploy=data.redeploy,
        allow=data.allow,
        watch_period=data.watch_period,
        requested_at=now,
        phase_since=now,
        traceparent=request.traceparent or trace_for(data.run_id),
        warnings=request.warnings,
    )


def _among(run: Run, facts: Facts, when_busy: str) -> Admission:
    active = facts.active
    if active is None:
        return _among_waiting(run, facts, when_busy)
    if run.kind == "rollback":
        return _rollback_among(run, active)
    if run.emergency and active.phase in UNTOUCHED:
        way = GiveWay(run.id, f"an emergency: {run.request_reason}")
        return Admission(run=run, others=((active.id, way),))
    if run.emergency:
        return Admission(run=run, first=Enqueue(f"{active.id}, first in the queue"))
    if when_busy == "reject":
        reason = f"run {active.id} ({_short(active)}) is {active.phase}, and the guide says reject"
        return Admission(run=run, first=Refuse(reason))
    if when_busy == "supersede":
        way, older = _taking_place(run, facts)
        if active.phase in UNTOUCHED and not active.emergency:
            return Admission(run=run, others=((active.id, way), *older))
        return Admission(run=run, first=Enqueue(active.id), others=older)
    return Admission(run=run, first=Enqueue(active.id))


def _among_waiting(run: Run, facts: Facts, when_busy: str) -> Admission:
    """The place has just become free; those who wait go first, unless this run may pass them."""
    if not facts.queued or run.kind == "rollback" or run.emergency:
        return Admission(run=run)
    if when_busy == "supersede":
        _, older = _taking_place(run, facts)
        if len(older) == len(facts.queued):
            return Admission(run=run, others=older)
        return Admission(run=run, first=Enqueue(facts.queued[0].id), others=older)
    return Admission(run=run, first=Enqueue(facts.queued[0].id))


def _taking_place(run: Run, facts: Facts) -> tuple[GiveWay, tuple[tuple[str, GiveWay], ...]]:
    way = GiveWay(run.id, "the guide says that a later request takes its place")
    spared = (q.emergency or q.kind == "rollback" for q in facts.queued)
    return way, tuple((q.id, way) for q, kept in zip(facts.queued, spared, strict=True) if not kept)


def _rollback_among(run: Run, active: Run) -> Admission:
    if active.phase in UNTOUCHED:
        # Nothing has changed yet: the rollback goes first, and the request can be made again.
        way = GiveWay(run.id, "a rollback was asked for")
        return Admission(run=run, others=((active.id, way),))
    asked = Asked("rollback", actor=run.requested_by, reason=run.request_reason)
    if active.phase is Phase.RECORDING and active.outcome == "succeeded":
        return Admission(run=run, first=Enqueue(active.id))
    why = "it is under way and goes around"
    return Admission(run=run, first=GiveWay(active.id, why), others=((active.id, asked),))


def trace_for(run_id: str) -> str:
    """A W3C trace context for a run that came without one, the same each time."""
    trace = derived_id(run_id, "trace").replace("-", "")
    return f"00-{trace}-{trace[:16]}-01"


def _short(run: Run) -> str:
    what = "rollback of " if run.kind == "rollback" else ""
    return f"{what}{run.service} {run.version or ''}".strip() + f" in {run.environment}"
