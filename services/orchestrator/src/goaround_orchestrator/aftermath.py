"""What a person could run next where the way back has failed: the guide's own words for it.

Pure.
"""

import shlex

from goaround_orchestrator.commands import Desk, commands_for
from goaround_orchestrator.run import Order, Run, What
from goaround_schemas.guide import Step
from goaround_schemas.procedure import WorkRollback

_BEFORE = "{migration.before}"


def is_due(run: Run) -> bool:
    """Whether the run has just come to a failed way back, and nobody has said what is next."""
    return run.outcome == "rollback_failed" and run.going is not None and not run.going.next


def with_next(desk: Desk) -> Run:
    """Return the run with what a person could do, in order: what is left of the way back."""
    run = desk.run
    assert run.going is not None, "there was a way back"
    said = (*_left(desk), f"goaround resume {run.id}")
    return run.model_copy(update={"going": run.going.model_copy(update={"next": said})})


def _left(desk: Desk) -> tuple[str, ...]:
    run = desk.run
    going = run.going
    (back,) = commands_for(desk, Order(what=What.ROLL_BACK))
    assert isinstance(back, WorkRollback), "an order to roll back is one command"
    done = (
        {s.name for s in going.steps if s.outcome in ("done", "skipped")} if going else set[str]()
    )
    database = going.database if going else None
    failed_schema = database is not None and database.outcome == "revert_failed"
    migrations = back.data.migrations
    told: list[str] = []
    if failed_schema and migrations is not None and migrations.revert:
        told.append(f"see where the schema is: {shlex.join(migrations.current)}")
        before = run.migration.before if run.migration else None
        back_to = tuple(p.replace(_BEFORE, before or _BEFORE) for p in migrations.revert)
        told.append(f"bring it back by hand: {shlex.join(back_to)}")
    told += [f"{step.name}: {_command(step)}" for step in back.data.steps if step.name not in done]
    return tuple(told[:20])


def _command(step: Step) -> str:
    if step.run:
        return shlex.join(step.run)
    if step.http:
        return f"{step.http.method} {step.http.url}"
    return "the script of that step in the guide"
