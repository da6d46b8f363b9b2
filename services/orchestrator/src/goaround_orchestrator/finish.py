"""What is said of a run on the bus: each of its moves, and its one outcome.

Pure. Ids are derived from the run, so that saying it twice is saying it once.
"""

from datetime import datetime

from goaround_orchestrator.run import Move, Run
from goaround_schemas.envelope import derived_id
from goaround_schemas.outcome import (
    DeployAdvanced,
    DeployAdvancedData,
    DeployFinished,
    DeployFinishedData,
    GuideUsed,
    RollbackSummary,
)
from goaround_schemas.phase import Outcome, Phase

OUTCOMES: dict[Phase, Outcome] = {
    Phase.SUCCEEDED: "succeeded",
    Phase.ROLLED_BACK: "rolled_back",
    Phase.ROLLBACK_FAILED: "rollback_failed",
    Phase.REJECTED: "rejected",
    Phase.ABORTED: "aborted",
    Phase.SUPERSEDED: "superseded",
}


def advanced(run: Run, move: Move, cause: str | None) -> DeployAdvanced:
    """The event of one move."""
    return DeployAdvanced(
        id=derived_id(run.id, "deploy.advanced", str(move.revision)),
        source="orchestrator",
        subject=run.id,
        time=move.at,
        correlationid=run.id,
        causationid=cause,
        traceparent=run.traceparent,
        data=DeployAdvancedData(
            run_id=run.id,
            service=run.service,
            environment=run.environment,
            version=run.version,
            from_=move.from_,
            to=move.to,
            stage=move.stage,
            reason=move.reason,
            actor=move.actor,
            revision=move.revision,
            emergency=run.emergency,
        ),
    )


def finished(run: Run, now: datetime, cause: str | None) -> DeployFinished:
    """The event of the run's end."""
    return DeployFinished(
        id=derived_id(run.id, "deploy.finished"),
        source="orchestrator",
        subject=run.id,
        time=now,
        correlationid=run.id,
        causationid=cause,
        traceparent=run.traceparent,
        data=DeployFinishedData(
            run_id=run.id,
            kind=run.kind,
            service=run.service,
            environment=run.environment,
            version=run.version,
            previous_version=run.previous_version,
            requested_by=run.requested_by,
            emergency=run.emergency,
            artifact=run.artifact,
            outcome=OUTCOMES[run.phase],
            reason=run.reason,
            timeline=run.timeline,
            verification=run.matrices,
            migrations=run.pending_migrations,
            watch=run.watches[-1] if run.watches else None,
            rollback=rollback(run),
            guide=guide_used(run),
            record=record(run),
            warnings=run.warnings,
        ),
    )


def rollback(run: Run) -> RollbackSummary | None:
    """Why and how far the way back was taken, if it was."""
    if run.going is None:
        return None
    return RollbackSummary(
        trigger=run.going.trigger,
        steps=run.going.steps,
        matrix=run.going.matrix,
        left=run.going.left,
        database=run.going.database,
        known=run.going.known,
        next=run.going.next,
    )


def guide_used(run: Run) -> GuideUsed | None:
    """Which guide the run followed, if it came so far."""
    if run.guide_digest is None:
        return None
    return GuideUsed(digest=run.guide_digest, corrections=run.corrections)


def record(run: Run) -> tuple[str, ...]:
    """Where the run was written down."""
    return tuple(e.where for e in run.entries if e.where and e.outcome in ("written", "unchanged"))
