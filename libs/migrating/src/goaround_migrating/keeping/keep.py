"""The copies made: all of them or none, never one in another's place.

One transaction. Whoever comes again finds what is complete, and what is not was never there. It
only adds tables to a schema of its own, `goaround_kept`, and never drops one.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import asyncpg

from goaround_migrating.catalogue import KEPT_SCHEMA, fingerprint
from goaround_migrating.connecting import Refused, connected, said, words
from goaround_migrating.keeping.copies import (
    Column,
    Copy,
    Kept,
    full,
    of_column,
    of_sequence,
    of_table,
    side_table,
)
from goaround_migrating.keeping.losing import Loss, NotKept, losses

if TYPE_CHECKING:
    from asyncpg import Connection

_HERE = files(__package__ or "")
_FINDING = _HERE.joinpath("finding.sql").read_text()
_COLUMNS = _HERE.joinpath("columns.sql").read_text()
_LOCK_WAIT_S = 10
_SETTINGS = f"""
SET LOCAL search_path = '';
SET LOCAL datestyle = 'ISO, YMD';
SET LOCAL intervalstyle = 'postgres';
SET LOCAL timezone = 'UTC';
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = 'hex';
SET LOCAL lock_timeout = '{_LOCK_WAIT_S}s';
-- Better refused than a copy of the rows that this role may see.
SET LOCAL row_security = off;
"""
_ABOUT = "What reverts of migrations dropped, copied before. goaround never removes a table here."
_SEEN_ALIKE = "SELECT count(*), sum(hashtextextended(x::text, 0)::numeric) FROM ({}) AS x"


async def keep(
    database: "Connection[Any] | str",
    downs: Sequence[str],
    run_id: str,
    *,
    within_s: float = 600.0,
) -> tuple[Kept, ...]:
    """Copy what these statements would lose, run in this order, and say where it is.

    Nothing where they lose nothing. A second time, for the same run, finds what is there; what was
    written since is copied beside it. `database` is a connection, outside a transaction,
    or a URL.

    Raises:
        NotKept: something cannot be copied; then nothing was, and the revert is not to be run.
    """
    try:
        async with asyncio.timeout(within_s), _one(database) as connection:
            return await _kept(connection, downs, run_id)
    except TimeoutError:
        raise NotKept(
            f"what the way back would lose was not copied within {within_s:g} s, so that nothing "
            "was; copy it by hand and revert by hand, or keep the schema (on_rollback: keep)"
        ) from None
    except Refused as error:
        raise NotKept(f"what the way back would lose was not copied: {error}") from error


@asynccontextmanager
async def _one(database: "Connection[Any] | str") -> "AsyncGenerator[Connection[Any]]":
    """Lend a connection inside a transaction that stands or falls as a whole, alone at this."""
    if isinstance(database, str):
        async with connected(database) as connection, _alone(connection):
            yield connection
    else:
        with said():
            async with _alone(database):
                yield database


@asynccontextmanager
async def _alone(connection: "Connection[Any]") -> "AsyncGenerator[None]":
    # Before the transaction: it sees what was there when it began.
    await connection.execute("SELECT pg_advisory_lock(hashtext($1))", KEPT_SCHEMA)
    try:
        async with connection.transaction(isolation="repeatable_read"):
            yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock(hashtext($1))", KEPT_SCHEMA)


async def _kept(
    connection: "Connection[Any]", downs: Sequence[str], run_id: str
) -> tuple[Kept, ...]:
    types = (await fingerprint(connection)).column_types()
    await connection.execute(_SETTINGS)
    before = await _there(connection, run_id)
    copies = await _copies(connection, losses(downs, types), again=bool(before))
    if not copies and not before:
        return ()
    kept: list[Kept] = []
    taken = set(before)
    for copy in copies:
        found = await _unchanged(connection, copy, before)
        kept.append(found or await _made(connection, copy, run_id, taken))
        taken.add(kept[-1].table)
    # What an earlier try of this run copied, and the revert has dropped since.
    again = {k.table for k in kept}
    kept += [old for name, old in before.items() if name not in again]
    return tuple(kept)


async def _copies(
    connection: "Connection[Any]", lost: Sequence[Loss], *, again: bool
) -> list[Copy]:
    """Return what is to be copied: nothing twice, nothing that can be computed again."""
    nouns, names, reaches = [x.noun for x in lost], [x.name for x in lost], [x.reach for x in lost]
    told = await connection.fetch(_FINDING, nouns, names, reaches) if lost else []
    seen = {row["n"] for row in told}
    for n, loss in enumerate(lost, start=1):
        # A try before this one may have dropped it, after all of it was copied.
        if n not in seen and not loss.perhaps and not again:
            raise NotKept(
                f"the way back loses what {loss} holds, and no {loss} is there: by which name it "
                "can be copied is not told; copy it by hand and revert by hand"
            )
    found = list({(row["oid"], row["part"]): row for row in told if row["oid"]}.values())
    columns: dict[int, list[Column]] = {}
    for row in found:
        if row["has_children"]:
            raise NotKept(
                f"table {row['schema']}.{row['name']} has children by inheritance: which rows are "
                "whose could not be told from a copy; copy them by hand and revert by hand"
            )
        if row["oid"] not in columns and not row["is_sequence"]:
            listed = await connection.fetch(_COLUMNS, row["oid"])
            columns[row["oid"]] = [Column(**dict(c)) for c in listed]
    return list(_planned(found, columns))


def _planned(found: Iterable[Any], columns: dict[int, list[Column]]) -> Iterator[Copy]:
    rows = list(found)
    names = {(oid, c.number): c.name for oid, told in columns.items() for c in told}
    wholly = {row["oid"] for row in rows if row["part"] == 0}
    parts = {(row["oid"], names.get((row["oid"], row["part"]))) for row in rows}
    for row in rows:
        oid, part, where = row["oid"], row["part"], (row["schema"], row["name"])
        homes = _homes(row, rows)
        if row["is_sequence"]:
            yield of_sequence(*where)
        elif homes & wholly or (part and oid in wholly):
            continue
        elif not part:
            yield of_table(*where, columns[oid])
        else:
            column = next(c for c in columns[oid] if c.number == part)
            if not column.generated and not any((h, column.name) in parts for h in homes):
                yield of_column(*where, column, columns[oid])


def _homes(row: Any, rows: Iterable[Any]) -> set[int]:
    """Return the partitioned tables that a table is part of, as far as they are found too."""
    found, waiting = set[int](), list[int](row["whole"])
    above = {r["oid"]: r["whole"] for r in rows}
    while waiting:
        home = waiting.pop()
        if home not in found:
            found.add(home)
            waiting.extend(above.get(home, ()))
    return found


async def _there(connection: "Connection[Any]", run_id: str) -> dict[str, Kept]:
    """Return the side tables of this run that are there, by name."""
    found = await connection.fetch(
        "SELECT c.relname::text, obj_description(c.oid, 'pg_class') FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 "
        "AND right(split_part(obj_description(c.oid, 'pg_class'), E'\\n', 1), $3) = $2 ORDER BY 1",
        KEPT_SCHEMA,
        end := f", kept by goaround before the revert of run {run_id}",
        len(end),
    )
    kept: dict[str, Kept] = {}
    for name, comment in found:
        first, _, restore = comment.partition("\n")
        rows = await connection.fetchval(f"SELECT count(*) FROM {full(name)}")
        kept[full(name)] = Kept(full(name), restore, first.removesuffix(end), rows)
    return kept


async def _unchanged(
    connection: "Connection[Any]", copy: Copy, before: dict[str, Kept]
) -> Kept | None:
    """Return the side table that holds just what is to be copied, if there is one."""
    for kept in before.values():
        if kept.of != copy.of:
            continue
        was, now = _SEEN_ALIKE.format(f"TABLE {kept.table}"), _SEEN_ALIKE.format(copy.select)
        try:
            async with connection.transaction():
                # Compared by the server: the rows stay where they are.
                alike = await connection.fetchval(f"SELECT NOT EXISTS (({was}) EXCEPT ({now}))")
        except asyncpg.PostgresError as error:
            raise _not_kept(copy, error) from error
        if alike:
            return kept
    return None


async def _made(connection: "Connection[Any]", copy: Copy, run_id: str, taken: set[str]) -> Kept:
    number = 1
    while full(name := side_table(copy.stem, run_id, number)) in taken or await connection.fetchval(
        "SELECT to_regclass($1)", full(name)
    ):
        number += 1
    restore = copy.restored_from(name)
    try:
        await _with_schema(connection)
        done = await connection.execute(f"CREATE TABLE {full(name)} AS {copy.select}")
        about = await connection.fetchval(
            "SELECT quote_literal($1::text)", f"{copy.told(run_id)}\n{restore}"
        )
        await connection.execute(f"COMMENT ON TABLE {full(name)} IS {about}")
    except asyncpg.PostgresError as error:
        raise _not_kept(copy, error) from error
    return Kept(full(name), restore, copy.of, int(done.rpartition(" ")[2]))


async def _with_schema(connection: "Connection[Any]") -> None:
    if await connection.fetchval("SELECT to_regnamespace($1)", KEPT_SCHEMA):
        return
    try:
        async with connection.transaction():
            await connection.execute(f"CREATE SCHEMA {KEPT_SCHEMA}")
            await connection.execute(f"COMMENT ON SCHEMA {KEPT_SCHEMA} IS '{_ABOUT}'")
    except asyncpg.InsufficientPrivilegeError:
        role, database = await connection.fetchrow(
            "SELECT quote_ident(current_user), quote_ident(current_database())"
        ) or ("?", "?")
        raise NotKept(
            f"role {role} may not make the schema {KEPT_SCHEMA} in which the copies would lie: "
            f"let it with GRANT CREATE ON DATABASE {database} TO {role}, or make the schema for it"
        ) from None


def _not_kept(copy: Copy, error: asyncpg.PostgresError) -> NotKept:
    return NotKept(
        f"{copy.of} could not be copied, so that nothing was: {words(error)}; see to that, or copy "
        "it by hand and revert by hand"
    )
