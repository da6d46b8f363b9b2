"""Pulls: as many as can be begun, none into the void, and no hammering at a closed door."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, cast

import nats.errors
import pytest
from nats.aio.msg import Msg

from goaround_chassis.bus.crew import Crew
from goaround_chassis.bus.gate import Gate
from goaround_chassis.bus.pulling import CALM_S, BindingClient, CreditPull

PATIENCE_S = 5.0


@dataclass
class Server:
    """All that a pull wants to know of a client; the test says what the server does."""

    is_connected: bool = True
    turns_away: Exception | None = None
    stats: dict[str, int] = field(default_factory=lambda: {"reconnects": 0})
    asked: list[int] = field(default_factory=list[int])
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    deliver: Any = None

    def new_inbox(self) -> str:
        return "_INBOX.test"

    async def subscribe(self, subject: str, cb: Any) -> None:
        self.deliver = cb

    async def publish(self, subject: str, payload: bytes, reply: str) -> None:
        if self.turns_away is not None:
            raise self.turns_away
        self.asked.append(json.loads(payload)["batch"])
        self.changed.set()

    async def sends(self, count: int) -> None:
        for n in range(count):
            await self.deliver(_msg(f"$JS.ACK.s.c.1.{n}.{n}.0.0"))

    async def ends_pull(self, status: str, left: int | None = None) -> None:
        pending = {} if left is None else {"Nats-Pending-Messages": str(left)}
        await self.deliver(_msg("", {"Status": status, **pending}))

    async def was_asked(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.asked) < times:
                self.changed.clear()
                await self.changed.wait()


def _msg(reply: str, headers: dict[str, str] | None = None) -> Msg:
    return Msg(cast("Any", None), subject="s", reply=reply, data=b"", headers=headers)


async def pulling(server: Server, size: int, gate: Gate | None = None) -> tuple[CreditPull, Crew]:
    crew = Crew(size, gate=gate)
    pull = CreditPull(cast("BindingClient", server), "S", "c", crew)
    return await pull.open(), crew


async def test_it_asks_for_as_many_as_there_are_places_and_hands_on_what_has_come() -> None:
    server = Server()
    pull, _ = await pulling(server, 8)
    waiting = asyncio.create_task(pull.fetch(8, timeout=PATIENCE_S))
    await server.was_asked(1)
    await server.sends(3)
    assert len(await waiting) == 3
    assert server.asked == [8]


async def test_places_that_are_taken_are_not_asked_for_again_until_they_are_free() -> None:
    server, done = Server(), asyncio.Event()
    pull, crew = await pulling(server, 4)

    async def work() -> None:
        await done.wait()

    first = asyncio.create_task(pull.fetch(4, timeout=PATIENCE_S))
    await server.was_asked(1)
    await server.sends(4)
    for _ in await first:
        crew.begin(work())
    second = asyncio.create_task(pull.fetch(4, timeout=PATIENCE_S))
    await asyncio.sleep(0)
    assert server.asked == [4]
    done.set()
    await server.was_asked(2)
    await server.sends(1)
    await second
    assert sum(server.asked) <= 8


async def test_a_list_that_is_not_full_is_not_waited_for() -> None:
    pull, _ = await pulling(Server(), 8)
    with pytest.raises(nats.errors.TimeoutError):
        await pull.fetch(5, timeout=PATIENCE_S)


async def test_a_pull_that_has_ended_in_time_is_sent_again_at_once() -> None:
    server = Server()
    pull, _ = await pulling(server, 4)
    waiting = asyncio.create_task(pull.fetch(4, timeout=PATIENCE_S))
    await server.was_asked(1)
    await server.ends_pull("408", left=4)
    await server.was_asked(2)
    await server.sends(1)
    assert len(await waiting) == 1
    assert server.asked == [4, 4]


async def test_another_connection_knows_nothing_of_the_pulls_before() -> None:
    server = Server()
    pull, crew = await pulling(server, 4)
    waiting = asyncio.create_task(pull.fetch(4, timeout=PATIENCE_S))
    await server.was_asked(1)
    server.stats["reconnects"] = 1
    crew.bell.set()
    await server.was_asked(2)
    await server.sends(1)
    await waiting
    assert server.asked == [4, 4]


async def test_without_a_connection_no_pull_is_sent_to_take_messages_later() -> None:
    server = Server(is_connected=False)
    pull, _ = await pulling(server, 1)
    with pytest.raises(nats.errors.TimeoutError):
        await pull.fetch(1, timeout=2 * CALM_S)
    assert server.asked == []


async def test_behind_a_shut_gate_nothing_is_asked_for_until_it_opens() -> None:
    server, gate = Server(), Gate(is_open=False)
    pull, _ = await pulling(server, 2, gate)
    with pytest.raises(nats.errors.TimeoutError):
        await pull.fetch(2, timeout=0.02)
    assert server.asked == []
    waiting = asyncio.create_task(pull.fetch(2, timeout=PATIENCE_S))
    await asyncio.sleep(0)
    gate.open()
    await server.was_asked(1)
    gate.shut()
    # What was asked for before it was shut still comes.
    await server.sends(2)
    assert len(await waiting) == 2
    with pytest.raises(nats.errors.TimeoutError):
        await pull.fetch(2, timeout=0.02)
    assert server.asked == [2]


@pytest.mark.parametrize("status", ["404", "409", "503"])
async def test_turned_away_it_does_not_ask_again_at_once(status: str) -> None:
    server = Server()
    pull, _ = await pulling(server, 1)
    loop = asyncio.get_running_loop()
    waiting = asyncio.create_task(pull.fetch(1, timeout=PATIENCE_S))
    await server.was_asked(1)
    began_at = loop.time()
    await server.ends_pull(status)
    await server.was_asked(2)
    assert loop.time() - began_at >= CALM_S * 0.9
    await server.sends(1)
    await waiting


async def test_with_no_room_left_on_the_way_out_it_waits_a_little() -> None:
    server = Server(turns_away=nats.errors.OutboundBufferLimitError())
    pull, _ = await pulling(server, 1)
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    with pytest.raises(nats.errors.TimeoutError):
        await pull.fetch(1, timeout=CALM_S)
    assert loop.time() - began_at >= CALM_S * 0.9


async def test_a_crew_that_is_done_in_time_is_not_cut_short_and_a_late_one_is() -> None:
    crew, ended = Crew(2), list[str]()

    async def short() -> None:
        ended.append("short")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cut")

    crew.begin(short())
    crew.begin(endless())
    assert crew.free == 0
    await crew.finish(0.05)
    assert ended == ["short", "cut"]
    assert crew.free == 2
