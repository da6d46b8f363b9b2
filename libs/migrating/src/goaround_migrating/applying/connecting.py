"""A connection to somebody's database, and its faults in words that hold no password."""

import asyncio
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import asyncpg

from goaround_migrating.catalogue import fingerprint
from goaround_migrating.fingerprint import Fingerprint

if TYPE_CHECKING:
    from asyncpg import Connection

_CONNECT_S = 20.0
_CLOSE_S = 5.0


class DatabaseFault(Exception):
    """A database that did not do what was asked of it: one line, without secrets."""


async def fingerprint_at(url: str, *, within_s: float = 60.0) -> Fingerprint:
    """Return what a database's schema is.

    Raises:
        DatabaseFault: it could not be asked.
    """
    async with connected(url) as connection:
        try:
            async with asyncio.timeout(within_s):
                return await fingerprint(connection)
        except TimeoutError as error:
            raise DatabaseFault(
                f"{place(url)}: its catalogue was not read within {within_s:g} s"
            ) from error


@asynccontextmanager
async def connected(url: str) -> "AsyncGenerator[Connection[Any]]":
    """Give a connection for as long as the block lasts.

    Raises:
        DatabaseFault: there is none, or the server refused what was asked in the block.
    """
    with faults(url):
        try:
            connection = await asyncpg.connect(url, timeout=_CONNECT_S)
        except TimeoutError as error:
            raise DatabaseFault(f"{place(url)}: no answer within {_CONNECT_S:g} s") from error
        try:
            yield connection
        finally:
            try:
                await connection.close(timeout=_CLOSE_S)
            except TimeoutError:
                connection.terminate()


@contextmanager
def faults(url: str) -> Generator[None]:
    """Turn what a server or the network raises into `DatabaseFault`."""
    try:
        yield
    except asyncpg.PostgresError as error:
        raise DatabaseFault(f"{place(url)}: {said(error)}") from error
    except asyncpg.InterfaceError as error:
        raise DatabaseFault(f"{place(url)}: {error}") from error
    except OSError as error:
        why = error.strerror or str(error) or "the connection was lost"
        raise DatabaseFault(f"{place(url)}: {why}") from error
    except ValueError as error:
        # Without its words: what could not be read may be a part of the password.
        raise DatabaseFault(
            "the database's URL cannot be read: percent-encode what is special in it"
        ) from error


def said(error: asyncpg.PostgresError) -> str:
    """Return what the server said, in one line: its message, its detail and its hint."""
    message = str(error).partition("\n")[0] or type(error).__name__
    return "; ".join(part for part in (message, error.detail, error.hint) if part)


def place(url: str) -> str:
    """Return where a URL points to, without user and password: `db.internal:5432/shop`."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "the database"
    name = parts.path if "@" not in parts.path else ""
    return f"{parts.hostname or ''}{port}{name}".strip("/") or "the database"
