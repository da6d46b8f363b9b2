"""The schema's way back: what becomes of it on a rollback, and the proof of it.

Run with the new version's tooling, before the code goes back. A value that was written meanwhile
is never dropped without a word, and nothing counts as reverted that its catalogue does not prove.
"""

import asyncio
from collections.abc import Callable

import structlog

from goaround_deployer import judging
from goaround_deployer.aftermath import ended, left, stays, untold
from goaround_deployer.journal import SchemaRecord
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
from goaround_schemas.procedure import WorkRollback

log = structlog.get_logger(__name__)


async def back(work: Work, task: Task) -> None:
    """Bring the schema back to where it was, or say why it stays; its catalogue is the proof."""
    target, migrations = task.target, task.migrations
    if target is None:
        said = "nothing on record says that migrations were applied"
        work.end(task, Ending("skipped", said, begun=False))
        return
    if migrations is None:
        left(work, task, target, None, judging.NO_WAY)
        return
    seconds = work.watch()
    begun = task.key in work.record.tasks
    now = await look(work, migrations)
    where = standing(now, target)
    if not target.moved and where in ("there", "astray"):
        # What others have changed since is not for this way back to answer for.
        said = f"at {target.before} as before: the deployment did not move it, nothing to revert"
        work.end(task, Ending("done", said, begun=begun, seconds=seconds()))
        return
    if where == "there":
        ended(work, task, there(now, target, begun=begun), now, seconds(), begun=begun)
        return
    judged = where == "elsewhere" or (migrations.on_rollback == "keep" and not begun)
    way = await _way(work, migrations, target, now) if judged else WayBack("go")
    if begun and way.do in ("keep", "none"):
        # A worker before us has judged the whole of it; this is what it left of that.
        way = WayBack("go")
    if way.do == "keep":
        stays(work, task, target, now, way, seconds())
    elif where == "untold" and not _tells_enough(work, now, begun=begun):
        untold(work, task, now, seconds(), begun=begun)
    elif where == "astray":
        said = f"`current` says {target.before}, as before the deployment"
        ended(work, task, astray(now, target, said), now, seconds(), begun=begun)
    elif way.do == "refuse" and begun:
        said = f"the revert was begun by a worker that died, and cannot be gone on with: {way.why}"
        ended(work, task, failed("errored", said, now, target), now, seconds(), begun=True)
    elif way.do == "refuse":
        stays(work, task, target, now, way, seconds())
    elif way.do == "none":
        left(work, task, target, now, way.why)
    else:
        await _revert(work, task, migrations, target, now, way, seconds)


def _tells_enough(work: Work, now: Sight, *, begun: bool) -> bool:
    """Whether the catalogue alone tells how to go on with a revert whose worker died.

    Not where it was to lose something: what has been written since could not be copied.
    """
    schema = work.record.schema_
    return begun and now.fingerprint is not None and not (schema and schema.kept)


async def _way(work: Work, migrations: Migrations, target: Target, now: Sight) -> WayBack:
    """Judge the way back by the SQL of what was applied, as far as it can be told."""
    scripts: tuple[Script, ...] | None = None
    why = "the guide does not say how its SQL can be had"
    if now.revision is None:
        why = f"`current` does not tell where the schema is: {now.unsaid}"
    elif now.revision == target.before:
        why = "`current` knows of nothing that was applied"
    elif migrations.can_be_judged:
        values = work.command.data.values
        try:
            scripts = await work.tools.schemas.applied_since(
                migrations, values, target.before, now.revision
            )
        except NotTold as error:
            # What was on record before it was applied; what else is there would be a guess.
            scripts, why = target.seen.scripts or None, error.why
    return await asyncio.to_thread(judging.way_back, migrations, scripts, why, target, work.allow)


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
            ended(work, task, lost, now, seconds(), begun=True)
            return
    else:
        began = SchemaRecord(
            before=now.revision or target.before,
            fingerprint_before=now.digest,
            kept=began.kept if began is not None else (),
        )
    try:
        copies, uncopied = await _copied(work, migrations, way)
    except NotCopied as error:
        why = f"{way.why}. It may be lost, but could not be copied first: {error.why}"
        if orphan is None:
            stays(work, task, target, now, WayBack("refuse", why), seconds())
        else:
            told = failed("errored", why, now, target)
            ended(work, task, told, now, seconds(), begun=True)
        return
    # What was copied before stays there; what was written since is beside it.
    kept = tuple(dict.fromkeys((*began.kept, *(copy.table for copy in copies))))
    began = began.model_copy(update={"kept": kept})
    record = work.record.model_copy(update={"schema_": began})
    argv = tuple(part.replace(BEFORE, target.before) for part in migrations.revert)
    revert = command_of("revert migrations", argv, migrations)
    reverted = await work.do(task, revert, (orphan.attempts if orphan else 0) + 1, record)
    seen = await look(work, migrations)
    found = proof(reverted, seen, target, began.before)
    began = began.model_copy(update={"applied": reverted.outcome == "done"})
    if uncopied:
        found = found.but(f"what it was to drop was not copied: {uncopied}")
    # Last, since of a long output the end is kept.
    output = "\n".join([reverted.output, *(copy.restore_sql for copy in copies)]).strip("\n")
    begun = reverted.begun or orphan is not None
    ended(work, task, found, seen, seconds(), begun=begun, schema=began, output=output)


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


async def _copied(work: Work, migrations: Migrations, way: WayBack) -> tuple[tuple[Copy, ...], str]:
    """Copy what the downs drop, where they drop anything; or say why that went without a copy.

    Raises:
        NotCopied: It could not be, and may not be lost without.
        Lost: The run may be somebody else's by now.
    """
    if way.do != "copy":
        return (), ""
    await work.hold.secure()
    try:
        if migrations.database is None:
            raise NotCopied("the guide does not name the database (deploy: migrations: database)")
        # The same for every run that takes this deployment back: one that goes on where another
        # failed finds what that one has copied, and dropped.
        whose = work.command.data.run_id
        if isinstance(work.command, WorkRollback) and work.command.data.deployed_by:
            whose = work.command.data.deployed_by
        keeping = work.tools.schemas.keep(migrations, way.downs, whose)
        return await keeping, ""
    except NotCopied as error:
        if way.must_copy:
            raise
        log.warning("not_copied", run=work.command.data.run_id, why=error.why)
        return (), error.why
