"""What is written down of the schema once the way back has settled what becomes of it."""

from goaround_deployer.journal import ProcedureRecord, SchemaRecord
from goaround_deployer.judging import WayBack
from goaround_deployer.procedure import Target, Task
from goaround_deployer.proof import MOST_REASON, Proof
from goaround_deployer.sight import Sight, place
from goaround_deployer.work import Ending, Work
from goaround_schemas.procedure import Reverted, RevertOutcome


def ended(
    work: Work,
    task: Task,
    found: Proof,
    now: Sight,
    seconds: float,
    *,
    begun: bool,
    schema: SchemaRecord | None = None,
    output: str = "",
) -> None:
    """Write down what became of the schema, and where it is."""
    schema = schema or work.record.schema_
    found = found.with_copies(schema.kept if schema else ())
    reason = found.reverted.reason
    end = Ending(found.outcome, reason, output, begun=begun, seconds=seconds, goes_on=found.goes_on)
    work.end(task, end, _record(work, found.reverted, schema, now))


def stays(work: Work, task: Task, target: Target, now: Sight, way: WayBack, seconds: float) -> None:
    """Leave the schema as it is; the way back goes on without it."""
    at = place(now)
    if way.do == "keep":
        told = _reverted("kept_compatible", f"the schema stays {at}: {way.why}")
    else:
        why = f"the schema stays {at}: going back to {target.before} would lose data, or may"
        told = _reverted("refused_lossy", f"{why}: {way.why}")
    end = Ending("skipped", told.reason, begun=False, seconds=seconds)
    work.end(task, end, _record(work, told, work.record.schema_, now))


def left(work: Work, task: Task, target: Target, now: Sight | None, why: str) -> None:
    """Say that there is no way back for a schema that needs one."""
    at = (now.revision if now else target.moved_to) or "an unknown revision"
    said = f"the schema was moved from {target.before} and {why}: it is left at {at}"
    end = Ending("failed", said, begun=False)
    told = _reverted("revert_failed", said)
    work.end(task, end, _record(work, told, work.record.schema_, now))


def untold(work: Work, task: Task, now: Sight, seconds: float, *, begun: bool) -> None:
    """Where the schema is could not be asked: nothing was begun, or nobody knows how far."""
    said = f"could not ask where the schema is: {now.unsaid}"
    if begun:
        said = f"{said}; it was begun by a worker that died"
    end = Ending("unknown" if begun else "errored", said, now.output, begun=begun, seconds=seconds)
    told = _reverted("revert_failed", said)
    work.end(task, end, _record(work, told, work.record.schema_, now))


def _record(
    work: Work, told: Reverted, schema: SchemaRecord | None, now: Sight | None
) -> ProcedureRecord:
    if schema is None and now is not None and now.revision is not None:
        # Nothing was begun, so it was where it is.
        schema = SchemaRecord(before=now.revision, fingerprint_before=now.digest)
    if schema is not None and now is not None:
        there = {"after": now.revision, "fingerprint_after": now.digest}
        schema = schema.model_copy(update=there)
    return work.record.model_copy(update={"schema_": schema, "reverted": told})


def _reverted(outcome: RevertOutcome, why: str) -> Reverted:
    return Reverted(outcome=outcome, reason=why[:MOST_REASON])
