"""What goes wrong around a service: the server restarts, the dead letters' stream is gone."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from goaround_chassis.bus import (
    Bus,
    Refused,
    Stream,
    Subscription,
    Topology,
    Unavailable,
    apply,
)
from goaround_chassis.errors import Later, Never
from goaround_chassis.settings import BusSettings
from goaround_schemas.envelope import Message, encode
from tests.chassis.lane import Lane, until
from tests.chassis.messages import requested
from tests.chassis.nats_server import NatsServer

pytestmark = pytest.mark.system

DEAD = Topology(streams=(Stream("DEAD", ("dead.>",)),))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[NatsServer]:
    """A server of the test's own, to be killed."""
    server = NatsServer(tmp_path / "own")
    server.start()
    yield server
    server.kill()


@asynccontextmanager
async def lane_on(server: NatsServer) -> AsyncGenerator[Lane, None]:
    settings = BusSettings(nats_url=server.url, shutdown_grace_s=1)
    async with await Bus.connect(settings, "tester") as bus:
        lane = Lane(bus, f"T{uuid4().hex[:10]}")
        await lane.open()
        yield lane


async def test_a_subscriber_outlives_the_server(server: NatsServer) -> None:
    seen: set[str] = set()

    async def take(message: Message) -> None:
        seen.add(message.subject)

    async with lane_on(server) as lane:
        await lane.bus.consume(Subscription(lane.stream, lane.consumer, take))
        await lane.send(encode(requested("run-before")))
        await lane.settled()
        server.kill()
        # Sent while there is no server: kept by nobody yet, and confirmed once there is one.
        sending = asyncio.create_task(lane.send(encode(requested("run-during"))))
        server.start()
        await sending
        await lane.send(encode(requested("run-after")))
        await lane.settled(3)
        assert seen == {"run-before", "run-during", "run-after"}


async def test_what_was_handled_while_the_server_was_away_is_not_handled_twice(
    server: NatsServer,
) -> None:
    handled: list[str] = []
    reached = asyncio.Event()
    go_on = asyncio.Event()

    async def take(message: Message) -> None:
        reached.set()
        await go_on.wait()
        handled.append(message.subject)

    async with lane_on(server) as lane:
        await lane.bus.consume(Subscription(lane.stream, lane.consumer, take))
        await lane.send(encode(requested("run-1")))
        await reached.wait()
        server.kill()
        go_on.set()
        server.start()
        await lane.settled()
        assert handled == ["run-1"]


async def test_no_message_is_given_up_while_dead_letters_cannot_be_kept(
    server: NatsServer,
) -> None:
    told: list[str] = []
    handled = 0

    async def take(message: Message) -> None:
        nonlocal handled
        handled += 1
        raise Never("no such guide")

    async def tell(message: Message, why: str) -> None:
        told.append(why)

    async with lane_on(server) as lane:
        await lane.bus.consume(Subscription(lane.stream, lane.consumer, take, on_dead=tell))
        await lane.send(encode(requested()))

        async def is_told() -> bool:
            return told == ["no such guide"]

        await until(is_told)
        assert (await lane.state())["in_hand"] == 1
        await apply(lane.bus, DEAD)
        letter = await lane.dead_letter()
        await lane.settled()
        assert letter.header("goaround-reason") == "never"
        # Decided once, told once: only the dead letter was tried again.
        assert (handled, told) == (1, ["no such guide"])


async def test_a_stream_that_is_not_there_is_unavailable_and_a_wrong_one_refused(
    server: NatsServer,
) -> None:
    async with lane_on(server) as lane:
        with pytest.raises(Unavailable, match="no stream takes nobody"):
            await lane.bus.publish_raw("nobody.listens", b"", stream="NOPE", msg_id="1")
        with pytest.raises(Refused, match="expected stream does not match"):
            await lane.bus.publish_raw(lane.subject, b"", stream="NOPE", msg_id="2")
        with pytest.raises(Refused, match="maximum payload"):
            await lane.bus.publish_raw(
                lane.subject, b"x" * 2_000_000, stream=lane.stream, msg_id="3"
            )


async def test_later_does_not_hold_up_the_others(server: NatsServer) -> None:
    seen: list[str] = []

    async def take(message: Message) -> None:
        if message.subject == "run-wait":
            raise Later(timedelta(hours=1), "not yet")
        seen.append(message.subject)

    async with lane_on(server) as lane:
        await lane.bus.consume(Subscription(lane.stream, lane.consumer, take))
        await lane.send(encode(requested("run-wait")))
        await lane.send(encode(requested("run-2")))

        async def is_so() -> bool:
            return seen == ["run-2"]

        await until(is_so)
