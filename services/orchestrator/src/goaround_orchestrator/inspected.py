"""What a version would do to the schema, as rows of the pre-flight matrix.

Pure. The deployer has looked, and judged each pending migration by its SQL; whether that is let
through is decided here: what nothing takes back needs the guide's word or a person's.
"""

from collections.abc import Iterator

from goaround_orchestrator.run import Run
from goaround_schemas.guide.step import Loss
from goaround_schemas.matrix import MatrixRow, RowOutcome
from goaround_schemas.procedure import PendingMigration

PASSED, WARNED = RowOutcome.PASSED, RowOutcome.WARNED
FAILED, ERRORED = RowOutcome.FAILED, RowOutcome.ERRORED

_NEEDS: dict[str, Loss | None] = {
    "additive": None,
    "reversible": None,
    "lossy": "lossy",
    "irreversible": "irreversible",
    "unknown": "irreversible",
}
"""What must be allowed for a migration of each kind."""


def rows(run: Run) -> tuple[MatrixRow, ...]:
    """Return the rows; none for a guide without migrations."""
    if not run.the_plan.inspects:
        return ()
    found = run.inspection
    if found is None:
        return (_row("migrations are known", ERRORED, "the deployer has not answered"),)
    if found.outcome == "errored":
        return (_row("migrations are known", ERRORED, found.reason),)
    if not found.judged:
        said = (
            "the guide does not say how their SQL can be had, so nobody can say what they do: "
            "add alembic, files or sql to deploy.migrations"
        )
        return (_row("migrations are judged", WARNED, said, required=False),)
    if not found.pending:
        return (_row("migrations", PASSED, f"none is pending at {found.revision}"), *_tried(run))
    return (
        *(row for pending in found.pending for row in _of(run, pending)),
        *_no_return(run),
        *_tried(run),
    )


def _of(run: Run, pending: PendingMigration) -> Iterator[MatrixRow]:
    name = " ".join(filter(None, ("migration", pending.revision, pending.name)))
    said = "; ".join((pending.kind, *pending.reasons[:3]))
    needed = _NEEDS[pending.kind]
    if needed is None:
        yield _row(name, PASSED, said)
    elif needed in run.allowed or "irreversible" in run.allowed:
        yield _row(name, WARNED, f"{said}; allowed by {_allowed_by(run)}", required=False)
    else:
        yield _row(name, FAILED, f"{said}; {_advice(needed)}")
    if not run.the_plan.keeps_schema and needed is None and (why := _no_way_back(pending)):
        yield _row(f"{name}: way back", WARNED, why, required=False)
    if pending.fit == "contract":
        said = (
            f"{run.previous_version or 'the previous version'} cannot live with it: put it after "
            "Green (when: after_green), in a release of its own"
        )
        yield _row(f"{name}: both versions", WARNED, said, required=False)
    for lock in pending.locks[:3]:
        yield _row(f"{name}: locks", WARNED, lock, required=False)


def _advice(needed: Loss) -> str:
    return (
        f"somebody has to want that: allow: [{needed}] in the guide's deploy.migrations, or "
        f"goaround deploy ... --allow {needed} --reason WHY"
    )


def _allowed_by(run: Run) -> str:
    people = f"{run.requested_by} ({run.request_reason})" if run.allow else ""
    return people or "the guide"


def _no_way_back(pending: PendingMigration) -> str | None:
    more = "; ".join(pending.way_back_reasons[:3])
    match pending.way_back:
        case "reversible":
            return None
        case "none":
            if pending.fit == "compatible":
                return "none is written; a rollback would leave it, and the previous version fits"
            return "none is written: a rollback would leave the schema as it is"
        case "lossy":
            return f"a rollback loses what is written meanwhile: {more}"
        case "irreversible" | "unknown":
            return f"it does not undo what the migration does: {more}"


def _no_return(run: Run) -> Iterator[MatrixRow]:
    for pending in run.pending_migrations:
        if pending.point_of_no_return:
            said = f"{pending.revision} {pending.name}, {pending.point_of_no_return}"
            yield _row("point of no return", WARNED, said, required=False)
            return


def _tried(run: Run) -> Iterator[MatrixRow]:
    tried = run.inspection.rehearsal if run.inspection else None
    if tried is None:
        if run.the_plan.rehearses:
            yield _row("migrations are rehearsed", ERRORED, "the deployer did not rehearse them")
        return
    outcome = {"passed": PASSED, "failed": FAILED, "errored": ERRORED}[tried.outcome]
    said = "; ".join((tried.reason, *tried.difference[:5]))
    yield _row("migrations are rehearsed", outcome, said)


def _row(name: str, outcome: RowOutcome, detail: str, *, required: bool = True) -> MatrixRow:
    return MatrixRow(
        category="migrations", name=name, outcome=outcome, detail=detail, required=required
    )
