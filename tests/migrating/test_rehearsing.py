"""A rehearsal on a real server: what passes, what is a definite no, and what cannot be told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from goaround.embedded import EmbeddedPostgres
from goaround_migrating import fingerprint
from goaround_migrating.address import at
from goaround_migrating.rehearsing import Rehearsed, ToolFailed, rehearse, scratch
from tests.migrating.many_tables import many_tables
from tests.migrating.sql_tool import BASE, SqlTool, Step, found_once

pytestmark = pytest.mark.system

if TYPE_CHECKING:
    Connection = asyncpg.Connection[Any]

ORDERS = Step("01", "CREATE TABLE orders (id serial PRIMARY KEY, sum int)", "DROP TABLE orders")
NOTE = Step(
    "02",
    "ALTER TABLE orders ADD COLUMN note text; CREATE INDEX orders_note ON orders (note)",
    "ALTER TABLE orders DROP COLUMN note",
)
FORGETFUL = Step(
    "02", "ALTER TABLE orders ADD COLUMN note text; CREATE INDEX orders_sum ON orders (sum)",
    "ALTER TABLE orders DROP COLUMN note",
)  # fmt: skip


@pytest.fixture(scope="module")
def server(postgres: EmbeddedPostgres) -> str:
    return postgres.dsn("postgres")


@pytest.fixture
async def deployed(database: str) -> str:
    """A database with the first step applied, and with rows."""
    await SqlTool(ORDERS).apply(database)
    connection: Connection = await asyncpg.connect(database)
    await connection.execute("INSERT INTO orders (sum) SELECT generate_series(1, 10)")
    await connection.close()
    return database


@pytest.fixture(autouse=True)
async def nothing_is_left(server: str) -> AsyncIterator[None]:
    """No test here leaves a scratch database."""
    yield
    assert await scratches(server) == []


async def scratches(server: str) -> list[str]:
    connection: Connection = await asyncpg.connect(server)
    try:
        found = await connection.fetch(
            "SELECT datname::text FROM pg_database WHERE datname ~ '^goaround_rehearsal_'"
        )
        return sorted(name for (name,) in found)
    finally:
        await connection.close()


async def rehearsed(source: str, server: str, *steps: Step) -> Rehearsed[None]:
    return await rehearse(source, server, SqlTool(*steps), name="shop", find_pg_dump=found_once)


async def test_a_way_back_that_leads_back_passes_with_its_times(deployed: str, server: str) -> None:
    before = await fingerprint(deployed)
    found = await rehearsed(deployed, server, ORDERS, NOTE)
    assert (found.outcome, found.difference, found.copied_by) == ("passed", (), "pg_dump")
    assert found.reason.startswith("from '01' to '02' in 0.")
    assert "without rows: the same form each time" in found.reason
    assert found.up_s is not None
    assert found.down_s is not None
    assert found.again_s is not None
    assert 0 < found.up_s + found.down_s + found.again_s < found.seconds
    assert await fingerprint(deployed) == before


async def test_a_lossy_migration_whose_form_comes_back_passes(deployed: str, server: str) -> None:
    drop = Step("02", "ALTER TABLE orders DROP COLUMN sum", "ALTER TABLE orders ADD COLUMN sum int")
    found = await rehearsed(deployed, server, ORDERS, drop)
    assert (found.outcome, found.difference) == ("passed", ())


async def test_a_way_back_that_forgets_an_index_is_a_definite_no(
    deployed: str, server: str
) -> None:
    found = await rehearsed(deployed, server, ORDERS, FORGETFUL)
    assert found.outcome == "failed"
    assert found.difference == ("index orders_sum should not be there",)
    assert found.reason.startswith("1 difference after the way back, 0.")
    assert found.reason.endswith(" s: index orders_sum should not be there")
    assert found.again_s is None


async def test_a_way_back_that_fails_says_when_and_why(deployed: str, server: str) -> None:
    broken = Step("02", "ALTER TABLE orders ADD COLUMN a int", "ALTER TABLE orders DROP COLUMN b")
    found = await rehearsed(deployed, server, ORDERS, broken)
    assert (found.outcome, found.down_s) == ("failed", None)
    assert found.reason.startswith("the way back failed after 0.")
    assert found.reason.endswith('column "b" of relation "orders" does not exist')


async def test_a_way_up_that_fails_is_a_definite_no(deployed: str, server: str) -> None:
    found = await rehearsed(deployed, server, ORDERS, Step("02", "ALTER TABLE missing ADD a int"))
    assert (found.outcome, found.up_s, found.down_s) == ("failed", None, None)
    assert found.reason.startswith("the way up failed after 0.")


async def test_a_second_way_up_that_ends_elsewhere_is_a_definite_no(
    deployed: str, server: str
) -> None:
    sly = Step(
        "02",
        "DO $$ BEGIN IF NOT EXISTS (SELECT FROM orders) THEN "
        "ALTER TABLE orders ADD COLUMN note text; END IF; END $$",
        "ALTER TABLE orders DROP COLUMN note; INSERT INTO orders (sum) VALUES (1)",
    )
    found = await rehearsed(deployed, server, ORDERS, sly)
    assert (found.outcome, found.difference) == ("failed", ("column orders.note is missing",))
    assert "after the second way up" in found.reason


async def test_where_nothing_is_pending_there_is_nothing_to_try(deployed: str, server: str) -> None:
    found = await rehearsed(deployed, server, ORDERS)
    assert (found.outcome, found.down_s) == ("passed", None)
    assert found.reason == "nothing is pending at '01', so that there was nothing to try"


async def test_a_column_that_comes_back_elsewhere_is_told(deployed: str, server: str) -> None:
    drop = Step(
        "02",
        "ALTER TABLE orders ADD COLUMN z int; ALTER TABLE orders DROP COLUMN sum",
        "ALTER TABLE orders DROP COLUMN z; ALTER TABLE orders ADD COLUMN sum int",
    )
    more = Step("01", "ALTER TABLE orders ADD COLUMN last int")
    connection: Connection = await asyncpg.connect(deployed)
    await connection.execute(more.up)
    await connection.close()
    found = await rehearsed(deployed, server, ORDERS, drop)
    assert found.outcome == "passed"
    assert found.reason.endswith(
        "the columns of table orders stand in another order: id, last, sum"
    )


async def test_the_previous_version_is_tried_on_the_new_schema(deployed: str, server: str) -> None:
    async def smoke(url: str) -> tuple[bool, str, list[str]]:
        connection: Connection = await asyncpg.connect(url)
        try:
            await connection.execute("INSERT INTO orders (sum) VALUES (1)")
            columns = await connection.fetch(
                "SELECT column_name::text FROM information_schema.columns "
                "WHERE table_name = 'orders' ORDER BY ordinal_position"
            )
            return True, "version 1 can order", [name for (name,) in columns]
        finally:
            await connection.close()

    found = await rehearse(deployed, server, SqlTool(ORDERS, NOTE), name="shop", smoke=smoke)
    assert (found.outcome, found.smoke) == ("passed", ["id", "sum", "note"])
    assert found.reason.endswith("version 1 can order")


async def test_a_previous_version_that_fails_does_not_keep_the_way_back_untried(
    deployed: str, server: str
) -> None:
    async def smoke(url: str) -> tuple[bool, str, int]:
        return False, "1 of 2 steps failed: order", 7

    found = await rehearse(deployed, server, SqlTool(ORDERS, FORGETFUL), name="shop", smoke=smoke)
    assert (found.outcome, found.smoke) == ("failed", 7)
    assert found.reason.startswith(
        "the previous version on the new schema: 1 of 2 steps failed: order; 1 difference after "
    )
    assert found.difference == ("index orders_sum should not be there",)


async def test_a_tool_that_looks_at_another_database_is_found_out_before_it_changes_one(
    deployed: str, server: str
) -> None:
    class Elsewhere(SqlTool):
        async def current(self, url: str) -> str:
            return await super().current(deployed)

        async def apply(self, url: str) -> None:
            await super().apply(deployed)

    before = await fingerprint(deployed)
    tool = Elsewhere(ORDERS, NOTE)
    found: Rehearsed[None] = await rehearse(deployed, server, tool, name="shop")
    assert found.outcome == "errored"
    assert "its commands use another database than the one they are given" in found.reason
    assert tool.seen == ["current"]
    assert await fingerprint(deployed) == before


async def test_a_tool_that_cannot_say_where_it_is_leaves_it_open(
    deployed: str, server: str
) -> None:
    class Mute(SqlTool):
        async def current(self, url: str) -> str:
            raise ToolFailed("alembic.ini is missing")

    found: Rehearsed[None] = await rehearse(deployed, server, Mute(ORDERS, NOTE), name="shop")
    assert (found.outcome, found.reason) == ("errored", "alembic.ini is missing")


async def test_a_tools_no_says_nothing_where_its_database_is_gone(
    deployed: str, server: str
) -> None:
    class Dropping(SqlTool):
        async def apply(self, url: str) -> None:
            (name,) = await scratches(server)
            connection: Connection = await asyncpg.connect(server)
            await connection.execute(f"DROP DATABASE {name}")
            await connection.close()
            await super().apply(url)

    found: Rehearsed[None] = await rehearse(deployed, server, Dropping(ORDERS, NOTE), name="shop")
    assert found.outcome == "errored"
    assert found.reason.startswith("the rehearsal server: database ")


async def test_without_a_server_it_cannot_be_told_and_no_password_is_said(
    deployed: str, server: str, tmp_path: Path
) -> None:
    nowhere = f"postgresql://app:s3cret%2Fword@/postgres?host={tmp_path}"
    for source, place in ((deployed, nowhere), (nowhere, server)):
        found = await rehearsed(source, place, ORDERS, NOTE)
        assert found.outcome == "errored"
        assert "there is no server" in found.reason
        assert "s3cret" not in found.reason


@pytest.mark.parametrize(
    "url", ["postgres:/x:s3cret@y", "mysql://a:s3cret@h/d", "postgresql://u:s3cret/p@h:x/d"]
)
async def test_a_url_that_cannot_be_read_is_not_said(deployed: str, server: str, url: str) -> None:
    for source, place in ((deployed, url), (url, server)):
        found = await rehearsed(source, place, ORDERS, NOTE)
        assert (found.outcome, "cannot be read" in found.reason) == ("errored", True)
        assert "s3cret" not in found.reason


async def test_a_role_that_may_make_no_databases_is_told_what_to_grant(
    deployed: str, server: str
) -> None:
    connection: Connection = await asyncpg.connect(server)
    await connection.execute("CREATE ROLE small LOGIN")
    try:
        as_small = server + "&options=-c%20role%3Dsmall"
        found = await rehearsed(deployed, as_small, ORDERS, NOTE)
    finally:
        await connection.execute("DROP ROLE small")
        await connection.close()
    assert found.outcome == "errored"
    assert found.reason == (
        "role small may not make databases on the rehearsal server: let it with ALTER ROLE small "
        "CREATEDB, or name another role or server"
    )


async def test_a_cancelled_rehearsal_leaves_nothing(deployed: str, server: str) -> None:
    reached = asyncio.Event()

    async def smoke(url: str) -> tuple[bool, str, None]:
        connection: Connection = await asyncpg.connect(url)
        try:
            reached.set()
            await asyncio.Event().wait()
        finally:
            connection.terminate()
        return True, "", None

    running = asyncio.create_task(
        rehearse(deployed, server, SqlTool(ORDERS, NOTE), name="shop", smoke=smoke)
    )
    async with asyncio.timeout(30):
        await reached.wait()
    assert len(await scratches(server)) == 1
    running.cancel()
    await asyncio.wait({running}, timeout=0)  # a second word, while it drops its database
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await scratches(server) == []


async def test_leftovers_of_this_name_are_dropped_once_they_are_a_day_old(
    deployed: str, server: str
) -> None:
    now = datetime.now(UTC)
    ours, theirs = scratch.prefix_of("shop"), scratch.prefix_of("shop2")
    old, young = now - timedelta(hours=25), now - timedelta(hours=23)
    left = scratch.name_at(ours, old, "aaaa")
    kept = [
        scratch.name_at(ours, young, "bbbb"),
        scratch.name_at(ours, old, "cccc"),  # without the mark
        scratch.name_at(theirs, old, "dddd"),
    ]
    connection: Connection = await asyncpg.connect(server)
    try:
        for name in (left, *kept):
            await connection.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
            if not name.endswith("cccc"):
                await connection.execute(f"COMMENT ON DATABASE {name} IS '{scratch.MARK}'")
        assert (await rehearsed(deployed, server, ORDERS, NOTE)).outcome == "passed"
        assert await scratches(server) == sorted(kept)
    finally:
        for name in kept:
            await connection.execute(f"DROP DATABASE {name}")
        await connection.close()


async def test_a_schema_of_many_tables_takes_seconds(database: str, server: str) -> None:
    many = Step("01", many_tables(20), "")
    await SqlTool(many).apply(database)
    added = Step("02", "ALTER TABLE t0001 ADD COLUMN x int", "ALTER TABLE t0001 DROP COLUMN x")
    found = await rehearsed(database, server, many, added)
    assert found.outcome == "passed"
    # tests/bench/rehearsal.py times 500 tables; here the machine may be busy with anything.
    assert found.seconds < 20


async def test_a_database_without_anything_can_be_rehearsed(database: str, server: str) -> None:
    found = await rehearsed(database, server, ORDERS)
    assert (found.outcome, found.reason[:22]) == ("passed", f"from '{BASE}' to '01' in")


def test_names_of_scratch_databases_fit_and_differ() -> None:
    now = datetime(2026, 11, 23, 10, 3, 5, tzinfo=UTC)
    names = [
        scratch.name_at(scratch.prefix_of(n), now, "00ff") for n in ("Läden/checkout" * 9, "a")
    ]
    assert all(len(name) < 63 and name.isidentifier() for name in names)
    assert scratch.prefix_of("a-b") != scratch.prefix_of("a.b")


def test_another_databases_url_keeps_all_but_the_database() -> None:
    assert at("postgresql://u:p@h:1/d?sslmode=require", "x y") == (
        "postgresql://u:p@h:1/x%20y?sslmode=require"
    )
    assert at("postgresql:///d?host=/run/pg", "x y") == "postgresql:///x%20y?host=/run/pg"
    assert at("postgres://h?dbname=d", "x y") == "postgres://h/x%20y"
