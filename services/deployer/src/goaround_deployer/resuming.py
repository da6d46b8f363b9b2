"""What of a failed way back still counts once a person goes on with it. Pure.

The guide may have been mended meanwhile: a step is known by what it does, not by its place, and
what it may have been allowed since (to be repeated, to take longer) makes it no other.
"""

from goaround_deployer.journal import MIGRATION, Journal, ProcedureRecord, TaskRecord, deed_of
from goaround_schemas.procedure import WorkRollback


def gone_on(
    fresh: ProcedureRecord, resumed: Journal | None, command: WorkRollback
) -> ProcedureRecord:
    """Return the first record of a command that goes on with another run's way back.

    What was done is not done again. What failed for sure is open: a person has seen to it. What
    nobody knows the end of stays unknown, unless the guide calls it idempotent by now.
    """
    ways = [p for p in (resumed.procedures if resumed else ()) if p.kind == "rollback"]
    if not ways:
        return fresh
    earlier = ways[-1]
    left = list(earlier.tasks.values())
    tasks: dict[str, TaskRecord] = {}
    for place, step in enumerate(command.data.steps):
        deed = deed_of(step, command.data.run_id)
        found = next((task for task in left if task.deed == deed), None)
        if found is None:
            continue
        left.remove(found)
        if _counts(found, step.idempotent):
            tasks[str(place)] = found
    schema = earlier.tasks.get(MIGRATION)
    proven = schema is not None and schema.outcome == "done"
    if schema is not None and proven:
        tasks[MIGRATION] = schema
    return fresh.model_copy(
        update={
            "tasks": tasks,
            # Where it stood, and which copies were made.
            "schema_": earlier.schema_,
            "reverted": earlier.reverted if proven else None,
        }
    )


def _counts(task: TaskRecord, idempotent: bool) -> bool:
    if task.outcome == "done":
        return True
    return not idempotent and (task.state == "orphaned" or task.outcome == "unknown")
