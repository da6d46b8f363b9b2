"""A watcher among fakes, whose every effect may be the last one before it dies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from goaround_chassis.bucket import Entry
from goaround_chassis.bus import Received
from goaround_chassis.errors import Later
from goaround_chassis.testing import (
    Alarm,
    ManualClock,
    MemoryBucket,
    MemoryTimers,
    RecordingPublisher,
)
from goaround_schemas.envelope import Message
from goaround_schemas.watching import DeployEvidenced, DeployJudged, WorkWatch
from goaround_watcher import document, rota
from goaround_watcher.handlers import Ports, on_command, on_due, on_tick
from goaround_watcher.state import State
from tests.watcher.builders import START, Scripted, command, plan


class Crash(BaseException):
    """The process dies: nothing may catch it."""


class Fuse:
    """Burns through at the nth effect, before or after it."""

    def __init__(self) -> None:
        self.left: int | None = None

    def step(self) -> None:
        if self.left is not None:
            if self.left == 0:
                self.left = None
                raise Crash
            self.left -= 1


class FusedBucket(MemoryBucket):
    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self.fuse = fuse
        self.rival: bytes | None = None
        self.reads = 0

    async def get(self, key: str) -> Entry | None:
        self.reads += 1
        return await super().get(key)

    async def put(self, key: str, value: bytes) -> int:
        self.fuse.step()
        revision = await super().put(key, value)
        self.fuse.step()
        return revision

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        if self.rival is not None:
            rival, self.rival = self.rival, None
            await MemoryBucket.put(self, key, rival)
        return await super().update(key, value, revision)


class FusedTimers(MemoryTimers):
    def __init__(self, clock: ManualClock, fuse: Fuse) -> None:
        super().__init__(clock)
        self.fuse = fuse

    async def at(self, name: str, key: str, due: Any, body: bytes) -> None:
        self.fuse.step()
        await super().at(name, key, due, body)
        self.fuse.step()


class FusedPublisher(RecordingPublisher):
    def __init__(self, fuse: Fuse) -> None:
        super().__init__()
        self.fuse = fuse

    async def publish(self, message: Message) -> None:
        self.fuse.step()
        await super().publish(message)
        self.fuse.step()


class Scene:
    """A watcher among fakes, and what happened to it; `leads` if it looks by its own clock."""

    def __init__(self, *, leads: bool = False) -> None:
        self.leads = leads
        self.fuse = Fuse()
        self.clock = ManualClock(START)
        self.bucket = FusedBucket(self.fuse)
        self.timers = FusedTimers(self.clock, self.fuse)
        self.publisher = FusedPublisher(self.fuse)
        self.lookout = Scripted()
        self.ports = self.another()

    def another(self) -> Ports:
        """One more watcher, which remembers nothing."""
        ports = Ports(
            bucket=self.bucket,
            timers=self.timers,
            publisher=self.publisher,
            lookout=self.lookout,
            clock=self.clock,
            longest_baseline_s=300,
        )
        if self.leads:
            ports.lead.open()
        return ports

    async def command(self, message: WorkWatch) -> None:
        """Deliver until it is settled, as the bus does."""
        for _ in range(5):
            try:
                await on_command(message, self.ports)
            except Crash:
                self.ports = self.another()
                continue
            except Later:
                continue
            return
        raise AssertionError("a command was never settled")

    async def tick(self, alarm: Alarm) -> None:
        for delivered in range(1, 8):
            try:
                await on_tick(received(alarm, delivered), self.ports)
            except Crash:
                self.ports = self.another()
                continue
            except Later:
                continue
            return
        raise AssertionError("a tick was never settled")

    async def due(self) -> bool:
        """Take the looks that are led and due; True if there were any."""
        found = False
        while tick := self.ports.lead.take(self.clock.now()):
            found = True
            try:
                await on_due(tick, self.ports)
            except Crash:
                self.ports = self.another()
        return found

    async def run_until_quiet(self, *, most: int = 200) -> None:
        for _ in range(most):
            if not self.timers.pending:
                return
            await self.pass_on()
        raise AssertionError("the watch never ends")

    async def pass_on(self) -> None:
        """Let time pass until something is due, and have it done."""
        now = self.clock.now()
        moments = [alarm.due for alarm in self.timers.pending[:1]]
        if (wait_s := self.ports.lead.wait_s(now)) is not None:
            moments.append(now + timedelta(seconds=wait_s))
        self.clock.set(max(now, min(moments)))
        if not await self.due():
            await self.timers.fire(self.tick)

    async def baseline(self, **fields: Any) -> None:
        await self.command(command("baseline", watch=plan(**fields)))
        await self.run_until_quiet()

    async def state(self, run: str = "r1") -> State:
        entry = await self.bucket.get(run)
        assert entry is not None
        return document.read(entry.value)

    def judged(self) -> DeployJudged:
        (judged,) = self.publisher.of(DeployJudged)
        return judged

    def evidenced(self) -> DeployEvidenced:
        (evidenced,) = self.publisher.of(DeployEvidenced)
        return evidenced


def alarm_name(run: str = "r1") -> str:
    return rota.timer(rota.slot(run))


def received(alarm: Alarm, delivered: int = 1) -> Received:
    subject = f"timer.fired.{alarm.name}.{alarm.key}"
    return Received(subject, alarm.body, {}, "TIMERS", 1, START, delivered)
