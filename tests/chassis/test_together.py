"""Messages handled as one list: what a dead process had in hand, and what ends processes."""
# The client library leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Sequence
from functools import partial

import nats
import pytest

from goaround_chassis.bus import Subscription
from goaround_schemas.envelope import Message, encode
from tests.chassis.lane import Lane, until
from tests.chassis.messages import requested
from tests.chassis.nats_server import NatsServer

pytestmark = pytest.mark.system

RUNS = [f"run-{n}" for n in range(8)]


class Desk:
    """Keeps what came as lists, and what came by itself."""

    def __init__(self) -> None:
        self.lists: list[list[str]] = []
        self.alone: list[str] = []
        self.go_on = asyncio.Event()

    async def many(self, messages: Sequence[Message]) -> None:
        self.lists.append([m.subject for m in messages])

    async def one(self, message: Message) -> None:
        self.alone.append(message.subject)
        await self.go_on.wait()

    def reading(self, lane: Lane) -> Subscription:
        return Subscription(
            lane.stream,
            lane.consumer,
            self.one,
            together=self.many,
            concurrency=len(RUNS),
            turns=1,
        )


async def hand_back(server: NatsServer, lane: Lane, messages: int) -> None:
    """Take them from the consumer, and give them back undone."""
    client = await nats.connect(server.url)
    reader = await client.jetstream().pull_subscribe_bind(lane.consumer, lane.stream)
    for message in await reader.fetch(messages, timeout=5):
        await message.nak()
    await client.close()


async def test_what_a_process_that_died_had_in_hand_is_handled_as_a_list_again(
    lane: Lane, nats_server: NatsServer
) -> None:
    desk = Desk()
    for run in RUNS:
        await lane.send(encode(requested(run)))
    await hand_back(nats_server, lane, len(RUNS))
    await lane.bus.consume(desk.reading(lane))
    # Should the first come by itself, it is at work until the others are there or done.

    async def all_have_come() -> bool:
        done = sum(map(len, desk.lists))
        return (await lane.state())["in_hand"] + done >= len(RUNS)

    await until(all_have_come)
    desk.go_on.set()
    await lane.settled(len(RUNS))
    assert desk.lists
    assert sorted(sum(desk.lists, desk.alone)) == RUNS


async def test_what_comes_for_the_third_time_is_handled_by_itself(
    lane: Lane, nats_server: NatsServer
) -> None:
    desk = Desk()
    for run in RUNS[:2]:
        await lane.send(encode(requested(run)))
    for _ in range(2):
        await hand_back(nats_server, lane, 2)
    desk.go_on.set()
    await lane.bus.consume(desk.reading(lane))
    await lane.settled(2)
    assert desk.lists == []
    assert sorted(desk.alone) == RUNS[:2]


async def test_what_comes_again_while_it_waits_for_its_turn_is_in_the_list_once(
    lane: Lane,
) -> None:
    desk = Desk()
    await lane.bus.consume(desk.reading(lane))
    await lane.send(encode(requested("run-0")))
    await until(partial(_holds, lane, "in_hand", 1))
    for run in RUNS[1:3]:
        await lane.send(encode(requested(run)))
    # Nobody says of these that they are worked on, so the server offers them again.
    await until(partial(_holds, lane, "redelivered", 2))
    desk.go_on.set()
    await lane.settled(3)
    assert desk.alone == ["run-0"]
    assert desk.lists == [RUNS[1:3]]


async def _holds(lane: Lane, what: str, least: int) -> bool:
    return (await lane.state())[what] >= least
