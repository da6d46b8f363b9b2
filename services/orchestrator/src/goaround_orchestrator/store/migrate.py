"""The schema, moved forward and never back. Old code must run on the new schema: see `pre`, `post`.

A file is `NNNN_pre_words.sql` (applied before the new code starts) or `NNNN_post_words.sql`
(after the old code has gone). Each is applied once, in its own transaction, by whoever comes
first.
"""

from functools import cache
from importlib.resources import files
from typing import Literal

import asyncpg

_LOCK = 7_021_984_553
"""An arbitrary number that is ours among the database's advisory locks."""


class SchemaTooNew(Exception):
    """The database was moved forward by a later release than this one."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the database's schema is at {found:04}, this release knows {known:04}: "
            "start the release that moved it, or a later one"
        )
        self.found = found
        self.known = known


class NotLetIn(Exception):
    """The database is there, and lets us not in: a wrong password, or no such database."""

    def __init__(self, why: Exception) -> None:
        super().__init__(f"the database lets us not in: {why}; see GOAROUND_DATABASE_URL")


@cache
def migrations() -> tuple[tuple[int, str, str], ...]:
    """Return number, name and SQL of each migration there is, in their order."""
    folder = files("goaround_orchestrator.store") / "migrations"
    found = [(f.name, f.read_text()) for f in folder.iterdir() if f.name.endswith(".sql")]
    return tuple(sorted((int(name[:4]), name.removesuffix(".sql"), text) for name, text in found))


async def migrate(dsn: str, until: Literal["pre", "all"] = "all") -> list[str]:
    """Apply what is missing; return the names of what was applied.

    Raises:
        SchemaTooNew: A later release was here.
        NotLetIn: The database is there, and lets us not in.
        OSError: The database cannot be reached.
    """
    try:
        connection = await asyncpg.connect(dsn)
    except (asyncpg.PostgresError, asyncpg.ClientConfigurationError) as exc:
        raise NotLetIn(exc) from exc
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(
                "create table if not exists schema_migrations ("
                " number integer primary key, name text not null,"
                " applied_at timestamptz not null default now())"
            )
            rows = await connection.fetch("select number from schema_migrations")
            done = {int(r["number"]) for r in rows}
            known = migrations()
            if done and max(done) > known[-1][0]:
                raise SchemaTooNew(max(done), known[-1][0])
            applied: list[str] = []
            for number, name, text in known:
                if number in done or (until == "pre" and "_post_" in name):
                    continue
                await connection.execute(text)
                await connection.execute(
                    "insert into schema_migrations (number, name) values ($1, $2)", number, name
                )
                applied.append(name)
            return applied
    finally:
        await connection.close()


async def schema_fits(pool: "asyncpg.Pool[asyncpg.Record]") -> str | None:
    """Say what is wrong with the database's schema, or nothing: a readiness check."""
    try:
        rows = await pool.fetch("select number from schema_migrations")
        done = {int(r["number"]) for r in rows}
    except asyncpg.UndefinedTableError:
        done = set[int]()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as exc:
        return f"the database does not answer: {exc}"
    # What comes after the old code has gone is not needed to start.
    missing = [name for number, name, _ in migrations() if "_pre_" in name and number not in done]
    if missing:
        lacks = ", ".join(missing)
        return f"the database's schema lacks {lacks}: run goaround-orchestrator migrate"
    return None
