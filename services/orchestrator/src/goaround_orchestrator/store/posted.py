"""The outbox in Postgres, and the shorter way past it.

What this process has posted it sends from its own memory, and forgets with the next transaction
that it makes anyway. What it could not send, and what a process that died has posted, is taken from
the outbox with the row locks of one transaction: by this process once it was told no, by the others
when it has lain there for longer than sending takes.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg

from goaround_orchestrator.ledger import Away
from goaround_orchestrator.relay import Posted
from goaround_orchestrator.store.outgoing import Outgoing
from goaround_orchestrator.store.reach import reaching
from goaround_orchestrator.store.sql import queries

if TYPE_CHECKING:
    # Generic in their stubs only.
    Pool = asyncpg.Pool[asyncpg.Record]
    Database = Pool | asyncpg.pool.PoolConnectionProxy[asyncpg.Record]

LOOK_EVERY_S = 1.0
"""How often the outbox is looked at for what others left there."""
LEFT_BEHIND = timedelta(seconds=2)
"""What has lain there for so long has nobody who sends it."""
FORGET_WITHIN_S = 0.2
"""How long what was sent waits for a transaction that forgets it along the way."""


class PostgresTaken:
    """Messages for one relay alone."""

    def __init__(self, letters: Sequence[Posted]) -> None:
        self.letters = letters
        self._parked: list[tuple[Posted, str]] = []

    async def park(self, letter: Posted, why: str) -> None:
        """Put a message aside that can never be sent, for a person to see."""
        self._parked.append((letter, why))

    async def put_aside(self, database: "Database") -> None:
        """Write down what was parked, and forget it, each in one statement."""
        for letter, why in self._parked:
            said = (letter.message_id, letter.stream, letter.subject, letter.body, why)
            await database.execute(queries()["park"], *said, letter.id)


class PostgresPost:
    """Messages that wait in the same database as the runs."""

    def __init__(self, pool: "Pool", outgoing: Outgoing) -> None:
        self._pool = pool
        self._outgoing = outgoing
        self._look_at = 0.0

    @asynccontextmanager
    async def taken(self, limit: int) -> AsyncGenerator[PostgresTaken]:
        """Take some messages; they are taken again, by whomever, if the block raises."""
        outgoing = self._outgoing
        # Cleared before the look: a ring during the look must lead to another one.
        outgoing.bell.clear()
        if outgoing.behind or asyncio.get_running_loop().time() >= self._look_at:
            async with self._from_outbox(limit) as left_there:
                if left_there.letters:
                    yield left_there
                    return
        taken = PostgresTaken(outgoing.take(limit))
        try:
            yield taken
            with reaching():
                await taken.put_aside(self._pool)
        except BaseException:
            outgoing.fall_behind()
            raise
        outgoing.sent([letter.id for letter in taken.letters])

    @asynccontextmanager
    async def _from_outbox(self, limit: int) -> AsyncGenerator[PostgresTaken]:
        outgoing, ours = self._outgoing, self._outgoing.behind
        # Said before the look: what is posted from now on, the look may not find.
        outgoing.behind = False
        self._look_at = asyncio.get_running_loop().time() + LOOK_EVERY_S
        sent = outgoing.to_forget()
        try:
            with reaching():
                async with self._pool.acquire() as connection, connection.transaction():
                    if sent:
                        await connection.execute(queries()["forget_posted"], sent)
                    age = timedelta() if ours else LEFT_BEHIND
                    rows = await connection.fetch(queries()["take_posted"], limit, age)
                    letters = [Posted(**dict(r)) for r in sorted(rows, key=lambda r: int(r["id"]))]
                    taken = PostgresTaken(letters)
                    yield taken
                    await taken.put_aside(connection)
        except BaseException:
            outgoing.sent(sent)
            outgoing.fall_behind()
            raise
        if len(letters) == limit:
            # There may be more of the same kind.
            self._look_at = 0.0
            if ours:
                outgoing.fall_behind()

    async def rung(self, within_s: float) -> None:
        """Return when something was posted since the last call, or when the time is up."""
        if self._outgoing.forgets:
            within_s = min(within_s, FORGET_WITHIN_S)
        try:
            await asyncio.wait_for(self._outgoing.bell.wait(), within_s)
        except TimeoutError:
            await self._forget()

    async def _forget(self) -> None:
        ids = self._outgoing.to_forget()
        if not ids:
            return
        try:
            with reaching():
                await self._pool.execute(queries()["forget_posted"], ids)
        except Away:
            self._outgoing.sent(ids)

    async def waiting(self) -> tuple[int, float]:
        """How many messages wait, and for how many seconds the oldest has."""
        row = await self._pool.fetchrow(queries()["posted"])
        if row is None or row["since"] is None:
            return 0, 0.0
        now = await self._pool.fetchval("select now()")
        return int(row["waiting"]), float((now - row["since"]).total_seconds())
