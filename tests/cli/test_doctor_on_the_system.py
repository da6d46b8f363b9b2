"""`goaround doctor` on a real system: well, and with each of its parts broken in turn."""

import asyncio
import json
import os
import re
import signal
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from goaround import upfile
from goaround.local import LocalSystem, Part
from goaround.reach import bus_at
from goaround.topology import ADMIN, topology
from goaround_chassis.bus import Bus, apply
from goaround_orchestrator.run import Run
from goaround_orchestrator.store import PostgresLedger
from goaround_schemas.phase import Phase
from tests.cli.conftest import Command

pytestmark = pytest.mark.system

Rows = dict[str, dict[str, Any]]
PATIENCE_S = 15.0


class Patient:
    """The system, as the doctor finds it."""

    def __init__(self, system: LocalSystem, command: Command) -> None:
        self.system = system
        self._command = command

    def examined(self, *where: str) -> tuple[int, Rows]:
        """The exit code, and the rows by what they are about."""
        done = self._command("doctor", "--json", *(where or ("--url", self.system.url_for())))
        assert not done.stderr
        document = json.loads(done.stdout)
        return done.returncode, {row["check"]: row for row in document["checks"]}

    def part(self, service: str) -> Part:
        return next(p for p in self.system.parts if p.service == service)


@pytest.fixture
def patient(local_system: LocalSystem, command: Command) -> Patient:
    return Patient(local_system, command)


@asynccontextmanager
async def admin(system: LocalSystem) -> AsyncGenerator[Bus]:
    async with bus_at(system.url_for(ADMIN)) as bus:
        yield bus


@contextmanager
def stopped(patient: Patient, service: str) -> Generator[None]:
    """A service that is down for a while."""
    part = patient.part(service)
    part.process.send_signal(signal.SIGTERM)
    part.process.wait(30)
    part.let_guard_go()
    try:
        yield
    finally:
        patient.system.respawn(part)
        patient.system.wait_ready()


def not_well(rows: Rows) -> dict[str, str]:
    return {name: row["state"] for name, row in rows.items() if row["state"] != "ok"}


def test_a_system_that_is_well_has_a_row_for_everything_and_the_code_is_0(
    patient: Patient,
) -> None:
    code, rows = patient.examined()
    # Whether other tests have left letters behind is not this one's business.
    assert set(not_well(rows)) <= {"dead letters"}
    assert code in (0, 21)
    known = topology()
    assert {f"stream {s.name}" for s in known.streams} <= set(rows)
    assert {f"bucket {b.name}" for b in known.buckets} <= set(rows)
    assert {f"consumer {c.stream}/{c.name}" for c in known.consumers} <= set(rows)
    asked = {"bus", "orchestrator", "database", "outbox", "parked messages", "runs"}
    clocks = {f"clock of the {whose}" for whose in ("bus", "orchestrator", "database")}
    assert asked | clocks | {"dead letters", "storage of the bus"} <= set(rows)
    assert rows["bus"]["value"].startswith("NATS 2.")
    assert "GiB" in rows["stream DEPLOY"]["value"]


def test_a_table_for_people_says_the_same(patient: Patient, command: Command) -> None:
    done = command("doctor", "--url", patient.system.url_for())
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["CHECK", "STATE", "FOUND", "NEXT", "STEP"]
    assert any(line.startswith("consumer WORK/verifier") and " ok " in line for line in lines)


def test_on_this_machine_each_part_is_asked_and_the_room_that_is_left_is_told(
    patient: Patient,
) -> None:
    root = patient.system.root
    parts = [upfile.Process(p.name, p.service, p.pid) for p in patient.system.parts]
    gone = upfile.Process("verifier-9", "verifier", 2**22 + 1)
    upfile.write(root, upfile.Up(os.getpid(), "", "", (*parts, gone)))
    try:
        code, rows = patient.examined("--root", str(root))
    finally:
        upfile.forget(root)
    assert code == 1
    assert {rows[p.name]["state"] for p in parts} == {"ok"}
    assert (rows["verifier-9"]["state"], rows["verifier-9"]["value"]) == ("bad", "has ended")
    assert rows["verifier-9"]["next_step"].endswith("verifier-9.log")
    assert re.search(
        r"used of 10.0 GiB with .* free on the disk", rows["storage of the bus"]["value"]
    )


def test_a_service_that_is_down_is_seen_by_its_consumer_that_nobody_reads(
    patient: Patient,
) -> None:
    # Not the notifier: a notice that waits for its next try is work in hand, whoever runs.
    with stopped(patient, "scribe"):
        deadline = time.monotonic() + PATIENCE_S
        code, rows = patient.examined()
        # What it had in hand looks like work until the bus has given up waiting for it.
        while code != 1 and time.monotonic() < deadline:
            code, rows = patient.examined()
        row = rows["consumer WORK/scribe"]
        assert (code, row["state"]) == (1, "bad")
        assert "nobody reads it" in row["value"]
        assert "no scribe runs" in row["next_step"]
        assert rows["consumer WORK/verifier"]["state"] == "ok"
    assert patient.examined()[1]["consumer WORK/scribe"]["state"] == "ok"


def test_without_an_orchestrator_nothing_is_known_of_the_database_and_that_is_said(
    patient: Patient,
) -> None:
    with stopped(patient, "orchestrator"):
        code, rows = patient.examined()
        assert (code, rows["orchestrator"]["state"]) == (1, "bad")
        assert "no orchestrator answers" in rows["orchestrator"]["value"]
        assert rows["consumer DEPLOY/orchestrator"]["state"] == "bad"
        assert "database" not in rows


def test_a_consumer_that_was_deleted_is_missed_and_the_migration_brings_it_back(
    patient: Patient,
) -> None:
    watcher = patient.part("watcher")

    async def delete() -> None:
        async with admin(patient.system) as bus:
            gone = json.loads(await bus.api("CONSUMER.DELETE.TIMERS.watcher-timers"))
            assert gone["success"]

    async def migrate() -> None:
        async with admin(patient.system) as bus:
            await apply(bus, topology())

    asyncio.run(delete())
    try:
        code, rows = patient.examined()
        row = rows["consumer TIMERS/watcher-timers"]
        assert (code, row["state"], row["value"]) == (1, "bad", "is not there")
        assert "goaround migrate" in row["next_step"]
        # The service sees it too, and ends.
        assert watcher.process.wait(30) == 3
        watcher.let_guard_go()
    finally:
        asyncio.run(migrate())
        patient.system.respawn(watcher)
        patient.system.wait_ready()
    assert patient.examined()[1]["consumer TIMERS/watcher-timers"]["state"] == "ok"


def test_a_stream_that_was_made_otherwise_is_told_but_not_that_it_keeps_more(
    patient: Patient,
) -> None:
    async def change(**fields: Any) -> None:
        async with admin(patient.system) as bus:
            config = json.loads(await bus.api("STREAM.INFO.DEPLOY"))["config"]
            body = json.dumps({**config, **fields}).encode()
            assert "error" not in json.loads(await bus.api("STREAM.UPDATE.DEPLOY", body))

    window_ns, gib = 300_000_000_000, 1024**3
    try:
        asyncio.run(change(max_bytes=3 * gib))
        assert patient.examined()[1]["stream DEPLOY"]["state"] == "ok"
        asyncio.run(change(duplicate_window=window_ns // 2))
        row = patient.examined()[1]["stream DEPLOY"]
        assert row["state"] == "warn"
        assert "duplicate_window" in row["value"]
    finally:
        asyncio.run(change(max_bytes=4 * gib, duplicate_window=window_ns))


def test_a_dead_letter_is_a_warning_with_its_reason(patient: Patient) -> None:
    noted = {
        "goaround-reason": "malformed",
        "goaround-error": "no type",
        "goaround-stream": "WORK",
        "goaround-consumer": "verifier",
    }

    async def put_aside() -> int:
        async with admin(patient.system) as bus:
            await bus.publish_raw(
                "dead.work.verify.prod.x", b"{}", stream="DEAD", msg_id="d-1", headers=noted
            )
            last = await bus.last_on("DEAD", "dead.work.verify.prod.x")
            assert last
            return last.sequence

    async def drop(sequence: int) -> None:
        async with admin(patient.system) as bus:
            await bus.discard("DEAD", sequence)

    sequence = asyncio.run(put_aside())
    try:
        code, rows = patient.examined()
        assert code == 21
        row = rows["dead letters"]
        assert row["state"] == "warn"
        assert "of WORK/verifier: malformed (no type)" in row["value"]
        assert "goaround dead list" in row["next_step"]
    finally:
        asyncio.run(drop(sequence))


def test_a_run_that_nothing_moves_any_more_is_named(patient: Patient) -> None:
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    # Without a plan: the sweeper looks at it, again and again, and cannot decide.
    run = Run(
        id="stuck-1",
        service="doctor-stuck",
        environment="prod",
        version="1",
        phase=Phase.HELD,
        requested_by="ada",
        requested_at=long_ago,
        phase_since=long_ago,
        deadline=long_ago + timedelta(hours=1),
        due_at=long_ago + timedelta(hours=1),
    )

    async def add() -> None:
        ledger = await PostgresLedger.connect(patient.system.database_url, 2)
        async with ledger.unit() as unit:
            assert await unit.add(run)
        await ledger.close()

    async def remove() -> None:
        ledger = await PostgresLedger.connect(patient.system.database_url, 2)
        await ledger.pool.execute("delete from transitions where run_id = 'stuck-1'")
        await ledger.pool.execute("delete from runs where id = 'stuck-1'")
        await ledger.close()

    asyncio.run(add())
    try:
        code, rows = patient.examined()
        row = rows["runs"]
        assert (code, row["state"]) == (1, "bad")
        assert "stuck-1 (doctor-stuck in prod, held): 1h past its deadline" in row["value"]
        assert "goaround why stuck-1" in row["next_step"]
    finally:
        asyncio.run(remove())


def test_where_no_bus_answers_the_one_row_says_so_and_the_code_is_3(
    command: Command,
) -> None:
    done = command("doctor", "--json", "--url", "nats://127.0.0.1:1")
    assert done.returncode == 3
    document = json.loads(done.stdout)
    assert document["state"] == "bad"
    (row,) = document["checks"]
    assert row["check"] == "bus"
    assert "127.0.0.1:1" in row["value"]
