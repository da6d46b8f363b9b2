"""One suite for the timers on the bus and the ones in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import uuid4

import pytest

from goaround_chassis.bus import Bus, Consumer, Received, Stream, Subscription, Topology, apply
from goaround_chassis.testing import Alarm, ManualClock, MemoryTimers
from goaround_chassis.timers import Timers, timer_stream, timer_subject, timer_subjects
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


def test_alarms_of_a_numbered_name_have_a_stream_of_their_own() -> None:
    names = ("watch", "watch-3", "watch-12", "watch-x")
    assert [timer_stream(n) for n in names] == ["TIMERS", "TIMERS_3", "TIMERS_12", "TIMERS"]
    assert [timer_subjects(timer_stream(n)) for n in names[:2]] == ["timer.>", "timer_3.>"]
    assert timer_subject("at", "watch", "run-1") == "timer.at.watch.run-1"
    assert timer_subject("fired", "watch-3", "run-1") == "timer_3.fired.watch-3.run-1"


async def test_an_alarm_of_a_numbered_name_rings_in_its_stream(bus: Bus) -> None:
    stream = Stream("TIMERS_7", ("timer_7.>",), retention="workqueue", schedules=True)
    await apply(bus, Topology(streams=(stream,)))
    await bus.timers().at("bell-7", "one", datetime.now(UTC), b"now")

    async def rung() -> bool:
        found = await bus.last_on("TIMERS_7", "timer_7.fired.bell-7.one")
        return found is not None and found.body == b"now"

    await until(rung)
    await bus.api("STREAM.DELETE.TIMERS_7")
