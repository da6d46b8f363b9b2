"""The notifier as a process of its own, on a real bus, against a real server."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from goaround_chassis.bus import Bucketspec, Bus, Consumer, Stream, Topology, apply
from goaround_chassis.settings import BusSettings
from goaround_schemas.envelope import encode
from goaround_schemas.notice import DeployNotified, WorkNotify
from goaround_schemas.subjects import DEAD, DEPLOY, WORK, filter_for, subject_of
from tests.notifier.builders import command
from tests.verifier.server import Asked, Reply, hang, http_server, raw_server

pytestmark = pytest.mark.system

TOPOLOGY = Topology(
    streams=(
        Stream(WORK, ("work.>",), retention="workqueue"),
        Stream(DEPLOY, ("deploy.>",)),
        Stream(DEAD, ("dead.>",)),
    ),
    consumers=(Consumer(WORK, "notifier", (filter_for(WorkNotify),), ack_wait_s=1.0),),
    buckets=(Bucketspec("notices"),),
)
WITHIN_S = 20.0


@pytest.fixture
async def bus(fresh_nats_url: str) -> AsyncIterator[Bus]:
    settings = BusSettings(nats_url=fresh_nats_url, shutdown_grace_s=2)
    async with await Bus.connect(settings, "tester") as bus:
        await apply(bus, TOPOLOGY)
        yield bus


@asynccontextmanager
async def notifier(
    url: str, log: Path, **environ: str
) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "goaround_notifier",
            stderr=file,
            env={
                **os.environ,
                "GOAROUND_NATS_URL": url,
                "GOAROUND_SHUTDOWN_GRACE_S": "3",
                "GOAROUND_LOG_LEVEL": "debug",
                **environ,
            },
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), WITHIN_S)


async def answers(bus: Bus, count: int) -> list[DeployNotified]:
    """The first answers in the stream, in the order in which they came."""
    found: list[DeployNotified] = []
    replay = await bus.events(DEPLOY, (filter_for(DeployNotified),))
    async with asyncio.timeout(WITHIN_S), aclosing(replay):
        async for received in replay:
            found.append(DeployNotified.model_validate_json(received.body))
            if len(found) == count:
                break
    return found


async def test_a_doubled_command_is_one_post_and_no_secret_leaves_the_worker(
    fresh_nats_url: str, bus: Bus, tmp_path: Path
) -> None:
    async with http_server(Reply(200)) as server:
        asked = command("${env:HOOK}")
        for delivery in ("first", "second"):
            await bus.publish_raw(
                subject_of(asked), encode(asked), stream=WORK, msg_id=f"{asked.id}-{delivery}"
            )
        hook = f"{server.url}/topsecret"
        async with notifier(
            fresh_nats_url, tmp_path / "log", HOOK=hook, GOAROUND_CONCURRENCY="1"
        ) as process:
            await bus.publish(command("${env:HOOK}", id_="n-2"))
            first, second = await answers(bus, 2)
            process.terminate()
            assert await asyncio.wait_for(process.wait(), WITHIN_S) == 0
    assert [a.headers["idempotency-key"] for a in server.asked] == ["n-1", "n-2"]
    assert [(a.causationid, a.data.outcome) for a in (first, second)] == [
        ("n-1", "delivered"),
        ("n-2", "delivered"),
    ]
    log = (tmp_path / "log").read_text()
    assert "topsecret" not in log + first.model_dump_json() + second.model_dump_json()
    assert "notified" in log


async def test_a_server_that_comes_back_is_told_after_all(
    fresh_nats_url: str, bus: Bus, tmp_path: Path
) -> None:
    replies = iter([Reply(500), Reply(503), Reply(200)])

    def answer(_: Asked) -> Reply:
        return next(replies)

    async with (
        http_server(answer) as server,
        notifier(fresh_nats_url, tmp_path / "log", GOAROUND_RETRY_S="[0.1, 0.2]"),
    ):
        await bus.publish(command(server.url))
        found = await answers(bus, 3)
    assert [a.data.outcome for a in found] == ["failed", "failed", "delivered"]
    assert {a.headers["idempotency-key"] for a in server.asked} == {"n-1"}


async def test_a_channel_that_hangs_holds_up_nobody_else(
    fresh_nats_url: str, bus: Bus, tmp_path: Path
) -> None:
    async with (
        raw_server(hang) as silent,
        http_server(Reply(200)) as server,
        notifier(
            fresh_nats_url,
            tmp_path / "log",
            GOAROUND_ATTEMPT_TIMEOUT_S="60",
            GOAROUND_SHUTDOWN_GRACE_S="0.2",
        ),
    ):
        for n in range(3):
            await bus.publish(command(f"http://127.0.0.1:{silent}/", id_=f"hangs-{n}"))
        await bus.publish(command(server.url.replace("http", "json"), id_="told"))
        (said,) = await answers(bus, 1)
        assert (said.causationid, said.data.outcome) == ("told", "delivered")


async def test_a_notifier_killed_while_it_sends_is_replaced_by_the_next(
    fresh_nats_url: str, bus: Bus, tmp_path: Path
) -> None:
    taken = asyncio.Event()
    keys: list[str] = []
    silent = True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        keys.append(head.partition("idempotency-key: ")[2].partition("\r\n")[0])
        taken.set()
        if silent:
            await reader.read()
            return
        writer.write(Reply(200).encode())
        await writer.drain()
        await reader.read()

    async with raw_server(serve) as port:
        await bus.publish(command(f"http://127.0.0.1:{port}/"))
        async with notifier(
            fresh_nats_url, tmp_path / "log", GOAROUND_ATTEMPT_TIMEOUT_S="60"
        ) as first:
            await asyncio.wait_for(taken.wait(), WITHIN_S)
            first.kill()
            await first.wait()
        silent = False
        async with notifier(fresh_nats_url, tmp_path / "log"):
            (said,) = await answers(bus, 1)
    assert (said.data.outcome, said.data.attempt) == ("delivered", 2)
    assert keys == ["n-1", "n-1"], "the receiver can tell a repeat by its key"


async def test_bad_settings_stop_the_start_with_every_fault_named() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "goaround_notifier",
        env={
            **os.environ,
            "GOAROUND_RETRY_S": json.dumps([5, -1]),
            "GOAROUND_ATTEMPT_TIMEOUT_S": "0",
        },
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode == 2
    assert b"GOAROUND_RETRY_S" in said
    assert b"GOAROUND_ATTEMPT_TIMEOUT_S" in said
