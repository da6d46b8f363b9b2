"""The database that is copied: its form, and the rows of the migration tool's own tables.

It only reads, all of one moment, and lets go of the database before anything else is done: a
rehearsal holds nothing up.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from goaround_migrating.catalogue import fingerprint
from goaround_migrating.connecting import connected
from goaround_migrating.fingerprint import Fingerprint
from goaround_migrating.rehearsing.pgdump import FindPgDump, dumped

if TYPE_CHECKING:
    from asyncpg import Connection


@dataclass(frozen=True)
class Noted:
    """A table in which a migration tool notes what it applied, its rows as COPY writes them."""

    schema: str
    table: str
    columns: tuple[str, ...]
    rows: bytes
    sequences: tuple[tuple[str, int, bool], ...]
    """What numbers its rows: the quoted name, where it stands, and whether that was given out."""


@dataclass(frozen=True)
class Original:
    """All that a copy is made of."""

    form: Fingerprint
    encoding: str
    settings: tuple[tuple[str, str], ...]
    """What sessions of this database begin with, such as a search_path."""
    dump: str | None
    """The SQL of the schema; None where no pg_dump fits the server."""
    noted: tuple[Noted, ...]


async def read(url: str, bookkeeping: frozenset[str], find: FindPgDump) -> Original:
    """Return what a copy of a database's schema is made of.

    Raises:
        Refused: the server said no.
        CouldNotTell: pg_dump did.
    """
    async with connected(url) as connection:
        moment = connection.transaction(isolation="repeatable_read", readonly=True)
        await moment.start()
        # First: inside the savepoint that a fingerprint leaves, PostgreSQL exports none.
        snapshot: str = await connection.fetchval("SELECT pg_export_snapshot()")
        form = await fingerprint(connection, leave_out=bookkeeping)
        major = int(await connection.fetchval("SHOW server_version_num")) // 10_000
        program = await find(major)
        dump = None
        if program is not None:
            dump = await dumped(program, url, snapshot)
        original = Original(
            form=form,
            encoding=await connection.fetchval(
                "SELECT pg_encoding_to_char(encoding) FROM pg_database "
                "WHERE datname = current_database()"
            ),
            settings=await _settings(connection),
            dump=dump,
            noted=await _noted(connection, bookkeeping),
        )
        await moment.rollback()
    return original


async def _settings(connection: "Connection[Any]") -> tuple[tuple[str, str], ...]:
    found = await connection.fetch(
        "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setrole = 0 AND setdatabase = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    pairs = (str(told).partition("=") for (told,) in found)
    return tuple((name, value) for name, _, value in pairs)


async def _noted(connection: "Connection[Any]", names: Iterable[str]) -> tuple[Noted, ...]:
    tables = await connection.fetch(
        "SELECT c.oid, n.nspname::text, c.relname::text, ARRAY(SELECT a.attname::text "
        "  FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 "
        "   AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) "
        "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND c.relname = ANY ($1) AND n.nspname !~ '^pg_' ORDER BY 2, 3",
        sorted(names),
    )
    return tuple([await _rows(connection, *table) for table in tables])


async def _rows(
    connection: "Connection[Any]", oid: int, schema: str, table: str, columns: list[str]
) -> Noted:
    rows = BytesIO()
    await connection.copy_from_table(table, schema_name=schema, columns=columns, output=rows)
    owned = await connection.fetch(
        "SELECT format('%I.%I', n.nspname, s.relname) FROM pg_depend d "
        "JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' "
        "JOIN pg_namespace n ON n.oid = s.relnamespace "
        "WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass "
        "AND d.refobjid = $1 AND d.deptype IN ('a', 'i') ORDER BY 1",
        oid,
    )
    sequences: list[tuple[str, int, bool]] = []
    for (name,) in owned:
        stands = await connection.fetchrow(f"SELECT last_value, is_called FROM {name}")
        assert stands is not None
        sequences.append((name, *stands))
    return Noted(schema, table, tuple(columns), rows.getvalue(), tuple(sequences))
