"""The table in which `goaround-sql` notes what it applied. Decides nothing.

It stays where it was found: a file may change the session's search path.
"""

from typing import TYPE_CHECKING, Any

from goaround_migrating.applying.plan import Row, digest_of
from goaround_migrating.applying.refusal import Refusal
from goaround_migrating.tools import Script

if TYPE_CHECKING:
    from asyncpg import Connection

NAME = "goaround_migrations"

_WHERE = """
SELECT format('%I.%I', n.nspname, c.relname)
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.oid = pg_catalog.to_regclass($1)
"""
_WOULD_BE = """
SELECT format('%I.%I', here, $1::text) FROM pg_catalog.current_schema() AS here
 WHERE here IS NOT NULL
"""


class Register:
    """The rows of one database."""

    def __init__(self, connection: "Connection[Any]", table: str, *, there: bool) -> None:
        self._connection = connection
        self._there = there
        self.table = table
        """Its full name, quoted where that is needed."""

    @classmethod
    async def find(cls, connection: "Connection[Any]") -> "Register":
        """Return the register where it is, or where it will be.

        Raises:
            Refusal: there is no schema in which it could be.
        """
        found: str | None = await connection.fetchval(_WHERE, NAME)
        table: str | None = found or await connection.fetchval(_WOULD_BE, NAME)
        if table is None:
            raise Refusal(
                f"no schema of the user's search_path is there for it to use, so that {NAME} has "
                f"no place; create one, or set search_path for the user"
            )
        return cls(connection, table, there=found is not None)

    async def rows(self) -> tuple[Row, ...]:
        """Return what is noted, in no order."""
        if not self._there:
            return ()
        found = await self._connection.fetch(
            f"SELECT version, name, digest, applied_at FROM {self.table}"
        )
        return tuple(Row(*row) for row in found)

    async def make(self) -> None:
        """Make the table unless it is there."""
        if not self._there:
            await self._connection.execute(
                f"CREATE TABLE IF NOT EXISTS {self.table} (version text PRIMARY KEY, "
                f"name text NOT NULL, digest text NOT NULL, applied_at timestamptz)"
            )
            self._there = True

    async def begun(self, script: Script) -> None:
        """Note that a file was begun, whichever way: nobody knows how far it came."""
        await self._connection.execute(
            f"INSERT INTO {self.table} VALUES ($1, $2, $3, NULL) "
            f"ON CONFLICT (version) DO UPDATE SET applied_at = NULL",
            script.version,
            script.name,
            digest_of(script),
        )

    async def applied(self, script: Script) -> None:
        """Note that a file is applied, of which there is no row yet."""
        await self._connection.execute(
            f"INSERT INTO {self.table} VALUES ($1, $2, $3, pg_catalog.now())",
            script.version,
            script.name,
            digest_of(script),
        )

    async def ended(self, script: Script) -> None:
        """Note that a file which was begun is applied."""
        await self._connection.execute(
            f"UPDATE {self.table} SET applied_at = pg_catalog.now() WHERE version = $1",
            script.version,
        )

    async def gone(self, script: Script) -> None:
        """Note that a file is not applied."""
        await self._connection.execute(
            f"DELETE FROM {self.table} WHERE version = $1", script.version
        )
