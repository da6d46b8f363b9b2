"""Makes the worked examples: `python -m tests.judge.record`.

Without more, what is kept in `recordings/` is judged again by the judge of today, as is due when
its version was raised, and the pictures and the page are written anew. With `--play`, the shop is
deployed again first, for real, which takes two minutes.
"""

import argparse
import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from goaround.client import Goaround, connect
from goaround.demo import Scene, staged
from goaround.demo.scene import ENVIRONMENT, FIRST, SERVICE
from goaround.local import LocalSystem
from goaround_guidebook import correct
from goaround_judge import Evidence, judge
from goaround_judge.recording import read, write
from tests.judge.examples import EXAMPLES, REPOSITORY, Example, write_out

_LONGER = (
    (("watch", "period"), "30s"),
    (("watch", "baseline", "before"), "20s"),
)
"""The demo's watch is as short as it can be; a picture wants more to show."""
_MUTED = (
    (("watch", "signals", 0, "muted"), "true"),
    (("watch", "signals", 1, "muted"), "true"),
)
_WITHIN_S = 180.0
_SETTLING_S = 20.0
"""What the start of so many processes costs the shop must not be in its baseline."""


def main() -> None:
    """Record or judge again, and write what shows it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--play", action="store_true", help="deploy the shop again, for real")
    if parser.parse_args().play:
        for example, recording in play().items():
            example.file.write_text(recording)
    for example in EXAMPLES:
        evidence = _anywhere(read(example.file.read_text()).evidence)
        example.file.write_text(write(evidence, judge(evidence)))
    write_out()


def _anywhere(evidence: Evidence) -> Evidence:
    """Return the evidence without the place of this checkout, which stands in traces in the log."""
    text = evidence.model_dump_json().replace(str(REPOSITORY), "/srv")
    return Evidence.model_validate_json(text)


def play() -> dict[Example, str]:
    """Deploy the shop for each example, and return the recordings."""
    with (
        TemporaryDirectory(prefix="goaround-examples-") as folder,
        staged(Path(folder)) as (system, scene),
    ):
        return asyncio.run(_play(system, scene))


async def _play(system: LocalSystem, scene: Scene) -> dict[Example, str]:
    guide = scene.guides / "shop.yaml"
    text = _corrected(guide.read_text(), _LONGER)
    recorded: dict[Example, str] = {}
    async with connect(system.url_for()) as g:
        await g.adopt(SERVICE, FIRST, environment=ENVIRONMENT)
        await asyncio.sleep(_SETTLING_S)
        # By the log first: to the one after it, those error lines are nothing new.
        for example in sorted(EXAMPLES, key=lambda one: (one.version, not one.by_the_log)):
            guide.write_text(_corrected(text, _MUTED) if example.by_the_log else text)
            recorded[example] = await _deploy(g, example)
    return recorded


async def _deploy(g: Goaround, example: Example) -> str:
    run = await g.deploy(SERVICE, example.version, environment=ENVIRONMENT, redeploy=True)
    done = await run.finished(timeout_s=_WITHIN_S)
    print(f"{example.name}: {done.data.outcome}. {done.data.reason}")
    recording = (await g.evidence(run.run_id)).recording
    if recording is None:
        raise RuntimeError(f"{run.run_id} has no recording: {done.data.reason}")
    return recording


def _corrected(text: str, changes: tuple[tuple[tuple[str | int, ...], str], ...]) -> str:
    for path, value in changes:
        text = correct(text, path, value).text
    return text


if __name__ == "__main__":
    main()
