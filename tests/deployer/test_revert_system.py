"""Real migrations on a real PostgreSQL: with Alembic and with files of SQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from goaround_migrating import fingerprint
from goaround_schemas.guide.step import Migrations
from goaround_schemas.procedure import DeployExecutedData, Reverted
from tests.deployer import alembic_home
from tests.deployer.builders import RUN, deploy, rollback, step
from tests.deployer.crew import Bench

pytestmark = pytest.mark.system

BACK = step("back", run=("true",))
ORDERS = "CREATE TABLE orders (id int PRIMARY KEY)"
INDEX = ("CREATE INDEX orders_back ON orders (id DESC)", "DROP INDEX orders_back")
NOTE = ("ALTER TABLE orders ADD COLUMN note text", "ALTER TABLE orders DROP COLUMN note")
FORGETFUL = (
    "CREATE INDEX one ON orders (id); CREATE INDEX two ON orders (id DESC)",
    "DROP INDEX one",
)
BROKEN = ("CREATE INDEX three ON orders (id)", "SELECT 1/0; DROP INDEX three")
Change = tuple[str, str]
Tool = Callable[..., Migrations]


def sql_files(home: Path, *changes: Change, **given: Any) -> Migrations:
    """Files of SQL in pairs, applied by goaround itself."""
    home.mkdir(exist_ok=True)
    for number, (up, down) in enumerate(changes, 1):
        (home / f"{number:04}_change.up.sql").write_text(up)
        (home / f"{number:04}_change.down.sql").write_text(down)
    return Migrations.model_validate(
        {"files": {"folder": str(home)}, "database": "${env:SHOP_DB}", **given}
    )


def alembic(home: Path, *changes: Change, **given: Any) -> Migrations:
    """The same as revisions of Alembic."""
    revisions = [
        (f"r{number:04}", f"op.execute({up!r})", f"op.execute({down!r})")
        for number, (up, down) in enumerate(changes, 1)
    ]
    return alembic_home.build(home, *revisions).model_copy(update=given)


@pytest.fixture
async def bench(database: str) -> Bench:
    """A worker whose database has orders in it, and nothing of a migration tool."""
    bench = Bench(database)
    await execute(bench, ORDERS)
    return bench


async def execute(bench: Bench, *statements: str) -> None:
    connection = await asyncpg.connect(bench.url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def value(bench: Bench, query: str) -> Any:
    connection = await asyncpg.connect(bench.url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def back(
    bench: Bench, migrations: Migrations, **given: Any
) -> tuple[DeployExecutedData, Reverted]:
    name = given.get("run_id", RUN)
    command = rollback(BACK, migrations=migrations, message_id=f"back-{name}", **given)
    data = await bench.deliver(command)
    assert data.migration is not None
    assert data.migration.reverted is not None
    return data, data.migration.reverted


@pytest.mark.parametrize("tool", [sql_files, alembic])
async def test_one_deployment_and_each_way_back_from_it(
    bench: Bench, tool: Tool, tmp_path: Path
) -> None:
    before = await fingerprint(bench.url)
    migrations = tool(tmp_path / "db", NOTE)
    applied = await bench.deliver(deploy(migrations=migrations, message_id="forth"))
    after = await fingerprint(bench.url)
    assert applied.migration is not None
    assert applied.migration.fingerprint_before == before.digest
    assert applied.migration.fingerprint_after == after.digest
    await execute(bench, "INSERT INTO orders VALUES (1, 'gift')")

    keeping = migrations.model_copy(update={"on_rollback": "keep"})
    data, reverted = await back(bench, keeping, run_id="keeps", deployed_by=RUN)
    assert (data.outcome, reverted.outcome) == ("done", "kept_compatible")
    assert "what was applied leaves the previous version alone" in reverted.reason

    data, reverted = await back(bench, migrations, run_id="refuses", deployed_by=RUN)
    assert (data.outcome, reverted.outcome) == ("done", "refused_lossy")
    assert "drops column orders.note" in reverted.reason
    assert await value(bench, "SELECT note FROM orders") == "gift"
    assert await fingerprint(bench.url) == after

    await execute(bench, "CREATE INDEX stray ON orders (id)")
    data, reverted = await back(
        bench, migrations, run_id="loses", deployed_by=RUN, allow=("lossy",)
    )
    assert (data.outcome, reverted.outcome) == ("failed", "revert_failed")
    assert reverted.difference == ("index stray should not be there",)
    (kept,) = reverted.kept
    assert await value(bench, f"SELECT note FROM {kept}") == "gift"

    await execute(bench, "DROP INDEX stray")
    data, reverted = await back(
        bench, migrations, run_id="resumes", deployed_by=RUN, resumes="loses"
    )
    assert (data.outcome, reverted.outcome) == ("done", "reverted_verified")
    assert before.digest in reverted.reason
    assert await fingerprint(bench.url) == before


async def test_a_down_that_forgets_an_index_is_found_out(bench: Bench, tmp_path: Path) -> None:
    migrations = sql_files(tmp_path / "db", FORGETFUL)
    await bench.deliver(deploy(migrations=migrations))

    data, reverted = await back(bench, migrations)
    assert (data.outcome, reverted.outcome) == ("failed", "revert_failed")
    assert reverted.difference == ("index two should not be there",)
    assert [s.outcome for s in data.steps] == ["failed", "done"]


async def test_a_down_that_fails_half_way_says_how_far_it_came(
    bench: Bench, tmp_path: Path
) -> None:
    migrations = sql_files(tmp_path / "db", BROKEN, INDEX)
    await bench.deliver(deploy(migrations=migrations))

    data, reverted = await back(bench, migrations)
    assert (data.outcome, reverted.outcome) == ("failed", "revert_failed")
    assert "division by zero" in reverted.reason
    assert "the schema is at 0001, which is not where it was (base)" in reverted.reason
    assert "by its fingerprint it is in between" in reverted.reason
    assert reverted.difference == ("index three should not be there",)
    assert len(data.steps) == 1


async def test_a_migration_that_would_lose_data_is_refused_before_it_begins(
    bench: Bench, tmp_path: Path
) -> None:
    drop = sql_files(tmp_path / "db", ("DROP TABLE orders", ORDERS))
    data = await bench.deliver(deploy(migrations=drop))

    assert (data.outcome, data.changed) == ("failed", False)
    assert "migration 0001 (change) is lossy: line 1 drops table orders" in data.reason
    assert await value(bench, "SELECT count(*) FROM orders") == 0


async def test_no_answer_holds_the_databases_password(bench: Bench, tmp_path: Path) -> None:
    bench.url = "postgresql://shop:s3cret-word@127.0.0.1:1/shop"
    migrations = sql_files(tmp_path / "db", INDEX)
    data = await bench.deliver(deploy(migrations=migrations))

    assert (data.outcome, data.changed) == ("errored", False)
    assert "s3cret-word" not in data.model_dump_json()
