"""A transaction that begins when it is first needed: each beginning and end is a round trip."""

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import asyncpg

if TYPE_CHECKING:
    # Generic in their stubs only.
    Connection = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
    Rows = list[asyncpg.Record]


class Transaction:
    """One transaction on one connection of the pool; an exception undoes it."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._held = AsyncExitStack()
        self._connection: Connection | None = None
        self._has_begun = False
        self.on_begin: Callable[[], Awaitable[None]] | None = None
        """Called once, in the transaction, before anything else is done in it."""

    async def __aenter__(self) -> Self:
        """Begin nothing yet."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Commit, or undo, what was begun."""
        await self._held.__aexit__(kind, error, trace)

    async def connection(self) -> "Connection":
        """Return the connection that this holds until its end, whether or not it has begun."""
        if self._connection is None:
            self._connection = await self._held.enter_async_context(self._pool.acquire())
        return self._connection

    async def begun(self) -> "Connection":
        """Return the connection, the transaction begun."""
        connection = await self.connection()
        if not self._has_begun:
            await self._held.enter_async_context(connection.transaction())
            self._has_begun = True
            if self.on_begin is not None:
                await self.on_begin()
        return connection

    async def fetch(self, query: str, *given: Any) -> "Rows":
        """Return the rows of a query within the transaction."""
        return await (await self.begun()).fetch(query, *given)

    async def fetch_apart(self, query: str, *given: Any) -> "Rows":
        """Return the rows of a query that is a transaction of its own, unless one has begun."""
        return await (await self.connection()).fetch(query, *given)
