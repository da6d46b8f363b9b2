"""Chaos on real servers: load goes on while everything is killed; a checker looks at what is left.

    RUNS=3000 SECONDS=900 SEED=1 python -m tests.chaos [short]

Three systems one after the other: one NATS server with cut networks; three of them, whose leaders
are killed; one on a small disk that fills up. The last line is JSON; the exit code is 1 if anything
was lost, doubled or otherwise not as promised.
"""

import asyncio
import dataclasses
import json
import logging
import os
import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from goaround.local import SERVICES
from goaround_chassis.bus import Bus
from tests.chaos import faults as kinds
from tests.chaos.checker import DOUBLED, LOST, broken
from tests.chaos.faults import Done, Faults
from tests.chaos.gathering import booted_at, gather, waiting
from tests.chaos.guides import Shelf
from tests.chaos.link import Link
from tests.chaos.load import Load
from tests.chaos.nodes import Disk
from tests.chaos.provider import Provider
from tests.chaos.recovery import Recovered, Sample, Trouble, measure, p99, recovered, told
from tests.chaos.system import System

SERVICES_DEPLOYED = 124
STEADY_PER_S = 3.0
"""Requests beside those that come in bursts: a calm machine does twenty times as many."""
REST_S = 300.0
"""How long all that was asked for may take to come to rest once the last fault is over."""
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Scene:
    """One system, and what is done to it beside the load: faults in tracks of their own."""

    key: str
    name: str
    runs: int
    seconds: float
    tracks: tuple[tuple[tuple[str, ...], tuple[float, float]], ...]
    servers: int = 1
    disk_bytes: int = 0
    links: bool = False


@dataclass
class Findings:
    """What came of one scene, or of all of them."""

    runs: int = 0
    faults: Counter[str] = field(default_factory=Counter[str])
    broken: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    recovered: list[Recovered] = field(default_factory=list[Recovered])

    def add(self, scene: str, other: "Findings") -> None:
        """Add those of one more scene."""
        self.runs += other.runs
        self.faults += other.faults
        self.recovered += other.recovered
        for rule, found in other.broken.items():
            self.broken.setdefault(rule, []).extend(f"{scene}: {one}" for one in found)


def scenes(runs: int, seconds: float, *, short: bool) -> list[Scene]:
    """What is played, in so many runs and seconds altogether."""
    times = 1 if short else 10
    services = (*kinds.KILLS, *kinds.STOPS, *kinds.RESTARTS)
    pauses: dict[str, tuple[float, float]] = (
        {"services": (0.2, 1.2), "servers": (4, 8), "network": (2, 6)}
        if short
        else {"services": (0.8, 2.4), "servers": (8, 20), "network": (4, 12)}
    )
    one = Scene(
        "one",
        "one server",
        runs=int(runs * 0.6),
        seconds=seconds * 0.6,
        tracks=(
            (services * times, pauses["services"]),
            (kinds.OF_SERVERS * times, pauses["servers"]),
            (kinds.OF_NETWORK * times, pauses["network"]),
        ),
        links=True,
    )
    three = Scene(
        "three",
        "three servers",
        runs=int(runs * 0.25),
        seconds=seconds * 0.25,
        tracks=(
            (kinds.OF_CLUSTER * times, (3, 8)),
            (kinds.KILLS if not short else kinds.KILLS[:1], (4, 10)),
        ),
        servers=3,
    )
    disk = Scene(
        "disk",
        "a small disk",
        runs=runs - one.runs - three.runs,
        seconds=seconds * 0.15,
        tracks=((kinds.OF_DISK * times, (3, 6)),),
        disk_bytes=192 * _MIB,
    )
    return [one, three, disk]


async def play(scene: Scene, root: Path, seed: int) -> Findings:
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
        for link in links.values():
            await link.close()
        await asyncio.to_thread(system.stop)
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
            _say("  every fault is over and nothing more is asked for; waiting for rest")
            await self._rest(load)
            found = await self._looked_at(load, faults, booted)
        finally:
            for task in (asking, hearing, saying, after):
                task.cancel()
            await asyncio.gather(asking, hearing, saying, after, return_exceptions=True)
        _say(f"  {found.runs} runs ended: {dict(load.outcomes)}; clients: {dict(load.done)}")
        return found

    async def _rest(self, load: Load) -> None:
        deadline = time.monotonic() + REST_S
        left: dict[str, int] = {}
        while time.monotonic() < deadline:
            left = await waiting(self.system.database_url, self.bus)
            if not load.in_flight and not any(left.values()):
                return
            await asyncio.sleep(0.5)
        _say(f"  no rest after {REST_S:.0f} s: {left}, {load.in_flight} runs not heard of as ended")

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
        _say(
            f"  {len(history.effects)} effects, {repeated} of them repeats of what may be repeated"
        )
        return Findings(
            runs=len({event.run for event in history.finished}),
            faults=done,
            broken=broken(history),
            recovered=[recovered(one, troubles(faults.done), self.samples) for one in SERVICES],
        )

    async def _progress(self, load: Load, faults: Faults) -> None:
        while True:
            await asyncio.sleep(5)
            at = time.monotonic() - self.began
            _say(
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


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Play every scene, and say what came of it."""
    short = "short" in arguments
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    runs = int(os.environ.get("RUNS") or (300 if short else 3000))
    seconds = float(os.environ.get("SECONDS") or (120 if short else 900))
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10_000))
    only = [argument for argument in arguments if argument != "short"]
    _say(f"seed {seed}")
    whole = Findings()
    for scene in scenes(runs, seconds, short=short):
        if only and scene.key not in only:
            continue
        with TemporaryDirectory(prefix="goaround-chaos-") as folder:
            root = Path(folder)
            if scene.disk_bytes and not Disk.available(root / "try"):
                _say(f"{scene.name}: left out, this machine lets nobody have a disk of their own")
                continue
            _say(f"{scene.name}: {scene.runs} runs or more")
            whole.add(scene.name, asyncio.run(play(scene, root, seed)))
    return summary(whole)


def summary(whole: Findings) -> int:
    """Print the figures; return the exit code."""
    for rule, found in whole.broken.items():
        for one in found[:20]:
            _say(f"BROKEN {rule}: {one}")
    figures = told(whole.recovered)
    for service, row in figures.items():
        _say(f"recovery of {service}: {row}")
    settled = [s for one in whole.recovered if one.service != "deployer" for s in one.settled]
    said = {
        "runs": whole.runs,
        "faults": dict(sorted(whole.faults.items())),
        "lost": sum(len(found) for rule, found in whole.broken.items() if rule in LOST),
        "duplicate_effects": sum(len(v) for k, v in whole.broken.items() if k in DOUBLED),
        "violations": [f"{rule}: {one}" for rule, found in whole.broken.items() for one in found],
        "recovery_p99_s": p99(settled),
        "recovery": figures,
    }
    _say(json.dumps(said))
    return 1 if whole.broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
