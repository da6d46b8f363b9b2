"""One scene from its start to the verdict on it: system, load and faults at once, then rest."""

import asyncio
import dataclasses
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from goaround.local import SERVICES
from goaround_chassis.bus import Bus, NoAnswer
from tests.chaos import faults as kinds
from tests.chaos.checker import broken
from tests.chaos.faults import Done, Faults
from tests.chaos.gathering import booted_at, gather, waiting
from tests.chaos.guides import Shelf
from tests.chaos.link import Link
from tests.chaos.load import Load
from tests.chaos.provider import Provider
from tests.chaos.recovery import Recovered, Sample, Trouble, measure, recovered, takeovers
from tests.chaos.scenes import Scene
from tests.chaos.system import System

SERVICES_DEPLOYED = 124
SETTINGS = {"deployer": {"LEASE_S": "3", "LEASE_BEAT_S": "0.6"}}
"""A dead deployer's run goes on within 5 s by these; by what is set unless told, within 10 s."""
STEADY_PER_S = 3.0
"""Requests beside those that come in bursts: a calm machine does twenty times as many."""
REST_S = 300.0
"""How long all that was asked for may take to come to rest once the last fault is over."""
UNHEARD_S = 60.0
"""How long nothing is left to do before no more is waited for: who listens can miss an outcome."""


@dataclass
class Findings:
    """What came of one scene, or of all of them."""

    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    broken: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    recovered: list[Recovered] = field(default_factory=list[Recovered])
    takeovers: list[float] = field(default_factory=list[float])

    def add(self, scene: str, other: "Findings") -> None:
        """Add those of one more scene."""
        self.runs += other.runs
        self.faults += other.faults
        self.recovered += other.recovered
        self.takeovers += other.takeovers
        for rule, found in other.broken.items():
            self.broken.setdefault(rule, []).extend(f"{scene}: {one}" for one in found)


async def play(scene: Scene, root: Path, seed: int, ack_wait_s: float) -> Findings:
    """Play one scene, wait until all has come to rest, and have it checked."""
    me = asyncio.current_task()
    assert me is not None, "it is played within a task"
    # Whoever ends us in the usual way is to find nothing left behind.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    provider = await Provider().open()
    shelf = Shelf(root, provider.port)
    kinds_of = shelf.write(SERVICES_DEPLOYED)
    system = System(
        root / "system",
        root / "guides",
        root / "workspace",
        die_with_parent=True,
        servers_of_the_bus=scene.servers,
        disk_bytes=scene.disk_bytes,
        ack_wait_s=ack_wait_s,
        settings=SETTINGS,
    )
    links: dict[str, Link] = {}
    try:
        await asyncio.to_thread(system.start)
        await system.migrate_bus()
        if scene.links:
            host, port = system.nodes.nodes[0].settings["listen"].split(":")
            for service in SERVICES:
                links[service] = await Link(host, int(port)).open()
                system.links[service] = links[service].url
        await asyncio.to_thread(system.spawn_all)
        async with await Bus.connect(system.bus_settings(), "chaos") as bus:
            stage = _Stage(scene, system, bus, shelf, seed)
            stage.kinds_of = kinds_of
            return await stage.play(links)
    finally:
        # Services leave by the links that they came by.
        await asyncio.to_thread(system.stop)
        for link in links.values():
            await link.close()
        await asyncio.to_thread(system.servers.erase)
        await provider.close()


class _Stage:
    """A scene under way."""

    def __init__(self, scene: Scene, system: System, bus: Bus, shelf: Shelf, seed: int) -> None:
        self.scene = scene
        self.system = system
        self.bus = bus
        self.shelf = shelf
        self.seed = seed
        self.kinds_of: dict[str, Any] = {}
        self.samples: list[Sample] = []
        self.began = time.monotonic()

    async def play(self, links: dict[str, Link]) -> Findings:
        scene, booted = self.scene, booted_at()
        await measure(self.bus, self.system.topology, self.samples)
        load = Load(self.bus, f"{scene.key}-{self.seed}", list(self.kinds_of), self.seed)
        faults = Faults(self.system, self.bus, links, random.Random(self.seed))
        enough = asyncio.Event()
        asking = asyncio.ensure_future(load.ask(STEADY_PER_S, enough))
        hearing = asyncio.ensure_future(load.hear())
        saying = asyncio.ensure_future(self._progress(load, faults))
        after = asyncio.ensure_future(faults.look_after())
        try:
            tracks = (faults.track(*track, scene.seconds) for track in scene.tracks)
            await asyncio.gather(*tracks)
            await faults.over()
            while load.asked < scene.runs:  # noqa: ASYNC110 - a count, looked at now and then
                await asyncio.sleep(0.2)
            enough.set()
            await asking
            say("  every fault is over and nothing more is asked for; waiting for rest")
            await self._rest(load)
            found = await self._looked_at(load, faults, booted)
        finally:
            for task in (asking, hearing, saying, after):
                task.cancel()
            await asyncio.gather(asking, hearing, saying, after, return_exceptions=True)
        say(f"  {found.runs} runs ended: {dict(load.outcomes)}; clients: {dict(load.done)}")
        return found

    async def _rest(self, load: Load) -> None:
        deadline = time.monotonic() + REST_S
        left: dict[str, int] = {}
        quiet_since: float | None = None
        while time.monotonic() < deadline:
            try:
                left = await waiting(self.system.database_url, self.bus)
            except NoAnswer:
                continue  # a stream without a leader: it has not come to rest either
            if any(left.values()):
                quiet_since = None
            elif not load.in_flight:
                return
            else:
                quiet_since = quiet_since or time.monotonic()
                if time.monotonic() - quiet_since >= UNHEARD_S:
                    say(f"  {load.in_flight} runs not heard of as ended: the checker will tell")
                    return
            await asyncio.sleep(0.5)
        say(f"  no rest after {REST_S:.0f} s: {left}, {load.in_flight} runs not heard of as ended")

    async def _looked_at(self, load: Load, faults: Faults, booted: float) -> Findings:
        history = await gather(
            self.system.database_url,
            self.bus,
            self.shelf,
            self.kinds_of,
            frozenset(load.acknowledged),
            booted,
        )
        frozen = [
            (one.begin, one.end)
            for one in faults.done
            if one.service == "deployer" and one.kind not in (*kinds.KILLS, *kinds.RESTARTS)
        ]
        history = dataclasses.replace(history, fallen=faults.fallen, frozen=frozen)
        done = faults.counted()
        done["duplicate request"] = load.done["ask twice"] + load.done["ask twice at once"]
        repeated = len(history.effects) - len({effect.key for effect in history.effects})
        say(f"  {len(history.effects)} effects, {repeated} of them repeats of what may be repeated")
        return Findings(
            runs=len({event.run for event in history.finished}),
            faults=done,
            broken=broken(history),
            recovered=[recovered(one, troubles(faults.done), self.samples) for one in SERVICES],
            takeovers=takeovers(troubles(faults.done), history.effects),
        )

    async def _progress(self, load: Load, faults: Faults) -> None:
        while True:
            await asyncio.sleep(5)
            at = time.monotonic() - self.began
            say(
                f"  {at:4.0f} s: {load.asked} asked for, {len(load.ended)} ended, "
                f"{load.in_flight} in flight, {len(faults.done)} faults"
            )


def troubles(done: list[Done]) -> list[Trouble]:
    """What may have made messages come again; who is asked to end finishes what is in hand."""
    return [
        Trouble(one.service, one.kind in kinds.KILLS, one.begin, one.end)
        for one in done
        if one.kind not in kinds.RESTARTS
    ]


def say(line: str) -> None:
    """Tell whoever looks on, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
