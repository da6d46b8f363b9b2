"""The schema's way back: what becomes of it on a rollback, and the proof of it.

Run with the new version's tooling, before the code goes back. A value that was written meanwhile
is never dropped without a word, and nothing counts as reverted that its catalogue does not prove.
"""

import asyncio
from collections.abc import Callable

import structlog

from goaround_deployer import judging
from goaround_deployer.journal import ProcedureRecord, SchemaRecord
from goaround_deployer.judging import WayBack
from goaround_deployer.looking import command_of, leaves_whole_files, look
from goaround_deployer.procedure import BEFORE, Target, Task
from goaround_deployer.proof import Proof, astray, failed, proof, there
from goaround_deployer.schemas import Copy, NotCopied
from goaround_deployer.sight import Place, Sight, after_crashed_revert, form, place, standing
from goaround_deployer.tooling import NotTold
from goaround_deployer.work import Ending, Work
from goaround_migrating.tools import Script
from goaround_schemas.guide.step import Migrations
from goaround_schemas.procedure import Reverted, RevertOutcome

log = structlog.get_logger(__name__)

_MOST_REASON = 2000


async def back(work: Work, task: Task) -> None:
    """Bring the schema back to where it was, or say why it stays; its catalogue is the proof."""
    target, migrations = task.target, task.migrations
    if target is None:
        said = "nothing on record says that migrations were applied"
        await work.end(task, Ending("skipped", said, begun=False))
        return
    if migrations is None:
        await _left(work, task, target, None, judging.NO_WAY)
        return
    seconds = work.watch(task)
    begun = task.key in work.record.tasks
    now = await look(work, migrations)
    where = standing(now, target)
    if not target.moved and where in ("there", "astray"):
        # What others have changed since is not for this way back to answer for.
        said = f"at {target.before} as before: the deployment did not move it, nothing to revert"
        await work.end(task, Ending("done", said, begun=begun, seconds=seconds()))
        return
    if where == "there":
        await _end(work, task, there(now, target, begun=begun), now, seconds(), begun=begun)
        return
    judged = where == "elsewhere" or (migrations.on_rollback == "keep" and not begun)
    way = await _way(work, migrations, target, now) if judged else WayBack("go")
    if begun and way.do in ("keep", "none"):
        # A worker before us has judged the whole of it; this is what it left of that.
        way = WayBack("go")
    if way.do == "keep":
        await _stays(work, task, target, now, way, seconds())
    elif where == "untold":
        await _untold(work, task, now, seconds(), begun=begun)
    elif where == "astray":
        said = f"`current` says {target.before}, as before the deployment"
        await _end(work, task, astray(now, target, said), now, seconds(), begun=begun)
    elif way.do == "refuse" and begun:
        said = f"the revert was begun by a worker that died, and cannot be gone on with: {way.why}"
        await _end(work, task, failed("errored", said, now, target), now, seconds(), begun=True)
    elif way.do == "refuse":
        await _stays(work, task, target, now, way, seconds())
    elif way.do == "none":
        await _left(work, task, target, now, way.why)
    else:
        await _revert(work, task, migrations, target, now, way, seconds)


async def _way(work: Work, migrations: Migrations, target: Target, now: Sight) -> WayBack:
    """Judge the way back by the SQL of what was applied, as far as it can be told."""
    scripts: tuple[Script, ...] | None = None
    untold = "the guide does not say how its SQL can be had"
    if now.revision is None:
        untold = f"`current` does not tell where the schema is: {now.unsaid}"
    elif now.revision == target.before:
        untold = "`current` knows of nothing that was applied"
    elif migrations.can_be_judged:
        values = work.command.data.values
        try:
            scripts = await work.tools.schemas.applied_since(
                migrations, values, target.before, now.revision
            )
        except NotTold as error:
            # What was on record before it was applied; what else is there would be a guess.
            scripts, untold = target.seen.scripts or None, error.why
    return await asyncio.to_thread(
        judging.way_back, migrations, scripts, untold, target, work.allow
    )


async def _revert(
    work: Work,
    task: Task,
    migrations: Migrations,
    target: Target,
    now: Sight,
    way: WayBack,
    seconds: Callable[[], float],
) -> None:
    """Run the guide's `revert` and prove what it did; nothing is run where nobody knows enough."""
    assert migrations.revert is not None, "without a way back there is none to go"
    orphan, began = work.record.tasks.get(task.key), work.record.schema_
    if orphan is not None and began is not None:
        if lost := _lost_on_the_way(began, now, target, migrations):
            await _end(work, task, lost, now, seconds(), begun=True)
            return
    else:
        began = SchemaRecord(
            before=now.revision or target.before,
            fingerprint_before=now.digest,
            kept=began.kept if began is not None else (),
        )
    try:
        copies = await _copied(work, migrations, way)
    except NotCopied as error:
        why = f"{way.why}. It may be lost, but could not be copied first: {error.why}"
        if orphan is None:
            await _stays(work, task, target, now, WayBack("refuse", why), seconds())
        else:
            told = failed("errored", why, now, target)
            await _end(work, task, told, now, seconds(), begun=True)
        return
    # What was copied before stays there; what was written since is beside it.
    kept = tuple(dict.fromkeys((*began.kept, *(copy.table for copy in copies))))
    began = began.model_copy(update={"kept": kept})
    record = work.record.model_copy(update={"schema_": began})
    await work.begin(task, (orphan.attempts if orphan else 0) + 1, record)
    argv = tuple(part.replace(BEFORE, target.before) for part in migrations.revert)
    reverted = await work.attempt(command_of("revert migrations", argv, migrations))
    seen = await look(work, migrations)
    found = proof(reverted, seen, target, began.before)
    began = began.model_copy(update={"applied": reverted.outcome == "done"})
    output = "\n".join([*(copy.restore_sql for copy in copies), reverted.output]).strip("\n")
    begun = reverted.begun or orphan is not None
    await _end(work, task, found, seen, seconds(), begun=begun, schema=began, output=output)


def _lost_on_the_way(
    began: SchemaRecord, now: Sight, target: Target, migrations: Migrations
) -> Proof | None:
    """Say that a revert whose worker died cannot be run again; None if it can."""
    began_at = Place(began.before, began.fingerprint_before)
    whole = leaves_whole_files(migrations)
    if after_crashed_revert(began_at, now, target, whole_files=whole) == "again":
        return None
    said = (
        f"the revert was begun at {began.before} by a worker that died, and the schema is now "
        f"{place(now)}, not at {target.before}; {form(now, target)}: nobody can say what is missing"
    )
    return failed("unknown", said, now, target)


async def _copied(work: Work, migrations: Migrations, way: WayBack) -> tuple[Copy, ...]:
    """Copy what the downs drop, where they drop anything.

    Raises:
        NotCopied: It could not be, and may not be lost without.
        Lost: The run may be somebody else's by now.
    """
    if way.do != "copy":
        return ()
    work.hold.ensure()
    try:
        if migrations.database is None:
            raise NotCopied("the guide does not name the database (deploy: migrations: database)")
        return await work.tools.schemas.keep(migrations, way.downs, work.command.data.run_id)
    except NotCopied as error:
        if way.must_copy:
            raise
        log.warning("not_copied", run=work.command.data.run_id, why=error.why)
        return ()


def _with_copies(found: Proof, kept: tuple[str, ...]) -> Proof:
    if not kept:
        return found
    said = f"{found.reverted.reason}; what it dropped was copied to {', '.join(kept[:3])}"
    said += f" and {len(kept) - 3} more tables" if len(kept) > 3 else ""
    told = found.reverted.model_copy(update={"reason": said, "kept": kept})
    return Proof(found.outcome, told, found.goes_on)


async def _end(
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
    found = _with_copies(found, schema.kept if schema else ())
    reason = found.reverted.reason
    end = Ending(found.outcome, reason, output, begun=begun, seconds=seconds, goes_on=found.goes_on)
    await work.end(task, end, _record(work, found.reverted, schema, now))


async def _stays(
    work: Work, task: Task, target: Target, now: Sight, way: WayBack, seconds: float
) -> None:
    """Leave the schema as it is; the way back goes on without it."""
    at = place(now)
    if way.do == "keep":
        told = _reverted("kept_compatible", f"the schema stays {at}: {way.why}")
    else:
        why = f"the schema stays {at}: going back to {target.before} would lose data, or may"
        told = _reverted("refused_lossy", f"{why}: {way.why}")
    end = Ending("skipped", told.reason, begun=False, seconds=seconds)
    await work.end(task, end, _record(work, told, work.record.schema_, now))


async def _left(work: Work, task: Task, target: Target, now: Sight | None, why: str) -> None:
    """Say that there is no way back for a schema that needs one."""
    at = (now.revision if now else target.moved_to) or "an unknown revision"
    said = f"the schema was moved from {target.before} and {why}: it is left at {at}"
    end = Ending("failed", said, begun=False)
    told = _reverted("revert_failed", said)
    await work.end(task, end, _record(work, told, work.record.schema_, now))


async def _untold(work: Work, task: Task, now: Sight, seconds: float, *, begun: bool) -> None:
    """Where the schema is could not be asked: nothing was begun, or nobody knows how far."""
    said = f"could not ask where the schema is: {now.unsaid}"
    if begun:
        said = f"{said}; it was begun by a worker that died"
    end = Ending("unknown" if begun else "errored", said, now.output, begun=begun, seconds=seconds)
    told = _reverted("revert_failed", said)
    await work.end(task, end, _record(work, told, work.record.schema_, now))


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
    return Reverted(outcome=outcome, reason=why[:_MOST_REASON])
