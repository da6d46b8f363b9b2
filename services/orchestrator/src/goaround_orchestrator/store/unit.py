"""One transaction in Postgres: row locks for the run, an advisory lock for the place.

The guard of a run is its edition: read with the row, expected by the write.
"""

import json
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, cast

import asyncpg

from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.ledger import Evidence, Letter, Overtaken, PlaceTaken
from goaround_orchestrator.lifecycle import Neighbour
from goaround_orchestrator.run import Landing, Move, Run, is_stranded
from goaround_orchestrator.store.sql import queries
from goaround_schemas.api import Label
from goaround_schemas.envelope import encode
from goaround_schemas.guide import Guide
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import MigrationResult
from goaround_schemas.subjects import stream_of, subject_of

if TYPE_CHECKING:
    # Generic in its stubs only.
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]


@lru_cache(maxsize=256)
def _guide(digest: str, model: str) -> Guide:
    # Parsing a guide takes longer than everything else in a transaction; its digest names it.
    del digest
    return Guide.model_validate_json(model)


class PostgresUnit:
    """One transaction on one connection."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._editions: dict[str, int] = {}
        self._rang = False

    async def first_time(self, message_id: str) -> bool:
        """Note that the message was handled; False if it was before."""
        return await self._connection.fetchval(queries()["first_time"], message_id) is not None

    async def run(self, run_id: str) -> Run | None:
        """The run, locked until the end of the transaction."""
        row = await self._connection.fetchrow(queries()["read_run"], run_id)
        return self._read(row) if row else None

    async def place(self, service: str, environment: str) -> tuple[Run | None, tuple[Run, ...]]:
        """The active run of the place and those that wait, in the order of their turns."""
        await self._connection.fetchval(queries()["lock_place"], service, environment)
        active = await self._connection.fetchrow(queries()["active_run"], service, environment)
        waiting = await self._connection.fetch(queries()["waiting_runs"], service, environment)
        return (self._read(active) if active else None), tuple(map(self._read, waiting))

    async def add(self, run: Run) -> bool:
        """Keep a new run; False if there is one of that id."""
        with _alone_at_its_place(run):
            added = await self._connection.fetchval(
                queries()["add_run"],
                run.id,
                run.kind,
                run.service,
                run.environment,
                run.version,
                run.previous_version,
                run.phase,
                run.stage_name,
                run.emergency,
                run.requested_by,
                run.requested_at,
                run.phase_since,
                run.deadline,
                run.due_at,
                run.reason,
                run.model_dump_json(),
            )
        if added:
            self._editions[run.id] = 1
        return added is not None

    async def save(self, run: Run, moves: Sequence[Move], cause: str | None) -> None:
        """Write the run over the edition that this transaction has read."""
        with _alone_at_its_place(run):
            edition = await self._connection.fetchval(
                queries()["save_run"],
                run.id,
                self._editions.get(run.id, 0),
                run.version,
                run.previous_version,
                run.phase,
                run.stage_name,
                run.phase_since,
                run.deadline,
                run.due_at,
                run.reason,
                run.model_dump_json(),
            )
        if edition is None:
            raise Overtaken(run.id)
        self._editions[run.id] = int(edition)
        for m in moves:
            await self._connection.execute(
                queries()["add_transition"],
                run.id,
                m.revision,
                m.at,
                m.from_,
                m.to,
                m.stage,
                m.actor,
                m.reason,
                cause,
            )

    async def note(self, run: Run, at: datetime, actor: str, text: str) -> None:
        """Write something that moved nothing into the run's history: a refused request."""
        await self._connection.execute(
            queries()["add_transition"],
            run.id,
            run.revision,
            at,
            run.phase,
            run.phase,
            run.stage_name,
            actor,
            text,
            None,
        )

    async def send(self, letters: Sequence[Letter]) -> None:
        """Have these messages sent once the transaction is in."""
        if not letters:
            return
        await self._connection.executemany(
            queries()["post"],
            [
                (
                    letter.message.id,
                    stream_of(letter.message),
                    subject_of(letter.message),
                    encode(letter.message),
                    letter.message.traceparent,
                    letter.reminder,
                )
                for letter in letters
            ],
        )
        if not self._rang:
            await self._connection.fetchval(queries()["ring"])
            self._rang = True

    async def running(self, service: str, environment: str) -> Landing | None:
        """What runs there, by the record."""
        row = await self._connection.fetchrow(queries()["running"], service, environment)
        if row is None:
            return None
        fields = dict(row)
        if fields["migration"] is not None:
            fields["migration"] = json.loads(fields["migration"])
        return Landing.model_validate(fields)

    async def land(self, landing: Landing) -> None:
        """Record that a version runs."""
        await self._connection.execute(
            queries()["land"],
            landing.service,
            landing.environment,
            landing.version,
            landing.previous_version,
            landing.run_id,
            landing.at,
            _json(landing.migration),
            landing.guide_digest,
        )

    async def undo(self, landing: Landing, by: str, at: datetime) -> None:
        """Record that a version was taken back; what ran before it runs again."""
        await self._connection.execute(
            queries()["undo"], landing.service, landing.environment, by, at
        )
        before = await self.running(landing.service, landing.environment)
        if landing.previous_version and (
            before is None or before.version != landing.previous_version
        ):
            await self.land(
                Landing(
                    service=landing.service,
                    environment=landing.environment,
                    version=landing.previous_version,
                    previous_version=before.version if before else None,
                    run_id=by,
                    at=at,
                )
            )

    async def last_proof(self, service: str, environment: str) -> datetime | None:
        """When a rollback of the service was last proven there."""
        at = await self._connection.fetchval(queries()["last_proof"], service, environment)
        return cast("datetime | None", at)

    async def stranded(self, service: str, environment: str) -> Run | None:
        """The run whose way back failed there, if nothing has come to run since."""
        snapshot = await self._connection.fetchval(queries()["stranded"], service, environment)
        last = Run.model_validate_json(snapshot) if snapshot else None
        return last if is_stranded(last, await self.running(service, environment)) else None

    async def neighbours(self, run: Run, since: datetime, limit: int) -> list[Neighbour]:
        """Who else changes something in the run's environment, or ended doing so since then."""
        rows = await self._connection.fetch(
            queries()["neighbours"], run.environment, run.id, since, limit
        )
        return [
            Neighbour(r["id"], r["kind"], r["service"], r["version"], Phase(r["phase"]))
            for r in rows
        ]

    async def keep_evidence(self, evidence: Evidence) -> bool:
        """Keep what a verdict rests on, once; False if its run is not known."""
        known = await self._connection.fetchval(
            queries()["keep_evidence"],
            evidence.id,
            evidence.run_id,
            evidence.version,
            evidence.stage,
            evidence.colour,
            evidence.action,
            evidence.judged_at,
            evidence.switched_at,
            evidence.looks,
            evidence.judge_version,
            evidence.body,
        )
        return bool(known)

    async def label(self, run: Run, label: Label) -> bool:
        """Keep what a person says of a run read here; False if the newest label says the same."""
        said = (label.label, label.actor, label.at, label.because)
        return await self._connection.fetchval(queries()["label"], run.id, *said) is not None

    async def pin(self, guide: PinnedGuide) -> None:
        """Keep the very text of a guide, by its digest."""
        await self._connection.execute(
            queries()["pin_guide"], guide.digest, guide.text, guide.guide.model_dump_json()
        )

    async def guide(self, digest: str, name: str) -> PinnedGuide:
        """A pinned guide, under the name it had."""
        row = await self._connection.fetchrow(queries()["read_guide"], digest)
        if row is None:
            raise LookupError(f"no guide was pinned with the digest {digest}")
        return PinnedGuide(
            name=name, digest=digest, text=row["text"], guide=_guide(digest, row["model"])
        )

    def _read(self, row: asyncpg.Record) -> Run:
        run = Run.model_validate_json(row["snapshot"])
        self._editions[run.id] = int(row["edition"])
        return run


@contextmanager
def _alone_at_its_place(run: Run) -> Generator[None]:
    try:
        yield
    except asyncpg.UniqueViolationError as exc:
        if exc.constraint_name != "runs_one_active":
            raise
        raise PlaceTaken(run.id, run.service, run.environment) from exc


def _json(value: MigrationResult | None) -> str | None:
    return value.model_dump_json() if value else None
