"""The ledger in Postgres: what is asked of all runs, and where transactions begin."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import asyncpg
import structlog

from goaround_orchestrator.ledger import Away, Condition, Mistaken, Place, RunMark, in_order
from goaround_orchestrator.run import Run
from goaround_orchestrator.store import columns, proofs
from goaround_orchestrator.store.migrate import migrations
from goaround_orchestrator.store.outgoing import Outgoing
from goaround_orchestrator.store.reach import reaching
from goaround_orchestrator.store.remembered import Familiar, Pinned
from goaround_orchestrator.store.sql import queries
from goaround_orchestrator.store.transaction import Transaction
from goaround_orchestrator.store.unit import PostgresUnit
from goaround_schemas.api import (
    EvidenceQuery,
    EvidenceRow,
    Label,
    RunningRow,
    RunRow,
    RunsQuery,
    ServiceQuery,
    Transition,
)
from goaround_schemas.phase import ENDS, Phase
from goaround_schemas.proving import (
    CorrectionQuery,
    CorrectionRow,
    RehearsalQuery,
    RehearsalRow,
)

log = structlog.stdlib.get_logger()

AGAIN_S = 1.0

# An orchestrator that stands still, or whose machine is gone without a word, holds what it had
# locked until the server ends its transaction; the others wait for it no longer than that.
_NOT_FOREVER = {"idle_in_transaction_session_timeout": "20s", "lock_timeout": "15s"}

# A condition that may be none hides from the planner which index serves it; a bound never does.
_EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)

_SELDOM = ENDS - {Phase.SUCCEEDED}


class PostgresLedger:
    """Runs in Postgres."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", familiar: Familiar) -> None:
        self._pool = pool
        self._pinned = Pinned()
        self._familiar = familiar
        self.outgoing = Outgoing()
        """Where the relay of this process finds what transactions have posted."""

    @classmethod
    async def connect(cls, dsn: str, connections: int = 10) -> "PostgresLedger":
        """Open the connections; waits for the database as long as it takes, and says so.

        Raises:
            asyncpg.PostgresError: The database is there and does not let us in.
        """
        familiar = Familiar()

        async def connected(connection: object) -> None:
            # It may be another server by now, which never got what the one before it had.
            del connection
            familiar.clear()

        async def released(connection: object) -> None:
            # Nothing of ours outlives a transaction: there is nothing to reset, at a round trip.
            del connection

        while True:
            try:
                with reaching():
                    pool = await asyncpg.create_pool(
                        dsn,
                        min_size=1,
                        max_size=connections,
                        command_timeout=30,
                        timeout=10,
                        server_settings=_NOT_FOREVER,
                        init=connected,
                        reset=released,
                    )
            except Away as away:
                log.warning("waiting_for_database", why=str(away))
                await asyncio.sleep(AGAIN_S)
            else:
                return cls(pool, familiar)

    async def close(self) -> None:
        """Close the connections once their transactions are in."""
        await self._pool.close()

    @property
    def pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        """The connections, for the post that lies in the same database."""
        return self._pool

    @asynccontextmanager
    async def unit(self, *, trusting: bool = False) -> AsyncGenerator[PostgresUnit]:
        """Begin a transaction; it is committed at the end, and undone by an exception."""
        sent = self.outgoing.to_forget()
        trusting = trusting and self._familiar.can_be_trusted
        try:
            with reaching():
                async with Transaction(self._pool) as transaction:
                    unit = PostgresUnit(
                        transaction, self._pinned, self._familiar, sent, trusting=trusting
                    )
                    yield unit
                    await unit.finish()
        except BaseException as error:
            self.outgoing.sent(sent)
            if isinstance(error, Mistaken):
                self._familiar.doubt(error.run_ids)
            raise
        self._pinned.add(unit.newly_pinned.values())
        self._familiar.add(unit.editions)
        if unit.posted:
            self.outgoing.post(unit.posted)

    async def due_before(self, now: datetime, limit: int) -> list[str]:
        """The runs to look at, the longest overdue first."""
        with reaching():
            return [r["id"] for r in await self._pool.fetch(queries()["due_runs"], now, limit)]

    async def free_places(self, limit: int) -> list[tuple[str, str]]:
        """Service and environment where runs wait though nothing is active."""
        with reaching():
            rows = await self._pool.fetch(queries()["free_places"], limit)
        return [(r["service"], r["environment"]) for r in rows]

    async def with_waiting(self, places: Sequence[Place]) -> list[Place]:
        """The places among these where runs wait."""
        with reaching():
            rows = await self._pool.fetch(queries()["with_waiting"], *columns.places(places))
        return [(r["service"], r["environment"]) for r in rows]

    async def rows(self, query: RunsQuery) -> list[RunRow]:
        """Runs for a list, newest first."""
        found: dict[str, RunRow] = {}
        with reaching():
            for name in _lists(query):
                rows = await self._pool.fetch(
                    queries()[name],
                    query.service,
                    query.environment,
                    query.before or _LATEST,
                    query.after,
                    query.limit,
                    query.phase,
                )
                # A run that ends between the two looks is in both: the second one knows more.
                found |= {
                    r["id"]: RunRow.model_validate({**_fields(r), "run_id": r["id"]}) for r in rows
                }
        return in_order(found.values())[: query.limit]

    async def history(self, run_id: str) -> list[Transition]:
        """Every move of a run, and every refused request, in their order."""
        with reaching():
            rows = await self._pool.fetch(queries()["history"], run_id)
        return [
            Transition.model_validate({**_fields(r), "from": r["from_phase"], "to": r["to_phase"]})
            for r in rows
        ]

    async def whole(self, run_id: str) -> Run | None:
        """A run, to be looked at only."""
        with reaching():
            snapshot = await self._pool.fetchval(queries()["look_at_run"], run_id)
        return Run.model_validate_json(snapshot) if snapshot else None

    async def services(self, query: ServiceQuery) -> list[RunningRow]:
        """What runs where."""
        with reaching():
            rows = await self._pool.fetch(
                queries()["list_running"], query.service, query.environment
            )
        return [RunningRow.model_validate({**_fields(r), "since": r["at"]}) for r in rows]

    async def verdicts(self, run_id: str, limit: int) -> list[EvidenceRow]:
        """The newest verdicts of a run whose evidence is kept, oldest first."""
        with reaching():
            rows = await self._pool.fetch(queries()["verdicts"], run_id, limit)
        return [_evidence(r) for r in reversed(rows)]

    async def recording(self, evidence_id: str) -> bytes | None:
        """The packed recording of one verdict."""
        with reaching():
            body = await self._pool.fetchval(queries()["recording"], evidence_id)
        return cast("bytes | None", body)

    async def evidence(self, query: EvidenceQuery) -> list[EvidenceRow]:
        """Verdicts whose evidence is kept, newest first."""
        with reaching():
            place = _LATEST
            if query.after is not None:
                place = await self._pool.fetchval(queries()["evidence_place"], query.after)
            if place is None:
                raise LookupError(f"no evidence has the id {query.after!r}")
            name, more = "list_evidence", tuple[str | None, ...]()
            wanted = (query.since or _EARLIEST, place, query.after or "", query.limit)
            if query.service is not None:
                name, more = "list_evidence_of_service", (query.service, query.environment)
            elif query.environment is not None:
                name, more = "list_evidence_of_environment", (query.environment,)
            rows = await self._pool.fetch(queries()[name], *wanted, *more)
        return [_evidence(r) for r in rows]

    async def labels(self, run_id: str, limit: int) -> list[Label]:
        """The newest labels of a run, newest last."""
        with reaching():
            rows = await self._pool.fetch(queries()["labels"], run_id, limit)
        return [Label.model_validate(_fields(r)) for r in reversed(rows)]

    async def rehearsals(self, query: RehearsalQuery) -> list[RehearsalRow]:
        """Rehearsals, newest first."""
        with reaching():
            return await proofs.rehearsals(self._pool, query)

    async def corrections(self, query: CorrectionQuery) -> list[CorrectionRow]:
        """Corrections of guides, the last proposed first."""
        with reaching():
            return await proofs.corrections(self._pool, query)

    async def forget_messages_before(self, at: datetime, limit: int) -> int:
        """Forget which messages were handled before then, so many at most; return how many."""
        return await self._forgotten("forget_messages", at, limit)

    async def forget_parked_before(self, at: datetime, limit: int) -> int:
        """Forget messages that were put aside before then, so many at most; return how many."""
        return await self._forgotten("forget_parked", at, limit)

    async def forget_evidence_before(self, at: datetime, limit: int) -> int:
        """Forget so much of the evidence of verdicts before then, oldest first."""
        return await self._forgotten("forget_evidence", at, limit)

    async def forget_rehearsals_before(self, at: datetime, limit: int) -> int:
        """Forget rehearsals from before then, so many at most; return how many."""
        return await self._forgotten("forget_rehearsals", at, limit)

    async def forget_corrections_before(self, at: datetime, limit: int) -> int:
        """Forget corrections decided on before then and not proposed since; return how many."""
        return await self._forgotten("forget_corrections", at, limit)

    async def forget_runs_before(
        self, at: datetime, after: RunMark | None, limit: int
    ) -> tuple[int, RunMark | None]:
        """Forget runs that ended before then, unless something rests on them."""
        # Locked by one statement and deleted by the next, which sees what was said until then.
        with reaching():
            async with self._pool.acquire() as connection, connection.transaction():
                old = await connection.fetch(
                    queries()["old_runs"], at, *(after or (_EARLIEST, "")), limit
                )
                ids = [r["id"] for r in old]
                gone = await connection.fetch(queries()["forget_runs"], ids, at)
        last = (old[-1]["requested_at"], old[-1]["id"]) if len(old) == limit else None
        return len(gone), last

    async def forget_landings_before(
        self, at: datetime, after: int, limit: int
    ) -> tuple[int, int | None]:
        """Forget landings before then that no longer stand and that nothing would go back to."""
        with reaching():
            found = await self._pool.fetch(queries()["old_landings"], after, limit)
            old = [int(r["id"]) for r in found if r["at"] < at]
            gone = await self._pool.fetch(queries()["forget_landings"], old, at)
        return len(gone), old[-1] if len(old) == limit else None

    async def condition(self) -> Condition:
        """What somebody who looks after the system asks of the place where runs are kept."""
        with reaching():
            row = await self._pool.fetchrow(queries()["condition"])
            live = await self._pool.fetch(queries()["live_by_phase"])
        assert row is not None, "a select without a table gives one row"
        return Condition(
            **dict(row),
            known=migrations()[-1][0],
            live={Phase(r["phase"]): int(r["runs"]) for r in live},
        )

    async def lingering(
        self, due_before: datetime, silent_since: datetime, limit: int
    ) -> list[Run]:
        """Runs that were due before one time, or wait for a short answer since another."""
        with reaching():
            rows = await self._pool.fetch(queries()["lingering"], due_before, silent_since, limit)
        return [Run.model_validate_json(r["snapshot"]) for r in rows]

    async def _forgotten(self, query: str, at: datetime, limit: int) -> int:
        with reaching():
            return len(await self._pool.fetch(queries()[query], at, limit))


def _lists(query: RunsQuery) -> list[str]:
    """The queries to put together: of what is under way, of what has ended, or of both."""
    live, past = ["list_live"], "list_past"
    if query.service and query.environment:
        past = "list_past_of_place"
    elif query.service:
        past = "list_past_of_service"
    elif query.phase in _SELDOM:
        past = "list_past_seldom"
    elif query.environment:
        past = "list_past_of_environment"
    if query.active or (query.phase and query.phase not in ENDS):
        return live if query.phase not in ENDS else []
    return [past] if query.phase else [*live, past]


def _evidence(row: asyncpg.Record) -> EvidenceRow:
    fields = _fields(row)
    label = Label.model_validate(fields) if fields["label"] else None
    return EvidenceRow.model_validate({**fields, "evidence_id": fields["id"], "label": label})


def _fields(row: asyncpg.Record) -> dict[str, Any]:
    return dict(row)
