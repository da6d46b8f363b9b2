"""A database's catalogue, read as a fingerprint: the one module here that asks a database.

It only reads, in one transaction that is rolled back, so that what it sees is of one moment and
what it sets is gone afterwards.
"""

import json
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import asyncpg

from goaround_migrating.bookkeeping import BOOKKEEPING
from goaround_migrating.fingerprint import Fingerprint, Properties

if TYPE_CHECKING:
    from asyncpg import Connection

KEPT_SCHEMA = "goaround_kept"
"""Where what a revert would lose is kept (`keeping`): no part of the schema of a service."""
_HERE = files(__name__)
_CATALOGUE = _HERE.joinpath("catalogue.sql").read_text()
_SETTINGS = _HERE.joinpath("settings.sql").read_text()


async def fingerprint(
    database: "Connection[Any] | str",
    schemas: Iterable[str] | None = None,
    *,
    leave_out: frozenset[str] = BOOKKEEPING,
    privileges: bool = False,
) -> Fingerprint:
    """Return what a PostgreSQL database's schema is; of all schemas but the system's, or of some.

    `database` is a connection (it may be in a transaction: what that has done is seen) or a URL.
    `leave_out` names tables that are no part of it, such as a migration tool's own. The schema
    `goaround_kept` never is.

    Raises:
        asyncpg.PostgresError: the server refused the connection or a look at its catalogue.
        OSError: there is no server.
    """
    if isinstance(database, str):
        connection = await asyncpg.connect(database)
        try:
            return await fingerprint(
                connection, schemas, leave_out=leave_out, privileges=privileges
            )
        finally:
            await connection.close()
    places = None if schemas is None else sorted(schemas)
    async with _one_moment(database):
        await database.execute(_SETTINGS)
        rows = await database.fetch(_CATALOGUE, places, sorted(leave_out), privileges, KEPT_SCHEMA)
    objects: dict[str, dict[str, Properties]] = {}
    for kind, name, properties in rows:
        read: Properties = json.loads(properties)
        told = {word: value for word, value in read.items() if value is not None}
        objects.setdefault(kind, {})[name] = told
    return Fingerprint.of(objects)


@asynccontextmanager
async def _one_moment(connection: "Connection[Any]") -> AsyncGenerator[None]:
    """Look at the database in a transaction of our own, or a savepoint of the caller's."""
    if connection.is_in_transaction():
        look = connection.transaction()
    else:
        look = connection.transaction(isolation="repeatable_read", readonly=True)
    await look.start()
    try:
        yield
    finally:
        await look.rollback()
