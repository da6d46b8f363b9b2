"""`demo`: the whole system on this machine, and five real deployments before your eyes."""

import json as json_format
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goaround.cli import outcome
from goaround.cli.screen import Screen
from goaround.cli.session import Failed, run
from goaround.cli.table import Cell, Table
from goaround.cli.words import length, spoken

if TYPE_CHECKING:
    from goaround.demo import Played
    from goaround.handle import RunHandle
    from goaround_schemas.outcome import DeployFinishedData

_MARK = ".goaround-demo"


def demo(
    folder: Annotated[
        Path, typer.Option(metavar="DIR", help="Where it plays; made anew each time.")
    ] = Path(".demo"),
    json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON as the last line.")
    ] = False,
) -> int:
    """See it work: a good upgrade, three that go around or fail to, and one that is refused.

    Starts NATS, PostgreSQL, every service and a small shop with customers, all for real and on
    free ports; stops them all at the end. The exit code is 0 only if every deployment ended as it
    should.
    """
    # It brings the bus' client with it, which takes most of a second to import.
    from goaround.demo import SceneFailed
    from goaround.embedded import ServerError
    from goaround.local import DidNotStart

    screen = Screen()
    begun = time.monotonic()
    root = _fresh(folder)
    try:
        played = _play(root, screen)
    except (SceneFailed, ServerError, DidNotStart) as error:
        raise Failed(f"the demo could not be played: {error}") from error
    seconds = round(time.monotonic() - begun, 1)
    ok = all(not p.faults for p in played)
    _report(screen, root, played, seconds)
    if json:
        screen.raw(json_format.dumps(_summary(played, seconds, ok=ok), ensure_ascii=False) + "\n")
    return outcome.DONE if ok else outcome.REFUSED


def _fresh(folder: Path) -> Path:
    """An empty folder of the demo's own. Somebody else's is never emptied."""
    root = folder.resolve()
    if root.exists() and any(root.iterdir()) and not (root / _MARK).exists():
        raise Failed(f"{root} holds something that is not a demo's; name another --folder")
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    (root / _MARK).touch()
    return root


def _play(root: Path, screen: Screen) -> tuple["Played", ...]:
    from goaround.cli.progress import Progress
    from goaround.demo import play, staged
    from goaround_chassis.telemetry import start_logging
    from goaround_schemas.outcome import DeployFinished

    start_logging("goaround", "critical", "console")

    async def follow(handle: "RunHandle") -> "DeployFinishedData":
        with Progress(screen) as progress:
            async for event in handle.events():
                progress.show(event)
                if isinstance(event, DeployFinished):
                    return event.data
        raise Failed(f"run {handle.run_id} was not followed to its end")

    def say(text: str) -> None:
        screen.line()
        screen.line(text, "bold")

    with staged(root, screen.line) as (system, scene):
        return run(play(system, scene, say, follow))


def _report(screen: Screen, root: Path, played: tuple["Played", ...], seconds: float) -> None:
    screen.line()
    table = Table(("Version", "Outcome", "Took", "Held against the story"))
    for p in played:
        held = "; ".join(p.faults) or "as it should"
        style = "red" if p.faults else "green"
        table.add(p.act.version, spoken(p.data.outcome), length(p.seconds), Cell(held, style))
    screen.table(table)
    for p in played:
        screen.line()
        screen.line(f"{p.act.version} {spoken(p.data.outcome)}. {p.data.reason}")
    _corrections(screen, played)
    screen.line()
    screen.line(f"Change log  {root / 'workspace' / 'CHANGELOG.md'}")
    screen.line(f"Page        {root / 'workspace' / 'docs' / 'shop.md'}")
    screen.line(f"Notices     {root / 'shop' / 'notices.jsonl'}")
    screen.line(f"Guide       {root / 'shop' / 'guides' / 'shop.yaml'}")
    screen.line(f"Logs        {root / 'system' / 'logs'}")
    screen.line(f"All of it took {length(seconds)}.")


def _corrections(screen: Screen, played: tuple["Played", ...]) -> None:
    """What the guide should have said, by what happened."""
    found = {c.id: c for p in played if p.data.guide for c in p.data.guide.corrections if c.diff}
    for correction in found.values():
        screen.line()
        change = f"{correction.field}: {correction.was} -> {correction.proposed}"
        screen.line(f"The guide should say {change}, since it {correction.evidence}", "bold")
        for line in correction.diff.splitlines():
            screen.line(line, {"+": "green", "-": "red"}.get(line[:1], ""))


def _summary(played: tuple["Played", ...], seconds: float, *, ok: bool) -> dict[str, object]:
    return {
        "ok": ok,
        "seconds": seconds,
        "runs": [
            {
                "service": p.data.service,
                "version": p.act.version,
                "outcome": p.data.outcome,
                "reason": p.data.reason,
                "seconds": p.seconds,
            }
            for p in played
        ],
    }
