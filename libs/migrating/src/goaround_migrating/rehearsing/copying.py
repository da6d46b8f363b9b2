"""A scratch database filled with a schema, and the proof that it is that schema.

What cannot be copied is said in words: a rehearsal on another schema would tell nothing.
"""

from io import BytesIO
from typing import TYPE_CHECKING, Any

import asyncpg

from goaround_migrating.catalogue import fingerprint
from goaround_migrating.connecting import connected, words
from goaround_migrating.difference import difference
from goaround_migrating.fingerprint import Fingerprint
from goaround_migrating.rehearsing.dumptext import batches
from goaround_migrating.rehearsing.original import Noted, Original
from goaround_migrating.rehearsing.port import CouldNotTell, Tool
from goaround_migrating.rehearsing.said import counted, first, listed

if TYPE_CHECKING:
    from asyncpg import Connection

_SESSION = """
SET synchronous_commit = off;
SET check_function_bodies = off;
SET standard_conforming_strings = on;
SET xmloption = content;
SET client_min_messages = warning;
SELECT pg_catalog.set_config('search_path', '', false);
"""


async def by_dump(url: str, original: Original, dump: str) -> None:
    """Make the schema from its dump, and let the migration tool's own tables hold what they did.

    Raises:
        CouldNotTell: the scratch server lacks something that the schema needs.
        Refused: the server cannot be reached.
    """
    async with connected(url) as connection:
        if lacks := await _lacking(connection, original.form):
            raise CouldNotTell(
                f"the rehearsal server lacks {listed(lacks)}: put that there, or name another"
            )
        await _settle(connection, original.settings)
    # Sessions that begin from here on have the settings.
    async with connected(url) as connection:
        await connection.execute(_SESSION)
        try:
            if not original.form.objects.get("extension", {}).get("plpgsql"):
                await connection.execute("DROP EXTENSION IF EXISTS plpgsql")
            for batch in batches(dump, _versions(original.form)):
                await connection.execute(batch)
            for noted in original.noted:
                await _note(connection, noted)
        except asyncpg.PostgresError as error:
            raise CouldNotTell(
                f"the schema could not be copied to the rehearsal server: {words(error, url)}"
            ) from error


async def by_migrations(url: str, original: Original, tool: Tool, revision: str) -> None:
    """Make the schema by its own migrations.

    Raises:
        CouldNotTell: the tool ends elsewhere.
        ToolFailed: the tool cannot.
        Refused: the server cannot be reached.
    """
    async with connected(url) as connection:
        await _settle(connection, original.settings)
    await tool.bring_to(url, revision)
    if (reached := await tool.current(url)) != revision:
        raise CouldNotTell(
            f"the migrations were to bring an empty database to {revision!r}, and the tool says "
            f"that it is at {reached!r}"
        )


async def proven(
    url: str, original: Original, bookkeeping: frozenset[str], made_by: str
) -> Fingerprint:
    """Return the copy's fingerprint, which is the original's.

    Raises:
        CouldNotTell: it is not, with what the copy lacks.
        Refused: the server said no.
    """
    copy = await fingerprint_at(url, bookkeeping)
    if strays := difference(original.form, copy):
        raise CouldNotTell(
            f"the copy made by {made_by} is not the schema that is deployed ({counted(strays)}), "
            f"so that trying the migrations on it would tell nothing: {first(strays)}",
            strays,
        )
    return copy


async def fingerprint_at(url: str, bookkeeping: frozenset[str]) -> Fingerprint:
    """Return a database's fingerprint. Raises `Refused`."""
    async with connected(url) as connection:
        return await fingerprint(connection, leave_out=bookkeeping)


def _versions(form: Fingerprint) -> dict[str, str]:
    return {n: str(told["version"]) for n, told in form.objects.get("extension", {}).items()}


async def _lacking(connection: "Connection[Any]", form: Fingerprint) -> list[str]:
    """Return the extensions and roles that a schema needs and a server has not."""
    there = {
        (str(name), str(version))
        for name, version in await connection.fetch(
            "SELECT quote_ident(name), version FROM pg_available_extension_versions"
        )
    }
    known = {name for name, _ in there}
    lacks = [
        f"extension {name}" + (f" in version {version}" if name in known else "")
        for name, version in _versions(form).items()
        if (name, version) not in there
    ]
    roles = {
        str(role) for told in form.objects.get("policy", {}).values() for role in told["roles"]
    }
    found = await connection.fetch("SELECT rolname::text FROM pg_roles")
    lacks += [f"role {role}" for role in sorted(roles - {"public", *(str(r) for (r,) in found)})]
    return lacks


async def _settle(connection: "Connection[Any]", settings: tuple[tuple[str, str], ...]) -> None:
    """Let sessions of this database begin as those of the original do."""
    database = await connection.fetchval("SELECT quote_ident(current_database())")
    for name, value in settings:
        try:
            await connection.execute("SELECT set_config($1, $2, false)", name, value)
            await connection.execute(f'ALTER DATABASE {database} SET "{name}" FROM CURRENT')
        except asyncpg.InsufficientPrivilegeError:
            # What only a superuser may set is how a server behaves, not what a schema is.
            continue


async def _note(connection: "Connection[Any]", noted: Noted) -> None:
    await connection.copy_to_table(
        noted.table,
        schema_name=noted.schema,
        columns=list(noted.columns),
        source=BytesIO(noted.rows),
    )
    for name, stands_at, given_out in noted.sequences:
        await connection.execute("SELECT setval($1::regclass, $2, $3)", name, stands_at, given_out)
