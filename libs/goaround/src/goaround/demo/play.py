"""Five deployments of the shop, for real: one that lands, one refused, and three that go around.

It asks over the bus as anyone would, waits for each outcome, and then looks at the shop itself:
which version answers, where its schema is, who was told.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from goaround.client import Goaround, connect
from goaround.demo.scene import ENVIRONMENT, FIRST, SERVICE, Scene
from goaround.handle import RunHandle
from goaround.local import LocalSystem
from goaround_schemas.guide import Loss
from goaround_schemas.outcome import DeployFinishedData

Say = Callable[[str], None]
Follow = Callable[[RunHandle], Awaitable[DeployFinishedData]]
"""Shows a run while it goes on, and returns how it ended."""


@dataclass(frozen=True, slots=True)
class Act:
    """One deployment, and how it should end if goaround keeps its word."""

    version: str
    story: str
    outcome: str
    answers: str | None
    """The version that must answer afterwards; None where nobody can promise one."""
    schema: str | None
    paged: bool = False
    allow: tuple[Loss, ...] = ()


ACTS = (
    Act("1.1.0", "a good upgrade, with a migration", "succeeded", "1.1.0", "0002"),
    Act("1.2.0", "healthy by every probe, but it adds up wrongly", "rolled_back", "1.1.0", "0002"),
    Act("1.3.0", "passes every check, then degrades under load", "rolled_back", "1.1.0", "0002"),
    Act("2.0.0", "its migration drops a column, and nobody said so", "rejected", "1.1.0", "0002"),
    Act(
        "1.4.0",
        "drops it with a word for it, and is broken, and so is its way back",
        "rollback_failed",
        None,
        None,
        paged=True,
        allow=("lossy",),
    ),
)


@dataclass(frozen=True, slots=True)
class Played:
    """One deployment as it went."""

    act: Act
    data: DeployFinishedData
    seconds: float
    faults: tuple[str, ...]
    """What is not as it should be; empty if goaround kept its word."""


async def play(system: LocalSystem, scene: Scene, say: Say, follow: Follow) -> tuple[Played, ...]:
    """Deploy each version in turn on a system that runs, and hold each outcome against its act."""
    played: list[Played] = []
    async with connect(system.url_for()) as g:
        await g.adopt(SERVICE, FIRST, environment=ENVIRONMENT, reason="it ran before goaround came")
        for act in ACTS:
            say(f"{SERVICE} {act.version}: {act.story}")
            played.append(await _deploy(g, scene, act, follow))
    return tuple(played)


async def _deploy(g: Goaround, scene: Scene, act: Act, follow: Follow) -> Played:
    begun = time.monotonic()
    run = await g.deploy(
        SERVICE, act.version, environment=ENVIRONMENT, reason=act.story, allow=act.allow
    )
    data = await follow(run)
    seconds = time.monotonic() - begun
    faults = await asyncio.to_thread(_faults, scene, act, data)
    return Played(act, data, round(seconds, 1), faults)


def _faults(scene: Scene, act: Act, data: DeployFinishedData) -> tuple[str, ...]:
    faults: list[str] = []
    if data.outcome != act.outcome:
        faults.append(f"it ended {data.outcome}, not {act.outcome}")
    if act.answers is not None and (answers := scene.version()) != act.answers:
        faults.append(f"{answers} answers, not {act.answers}")
    if act.schema is not None and (schema := scene.schema()) != act.schema:
        faults.append(f"the schema is at {schema}, not {act.schema}")
    if act.paged and not _paged(scene, data.run_id):
        faults.append("nobody was paged")
    return tuple(faults)


def _paged(scene: Scene, run_id: str, within_s: float = 10.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if any(n["moment"] == "page" and n["run_id"] == run_id for n in scene.told()):
            return True
        time.sleep(0.1)
    return False


@contextmanager
def staged(root: Path, say: Say = lambda _: None) -> Generator[tuple[LocalSystem, Scene]]:
    """The demo's system, with the shop and its customers, running; stopped at the end.

    Everything is below one folder, and nothing is kept for long.
    """
    (root / "workspace" / "docs").mkdir(parents=True)
    (root / "shop").mkdir()
    system = LocalSystem(
        root / "system",
        guides=root / "shop" / "guides",
        workspace=root / "workspace",
        durable=False,
        sync="2m",
        die_with_parent=True,
    )
    scene: Scene | None = None
    try:
        say("starting a shop with customers")
        system.servers.start()
        scene = Scene(root / "shop", system.servers.postgres.create_database("shop"))
        scene.set_up()
        system.environment = scene.environment()
        system.start(say)
        yield system, scene
    finally:
        say("")
        say("stopping everything")
        if scene is not None:
            scene.tear_down()
        system.stop()
        system.servers.erase()
