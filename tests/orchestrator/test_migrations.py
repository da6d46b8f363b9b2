"""The schema: moved forward by whoever comes first, never back, and at one with the code."""

import asyncio
import re
from importlib.resources import files

import asyncpg
import pytest

from goaround_orchestrator.lifecycle import ACTIVE
from goaround_orchestrator.store import PostgresLedger, SchemaTooNew, migrate, schema_fits
from goaround_orchestrator.store.migrate import migrations
from goaround_orchestrator.store.sql import queries
from goaround_schemas.phase import ENDS

FIRST = "0001_pre_runs"
_PHASES = re.compile(r"phase (?P<not>not )?in \((?P<names>[^)]*)\)")


def sql() -> str:
    return "\n".join([*queries().values(), *(text for _, _, text in migrations())])


async def applied(dsn: str) -> list[int]:
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("select number from schema_migrations order by number")
    finally:
        await connection.close()
    return [r["number"] for r in rows]


async def execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def fits(dsn: str) -> str | None:
    ledger = await PostgresLedger.connect(dsn, 2)
    try:
        return await schema_fits(ledger.pool)
    finally:
        await ledger.close()


def test_every_file_is_named_by_number_time_and_words() -> None:
    names = [f.name for f in (files("goaround_orchestrator.store") / "migrations").iterdir()]
    assert all(re.fullmatch(r"\d{4}_(pre|post)_[a-z0-9_]+\.sql", name) for name in names)
    assert [number for number, _, _ in migrations()] == list(range(1, len(names) + 1))


def test_the_active_phases_are_the_same_in_every_query_and_in_the_code() -> None:
    found = [(m["not"], set(re.findall(r"'(\w+)'", m["names"]))) for m in _PHASES.finditer(sql())]
    active = [names for negated, names in found if not negated]
    ended = [names for negated, names in found if negated]
    assert len(active) >= 3
    assert all(names == {str(p) for p in ACTIVE} for names in active)
    assert ended
    assert all(names == {str(p) for p in ENDS} for names in ended)


def test_every_query_has_a_name_of_its_own() -> None:
    text = (files("goaround_orchestrator.store") / "queries.sql").read_text()
    assert len(queries()) == text.count("-- name: ")
    assert all(re.search(r"\b(select|insert|update|delete)\b", q) for q in queries().values())


async def test_an_empty_database_gets_the_whole_schema_and_a_second_time_nothing(
    database: str,
) -> None:
    said = await fits(database)
    assert said is not None
    assert said.startswith(f"the database's schema lacks {FIRST}")
    assert said.endswith("run goaround-orchestrator migrate")
    assert (await migrate(database))[0] == FIRST
    assert await applied(database) == [number for number, _, _ in migrations()]
    assert await migrate(database) == []
    assert await fits(database) is None


async def test_two_that_migrate_at_once_apply_each_migration_once(database: str) -> None:
    async with asyncio.timeout(20):
        first, second = await asyncio.gather(migrate(database), migrate(database))
    assert sorted([len(first), len(second)]) == [0, len(migrations())]


async def test_a_database_of_a_later_release_is_left_alone_and_still_served(database: str) -> None:
    await migrate(database)
    later = migrations()[-1][0] + 1
    await execute(
        database, f"insert into schema_migrations (number, name) values ({later}, 'later')"
    )
    with pytest.raises(SchemaTooNew, match=f"at {later:04}, this release knows {later - 1:04}"):
        await migrate(database)
    # Old code runs on the new schema until the last of it has gone.
    assert await fits(database) is None


async def test_a_migration_that_fails_leaves_nothing_half_done(database: str) -> None:
    await execute(database, "create table transitions (id int)")
    with pytest.raises(asyncpg.DuplicateTableError):
        await migrate(database)
    said = await fits(database)
    assert said is not None
    assert FIRST in said


async def test_a_database_that_does_not_answer_is_said_to_be_silent(database: str) -> None:
    ledger = await PostgresLedger.connect(database, 2)
    await ledger.close()
    said = await schema_fits(ledger.pool)
    assert said is not None
    assert said.startswith("the database does not answer: ")
