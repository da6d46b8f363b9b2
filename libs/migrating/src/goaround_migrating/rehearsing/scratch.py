"""Databases that live for one rehearsal: made, marked as ours, and dropped whatever happens.

Never touches a database without its mark, nor one of another rehearsal's name.
"""

import asyncio
import hashlib
import re
import secrets
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from goaround_migrating.address import at
from goaround_migrating.connecting import Refused, connected
from goaround_migrating.rehearsing.port import CouldNotTell

if TYPE_CHECKING:
    from asyncpg import Connection

T = TypeVar("T")
MARK = "goaround: scratch copy of a schema for a rehearsal; may be dropped"
_LEFT_AFTER = timedelta(days=1)
"""A rehearsal takes minutes: what is this old was left by a process that was killed."""
_SLUG_LETTERS = 16
_TIME = "%Y%m%d%H%M%S"
_DROP_S = 30.0


def prefix_of(name: str) -> str:
    """Return how the names of all scratch databases of one rehearsal begin, and of no other's."""
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower())[:_SLUG_LETTERS].strip("_")
    digest = hashlib.sha256(name.encode()).hexdigest()[:6]
    return f"goaround_rehearsal_{slug}_{digest}_"


def name_at(prefix: str, now: datetime, token: str) -> str:
    """Return a scratch database's name: at most 62 letters, which need no quotes."""
    return f"{prefix}{now:{_TIME}}_{token}"


def leftovers(
    found: Iterable[tuple[str, str | None]], prefix: str, now: datetime
) -> tuple[str, ...]:
    """Return which databases (name, comment) a killed rehearsal of this name left behind."""
    return tuple(
        name
        for name, comment in found
        if comment == MARK and (made := _made(name, prefix)) and now - made > _LEFT_AFTER
    )


def _made(name: str, prefix: str) -> datetime | None:
    told = re.fullmatch(re.escape(prefix) + r"([0-9]{14})_[0-9a-f]{4}", name)
    try:
        return datetime.strptime(told[1], _TIME).replace(tzinfo=UTC) if told else None
    except ValueError:
        return None


async def chosen(server: str, name: str) -> str:
    """Return a name that nobody has yet, by the server's clock, once leftovers are dropped."""
    prefix = prefix_of(name)
    async with connected(server) as connection:
        now: datetime = await connection.fetchval("SELECT now()")
        found = await connection.fetch(
            "SELECT datname::text, shobj_description(oid, 'pg_database') FROM pg_database "
            "WHERE starts_with(datname, $1)",
            prefix,
        )
        for left in leftovers(((n, c) for n, c in found), prefix, now):
            try:
                await _drop(connection, left)
            except asyncpg.PostgresError:
                # Another rehearsal is at it, or it is another role's: neither stops this one.
                continue
    return name_at(prefix, now.astimezone(UTC), secrets.token_hex(2))


async def make(server: str, database: str, encoding: str) -> None:
    """Make an empty database that takes no connections yet.

    Raises:
        CouldNotTell: the role may not, with what to grant.
        Refused: the server says no for another reason.
    """
    async with connected(server) as connection:
        own, knows_providers = await connection.fetchrow(
            "SELECT pg_encoding_to_char(encoding), current_setting('server_version_num')::int "
            ">= 150000 FROM pg_database WHERE datname = 'template0'"
        ) or (None, True)
        # Another encoding may not go with the server's own locale; C goes with any.
        provider = " LOCALE_PROVIDER libc" if knows_providers else ""
        locale = "" if own == encoding else f"{provider} LOCALE 'C'"
        try:
            await connection.execute(
                f"CREATE DATABASE {database} TEMPLATE template0 ENCODING '{encoding}'{locale} "
                "ALLOW_CONNECTIONS false"
            )
        except asyncpg.InsufficientPrivilegeError:
            role = await connection.fetchval("SELECT quote_ident(current_user)")
            raise CouldNotTell(
                f"role {role} may not make databases on the rehearsal server: "
                f"let it with ALTER ROLE {role} CREATEDB, or name another role or server"
            ) from None
        await connection.execute(f"COMMENT ON DATABASE {database} IS '{MARK}'")


async def opened(server: str, database: str) -> str:
    """Let a database take connections, and return its URL."""
    async with connected(server) as connection:
        await connection.execute(f"ALTER DATABASE {database} ALLOW_CONNECTIONS true")
    return at(server, database)


async def drop(server: str, database: str) -> str:
    """Drop a database, whoever is connected to it; return why it is left, or nothing.

    It is done to the end also if the caller is cancelled meanwhile.
    """
    return await _to_the_end(_dropped(server, database))


async def _dropped(server: str, database: str) -> str:
    try:
        async with asyncio.timeout(_DROP_S), connected(server) as connection:
            await _drop(connection, database)
    except Refused as error:
        return f"database {database} is left on the rehearsal server: {error}"
    except TimeoutError:
        return f"database {database} is left on the rehearsal server: no answer in {_DROP_S:.0f} s"
    return ""


async def _drop(connection: "Connection[Any]", database: str) -> None:
    await connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


async def _to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Wait for work that must not be left half-done, and be cancelled only then."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return task.result()
