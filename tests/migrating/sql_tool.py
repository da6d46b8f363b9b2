"""A migration tool as small as can be: SQL, forth and back, with a table of what is applied."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import asyncpg

from goaround_migrating.rehearsing import ToolFailed
from goaround_migrating.rehearsing.pgdump import pg_dump

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

BASE = "base"
_found: dict[int, Path | None] = {}


async def found_once(server_major: int) -> Path | None:
    """Look for pg_dump once for all tests: asking a handful of programs who they are takes time."""
    if server_major not in _found:
        _found[server_major] = await pg_dump(server_major)
    return _found[server_major]


class Step(NamedTuple):
    version: str
    up: str
    down: str = ""


class SqlTool:
    """Applies steps in order. `seen` is what it was asked for."""

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.seen: list[str] = []

    async def current(self, url: str) -> str:
        self.seen.append("current")
        async with self._database(url) as connection:
            return await self._at(connection)

    async def apply(self, url: str) -> None:
        self.seen.append("apply")
        await self._up(url, self.steps[-1].version)

    async def bring_to(self, url: str, revision: str) -> None:
        self.seen.append(f"bring_to {revision}")
        await self._up(url, revision)

    async def revert(self, url: str, to: str) -> None:
        self.seen.append(f"revert {to}")
        async with self._database(url) as connection:
            for step in reversed(self.steps):
                if step.version == to:
                    break
                if step.version > await self._at(connection) != BASE:
                    continue
                async with connection.transaction():
                    await connection.execute(step.down)
                    await connection.execute(
                        "DELETE FROM schema_migrations WHERE version = $1", step.version
                    )

    async def _up(self, url: str, last: str) -> None:
        async with self._database(url) as connection:
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_migrations "
                "(id serial PRIMARY KEY, version text NOT NULL UNIQUE)"
            )
            at = await self._at(connection)
            for step in self.steps:
                if (at != BASE and step.version <= at) or (last == BASE or step.version > last):
                    continue
                async with connection.transaction():
                    await connection.execute(step.up)
                    await connection.execute(
                        "INSERT INTO schema_migrations (version) VALUES ($1)", step.version
                    )

    async def _at(self, connection: "Connection") -> str:
        if await connection.fetchval("SELECT to_regclass('schema_migrations')") is None:
            return BASE
        return (await connection.fetchval("SELECT max(version) FROM schema_migrations")) or BASE

    @asynccontextmanager
    async def _database(self, url: str) -> "AsyncGenerator[Connection]":
        try:
            connection: Connection = await asyncpg.connect(url)
        except (asyncpg.PostgresError, OSError) as error:
            raise ToolFailed(str(error)) from error
        try:
            yield connection
        except asyncpg.PostgresError as error:
            raise ToolFailed(str(error)) from error
        finally:
            await connection.close()
