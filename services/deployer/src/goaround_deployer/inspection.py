"""What is pending for a database, judged by its SQL, and the answer that tells it. Pure.

An answer has to fit into a message: of very many migrations the reasons are cut first, and what
only adds is left out last. That it was cut is said.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from goaround_deployer.answers import SOURCE
from goaround_migrating import Kind, Statement, classify, classify_revert
from goaround_migrating.tools import Script
from goaround_schemas.envelope import derived_id
from goaround_schemas.procedure import (
    DeployInspected,
    DeployInspectedData,
    PendingMigration,
    RehearsalResult,
    WorkInspect,
)

MOST_BYTES = 520_000
"""Of the pending migrations, as JSON. The whole answer stays below 600 kB."""
_MOST_REASON = 2000
_MOST_SQL = 120
# Tried in this order until all of it fits: how many reasons of each sort, and how long.
_ROOM = ((1000, 2000), (20, 400), (5, 200), (1, 120), (0, 0))
_HARMLESS = ("additive", "reversible")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about a database. `errored`: what is pending is not known."""

    reason: str
    errored: bool = False
    revision: str | None = None
    fingerprint: str | None = None
    judged: bool = True
    pending: tuple[PendingMigration, ...] = ()
    rehearsal: RehearsalResult | None = None


def inspected(command: WorkInspect, found: Found, at: datetime) -> DeployInspected:
    """Return the answer to a command: however often it is answered, it counts once."""
    data = command.data
    pending, cut = within(found.pending, MOST_BYTES)
    return DeployInspected(
        id=derived_id(command.id, "deploy.inspected"),
        source=SOURCE,
        subject=data.run_id,
        time=at,
        correlationid=command.correlationid,
        causationid=command.id,
        traceparent=command.traceparent,
        data=DeployInspectedData(
            run_id=data.run_id,
            service=data.service,
            environment=data.environment,
            version=data.version,
            outcome="errored" if found.errored else "done",
            reason="; ".join(filter(None, (_cut(found.reason, _MOST_REASON), cut))),
            revision=found.revision,
            fingerprint=found.fingerprint,
            judged=found.judged,
            pending=pending,
            rehearsal=found.rehearsal,
        ),
    )


def judged(scripts: Iterable[Script], types: Mapping[str, str]) -> tuple[PendingMigration, ...]:
    """Return each migration with what its SQL says of it, and of its way back.

    `types` says which type the columns have now; without it, a change of type is unknown.
    """
    return tuple(_judged(script, types) for script in scripts)


def summary(revision: str, pending: tuple[PendingMigration, ...]) -> str:
    """Return in one sentence what is pending."""
    if not pending:
        return f"nothing is pending at {revision}"
    worst = Kind.worst(Kind(p.kind) for p in pending)
    count = len(pending)
    if count == 1:
        return f"1 migration is pending at {revision}, and {_an(worst)} one"
    return f"{count} migrations are pending at {revision}, the worst of them {worst}"


def _an(kind: Kind) -> str:
    return f"{'a' if kind[0] in 'lr' else 'an'} {kind}"


def _judged(script: Script, types: Mapping[str, str]) -> PendingMigration:
    migration = classify(script.up, types=types)
    point = migration.point_of_no_return
    pending = PendingMigration(
        revision=script.version,
        name=script.name,
        kind=migration.kind.value,
        reasons=migration.reasons,
        fit=migration.fit.value,
        way_back="none",
        locks=tuple(_lock(s) for s in migration.statements if s.blocks.long),
        point_of_no_return=f"line {point.line}: {_shown(point.sql)}" if point else None,
    )
    if script.down is None:
        if not script.down_untold:
            return pending
        told = {"way_back": "unknown", "way_back_reasons": (script.down_untold,)}
        return pending.model_copy(update=told)
    back = classify_revert(script.up, script.down, types=types)
    told = {"way_back": back.kind.value, "way_back_reasons": back.reasons}
    return pending.model_copy(update=told)


def _lock(statement: Statement) -> str:
    shown = _shown(statement.sql)
    return f"line {statement.line} locks out {statement.blocks}: {statement.blocking} ({shown})"


def _shown(sql: str) -> str:
    return _cut(" ".join(sql.split()), _MOST_SQL)


def within(
    pending: tuple[PendingMigration, ...], most_bytes: int
) -> tuple[tuple[PendingMigration, ...], str]:
    """Return what fits, and what to say of what does not; nothing to say where all of it does."""
    for count, letters in _ROOM:
        trimmed = tuple(_trimmed(p, count, letters) for p in pending)
        if sum(map(_size, trimmed)) <= most_bytes:
            cut = "the reasons are cut, to fit into a message"
            return trimmed, "" if trimmed == pending else cut
    kept = _fitting(tuple(_trimmed(p, 0, 0) for p in pending), most_bytes)
    left = len(pending) - len(kept)
    return kept, f"{left} of {len(pending)} migrations, and all reasons, do not fit into a message"


def _fitting(
    pending: tuple[PendingMigration, ...], most_bytes: int
) -> tuple[PendingMigration, ...]:
    """Return as many as fit, in their order: those that somebody has to allow come first."""
    kept = set[int]()
    for place in sorted(
        range(len(pending)), key=lambda place: (pending[place].kind in _HARMLESS, place)
    ):
        most_bytes -= _size(pending[place])
        if most_bytes < 0:
            break
        kept.add(place)
    return tuple(p for place, p in enumerate(pending) if place in kept)


def _size(pending: PendingMigration) -> int:
    return len(pending.model_dump_json().encode()) + 1


def _trimmed(pending: PendingMigration, count: int, letters: int) -> PendingMigration:
    def cut(sentences: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_cut(sentence, letters) for sentence in sentences[:count])

    return pending.model_copy(
        update={
            "reasons": cut(pending.reasons),
            "way_back_reasons": cut(pending.way_back_reasons),
            "locks": cut(pending.locks),
        }
    )


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"
