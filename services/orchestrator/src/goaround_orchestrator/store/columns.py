"""Domain values as columns for the queries, one list each, and rows as domain values. Pure."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import asyncpg

from goaround_orchestrator.ledger import Letter, Place
from goaround_orchestrator.run import Landing, Move, Run
from goaround_schemas.envelope import encode
from goaround_schemas.subjects import stream_of, subject_of

Columns = tuple[list[Any], ...]


class Moved(NamedTuple):
    """One line of a run's history, and the message that led to it."""

    run_id: str
    move: Move
    cause: str | None


class Rest(NamedTuple):
    """What is written along with runs."""

    moves: Sequence[Moved] = ()
    landed: Sequence[Landing] = ()
    letters: Sequence[Letter] = ()
    sent: Sequence[int] = ()
    """Messages in the outbox that have been sent."""

    def __bool__(self) -> bool:
        """Whether there is any of it."""
        return any(self[:])


def places(of: Sequence[Place]) -> Columns:
    """Services and environments."""
    return [service for service, _ in of], [environment for _, environment in of]


def runs(of: Sequence[Run]) -> Columns:
    """Everything that a run's row holds, besides its edition."""
    return (
        [r.id for r in of],
        [r.kind for r in of],
        [r.service for r in of],
        [r.environment for r in of],
        [r.version for r in of],
        [r.previous_version for r in of],
        [r.phase.value for r in of],
        [r.stage_name for r in of],
        [r.emergency for r in of],
        [r.requested_by for r in of],
        [r.requested_at for r in of],
        [r.phase_since for r in of],
        [r.deadline for r in of],
        [r.due_at for r in of],
        [r.reason for r in of],
        [r.model_dump_json() for r in of],
    )


def transitions(of: Sequence[Moved]) -> Columns:
    """Lines of history."""
    return (
        [m.run_id for m in of],
        [m.move.revision for m in of],
        [m.move.at for m in of],
        [m.move.from_.value for m in of],
        [m.move.to.value for m in of],
        [m.move.stage for m in of],
        [m.move.actor for m in of],
        [m.move.reason for m in of],
        [m.cause for m in of],
    )


def letters(of: Sequence[Letter]) -> Columns:
    """Messages as they lie in the outbox."""
    return (
        [letter.message.id for letter in of],
        [stream_of(letter.message) for letter in of],
        [subject_of(letter.message) for letter in of],
        [encode(letter.message) for letter in of],
        [letter.message.traceparent for letter in of],
        [letter.reminder for letter in of],
    )


def landings(of: Sequence[Landing]) -> Columns:
    """Versions that came to run."""
    return (
        [at.service for at in of],
        [at.environment for at in of],
        [at.version for at in of],
        [at.previous_version for at in of],
        [at.run_id for at in of],
        [at.at for at in of],
        [at.migration.model_dump_json() if at.migration else None for at in of],
        [at.guide_digest for at in of],
    )


def landing(row: asyncpg.Record) -> Landing:
    """What runs at a place, as its row says."""
    fields = {name: row[name] for name in Landing.model_fields}
    if fields["migration"] is not None:
        fields["migration"] = json.loads(fields["migration"])
    return Landing.model_validate(fields)
