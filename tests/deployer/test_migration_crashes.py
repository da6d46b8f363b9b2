"""A deployer killed in the middle of an apply and of a revert, on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from goaround_chassis.bus import Bus
from goaround_chassis.settings import BusSettings
from goaround_migrating import fingerprint
from goaround_schemas.guide.step import Migrations
from goaround_schemas.procedure import DeployExecutedData, WorkDeploy, WorkRollback
from tests.deployer.builders import deploy, rollback, step
from tests.deployer.crew import Bench, Deployer, executed, prepare
from tests.deployer.waiting import until

pytestmark = pytest.mark.system

SHOP = """
CREATE TABLE orders (id int); CREATE TABLE parts (id int);
CREATE TABLE at (revision text); INSERT INTO at VALUES (1);
"""
# A tool of the careless kind: each statement by itself, the revision last.
CARELESS = """
import asyncio, asyncpg, os, sys

STATEMENTS = {
    "current": ["SELECT revision FROM at"],
    "apply": ["CREATE INDEX one ON orders (id)", "CREATE INDEX two ON parts (id)",
              "UPDATE at SET revision = 2"],
    "revert": ["DROP INDEX one", "DROP INDEX two", "UPDATE at SET revision = 1"],
}

async def main():
    connection = await asyncpg.connect(os.environ["DATABASE_URL"])
    for statement in STATEMENTS[sys.argv[1]]:
        print(await connection.fetchval(statement))

asyncio.run(main())
"""


@dataclass
class Scene:
    """A shop's database, a bus, and deployers that are killed in the middle of a statement."""

    bus: Bus
    nats_url: str
    database: str
    connection: asyncpg.Connection[Any]
    logs: Path

    async def killed_in(
        self, statement: str, command: WorkDeploy | WorkRollback
    ) -> DeployExecutedData:
        """Kill the worker while the statement waits, and return what the next one says."""
        with ExitStack() as stack:
            first = stack.enter_context(self._deployer("first"))
            await until(lambda: first.ready)
            async with self._parts_locked():
                await self.bus.publish(command)
                pid = await self._waiting(statement)
                first.send(signal.SIGKILL)
                first.wait()
                # What the server does in any case once it sees that nobody listens.
                await self.connection.execute("SELECT pg_terminate_backend($1, 5000)", pid)
            second = stack.enter_context(self._deployer("second"))
            await until(lambda: second.ready)
            return (await executed(self.bus, command))[command.id].data

    def _deployer(self, name: str) -> Deployer:
        return Deployer(self.nats_url, self.logs / f"{name}.log", SHOP_DB=self.database)

    @asynccontextmanager
    async def _parts_locked(self) -> AsyncGenerator[None]:
        """Keep everyone who would change the parts' form waiting; readers see nothing of it."""
        holder = await asyncpg.connect(self.database)
        try:
            async with holder.transaction():
                await holder.execute("LOCK TABLE parts IN ROW EXCLUSIVE MODE")
                yield
        finally:
            await holder.close()

    async def _waiting(self, statement: str) -> int:
        """Return the server's process in which a statement waits, once there is one."""
        async with asyncio.timeout(10):
            # It happens in another process, which has no event to wait for.
            while (found := await self._pid(statement)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        return found

    async def _pid(self, statement: str) -> int | None:
        query = (
            "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE $1 "
            "AND datname = current_database()"
        )
        found: int | None = await self.connection.fetchval(query, f"%{statement}%")
        return found


@pytest.fixture
async def scene(fresh_nats_url: str, database: str, tmp_path: Path) -> AsyncIterator[Scene]:
    settings = BusSettings(nats_url=fresh_nats_url, shutdown_grace_s=1)
    connection = await asyncpg.connect(database)
    try:
        await connection.execute(SHOP)
        async with await Bus.connect(settings, "tester") as bus:
            await prepare(bus)
            yield Scene(bus, fresh_nats_url, database, connection, tmp_path)
    finally:
        await connection.close()


async def test_an_apply_that_was_killed_between_its_files_is_gone_on_with(
    scene: Scene, tmp_path: Path
) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    (folder / "0001_notes.up.sql").write_text("CREATE TABLE notes (id int)")
    (folder / "0002_index.up.sql").write_text("CREATE INDEX one ON parts (id)")
    migrations = Migrations.model_validate(
        {"files": {"folder": str(folder)}, "database": "${env:SHOP_DB}"}
    )
    before = await fingerprint(scene.database)
    command = deploy(migrations=migrations)

    data = await scene.killed_in("CREATE INDEX one", command)
    assert data.outcome == "done", data.reason
    assert data.steps[0].attempts == 2
    assert data.migration is not None
    assert (data.migration.before, data.migration.after) == ("base", "0002")
    assert data.migration.fingerprint_before == before.digest
    assert await scene.connection.fetchval("SELECT 'one'::regclass IS NOT NULL")


async def test_a_revert_that_was_killed_between_its_files_is_gone_on_with_and_proven(
    scene: Scene, tmp_path: Path
) -> None:
    folder = tmp_path / "db"
    folder.mkdir()
    for number, table in enumerate(("parts", "orders"), 1):
        (folder / f"{number:04}_index.up.sql").write_text(
            f"CREATE INDEX on_{table} ON {table} (id)"
        )
        (folder / f"{number:04}_index.down.sql").write_text(f"DROP INDEX on_{table}")
    migrations = Migrations.model_validate(
        {"files": {"folder": str(folder)}, "database": "${env:SHOP_DB}"}
    )
    before = await fingerprint(scene.database)
    await Bench(scene.database).deliver(deploy(migrations=migrations))
    command = rollback(
        step("back", run=("true",)),
        migrations=migrations,
        migration_before="base",
        fingerprint_before=before.digest,
    )

    data = await scene.killed_in("DROP INDEX on_parts", command)
    assert data.outcome == "done", data.reason
    assert data.steps[0].attempts == 2
    assert data.migration is not None
    assert data.migration.reverted is not None
    assert data.migration.reverted.outcome == "reverted_verified"
    assert await fingerprint(scene.database) == before


async def test_a_revert_that_was_killed_half_way_is_unknown_and_says_what_is_left(
    scene: Scene, tmp_path: Path
) -> None:
    (tmp_path / "tool.py").write_text(CARELESS)
    tool = (sys.executable, str(tmp_path / "tool.py"))
    migrations = Migrations(
        current=(*tool, "current"),
        apply=(*tool, "apply"),
        revert=(*tool, "revert"),
        database="${env:SHOP_DB}",
        database_env="DATABASE_URL",
    )
    applied = await Bench(scene.database).deliver(deploy(migrations=migrations))
    assert applied.migration is not None
    command = rollback(
        step("back", run=("true",)),
        migrations=migrations,
        migration_before="1",
        fingerprint_before=applied.migration.fingerprint_before,
    )

    data = await scene.killed_in("DROP INDEX two", command)
    assert data.outcome == "unknown", data.reason
    assert len(data.steps) == 1
    assert data.migration is not None
    reverted = data.migration.reverted
    assert reverted is not None
    assert reverted.outcome == "revert_failed"
    assert "begun at 2 by a worker that died, and the schema is now at 2, not at 1" in (
        reverted.reason
    )
    assert "by its fingerprint it is not as before the deployment" in reverted.reason
