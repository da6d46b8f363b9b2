"""Rehearsals on the whole system: asked for, made on a scratch copy, kept, and nothing changed."""

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from goaround.local import LocalSystem
from tests.cli.command import guide
from tests.cli.conftest import Command

pytestmark = pytest.mark.system

UP = "create table notes (id bigint primary key, note text);\n"
DOWN = "drop table notes;\n"


def _ground(
    command: Command, system: LocalSystem, service: str, secrets: Path, down: str = DOWN
) -> tuple[str, str]:
    """A service with one pending migration and its own database; return how to reach the bus."""
    database = system.servers.postgres.create_database(service.replace("-", "_"))
    url_file = secrets / service
    url_file.write_text(database)
    folder = system.workspace / f"{service}-sql"
    folder.mkdir()
    (folder / "0001_notes.up.sql").write_text(UP)
    (folder / "0001_notes.down.sql").write_text(down)
    migrations = (
        f"deploy:\n  migrations: {{files: {{folder: {service}-sql}}, "
        f"database: '${{file:{url_file}}}', rehearse: {{server: '${{file:{url_file}}}'}}}}\n"
    )
    text = guide(service).replace("deploy:\n", migrations)
    (system.guides / f"{service}.yaml").write_text(text)
    bus = ("--url", system.url_for())
    assert command("adopt", service, "1.0", "--env", "prod", *bus).returncode == 0
    return bus


async def _tables(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'public'")
    finally:
        await connection.close()
    return [row["tablename"] for row in rows]


async def _databases(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        count: int = await connection.fetchval("select count(*) from pg_database")
    finally:
        await connection.close()
    return count


def test_migrations_that_come_back_whole_pass_and_nothing_is_left_of_the_rehearsal(
    command: Command, local_system: LocalSystem, tmp_path: Path
) -> None:
    bus = _ground(command, local_system, "rehearsed", tmp_path)
    database = (tmp_path / "rehearsed").read_text()
    before = asyncio.run(_databases(database))
    done = command("rehearse", "rehearsed", "1.1", "--env", "prod", "--json", *bus)
    assert done.returncode == 0, done.stdout + done.stderr
    row = json.loads(done.stdout)
    assert (row["result"]["outcome"], row["version"]) == ("passed", "1.1")
    assert [m["kind"] for m in row["migrations"]] == ["additive"]
    assert asyncio.run(_tables(database)) == []
    assert asyncio.run(_databases(database)) == before
    listed = json.loads(command("rehearsals", "--service", "rehearsed", "--json", *bus).stdout)
    assert [r["rehearsal_id"] for r in listed] == [row["rehearsal_id"]]
    assert command("runs", "--service", "rehearsed", *bus).stderr == "no runs like that\n"


def test_a_way_back_that_leaves_something_behind_fails_and_says_what(
    command: Command, local_system: LocalSystem, tmp_path: Path
) -> None:
    down = "alter table notes rename to old_notes;\n"
    bus = _ground(command, local_system, "unrehearsed", tmp_path, down)
    done = command("rehearse", "unrehearsed", "1.1", "--env", "prod", *bus)
    assert done.returncode == 20, done.stdout + done.stderr
    assert "failed: unrehearsed 1.1 in prod: " in done.stdout
    assert "old_notes" in done.stdout
