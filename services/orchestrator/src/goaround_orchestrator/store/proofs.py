"""Rehearsals, and corrections of guides, in Postgres."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg

from goaround_orchestrator.proofs import MOST_COUNTED, keepable
from goaround_orchestrator.store.sql import queries
from goaround_orchestrator.store.transaction import Transaction
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.proving import (
    CorrectionDecision,
    CorrectionQuery,
    CorrectionRow,
    RehearsalQuery,
    RehearsalRow,
)

if TYPE_CHECKING:
    # Generic in their stubs only.
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]


async def keep_rehearsal(connection: "Connection", row: RehearsalRow) -> None:
    """Keep a rehearsal under its id; of two under one id the later one counts."""
    said = row.model_dump(mode="json", include={"migrations"})
    await connection.execute(
        queries()["keep_rehearsal"],
        row.rehearsal_id,
        row.service,
        row.environment,
        row.version,
        row.result.at,
        row.result.outcome,
        row.result.model_dump_json(),
        json.dumps(said["migrations"]),
    )


async def last_rehearsal(
    connection: "Connection", service: str, environment: str
) -> RehearsalRow | None:
    """The newest rehearsal of the place that told something."""
    row = await connection.fetchrow(queries()["last_rehearsal"], service, environment)
    return _rehearsal(row) if row else None


async def propose(
    transaction: Transaction,
    service: str,
    environment: str,
    run_id: str,
    guide_name: str,
    corrections: Sequence[GuideCorrection],
    at: datetime,
) -> tuple[GuideCorrection, ...]:
    """Keep what a run proposes; return what nobody has decided on yet."""
    named = keepable(corrections)
    if not named:
        return tuple(corrections)
    rows = await transaction.fetch(
        queries()["propose"],
        list(named),
        [correction.field for correction in named.values()],
        [correction.model_dump_json() for correction in named.values()],
        service,
        environment,
        run_id,
        at,
        guide_name,
        MOST_COUNTED,
    )
    decided = {row["id"] for row in rows if row["state"] != "open"}
    return tuple(correction for correction in corrections if correction.id not in decided)


async def decide(
    connection: "Connection", said: CorrectionDecision, at: datetime
) -> CorrectionRow | None:
    """Keep a person's word on a correction that has none; return how it stands then."""
    words = (said.decision, said.actor, said.because, at)
    row = await connection.fetchrow(queries()["decide_correction"], said.correction_id, *words)
    if row is None:
        # By a statement of its own, which sees what somebody else has decided meanwhile.
        row = await connection.fetchrow(queries()["correction"], said.correction_id)
    return _correction(row) if row else None


async def rehearsals(pool: "Pool", query: RehearsalQuery) -> list[RehearsalRow]:
    """Rehearsals, newest first."""
    name, wanted = "list_rehearsals", tuple[Any, ...]((query.limit,))
    if query.rehearsal_id is not None:
        name, wanted = "rehearsal", (query.rehearsal_id,)
    elif query.service is not None:
        name, wanted = "list_rehearsals_of_service", (*wanted, query.service, query.environment)
    elif query.environment is not None:
        name, wanted = "list_rehearsals_of_environment", (*wanted, query.environment)
    found = [_rehearsal(row) for row in await pool.fetch(queries()[name], *wanted)]
    return [
        row
        for row in found
        if query.service in (None, row.service) and query.environment in (None, row.environment)
    ]


async def corrections(pool: "Pool", query: CorrectionQuery) -> list[CorrectionRow]:
    """Corrections of guides, the last proposed first."""
    name, wanted = "list_corrections", tuple[Any, ...]((query.limit, query.state))
    if query.correction_id is not None:
        name, wanted = "correction", (query.correction_id,)
    elif query.service is not None:
        name, wanted = "list_corrections_of_service", (*wanted, query.service)
    found = [_correction(row) for row in await pool.fetch(queries()[name], *wanted)]
    return [
        row
        for row in found
        if query.service in (None, row.service) and query.state in (None, row.state)
    ]


def _rehearsal(row: asyncpg.Record) -> RehearsalRow:
    fields = dict(row)
    return RehearsalRow.model_validate(
        {**fields, **{part: json.loads(fields[part]) for part in ("result", "migrations")}}
    )


def _correction(row: asyncpg.Record) -> CorrectionRow:
    fields = dict(row)
    return CorrectionRow.model_validate({**fields, "correction": json.loads(fields["correction"])})
