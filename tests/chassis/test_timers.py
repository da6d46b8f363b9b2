"""One suite for the timers on the bus and the ones in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import uuid4

import pytest

from goaround_chassis.bus import Bus, Consumer, Received, Stream, Subscription, Topology, apply
from goaround_chassis.testing import Alarm, ManualClock, MemoryTimers
from goaround_chassis.timers import Timers
from tests.chassis.lane import until

pytestmark = pytest.mark.system

TIMERS = Stream("TIMERS", ("timer.>",), retention="workqueue", schedules=True)


class Bell(Protocol):
    """Timers, and a way to have time pass and see what has fired."""

    timers: Timers

    def now(self) -> datetime: ...

    async def after(self, by: timedelta, fired: int) -> list[bytes]:
        """Let the time pass, and return what has fired: so many, or the test shows it."""
        ...


class MemoryBell:
    def __init__(self) -> None:
        self._clock = ManualClock()
        self._memory = MemoryTimers(self._clock)
        self.timers: Timers = self._memory
        self._fired: list[bytes] = []

    def now(self) -> datetime:
        return self._clock.now()

    async def after(self, by: timedelta, fired: int) -> list[bytes]:
        self._clock.advance(by)

        async def deliver(alarm: Alarm) -> None:
            self._fired.append(alarm.body)

        await self._memory.fire(deliver)
        return self._fired


class NatsBell:
    def __init__(self, bus: Bus) -> None:
        self.timers: Timers = bus.timers()
        self.fired: list[bytes] = []

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def after(self, by: timedelta, fired: int) -> list[bytes]:
        # Real time has to pass: the server's clock is not ours to move.
        await asyncio.sleep(by.total_seconds() + 0.05)

        async def is_so() -> bool:
            return len(self.fired) >= fired

        await until(is_so)
        return self.fired

    async def take(self, received: Received) -> None:
        self.fired.append(received.body)


@pytest.fixture(params=["nats", "memory"])
async def bell(request: pytest.FixtureRequest, bus: Bus) -> AsyncIterator[Bell]:
    if request.param == "memory":
        yield MemoryBell()
        return
    reader = Consumer("TIMERS", f"r{uuid4().hex[:8]}", ("timer.fired.>",))
    await apply(bus, Topology(streams=(TIMERS,), consumers=(reader,)))
    bell = NatsBell(bus)
    await bus.consume(Subscription("TIMERS", reader.name, bell.take, raw=True))
    yield bell
    await bus.stop_consuming()
    await bus.api("STREAM.DELETE.TIMERS")


SOON = timedelta(milliseconds=100)


async def test_an_alarm_fires_when_due_and_not_before(bell: Bell) -> None:
    await bell.timers.at("watch", "run-1", bell.now() + timedelta(seconds=0.5), b"tick 1")
    assert await bell.after(timedelta(), 0) == []
    assert await bell.after(timedelta(seconds=0.5), 1) == [b"tick 1"]


async def test_an_overdue_alarm_fires_at_once(bell: Bell) -> None:
    await bell.timers.at("watch", "run-1", bell.now() - timedelta(hours=1), b"late")
    assert await bell.after(SOON, 1) == [b"late"]


async def test_setting_an_alarm_again_replaces_it_and_others_stay(bell: Bell) -> None:
    await bell.timers.at("watch", "run-1", bell.now() + SOON, b"first")
    await bell.timers.at("watch", "run-1", bell.now() + SOON * 2, b"second")
    await bell.timers.at("watch", "run.2", bell.now() + SOON * 3, b"other")
    assert await bell.after(SOON * 3, 2) == [b"second", b"other"]


async def test_a_cancelled_alarm_stays_silent_and_can_be_set_anew(bell: Bell) -> None:
    await bell.timers.at("watch", "run-1", bell.now() + SOON, b"never")
    await bell.timers.cancel("watch", "run-1")
    await bell.timers.cancel("watch", "never set")
    assert await bell.after(SOON * 2, 0) == []
    await bell.timers.at("watch", "run-1", bell.now() + SOON, b"anew")
    assert await bell.after(SOON, 1) == [b"anew"]


async def test_nothing_is_left_of_a_cancelled_alarm(bus: Bus) -> None:
    await apply(bus, Topology(streams=(TIMERS,)))
    await bus.timers().at("watch", "run-1", datetime.now(UTC) + timedelta(hours=1), b"x")
    await bus.timers().cancel("watch", "run-1")

    async def is_so() -> bool:
        return await bus.queued("timer.>", "TIMERS") == 0

    await until(is_so)
    await bus.api("STREAM.DELETE.TIMERS")
