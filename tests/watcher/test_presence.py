"""Watchers that hear each other over a real bus, which may go away for a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from goaround_chassis.bus import Bus
from goaround_chassis.settings import BusSettings
from goaround_watcher.presence import Presence
from goaround_watcher.rota import SILENT_BEATS, SLOTS
from tests.chassis.nats_server import NatsServer

pytestmark = pytest.mark.system

BEAT_S = 0.05
WITHIN_S = 10.0
ALL = frozenset(range(SLOTS))


class Seen:
    """The shares that one watcher was given, oldest first."""

    def __init__(self) -> None:
        self.shares: list[frozenset[int]] = []
        self._changed = asyncio.Event()

    def take(self, slots: frozenset[int]) -> None:
        self.shares.append(slots)
        self._changed.set()

    async def until(self, so: Callable[[frozenset[int]], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not self.shares or not so(self.shares[-1]):
                self._changed.clear()
                await self._changed.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.kill()


@asynccontextmanager
async def watcher(server: NatsServer, me: str) -> AsyncGenerator[tuple[Seen, Presence]]:
    seen = Seen()
    settings = BusSettings(nats_url=server.url, shutdown_grace_s=1)
    async with await Bus.connect(settings, me) as bus:
        presence = Presence(bus, me, seen.take, beat_s=BEAT_S)
        keeping = asyncio.create_task(presence.keep())
        try:
            yield seen, presence
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)


async def test_alone_it_takes_all_and_shares_as_soon_as_another_comes(server: NatsServer) -> None:
    async with watcher(server, "a") as (one, _):
        await one.until(lambda slots: slots == ALL)
        async with watcher(server, "b") as (other, _):
            await other.until(lambda slots: bool(slots))
            await one.until(lambda slots: slots != ALL)
            # Who comes has heard the others before it takes anything.
            assert other.shares == [ALL - one.shares[-1]]
            assert len(one.shares[-1]) == SLOTS / 2


async def test_after_a_goodbye_the_others_take_over_without_waiting(server: NatsServer) -> None:
    async with watcher(server, "a") as (one, _), watcher(server, "b") as (other, leaving):
        await one.until(lambda slots: 0 < len(slots) < SLOTS)
        await other.until(lambda slots: 0 < len(slots) < SLOTS)
        loop = asyncio.get_running_loop()
        began = loop.time()
        await leaving.leave()
        await one.until(lambda slots: slots == ALL)
        assert loop.time() - began < SILENT_BEATS * BEAT_S / 2
        async with watcher(server, "c") as (third, _):
            await third.until(lambda slots: bool(slots))
            await one.until(lambda slots: slots != ALL)
            # Who has left says no more: two are there.
            assert len(third.shares[-1]) == len(one.shares[-1]) == SLOTS / 2
        assert ALL not in other.shares


async def test_an_outage_of_the_bus_moves_nothing(server: NatsServer) -> None:
    async with watcher(server, "a") as (one, _), watcher(server, "b") as (other, _):
        await one.until(lambda slots: 0 < len(slots) < SLOTS)
        await other.until(lambda slots: 0 < len(slots) < SLOTS)
        before = [*one.shares], [*other.shares]
        server.kill()
        await asyncio.sleep(2 * SILENT_BEATS * BEAT_S)
        server.start()
        async with watcher(server, "c") as (third, _):
            # It has heard both, and one of them it, who gives it its part: the bus is back.
            await third.until(lambda slots: len(slots) == SLOTS // 3)
            await one.until(lambda slots: slots == before[0][-1] - third.shares[-1])
        # It takes what the first had of more than one slot, and leaves again.
        assert ALL not in one.shares[len(before[0]) :]
        assert other.shares == before[1]
