"""Watchers as processes share out the ticks of all watches, and none is left alone for long."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from goaround.topology import topology
from goaround_chassis.bus import Bus, apply
from goaround_chassis.settings import BusSettings
from goaround_schemas.catalogue import parse
from goaround_schemas.subjects import DEPLOY, TIMERS, filter_for
from goaround_schemas.watching import DeployObserved
from goaround_watcher.lead import FOLLOWS
from goaround_watcher.rota import SLOTS, slot, timer
from tests.bench.processes import Process, started
from tests.watcher.builders import command, plan
from tests.watcher.provider import Provider

pytestmark = pytest.mark.system

WITHIN_S = 20.0
ALL = frozenset(range(SLOTS))
RUNS = {slot(run): run for run in map("r{}".format, range(100))}
"""A run for each slot."""


class House:
    """A bus with the real topology, a provider to look at, and watchers."""

    def __init__(self, url: str, bus: Bus, folder: Path) -> None:
        self.url, self.bus, self.folder = url, bus, folder

    def watcher(self, name: str) -> AbstractAsyncContextManager[Process]:
        environ = {"GOAROUND_NATS_URL": self.url, "GOAROUND_SHUTDOWN_GRACE_S": "3"}
        return started(name, "goaround_watcher", self.folder, environ)

    def share(self, name: str) -> frozenset[int]:
        """The slots that a watcher has said last that it takes."""
        lines = (self.folder / f"{name}.log").read_text().splitlines()
        said = [json.loads(line) for line in lines if '"share_changed"' in line]
        return frozenset(said[-1]["slots"]) if said else frozenset()

    async def until(self, so: Callable[[], bool], within_s: float = WITHIN_S) -> float:
        """Return after how many seconds it was so."""
        began = time.monotonic()
        async with asyncio.timeout(within_s):
            while True:
                if so():
                    return time.monotonic() - began
                await asyncio.sleep(0.01)

    async def shared(self, *names: str) -> list[frozenset[int]]:
        """Return the shares once each slot has one taker."""

        def dealt() -> bool:
            shares = [self.share(name) for name in names]
            counts = [len(share) for share in shares]
            return frozenset().union(*shares) == ALL and sum(counts) == SLOTS and all(counts)

        await self.until(dealt)
        return [self.share(name) for name in names]

    async def watch(self, run: str, every: str = "200ms") -> None:
        asked = command("watch", run=run, watch=plan(period="60s", every=every))
        await self.bus.publish(asked)

    async def looks(self, run: str, count: int) -> None:
        """Return once so many more looks at a run were told."""
        replay = await self.bus.events(DEPLOY, (filter_for(DeployObserved),), since="new")
        async with asyncio.timeout(WITHIN_S), aclosing(replay):
            async for received in replay:
                message = parse(received.body)
                count -= isinstance(message, DeployObserved) and message.data.run_id == run
                if not count:
                    return


@pytest.fixture
async def house(fresh_nats_url: str, server: Provider, tmp_path: Path) -> AsyncGenerator[House]:
    server.says("p95 0.1\n")
    settings = BusSettings(nats_url=fresh_nats_url, shutdown_grace_s=2)
    async with await Bus.connect(settings, "tester") as bus:
        await apply(bus, topology())
        yield House(fresh_nats_url, bus, tmp_path)


async def test_each_watchs_ticks_stay_with_one_watcher_while_nobody_comes_or_goes(
    house: House,
) -> None:
    async with house.watcher("one") as one, house.watcher("two") as two:
        shares = await house.shared("one", "two")
        assert [len(share) for share in shares] == [SLOTS / 2, SLOTS / 2]
        for run in RUNS.values():
            await house.watch(run, every="400ms")
        # What one asked for while it was alone stands for two seconds, which are five looks.
        await asyncio.gather(*(house.looks(run, 6) for run in RUNS.values()))
        before = [await asyncio.to_thread(process.looks) for process in (one, two)]
        await asyncio.gather(*(house.looks(run, 4) for run in RUNS.values()))
        for process, was, share in zip((one, two), before, shares, strict=True):
            now = await asyncio.to_thread(process.looks)
            # No look came to be by its alarm, so none was anybody else's.
            assert (now["command"], now["alarm"]) == (was["command"], was["alarm"])
            assert now["clock"] - was["clock"] >= 3 * len(share)


async def test_a_killed_watchers_slots_and_looks_are_taken_over_within_four_seconds(
    house: House,
) -> None:
    async with house.watcher("one"), house.watcher("two") as two:
        _, its = await house.shared("one", "two")
        run = RUNS[min(its)]
        await house.watch(run)
        await house.looks(run, 2)
        two.kill()
        began = time.monotonic()
        taken_s = await house.until(lambda: house.share("one") == ALL)
        await house.looks(run, 1)
        looked_s = time.monotonic() - began
    assert taken_s < 4
    # The alarm of what was led rings three seconds after it was due.
    assert looked_s < 5


async def test_a_watcher_that_stops_hands_over_at_once(house: House) -> None:
    async with house.watcher("one") as one, house.watcher("two"):
        its, _ = await house.shared("one", "two")
        run = RUNS[min(its)]
        await house.watch(run)
        await house.looks(run, 2)
        assert one.popen is not None
        one.popen.terminate()
        taken_s = await house.until(lambda: house.share("two") == ALL)
        began = time.monotonic()
        await house.looks(run, 2)
        looked_s = time.monotonic() - began
    assert taken_s < 1
    # What was led had been handed back: its alarm did not ring three seconds late.
    assert looked_s < FOLLOWS.total_seconds() - 0.5


async def test_a_watch_that_was_begun_by_a_release_without_slots_goes_on(house: House) -> None:
    run, number = "old", slot("old")
    async with house.watcher("before") as before:
        await house.watch(run)
        # From the second look on there is always an alarm, or the tick that sets the next one.
        await house.looks(run, 2)
        before.kill()
    alarm = await house.bus.last_on(TIMERS, f"timer.at.{timer(number)}.{run}")
    if alarm is None:
        alarm = await house.bus.last_on(TIMERS, f"timer.fired.{timer(number)}.{run}")
    assert alarm is not None
    await house.bus.timers().cancel(timer(number), run)
    await house.bus.api(
        f"STREAM.PURGE.{TIMERS}", json.dumps({"filter": f"timer.fired.{timer(number)}.>"}).encode()
    )
    async with house.watcher("after") as after:
        await house.bus.timers().at("watch", run, datetime.now(UTC), alarm.body)
        await house.looks(run, 2)

        def goes_on() -> bool:
            return after.looks()["clock"] >= 2

        await house.until(goes_on)
        # None, where the one that was killed had taken that very look, and not set the next alarm.
        assert after.looks()["alarm"] <= 1
