"""What a version brought to the schema, and what became of it on a way back, in words.

Pure. Every text that came from elsewhere goes through `markdown.inline`.
"""

from collections import Counter
from collections.abc import Iterable, Iterator

from goaround_schemas.procedure import MigrationResult, PendingMigration, Reverted
from goaround_schemas.recording import WorkRecordData
from goaround_scribe.markdown import inline, sentence

MOST = 40  # of any one list: a first deployment may bring hundreds of migrations

_REVERTED = {
    "reverted_verified": "taken back, and verified to be as before",
    "kept_compatible": "kept, since {previous} can live with it",
    "refused_lossy": "NOT taken back, since that would have lost what nobody allowed to lose",
    "revert_failed": "TAKING IT BACK FAILED",
}
_FITS = {
    "compatible": "{previous} can run on it",
    "unclear": "Whether {previous} can run on it is unclear",
    "contract": "{previous} cannot run on it",
}
_WAYS_BACK = {
    "none": "none",
    "reversible": "loses nothing",
    "lossy": "loses data",
    "irreversible": "does not bring back what was",
    "unknown": "not known what it does",
}


def summary(run: WorkRecordData) -> str:
    """Return the schema's part in the run as one line; empty where it had none."""
    said: list[str] = []
    if kinds := Counter(migration.kind for migration in run.migrations):
        count = f"{kinds.total()} migration{'s' if kinds.total() > 1 else ''}"
        said.append(f"{count}, {_counted(kinds.items())}")
    if run.migration is not None:
        said.append(_moved(run.migration))
    if (back := reverted_of(run)) is not None:
        said.append(_word(back, run.previous_version))
    return "; ".join(said)


def reverted_of(run: WorkRecordData) -> Reverted | None:
    """What became of the schema on the way back; None where it was not touched."""
    told = run.rollback.database if run.rollback else None
    return told or (run.migration.reverted if run.migration else None)


def migrations(run: WorkRecordData) -> list[str]:
    """Return each migration with its class, and why, as a list."""
    previous = _previous(run.previous_version)
    lines: list[str] = []
    for migration in run.migrations[:MOST]:
        lines.append(f"- **{_name(migration)}**: {migration.kind}")
        lines += [f"  - {told}" for told in _details(migration, previous)]
    more = len(run.migrations) - MOST
    return [*lines, f"- and {more} more"] if more > 0 else lines


def reverted(back: Reverted, previous: str | None) -> list[str]:
    """Return what became of the schema, as a part of a list."""
    lines = [f"- Database: {_word(back, previous)}: {sentence(back.reason)}"]
    lines += [f"  - Differs from before: {inline(told, 300)}" for told in back.difference[:MOST]]
    if back.kept:
        tables = ", ".join(inline(table, 130) for table in back.kept[:MOST])
        lines.append(f"  - What was dropped was copied first, to: {tables}")
    return lines


def _details(migration: PendingMigration, previous: str) -> Iterator[str]:
    if migration.reasons:
        yield f"Why: {_joined(migration.reasons)}"
    yield _FITS[migration.fit].format(previous=previous)
    why = f", {_joined(migration.way_back_reasons)}" if migration.way_back_reasons else ""
    yield f"Way back: {_WAYS_BACK[migration.way_back]}{why}"
    if migration.locks:
        yield f"Locks: {_joined(migration.locks)}"
    if migration.point_of_no_return:
        yield f"Point of no return: {inline(migration.point_of_no_return, 300)}"


def _name(migration: PendingMigration) -> str:
    return inline(" ".join(filter(None, (migration.revision, migration.name))), 200)


def _joined(reasons: tuple[str, ...]) -> str:
    return "; ".join(inline(reason, 300) for reason in reasons[:MOST])


def _counted(kinds: Iterable[tuple[str, int]]) -> str:
    told = [f"{n} {kind}" for kind, n in kinds]
    return told[0].partition(" ")[2] if len(told) == 1 else ", ".join(told)


def _moved(migration: MigrationResult) -> str:
    before, after = (
        inline(r, 100) if r else "unknown" for r in (migration.before, migration.after)
    )
    if migration.before and migration.before == migration.after:
        return f"stays at {before}"
    return f"{before} -> {after}"


def _word(back: Reverted, previous: str | None) -> str:
    return _REVERTED[back.outcome].format(previous=_previous(previous))


def _previous(previous: str | None) -> str:
    return inline(previous or "what ran before", 130)
