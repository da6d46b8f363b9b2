"""Migrations looked at and rehearsed on a real server, with the tools that people use."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from goaround.embedded import EmbeddedPostgres
from goaround_chassis.bus import Bus
from goaround_chassis.clock import SystemClock
from goaround_chassis.settings import BusSettings
from goaround_chassis.testing import RecordingPublisher
from goaround_deployer.database import database_at
from goaround_deployer.inspecting import Inspector, on_inspect
from goaround_deployer.reach import ReachableSchemas
from goaround_deployer.rehearsal import ScratchRehearsals
from goaround_deployer.scratch import ScratchTool
from goaround_deployer.steps.program import Programs
from goaround_deployer.steps.question import Questions
from goaround_migrating import fingerprint
from goaround_migrating.applying import scripts_in
from goaround_migrating.applying.running import apply
from goaround_migrating.connecting import connected
from goaround_migrating.rehearsing import ToolFailed
from goaround_schemas.guide.step import Migrations, Rehearsal
from goaround_schemas.procedure import (
    DeployInspected,
    DeployInspectedData,
    RehearsalResult,
    WorkInspect,
)
from tests import builders
from tests.deployer import alembic_home
from tests.deployer.builders import deploy, step
from tests.deployer.connecting import requests
from tests.deployer.crew import Deployer, prepare
from tests.deployer.waiting import alive, until, written

pytestmark = pytest.mark.system

REHEARSE = {"server": "${env:SCRATCH_SERVER}"}
NOTE = (
    "ALTER TABLE orders ADD COLUMN note text;\nCREATE INDEX orders_note ON orders (note);",
    "ALTER TABLE orders DROP COLUMN note;",
)


class Site:
    """A database at version 1 of a folder of SQL files, and a worker that inspects."""

    def __init__(self, home: Path, url: str, server: str) -> None:
        self.home, self.url = home, url
        self.worker = {"PATH": os.environ["PATH"], "SHOP_DB": url, "SCRATCH_SERVER": server}
        self.publisher = RecordingPublisher()

    def write(self, name: str, up: str, down: str | None = None) -> None:
        (self.home / f"{name}.up.sql").write_text(up)
        if down is not None:
            (self.home / f"{name}.down.sql").write_text(down)

    def files(self, **given: Any) -> Migrations:
        data = {"files": {"folder": str(self.home)}, "database": "${env:SHOP_DB}", **given}
        return Migrations.model_validate(data)

    @property
    def programs(self) -> Programs:
        return Programs(self.worker, term_grace_s=0.2)

    @property
    def rehearsals(self) -> ScratchRehearsals:
        return ScratchRehearsals(self.programs, requests(), self.worker, SystemClock())

    async def inspect(
        self, migrations: Migrations, *, rehearse: bool = False
    ) -> DeployInspectedData:
        inspector = Inspector(
            asking=lambda values: Questions(self.programs, self.worker, values),
            schemas=ReachableSchemas(self.programs, self.worker),
            rehearsals=self.rehearsals,
            publisher=self.publisher,
            clock=SystemClock(),
        )
        await on_inspect(command(migrations, rehearse=rehearse), inspector)
        return self.publisher.of(DeployInspected)[-1].data

    async def rehearse(self, migrations: Migrations) -> RehearsalResult:
        return await self.rehearsals.rehearse(command(migrations, rehearse=True).data)


def command(migrations: Migrations, *, rehearse: bool = False) -> WorkInspect:
    return builders.work_inspect(migrations=migrations, rehearse=rehearse, id=str(uuid4()))


@pytest.fixture
async def site(tmp_path: Path, database: str, postgres: EmbeddedPostgres) -> Site:
    home = tmp_path / "sql"
    home.mkdir()
    site = Site(home, database, postgres.dsn())
    site.write("1_orders", "CREATE TABLE orders (id int PRIMARY KEY);", "DROP TABLE orders;")
    async with connected(database) as connection:
        await apply(connection, scripts_in(home, "pairs"), print)
    return site


async def seen(site: Site) -> tuple[object, ...]:
    """All that an inspection must leave as it is."""
    connection = await asyncpg.connect(site.url)
    try:
        return (
            await fingerprint(connection, leave_out=frozenset()),
            await connection.fetch("SELECT * FROM goaround_migrations"),
            await connection.fetch("SELECT datname FROM pg_database WHERE datname ~ 'goaround'"),
        )
    finally:
        await connection.close()


async def test_sql_files_are_told_and_nothing_is_changed(site: Site) -> None:
    site.write("2_note", *NOTE)
    site.write("3_wide", "ALTER TABLE orders ALTER id TYPE bigint;")
    before = await seen(site)
    data = await site.inspect(site.files())
    assert (data.outcome, data.revision, data.judged) == ("done", "1", True)
    assert data.reason == "2 migrations are pending at 1, the worst of them reversible"
    note, wide = data.pending
    assert (note.revision, note.name, note.kind, note.way_back) == (
        "2",
        "note",
        "additive",
        "lossy",
    )
    assert "line 2 locks out writers" in note.locks[0]
    # The catalogue says what the type is now.
    assert (wide.kind, wide.way_back) == ("reversible", "none")
    assert data.fingerprint == (await fingerprint(site.url)).digest
    assert await seen(site) == before


async def test_what_apply_would_refuse_is_told_before_it_is_asked_to(site: Site) -> None:
    site.write("1_orders", "CREATE TABLE orders (id bigint PRIMARY KEY);")
    data = await site.inspect(site.files())
    assert (data.outcome, data.revision) == ("errored", "1")
    assert "1_orders.up.sql: was changed after it was applied" in data.reason


async def test_alembic_is_asked_from_where_the_database_is(site: Site, tmp_path: Path) -> None:
    home = tmp_path / "alembic"
    migrations = alembic_home.build(home, ("a1", *_python("SELECT 1", "SELECT 1")))
    await _run(site, migrations, migrations.apply)
    alembic_home.add(home, ("b2", *_python(*NOTE)))
    before = await seen(site)
    data = await site.inspect(migrations)
    assert (data.outcome, data.revision) == ("done", "a1")
    (note,) = data.pending
    assert (note.revision, note.kind, note.fit, note.way_back) == (
        "b2",
        "additive",
        "compatible",
        "lossy",
    )
    assert await seen(site) == before


def _python(up: str, down: str) -> tuple[str, str]:
    return f"op.execute({up!r})", f"op.execute({down!r})"


async def _run(site: Site, migrations: Migrations, argv: tuple[str, ...]) -> None:
    told = await Questions(Programs(site.worker), site.worker)(argv, migrations)
    assert told.code == 0, told.printed


async def test_a_tool_of_ones_own_is_judged_by_what_it_prints(site: Site) -> None:
    migrations = Migrations.model_validate(
        {
            "current": ["echo", "1"],
            "apply": ["true"],
            "sql": ["echo", "ALTER TABLE orders DROP COLUMN id;"],
            "revert_sql": ["echo", "ALTER TABLE orders ADD COLUMN id int;"],
            "database": "${env:SHOP_DB}",
        }
    )
    (whole,) = (await site.inspect(migrations)).pending
    assert (whole.revision, whole.kind, whole.way_back) == ("all", "lossy", "lossy")


async def test_a_rehearsal_goes_up_down_and_up_with_the_previous_version_between(
    site: Site,
) -> None:
    site.write("2_note", *NOTE)
    smoke = [
        {"name": "is elsewhere", "script": 'test "$GOAROUND_DATABASE_URL" != "$SHOP"',
         "env": {"SHOP": "${env:SHOP_DB}"}},
        {"name": "speaks", "run": ["sh", "-c", "echo writes to $GOAROUND_DATABASE_URL"]},
    ]  # fmt: skip
    before = await seen(site)
    files = site.files(rehearse={**REHEARSE, "smoke": smoke})
    data = await site.inspect(files, rehearse=True)
    done = data.rehearsal
    assert done is not None
    assert done.outcome == "passed", done.reason
    assert [p.revision for p in data.pending] == ["2"]
    assert [(s.name, s.outcome) for s in done.smoke] == [
        ("is elsewhere", "done"),
        ("speaks", "done"),
    ]
    assert done.smoke[1].output == "writes to •••\n"
    assert "2.4.0 did all 2 smoke steps on the new schema" in done.reason
    assert done.seconds >= (done.up_s or 0) + (done.down_s or 0) + (done.again_s or 0)
    assert None not in (done.up_s, done.down_s, done.again_s)
    assert await seen(site) == before


async def test_a_previous_version_that_fails_and_a_way_back_that_forgets_are_both_told(
    site: Site,
) -> None:
    site.write("2_note", "CREATE TABLE a (); CREATE TABLE b ();", "DROP TABLE a;")
    old = {"name": "old", "script": "echo no such column >&2; exit 1"}
    smoke = [old, {"name": "never", "run": ["true"]}]
    done = await site.rehearse(site.files(rehearse={**REHEARSE, "smoke": smoke}))
    assert done.outcome == "failed"
    assert "smoke step 'old': exit code 1; it printed: no such column" in done.reason
    assert [s.name for s in done.smoke] == ["old"]
    assert "after the way back" in done.reason
    assert done.difference == ("table b should not be there",)


async def test_a_smoke_step_that_cannot_be_run_says_nothing_of_the_schema(site: Site) -> None:
    site.write("2_note", *NOTE)
    smoke = [{"name": "old", "run": ["no-such-program"]}]
    done = await site.rehearse(site.files(rehearse={**REHEARSE, "smoke": smoke}))
    assert done.outcome == "errored"
    assert "smoke step 'old' could not be run: program 'no-such-program'" in done.reason


async def test_a_rehearsal_that_takes_too_long_is_ended_and_leaves_nothing(site: Site) -> None:
    site.write("2_slow", "SELECT pg_sleep(60);", "SELECT 1;")
    before = await seen(site)
    done = await site.rehearse(site.files(rehearse={**REHEARSE, "within": "1500ms"}))
    assert done.outcome == "errored"
    assert done.reason == "it did not end within 1.5 s (deploy.migrations.rehearse.within)"
    assert await seen(site) == before


async def test_a_rehearsal_server_that_nobody_told_of_is_said(site: Site) -> None:
    done = await site.rehearse(site.files(rehearse={"server": "${env:NOT_SET}"}))
    assert done.outcome == "errored"
    assert (
        "deploy.migrations.rehearse.server: ${env:NOT_SET}: the variable is not set" in done.reason
    )


async def test_alembic_is_rehearsed_on_the_copy(site: Site, tmp_path: Path) -> None:
    home = tmp_path / "alembic"
    migrations = alembic_home.build(home, ("b2", *_python(*NOTE)))
    rehearsed = migrations.model_copy(update={"rehearse": Rehearsal.model_validate(REHEARSE)})
    before = await seen(site)
    done = await site.rehearse(rehearsed)
    assert done.outcome == "passed", done.reason
    assert "from 'base' to 'b2'" in done.reason
    assert await seen(site) == before


async def test_commands_that_look_elsewhere_are_found_out_before_they_change_anything(
    site: Site,
) -> None:
    migrations = site.files(
        current=["echo", "1"], apply=["false"], revert=["true"], rehearse=REHEARSE,
        database_env="DATABASE_URL",
    )  # fmt: skip
    done = await site.rehearse(migrations)
    assert done.outcome == "errored"
    assert "its commands use another database than the one they are given" in done.reason


async def test_a_database_is_brought_to_a_revision_by_tools_that_can_stop_there(
    site: Site, tmp_path: Path, postgres: EmbeddedPostgres
) -> None:
    site.write("2_note", *NOTE)
    alembic = alembic_home.build(tmp_path / "alembic", alembic_home.ORDERS, alembic_home.NOTE)
    own = Migrations.model_validate({"current": ["true"], "apply": ["./up"], "revert": ["true"]})
    url = postgres.create_database("brought")
    try:
        files = _tool(site, site.files())
        await files.bring_to(url, "base")
        assert await files.current(url) == "base"
        await files.bring_to(url, "1")
        assert await files.current(url) == "1"
        await files.revert(url, "base")
        revisions = _tool(site, alembic)
        await revisions.bring_to(url, "a1")
        assert await revisions.current(url) == "a1"
        with pytest.raises(ToolFailed, match=r"`\./up` applies all that there is, and cannot be"):
            await _tool(site, own).bring_to(url, "1")
    finally:
        postgres.drop_database("brought")


def _tool(site: Site, migrations: Migrations) -> ScratchTool:
    database = database_at("${env:SHOP_DB}", site.worker, "database")
    return ScratchTool(migrations, database, Programs(site.worker), site.worker, {})


@pytest.fixture
async def bus(fresh_nats_url: str) -> AsyncIterator[Bus]:
    settings = BusSettings(nats_url=fresh_nats_url, shutdown_grace_s=1)
    async with await Bus.connect(settings, "tester") as bus:
        await prepare(bus)
        yield bus


async def _answer(bus: Bus) -> DeployInspected:
    replay = await bus.events("DEPLOY", ("deploy.inspected.>",))
    try:
        return DeployInspected.model_validate_json((await anext(replay)).body)
    finally:
        await replay.aclose()


async def test_an_inspection_does_not_wait_for_long_deployments(
    bus: Bus, fresh_nats_url: str, site: Site, tmp_path: Path
) -> None:
    site.write("2_note", *NOTE)
    began = tmp_path / "began"
    environ = {"GOAROUND_CONCURRENCY": "1", "SHOP_DB": site.url}
    with Deployer(fresh_nats_url, tmp_path / "log", **environ) as deployer:
        await until(lambda: deployer.ready)
        await bus.publish(deploy(step("long", script=f"echo $$ > {began}; sleep 60")))
        await written(began)
        asked = command(site.files())
        await bus.publish(asked)
        answer = await _answer(bus)
    assert answer.causationid == asked.id
    assert [p.revision for p in answer.data.pending] == ["2"]


async def test_an_inspection_whose_worker_is_killed_is_made_by_the_next(
    bus: Bus, fresh_nats_url: str, site: Site, tmp_path: Path
) -> None:
    began = tmp_path / "began"
    first_hangs = f"echo $$ >> {began}; [ $(wc -l < {began}) -gt 1 ] || sleep 60; echo 1"
    migrations = site.files(current=["sh", "-c", first_hangs], apply=["true"])
    environ = {"SHOP_DB": site.url}
    with Deployer(fresh_nats_url, tmp_path / "first", **environ) as first:
        await until(lambda: first.ready)
        await bus.publish(command(migrations))
        child = int(await written(began))
        first.send(signal.SIGKILL)
        await until(lambda: not alive(child))
        with Deployer(fresh_nats_url, tmp_path / "second", **environ):
            answer = await _answer(bus)
    assert (answer.data.outcome, answer.data.revision) == ("done", "1")
    assert len(began.read_text().splitlines()) == 2
