"""What a test does to a database, and looks up there, on a connection of its own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg

if TYPE_CHECKING:
    # Generic in its stubs only.
    Connection = asyncpg.Connection[Any]


@asynccontextmanager
async def connected(url: str) -> "AsyncGenerator[Connection]":
    """Open a connection, and close it with the block."""
    connection: Connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def run(url: str, sql: str) -> None:
    """Run some statements."""
    async with connected(url) as connection:
        await connection.execute(sql)
