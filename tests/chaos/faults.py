"""What is done to the system, and when: each fault ends, and is written down with both its times.

Only processes that the system itself started are ever signalled.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from goaround.local import SERVICES, Part
from goaround_chassis.bus import Bus, NoAnswer
from tests.chaos.link import Link
from tests.chaos.nodes import Node
from tests.chaos.system import System

STOPPED_S = (3.5, 5.0)
"""Longer than the ack wait: the message in a stopped worker's hands goes to another one."""
STOPPED_LONG_S = (11.0, 13.0)
"""Longer than a deployer's lease as well."""
_TERM_S = 40.0

KILLS = tuple(f"kill {service}" for service in SERVICES)
STOPS = tuple(f"stop {service}" for service in SERVICES)
RESTARTS = tuple(f"restart {service}" for service in SERVICES)
OF_SERVERS = ("kill nats", "kill postgres")
OF_NETWORK = ("cut network", "stall network")
OF_CLUSTER = ("kill leader",)
OF_DISK = ("fill disk",)
EVERY = (*KILLS, *STOPS, *RESTARTS, *OF_SERVERS, *OF_NETWORK, *OF_CLUSTER, *OF_DISK)


@dataclass(frozen=True)
class Done:
    """One fault, and from when to when it lasted."""

    kind: str
    service: str | None
    begin: float
    end: float


class Faults:
    """Does faults to one system."""

    def __init__(
        self, system: System, bus: Bus, links: Mapping[str, Link], chance: random.Random
    ) -> None:
        self._system = system
        self._bus = bus
        self._links = links
        self._random = chance
        self._out: set[int] = set()
        self._under_way: set[asyncio.Task[None]] = set()
        self._spawning = asyncio.Lock()
        self.done: list[Done] = []
        self.fallen: list[str] = []
        """Processes that ended though nobody ended them."""

    def counted(self) -> Counter[str]:
        """How often each kind was done."""
        return Counter(done.kind for done in self.done)

    async def track(self, kinds: Sequence[str], pause_s: tuple[float, float], for_s: float) -> None:
        """Do these faults in a random order, a pause before each; begin none after that time."""
        deadline = time.monotonic() + for_s
        for kind in spread(kinds, self._random):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(self._random.uniform(*pause_s))
            await self._do(kind)

    async def look_after(self) -> None:
        """Be the supervisor that starts again what ended by itself, for ever."""
        while True:
            for part in list(self._system.parts):
                if part.process.poll() is not None and part.pid not in self._out:
                    said = part.log.read_text(errors="replace").splitlines()[-1:]
                    self.fallen.append(f"{part.name}: code {part.process.returncode}: {said}")
                    await asyncio.to_thread(part.let_guard_go)
                    await self._again(part)
            await asyncio.sleep(0.5)

    async def over(self) -> None:
        """Return once every process is there again and ready."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        for part in list(self._system.parts):
            while part in self._system.parts and not await self._is_ready(part):  # noqa: ASYNC110
                await asyncio.sleep(0.5)

    async def _do(self, kind: str) -> None:
        verb, _, what = kind.partition(" ")
        if what in SERVICES:
            way = {"kill": self._kill, "stop": self._stop, "restart": self._restart}[verb]
            part = await self._chosen(what)
            task = asyncio.ensure_future(self._noted(kind, what, self._out_with(part, way)))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            return
        match kind:
            case "kill nats":
                work = self._kill_node(self._random.choice(self._system.nodes.nodes))
            case "kill leader":
                work = self._kill_node(await self._leader())
            case "kill postgres":
                work = self._kill_postgres()
            case "fill disk":
                work = self._fill_disk()
            case "cut network" | "stall network":
                service = self._random.choice(sorted(self._links))
                link, seconds = self._links[service], self._random.uniform(4, 9)
                work = link.cut(seconds) if verb == "cut" else link.stall(seconds)
                await self._noted(kind, service, work)
                return
            case _:
                raise ValueError(f"no such fault: {kind}")
        await self._noted(kind, None, work)

    async def _noted(self, kind: str, service: str | None, work: Awaitable[None]) -> None:
        begin = time.time()
        await work
        self.done.append(Done(kind, service, begin, time.time()))

    async def _chosen(self, service: str) -> Part:
        """A process of the service that nothing is the matter with, and that leaves another."""
        while True:
            there = [p for p in self._system.parts if p.service == service]
            well = [p for p in there if p.pid not in self._out and await self._is_ready(p)]
            if len(well) > 1:
                part = self._random.choice(well)
                self._out.add(part.pid)
                return part
            await asyncio.sleep(0.1)

    @staticmethod
    async def _is_ready(part: Part) -> bool:
        return await asyncio.to_thread(part.not_ready) is None

    async def _out_with(self, part: Part, way: Callable[[Part], Awaitable[None]]) -> None:
        try:
            await way(part)
        finally:
            self._out.discard(part.pid)

    async def _kill(self, part: Part) -> None:
        part.process.kill()
        await asyncio.to_thread(part.kill)
        await asyncio.sleep(self._random.uniform(0, 1.5))
        await self._again(part)

    async def _restart(self, part: Part) -> None:
        part.process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(part.process.wait, _TERM_S)
        await asyncio.to_thread(part.let_guard_go)
        await self._again(part)

    async def _stop(self, part: Part) -> None:
        long = part.service == "deployer" and self._random.random() < 0.5
        part.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(self._random.uniform(*(STOPPED_LONG_S if long else STOPPED_S)))
        part.process.send_signal(signal.SIGCONT)

    async def _again(self, part: Part) -> None:
        async with self._spawning:
            await asyncio.to_thread(self._system.respawn, part)

    async def _kill_node(self, node: Node) -> None:
        await asyncio.to_thread(node.end, signal.SIGKILL)
        await asyncio.sleep(self._random.uniform(0.1, 2.0))
        node.start()
        await asyncio.to_thread(self._system.nodes.wait_healthy)

    async def _leader(self) -> Node:
        """The server that leads one of the streams that matter most."""
        while True:
            stream = self._random.choice(("WORK", "DEPLOY", "KV_journal", "TIMERS"))
            with contextlib.suppress(NoAnswer):
                said = json.loads(await self._bus.api(f"STREAM.INFO.{stream}"))
                name = said.get("cluster", {}).get("leader")
                for node in self._system.nodes.nodes:
                    if node.name == name:
                        return node
            await asyncio.sleep(0.2)

    async def _kill_postgres(self) -> None:
        server = self._system.servers.postgres
        pid = server.pid()
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(self._random.uniform(0.1, 2.0))
        await asyncio.to_thread(server.start)

    async def _fill_disk(self) -> None:
        """Fill it, make room again, and start the server anew: a full disk has turned it off."""
        disk = self._system.disk
        assert disk is not None, "the bus has a disk of its own where one is filled"
        await asyncio.to_thread(disk.fill)
        await asyncio.sleep(self._random.uniform(2, 4))
        await asyncio.to_thread(disk.free)
        await self._kill_node(self._system.nodes.nodes[0])


def spread(kinds: Sequence[str], chance: random.Random) -> list[str]:
    """Put faults in a random order in which what they are done to takes turns.

    What one fault comes to can be told from what another does only with some time in between.
    """
    left: dict[str, list[str]] = {}
    for kind in kinds:
        left.setdefault(kind.partition(" ")[2], []).append(kind)
    order: list[str] = []
    while any(left.values()):
        turn = [of for of, some in left.items() if some]
        chance.shuffle(turn)
        order += [left[of].pop(chance.randrange(len(left[of]))) for of in turn]
    return order
