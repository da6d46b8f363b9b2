"""The schema's way forward, looked at before and after it is moved.

The guide's `current` says where the schema is, and its catalogue is the proof. Both are on record
before anything is changed, since the way back leads there. Nothing is begun that would lose what
nobody allowed to lose.
"""

import asyncio

from goaround_deployer import judging
from goaround_deployer.journal import SchemaRecord
from goaround_deployer.looking import command_of, leaves_whole_files, look
from goaround_deployer.procedure import Task
from goaround_deployer.runner import Attempt
from goaround_deployer.seen import Seen, packed
from goaround_deployer.sight import Fate, Place, Sight, after_crash
from goaround_deployer.tooling import NotTold
from goaround_deployer.work import Ending, LeftOff, Work, ending
from goaround_migrating.tools import Script
from goaround_schemas.guide.step import Migrations


async def forward(work: Work, task: Task) -> None:
    """Apply the migrations, knowing where the schema was; journaled before and after."""
    migrations = task.migrations
    assert migrations is not None, "a plan without migrations has no such task"
    seconds = work.watch()
    orphan = work.record.tasks.get(task.key)
    try:
        now = await look(work, migrations)
        if orphan is not None and work.record.schema_ is not None:
            if _settled(work, task, migrations, work.record.schema_, now, seconds()):
                return
            began = work.record.schema_
        else:
            allowed = await _allowed(work, task, migrations, now, seconds())
            if allowed is None:
                return
            began = allowed
    except LeftOff:
        return
    record = work.record.model_copy(update={"schema_": began})
    apply = command_of("apply migrations", migrations.apply, migrations)
    try:
        applied = await work.do(task, apply, (orphan.attempts if orphan else 0) + 1, record)
    except LeftOff:
        return
    if applied.outcome == "done":
        # Written before it is asked where that led.
        began = began.model_copy(update={"applied": True})
        work.hold.note(work.record.model_copy(update={"schema_": began}))
    await _applied(work, task, migrations, applied, began, seconds())


def _settled(
    work: Work,
    task: Task,
    migrations: Migrations,
    schema: SchemaRecord,
    now: Sight,
    seconds: float,
) -> bool:
    """Judge what became of an `apply` whose worker died; False: it may be run again."""
    if schema.applied:
        fate: Fate = "done"
    elif now.revision is None and now.fingerprint is None:
        said = f"could not ask where the schema is: {now.unsaid}; it was {_BEGUN}"
        work.end(task, Ending("unknown", said, now.output, seconds=seconds))
        return True
    else:
        before = Place(schema.before, schema.fingerprint_before)
        whole = leaves_whole_files(migrations)
        fate = after_crash(before, now, _known(work), whole_files=whole)
    if fate == "again":
        return False
    there = schema.model_copy(update={"after": now.revision, "fingerprint_after": now.digest})
    record = work.record.model_copy(update={"schema_": there})
    at = now.revision or "a revision that nobody tells"
    if fate == "done":
        said = f"from {schema.before} to {at}, completed by a worker that then died"
        work.end(task, Ending("done", said, seconds=seconds), record)
        return True
    touched = now.same_form(schema.fingerprint_before) is False
    form = ", and its catalogue is not as it was" if touched else ""
    said = (
        f"apply was begun at {schema.before} by a worker that died, and the schema is now at {at}"
        f"{form}: nobody can say whether it was done completely"
    )
    work.end(task, Ending("unknown", said, seconds=seconds), record)
    return True


async def _allowed(
    work: Work, task: Task, migrations: Migrations, now: Sight, seconds: float
) -> SchemaRecord | None:
    """Return what is on record once the apply may begin; None: it may not, and that is written.

    Raises:
        LeftOff: A rollback wants us to.
    """
    if now.revision is None:
        said = f"could not ask where the schema is: {now.unsaid}"
        end = Ending("errored", said, now.output, begun=False, seconds=seconds)
        work.end(task, end)
        return None
    if migrations.database is not None and now.fingerprint is None:
        said = f"{now.unseen}; nothing was applied, since no way back could be proven"
        work.end(task, Ending("errored", said, begun=False, seconds=seconds))
        return None
    scripts: tuple[Script, ...] = ()
    if migrations.can_be_judged:
        try:
            scripts, refused = await _judged(work, migrations, now, now.revision)
        except NotTold as error:
            refused = judging.untold_refusal(error.why, work.allow, _deploy_again(work))
        if refused is not None:
            work.end(task, Ending("failed", refused, begun=False, seconds=seconds))
            return None
    # The place before the first touch outlives a second try: the way back needs it.
    if work.record.schema_ is not None:
        return work.record.schema_.model_copy(update={"after": None, "applied": False})
    # What was applied can be asked for afterwards, but of a guide's own `sql`.
    kept = scripts if migrations.sql is not None else ()
    anything = now.fingerprint is not None or kept
    return SchemaRecord(
        before=now.revision,
        fingerprint_before=now.digest,
        seen=packed(Seen(fingerprint=now.fingerprint, scripts=kept)) if anything else None,
    )


async def _judged(
    work: Work, migrations: Migrations, now: Sight, revision: str
) -> tuple[tuple[Script, ...], str | None]:
    """Return what is pending, and why it is refused if it is."""
    asking = work.tools.schemas.pending(migrations, work.command.data.values, revision)
    scripts = await work.unless_stopped(asking)
    types = now.fingerprint.column_types() if now.fingerprint else {}
    # Long texts take their time, and the hold has to be renewed meanwhile.
    refused = await asyncio.to_thread(
        judging.refusal, scripts, work.allow, types, _deploy_again(work)
    )
    return scripts, refused


async def _applied(
    work: Work,
    task: Task,
    migrations: Migrations,
    applied: Attempt,
    began: SchemaRecord,
    seconds: float,
) -> None:
    """Ask where the schema is now, and write down how the apply ended."""
    try:
        # Who is asked to stop asks nothing more.
        now = Sight() if applied.outcome == "stopped" else await look(work, migrations)
    except LeftOff:
        now = Sight()
    before, after = began.before, now.revision
    schema = began.model_copy(update={"after": after, "fingerprint_after": now.digest})
    record = work.record.model_copy(update={"schema_": schema})
    if applied.outcome != "done":
        begun = applied.begun or work.record.tasks[task.key].attempts > 1
        work.end(task, ending(applied, begun=begun, seconds=seconds), record)
        return
    if after is None and now.unsaid:
        said = f"applied, but `current` then said nothing of use: {now.unsaid}"
        work.end(task, Ending("failed", said, now.output, seconds=seconds), record)
        return
    said = _moved(before, after, now.same_form(began.fingerprint_before))
    unseen = f"; {now.unseen}" if now.unseen else ""
    work.end(task, Ending("done", said + unseen, applied.output, seconds=seconds), record)


def _moved(before: str, after: str | None, same_form: bool | None) -> str:
    if after is None:
        return f"applied at {before}; left off before it was asked where that led"
    if after != before:
        return f"from {before} to {after}"
    if same_form is False:
        return f"applied: `current` says {before} as before, and the schema is another one"
    return f"nothing to apply at {before}"


def _known(work: Work) -> frozenset[Place]:
    """Where completed migrations of this run have led."""
    return frozenset(
        Place(p.schema_.after, p.schema_.fingerprint_after)
        for p in work.hold.journal.procedures
        if p.kind == "deploy" and p.schema_ and p.schema_.applied and p.schema_.after
    )


def _deploy_again(work: Work) -> str:
    data = work.command.data
    return f"goaround deploy {data.service} {data.version} --env {data.environment}"


_BEGUN = "begun by a worker that died"
