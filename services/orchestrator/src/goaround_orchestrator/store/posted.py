"""The outbox in Postgres: taken with the row locks of one transaction.

Who posts wakes the relay of the same process. What a process that died has posted, the relays of
the others find when they look by themselves, a second later at the most.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

import asyncpg

from goaround_orchestrator.relay import Posted
from goaround_orchestrator.store.reach import reaching
from goaround_orchestrator.store.sql import queries


class PostgresTaken:
    """Messages that one transaction has taken out of the outbox."""

    def __init__(
        self,
        connection: "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]",
        letters: Sequence[Posted],
    ) -> None:
        self.letters = letters
        self._connection = connection
        self._one_at_a_time = asyncio.Lock()

    async def park(self, letter: Posted, why: str) -> None:
        """Put a message aside that can never be sent, for a person to see."""
        async with self._one_at_a_time:
            await self._connection.execute(
                queries()["park"],
                letter.message_id,
                letter.stream,
                letter.subject,
                letter.body,
                why,
            )


class PostgresPost:
    """Messages that wait in the same database as the runs."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", bell: asyncio.Event) -> None:
        self._pool = pool
        self._bell = bell

    @asynccontextmanager
    async def taken(self, limit: int) -> AsyncGenerator[PostgresTaken]:
        """Take some messages; they lie there again if the block raises."""
        # Cleared before the look: a ring during the look must lead to another one.
        self._bell.clear()
        with reaching():
            async with self._pool.acquire() as connection, connection.transaction():
                rows = await connection.fetch(queries()["take_posted"], limit)
                letters = [Posted(**dict(r)) for r in sorted(rows, key=lambda r: int(r["id"]))]
                yield PostgresTaken(connection, letters)

    async def rung(self, within_s: float) -> None:
        """Return when something was posted since the last call, or when the time is up."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._bell.wait(), within_s)

    async def waiting(self) -> tuple[int, float]:
        """How many messages wait, and for how many seconds the oldest has."""
        row = await self._pool.fetchrow(queries()["posted"])
        if row is None or row["since"] is None:
            return 0, 0.0
        now = await self._pool.fetchval("select now()")
        return int(row["waiting"]), float((now - row["since"]).total_seconds())
