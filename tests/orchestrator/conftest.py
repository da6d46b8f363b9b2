"""Ledgers of both kinds: every promise of the ledger is asked of the real one and of the fake."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg
import pytest

from goaround.embedded import EmbeddedPostgres
from goaround_orchestrator.ledger import Ledger
from goaround_orchestrator.memory import MemoryLedger, MemoryPost
from goaround_orchestrator.relay import Post
from goaround_orchestrator.store import PostgresLedger, PostgresPost, migrate
from tests.orchestrator.process import Process

_TABLES = (
    *("transitions", "evidence", "labels", "runs", "inbox", "outbox", "parked", "guides"),
    *("landings", "rehearsals", "corrections"),
)
"""What refers to runs comes before them."""

# A truncate makes every table and index anew, and costs a hundred times as much.
_EMPTIED = (
    "".join(f"delete from {table};" for table in _TABLES)
    + "select setval(seqrelid::regclass, 1, false) from pg_sequence;"
)


@dataclass
class Kept:
    """A ledger, its post, and what only a person would look up."""

    ledger: Ledger
    post: Post
    dsn: str | None = None
    _memory: MemoryPost | None = field(default=None)

    async def parked(self) -> list[tuple[str, str]]:
        """Message id and reason of what was put aside."""
        if self._memory is not None:
            return [(p.letter.message_id, p.why) for p in self._memory.parked]
        connection = await asyncpg.connect(self.dsn)
        try:
            rows = await connection.fetch("select message_id, why from parked order by id")
        finally:
            await connection.close()
        return [(r["message_id"], r["why"]) for r in rows]


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> str:
    """The URL of a database with the schema, shared by the session."""
    dsn = postgres.create_database("orchestrator")
    asyncio.run(migrate(dsn))
    return dsn


@pytest.fixture(params=["memory", "postgres"])
def where(request: pytest.FixtureRequest) -> str | None:
    """The URL of the ledger's database; none for the one in memory."""
    return str(request.getfixturevalue("migrated")) if request.param == "postgres" else None


@pytest.fixture
async def kept(where: str | None) -> AsyncIterator[Kept]:
    """A ledger with its post: in memory, then in Postgres."""
    if where is None:
        memory = MemoryLedger()
        post = MemoryPost(memory)
        yield Kept(memory, post, _memory=post)
        return
    ledger = await PostgresLedger.connect(where, 5)
    # Ten times as quick as a database for each test.
    await ledger.pool.execute(_EMPTIED)
    letters = PostgresPost(ledger.pool, ledger.outgoing)
    yield Kept(ledger, letters, where)
    await ledger.close()


@pytest.fixture
async def one(migrated: str) -> AsyncIterator[Process]:
    process = Process(await PostgresLedger.connect(migrated, 3))
    await process.ledger.pool.execute(_EMPTIED)
    # The first look goes to what others may have left there.
    assert await process.sends() == []
    yield process
    await process.ledger.close()


@pytest.fixture
async def other(one: Process, migrated: str) -> AsyncIterator[Process]:
    process = Process(await PostgresLedger.connect(migrated, 3))
    assert await process.sends() == []
    yield process
    await process.ledger.close()
