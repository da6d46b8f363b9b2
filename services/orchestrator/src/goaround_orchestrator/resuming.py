"""Going on with a way back that failed, once a person has seen to what stood in its way.

The failed run has ended, and stays as it ended. What goes on is a rollback of its own, by the
guide as it is now, that does not do again what the failed one has done.
"""

from datetime import datetime

from goaround_chassis.clock import Clock
from goaround_orchestrator import conduct, rehearsal
from goaround_orchestrator.admission import trace_for
from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.frontdoor import run_id_from
from goaround_orchestrator.handlers import Guides
from goaround_orchestrator.ledger import Ledger
from goaround_orchestrator.planning import plan_of
from goaround_orchestrator.replies import Wrong, environment_of, guide_of
from goaround_orchestrator.run import Run
from goaround_schemas import api
from goaround_schemas.request import DeployRequestedData

_LONGEST_ID = 64


async def go_on(
    failed: Run, request: api.RunRequest, ledger: Ledger, guides: Guides, clock: Clock
) -> api.Accepted:
    """Begin the run that goes on; asked twice, it is begun once.

    Raises:
        Wrong: There is nothing to go on with, something is under way there, or the guide of
            today has no such way back.
    """
    pinned = guide_of(guides, failed.service)
    async with ledger.unit() as unit:
        active, _ = await unit.place(failed.service, failed.environment)
        run = _going_on(failed, pinned, request, clock.now())
        if active is not None and active.id == run.id:
            return _accepted(run, active.phase)
        if active is not None:
            raise Wrong(f"run {active.id} is {active.phase} there: wait until it has ended")
        stranded = (await unit.standing(failed.service, failed.environment)).stranded
        if stranded is None:
            raise Wrong(
                f"something has come to run in {failed.environment} since run {failed.id} failed: "
                f"to take that back, goaround rollback {failed.service} --env {failed.environment}"
            )
        if stranded.id != failed.id:
            raise Wrong(
                f"run {stranded.id} went on from here and failed too: goaround resume {stranded.id}"
            )
        if unwritable := rehearsal.fault(run, pinned, clock.now()):
            raise Wrong(unwritable)
        await unit.add(run)
        await unit.pin(pinned)
        step = await conduct.begin(unit, run, clock.now(), None)
    return _accepted(run, step.run.phase)


def _accepted(run: Run, phase: str) -> api.Accepted:
    return api.Accepted(run_id=run.id, what=f"run {run.id} goes on with the way back: {phase}")


def _going_on(failed: Run, pinned: PinnedGuide, request: api.RunRequest, now: datetime) -> Run:
    environment = environment_of(pinned, failed.environment)
    id_ = f"{failed.id}-resume"
    if len(id_) > _LONGEST_ID:
        id_ = run_id_from(id_)
    asked = DeployRequestedData(
        run_id=id_,
        kind="rollback",
        service=failed.service,
        environment=failed.environment,
        requested_by=request.actor,
        reason=request.reason,
    )
    return Run(
        id=id_,
        kind="rollback",
        service=failed.service,
        environment=failed.environment,
        version=failed.version,
        requested_by=request.actor,
        request_reason=request.reason or f"goes on with run {failed.id}",
        request_digest=f"resume/{failed.id}",
        allow=failed.allow,
        requested_at=now,
        phase_since=now,
        traceparent=trace_for(id_),
        guide_name=pinned.name,
        guide_digest=pinned.digest,
        plan=plan_of(pinned.guide, environment, asked),
        resumes=failed.id,
    )
