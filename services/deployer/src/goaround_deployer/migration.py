"""The schema's way forward and back, each asked for before and after it is moved.

The guide's `current` says where the schema is: the first word of the last line that it prints to
standard output. It is asked again rather than believed: a revert counts only when `current`
says that the schema is where it was.
"""

from goaround_deployer.journal import SchemaRecord
from goaround_deployer.procedure import BEFORE, Target, Task, after_crash
from goaround_deployer.runner import Attempt
from goaround_deployer.work import Ending, Work, ending
from goaround_schemas.guide.model import Argv
from goaround_schemas.guide.step import Migrations, Step


async def forward(work: Work, task: Task) -> None:
    """Apply the migrations, knowing where the schema was; journaled before and after."""
    migrations = task.migrations
    assert migrations is not None, "a plan without migrations has no such task"
    seconds = work.watch(task)
    orphan = work.record.tasks.get(task.key)
    schema = work.record.schema_
    asked = await _current(work, migrations)
    if asked.outcome == "stopped":
        return
    if asked.outcome != "done":
        await work.end(task, _not_told(asked, seconds(), orphaned=orphan is not None))
        return
    now = asked.value
    if orphan is not None and schema is not None:
        fate = "done" if schema.applied else after_crash(schema.before, now, _known(work))
        if fate != "again":
            moved = schema.model_copy(update={"after": now})
            said = _after_crash_says(fate, schema.before, now)
            end = Ending("done" if fate == "done" else "unknown", said, seconds=seconds())
            await work.end(task, end, work.record.model_copy(update={"schema_": moved}))
            return
    before = schema.before if schema else now
    began = work.record.model_copy(update={"schema_": SchemaRecord(before=before)})
    await work.begin(task, (orphan.attempts if orphan else 0) + 1, began)
    applied = await work.attempt(_step("apply migrations", migrations.apply, migrations))
    if applied.outcome == "done":
        done = SchemaRecord(before=before, applied=True)
        await work.hold.record_as(work.record.model_copy(update={"schema_": done}))
    await _applied(work, task, migrations, applied, before, seconds())


async def _applied(
    work: Work,
    task: Task,
    migrations: Migrations,
    applied: Attempt,
    before: str,
    seconds: float,
) -> None:
    """Ask where the schema is now, and write down how the apply ended."""
    # Who is asked to stop asks nothing more.
    asked = applied if applied.outcome == "stopped" else await _current(work, migrations)
    after = asked.value if asked.outcome == "done" else None
    schema = SchemaRecord(before=before, after=after, applied=applied.outcome == "done")
    record = work.record.model_copy(update={"schema_": schema})
    if applied.outcome != "done":
        begun = applied.begun or work.record.tasks[task.key].attempts > 1
        await work.end(task, ending(applied, begun=begun, seconds=seconds), record)
        return
    if asked.outcome in ("failed", "errored"):
        said = f"applied, but `current` then said nothing of use: {asked.detail}"
        await work.end(task, Ending("failed", said, asked.output, seconds=seconds), record)
        return
    moved = f"from {before} to {after}" if after != before else f"nothing to apply at {before}"
    await work.end(task, Ending("done", moved, applied.output, seconds=seconds), record)


async def back(work: Work, task: Task) -> None:
    """Bring the schema back to where it was, unless it is there; `current` has the last word."""
    target, migrations = task.target, task.migrations
    if target is None:
        said = "nothing on record says that migrations were applied"
        await work.end(task, Ending("skipped", said, begun=False))
        return
    if migrations is None:
        await work.end(task, Ending("failed", _no_way(target, target.moved_to), begun=False))
        return
    seconds = work.watch(task)
    orphan = work.record.tasks.get(task.key)
    asked = await _current(work, migrations)
    if asked.outcome != "done":
        await work.end(task, _not_told(asked, seconds(), orphaned=orphan is not None))
        return
    now, schema = asked.value, work.record.schema_
    begun = orphan is not None
    if now == target.before:
        record = work.record
        if schema is not None:
            there = schema.model_copy(update={"after": now})
            record = record.model_copy(update={"schema_": there})
        said = f"back at {now}" if begun else f"at {now} as before: nothing to revert"
        await work.end(task, Ending("done", said, begun=begun, seconds=seconds()), record)
        return
    if migrations.revert is None:
        await work.end(task, Ending("failed", _no_way(target, now), begun=begun))
        return
    if begun and schema is not None and now != schema.before:
        said = (
            f"the revert was begun at {schema.before} by a worker that died, and the schema is now "
            f"at {now}, not at {target.before}: nobody can say what is missing"
        )
        await work.end(task, Ending("unknown", said, seconds=seconds()))
        return
    began = work.record.model_copy(update={"schema_": SchemaRecord(before=now)})
    await work.begin(task, (orphan.attempts if orphan else 0) + 1, began)
    argv = tuple(part.replace(BEFORE, target.before) for part in migrations.revert)
    reverted = await work.attempt(_step("revert migrations", argv, migrations))
    await _reverted(work, task, migrations, reverted, target, now, seconds())


async def _reverted(
    work: Work,
    task: Task,
    migrations: Migrations,
    reverted: Attempt,
    target: Target,
    before: str,
    seconds: float,
) -> None:
    """Ask where the schema is now: only there is the proof that the revert did its work."""
    asked = await _current(work, migrations)
    after = asked.value if asked.outcome == "done" else None
    schema = SchemaRecord(before=before, after=after, applied=reverted.outcome == "done")
    record = work.record.model_copy(update={"schema_": schema})
    where = f"at {after}" if after else f"nobody knows where ({asked.detail})"
    if reverted.outcome != "done":
        end = ending(reverted, begun=reverted.begun, seconds=seconds)
        left = f"{end.detail}; the schema is {where}, not at {target.before}"
        await work.end(
            task, Ending(end.outcome, left, end.output, end.begun, seconds=seconds), record
        )
    elif after != target.before:
        said = f"revert ended well, but the schema is {where}, not at {target.before}"
        await work.end(task, Ending("failed", said, reverted.output, seconds=seconds), record)
    else:
        said = f"from {before} back to {after}"
        await work.end(task, Ending("done", said, reverted.output, seconds=seconds), record)


async def _current(work: Work, migrations: Migrations) -> Attempt:
    """Ask where the schema is. An answer without a word is none."""
    step = _step("ask for the schema's revision", migrations.current, migrations)
    asked = await work.attempt(step)
    if asked.outcome == "done" and not asked.value:
        said = (
            f"`{' '.join(migrations.current)}` printed nothing: it must print the revision "
            f"that the database is at, and a word for none (`base`, say) where there is none yet"
        )
        return Attempt("errored", said, asked.output, begun=False)
    return asked


def _step(name: str, argv: Argv, migrations: Migrations) -> Step:
    return Step.model_construct(
        name=name, run=argv, env=migrations.env, dir=migrations.dir, timeout=migrations.timeout
    )


def _not_told(asked: Attempt, seconds: float, *, orphaned: bool) -> Ending:
    """Where the schema is could not be asked: nothing was begun, or nobody knows how far."""
    said = f"could not ask where the schema is: {asked.detail}"
    if not orphaned:
        return Ending("errored", said, asked.output, begun=False, seconds=seconds)
    return Ending("unknown", f"{said}; it was begun by a worker that died", asked.output)


def _known(work: Work) -> frozenset[str]:
    """Where completed migrations of this run have led."""
    return frozenset(
        p.schema_.after
        for p in work.hold.journal.procedures
        if p.kind == "deploy" and p.schema_ and p.schema_.applied and p.schema_.after
    )


def _after_crash_says(fate: str, before: str, now: str) -> str:
    if fate == "done":
        return f"from {before} to {now}, completed by a worker that then died"
    return (
        f"apply was begun at {before} by a worker that died, and the schema is now at {now}: "
        f"nobody can say whether it was done completely"
    )


def _no_way(target: Target, now: str | None) -> str:
    return (
        f"the schema was moved from {target.before} and the guide has no way back (deploy: "
        f"migrations: revert): it is left at {now or 'an unknown revision'}"
    )
