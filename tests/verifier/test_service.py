"""The verifier as a process of its own, on a real bus, with real checks."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import pytest

from goaround_chassis.bus import Bus, Consumer, Stream, Topology, apply
from goaround_chassis.settings import BusSettings
from goaround_schemas.envelope import derived_id, encode
from goaround_schemas.matrix import DeployVerified, WorkVerify
from goaround_schemas.subjects import DEAD, DEPLOY, WORK, filter_for, subject_of
from tests.verifier.builders import check, command, question
from tests.verifier.server import Reply, http_server, raw_server

pytestmark = pytest.mark.system

TOPOLOGY = Topology(
    streams=(
        Stream(WORK, ("work.>",), retention="workqueue"),
        Stream(DEPLOY, ("deploy.>",)),
        Stream(DEAD, ("dead.>",)),
    ),
    consumers=(Consumer(WORK, "verifier", (filter_for(WorkVerify),), ack_wait_s=1.0),),
)
WITHIN_S = 20.0


@pytest.fixture
async def bus(fresh_nats_url: str) -> AsyncGenerator[Bus]:
    settings = BusSettings(nats_url=fresh_nats_url, shutdown_grace_s=2)
    async with await Bus.connect(settings, "tester") as bus:
        await apply(bus, TOPOLOGY)
        yield bus


@asynccontextmanager
async def verifier(
    url: str, concurrency: int = 16, **environ: str
) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "goaround_verifier",
        env={
            **os.environ,
            **environ,
            "GOAROUND_NATS_URL": url,
            "GOAROUND_CONCURRENCY": str(concurrency),
            "GOAROUND_SHUTDOWN_GRACE_S": "3",
        },
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), WITHIN_S)


async def answers(bus: Bus, count: int) -> list[DeployVerified]:
    """The first answers in the stream, in the order in which they came."""
    found: list[DeployVerified] = []
    replay = await bus.events(DEPLOY, (filter_for(DeployVerified),))
    async with asyncio.timeout(WITHIN_S), aclosing(replay):
        async for received in replay:
            found.append(DeployVerified.model_validate_json(received.body))
            if len(found) == count:
                break
    return found


async def test_a_command_is_answered_once_however_often_it_comes(
    fresh_nats_url: str, bus: Bus
) -> None:
    async with http_server(Reply(200, {"version": "2.4.1"})) as server:
        url = "${env:SHOP}/version"
        asked = command(
            question(check(http={"url": url, "json": "version"}), category="running"),
            question(check(run=[sys.executable, "-c", "print('smoke')"])),
            question(check(http={"url": url, "expect": {"status": 503}}, required=False)),
        )
        for delivery in ("first", "second"):
            await bus.publish_raw(
                subject_of(asked), encode(asked), stream=WORK, msg_id=f"{asked.id}-{delivery}"
            )
        later = command(question(check(http={"url": server.url})), id="cmd-2")
        async with verifier(fresh_nats_url, concurrency=1, SHOP=server.url) as process:
            await bus.publish(later)
            first, second = await answers(bus, 2)
            process.terminate()
            assert await asyncio.wait_for(process.wait(), WITHIN_S) == 0
    assert first.id == derived_id("cmd-1", "deploy.verified")
    assert second.id == derived_id("cmd-2", "deploy.verified")
    assert len(server.asked) == 5, "the repeat was examined too"
    matrix = first.data.matrix
    assert [row.outcome for row in matrix.rows] == ["passed", "passed", "failed"]
    assert (matrix.outcome, matrix.rows[0].value) == ("passed", "2.4.1")
    assert server.url not in first.model_dump_json(), "a secret's value never leaves the worker"


async def test_a_second_verifier_shares_the_work(fresh_nats_url: str, bus: Bus) -> None:
    together = asyncio.Barrier(2)

    async def both_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await together.wait()
        writer.write(Reply(200).encode())
        await writer.drain()
        await reader.read()

    async with (
        raw_server(both_at_once) as port,
        verifier(fresh_nats_url, concurrency=1),
        verifier(fresh_nats_url, concurrency=1),
    ):
        url = f"http://127.0.0.1:{port}/"
        for id_ in ("cmd-1", "cmd-2"):
            asked = question(check(http={"url": url}, timeout="15s"))
            await bus.publish(command(asked, id=id_))
        found = await answers(bus, 2)
    assert {a.data.matrix.outcome for a in found} == {"passed"}


async def test_a_verifier_killed_in_mid_check_is_replaced_by_the_next(
    fresh_nats_url: str, bus: Bus
) -> None:
    asked_once = asyncio.Event()
    silent = True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked_once.set()
        if silent:
            await reader.read()
            return
        writer.write(Reply(200).encode())
        await writer.drain()
        await reader.read()

    async with raw_server(serve) as port:
        url = f"http://127.0.0.1:{port}/"
        await bus.publish(command(question(check(http={"url": url}, timeout="60s"))))
        async with verifier(fresh_nats_url) as first:
            await asyncio.wait_for(asked_once.wait(), WITHIN_S)
            first.kill()
            await first.wait()
        silent = False
        async with verifier(fresh_nats_url):
            (answer,) = await answers(bus, 1)
    assert answer.data.matrix.outcome == "passed"
