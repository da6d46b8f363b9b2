"""The scribe as a process of its own, on a real bus, with real files."""

import asyncio
import fcntl
import os
import shutil
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from goaround_chassis.bus import Bus, Consumer, Stream, Topology, apply
from goaround_chassis.settings import BusSettings
from goaround_schemas.envelope import encode
from goaround_schemas.recording import DeployRecorded, WorkRecord
from goaround_schemas.subjects import DEAD, DEPLOY, WORK, filter_for, subject_of
from goaround_scribe.disk import LOCK
from tests.builders import at
from tests.chassis.lane import until
from tests.scribe.builders import outcomes, record_of

pytestmark = pytest.mark.system

TOPOLOGY = Topology(
    streams=(
        Stream(WORK, ("work.>",), retention="workqueue"),
        Stream(DEPLOY, ("deploy.>",)),
        Stream(DEAD, ("dead.>",)),
    ),
    consumers=(Consumer(WORK, "scribe", (filter_for(WorkRecord),), ack_wait_s=1.0),),
)
WITHIN_S = 20.0


@pytest.fixture
async def bus(fresh_nats_url: str) -> AsyncIterator[Bus]:
    settings = BusSettings(nats_url=fresh_nats_url, shutdown_grace_s=2)
    async with await Bus.connect(settings, "tester") as bus:
        await apply(bus, TOPOLOGY)
        yield bus


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    return tmp_path


@asynccontextmanager
async def scribe(
    url: str, root: Path, **environ: str
) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "goaround_scribe",
        env={
            **os.environ,
            "GOAROUND_NATS_URL": url,
            "GOAROUND_WORKSPACE_DIR": str(root),
            "GOAROUND_SHUTDOWN_GRACE_S": "3",
            **environ,
        },
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), WITHIN_S)


async def git(root: Path, *words: str) -> str:
    """What the machine's git prints."""
    process = await asyncio.create_subprocess_exec(
        "git", *words, cwd=root, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode == 0
    return out.decode()


async def answers(bus: Bus, count: int) -> list[DeployRecorded]:
    """The first answers in the stream, in the order in which they came."""
    found: list[DeployRecorded] = []
    replay = await bus.events(DEPLOY, (filter_for(DeployRecorded),))
    async with asyncio.timeout(WITHIN_S), aclosing(replay):
        async for received in replay:
            found.append(DeployRecorded.model_validate_json(received.body))
            if len(found) == count:
                break
    return found


async def test_runs_are_on_record_once_with_two_scribes_and_every_command_doubled(
    fresh_nats_url: str, bus: Bus, root: Path
) -> None:
    commands = [record_of(id=f"c-{n}", run_id=f"r-{n}", time=at(n)) for n in range(6)]
    for delivery in ("first", "second"):
        for asked in commands:
            await bus.publish_raw(
                subject_of(asked), encode(asked), stream=WORK, msg_id=f"{asked.id}-{delivery}"
            )
    async with scribe(fresh_nats_url, root), scribe(fresh_nats_url, root):
        found = await answers(bus, len(commands))
    assert {a.causationid for a in found} == {c.id for c in commands}
    assert all("failed" not in outcomes(a.data).values() for a in found)
    text = (root / "CHANGELOG.md").read_text()
    assert [text.count(f"<!-- goaround:run r-{n} -->") for n in range(6)] == [1] * 6
    assert len((root / "CHANGELOG.jsonl").read_text().splitlines()) == 6
    assert "| r-5 |" in (root / "docs/checkout.md").read_text(), "the last run is what runs"


async def test_a_scribe_killed_in_mid_record_is_completed_by_the_next(
    fresh_nats_url: str, bus: Bus, root: Path
) -> None:
    (root / "CHANGELOG.md").write_text("# Ours\n")
    # Holding the lock of the page's folder stops the scribe between its second and third write.
    with (root / "docs" / LOCK).open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        async with scribe(fresh_nats_url, root, GOAROUND_LOCK_WITHIN_S="60") as first:
            await bus.publish(record_of(id="c-1", run_id="r-1"))

            async def half_written() -> bool:
                journal = root / "CHANGELOG.jsonl"
                return journal.exists() and journal.stat().st_size > 0

            await until(half_written)
            first.kill()
            await first.wait()
    async with scribe(fresh_nats_url, root) as second:
        (said,) = await answers(bus, 1)
        second.terminate()
        assert await asyncio.wait_for(second.wait(), WITHIN_S) == 0
    assert outcomes(said.data) == {
        "changelog": "unchanged",
        "journal": "unchanged",
        "docs": "written",
        "corrections": "unchanged",
    }
    assert (root / "CHANGELOG.md").read_text().count("<!-- goaround:run r-1 -->") == 1


@pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")
async def test_two_scribes_commit_every_run_of_a_checkout_once(
    fresh_nats_url: str, bus: Bus, root: Path
) -> None:
    alone = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    await git(root, "init", "-q", "-b", "main")
    commands = [record_of(id=f"c-{n}", run_id=f"r-{n}", time=at(n)) for n in range(4)]
    for delivery in ("first", "second"):
        for asked in commands:
            await bus.publish_raw(
                subject_of(asked), encode(asked), stream=WORK, msg_id=f"{asked.id}-{delivery}"
            )
    author = {"GOAROUND_SCRIBE_COMMIT_NAME": "Ada", "GOAROUND_SCRIBE_COMMIT_EMAIL": "ada@here"}
    async with (
        scribe(fresh_nats_url, root, **alone, **author),
        scribe(fresh_nats_url, root, **alone, **author),
    ):
        found = await answers(bus, len(commands))
    for said in found:
        details = [e.detail for e in said.data.entries if e.what != "corrections"]
        assert all(detail.startswith("committed as ") for detail in details)
    form = "--format=%an %ae %(trailers:key=Run,valueonly,separator=%x2C)"
    log = (await git(root, "log", form)).splitlines()
    # A run that was written while another was being committed may be in that one's commit.
    assert 1 <= len(log) == len(set(log)) <= len(commands)
    assert {line.rpartition(" ")[0] for line in log} == {"Ada ada@here"}
    assert await git(root, "status", "--porcelain", "--", "*.md", "*.jsonl") == ""


async def test_a_checkout_is_left_alone_where_the_settings_say_never(
    fresh_nats_url: str, bus: Bus, root: Path
) -> None:
    (root / ".git").mkdir()
    await bus.publish(record_of(id="c-1", run_id="r-1"))
    async with scribe(fresh_nats_url, root, GOAROUND_SCRIBE_COMMIT="never"):
        (said,) = await answers(bus, 1)
    assert {e.detail for e in said.data.entries if e.what != "corrections"} == {""}
    assert list((root / ".git").iterdir()) == []


async def test_bad_settings_stop_the_start_with_every_fault_named(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "goaround_scribe",
        env={
            **os.environ,
            "GOAROUND_WORKSPACE_DIR": str(tmp_path / "nowhere"),
            "GOAROUND_LOCK_WITHIN_S": "0",
            "GOAROUND_SCRIBE_COMMIT": "always",
            "GOAROUND_SCRIBE_COMMIT_EMAIL": "ada@here>\n<",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode == 2
    assert b"GOAROUND_WORKSPACE_DIR" in said
    assert b"GOAROUND_LOCK_WITHIN_S" in said
    assert b"GOAROUND_SCRIBE_COMMIT:" in said
    assert b"GOAROUND_SCRIBE_COMMIT_EMAIL" in said
