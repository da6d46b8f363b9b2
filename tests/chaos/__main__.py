"""Chaos on real servers: load goes on while everything is killed; a checker looks at what is left.

    RUNS=3000 SECONDS=900 SEED=1 ACK_WAIT_S=5 python -m tests.chaos [short] [one] [three] [disk]

Three systems one after the other: one NATS server with cut networks; three of them, whose leaders
are killed; one on a small disk that fills up. The last line is JSON; the exit code is 1 if anything
was lost, doubled or otherwise not as promised.
"""

import asyncio
import json
import logging
import os
import random
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog

from goaround.topology import ACK_WAIT_S
from tests.chaos.checker import DOUBLED, LOST
from tests.chaos.nodes import Disk
from tests.chaos.recovery import lines, p99, told
from tests.chaos.scenes import scenes
from tests.chaos.stage import Findings, play, say


def main(arguments: list[str]) -> int:
    """Play every scene, and say what came of it."""
    short = "short" in arguments
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    runs = int(os.environ.get("RUNS") or (300 if short else 3000))
    seconds = float(os.environ.get("SECONDS") or (120 if short else 900))
    seed = int(os.environ.get("SEED") or random.SystemRandom().randrange(10_000))
    ack_wait_s = float(os.environ.get("ACK_WAIT_S") or ACK_WAIT_S)
    only = [argument for argument in arguments if argument != "short"]
    say(f"seed {seed}")
    whole = Findings()
    for scene in scenes(runs, seconds, short=short):
        if only and scene.key not in only:
            continue
        with TemporaryDirectory(prefix="goaround-chaos-") as folder:
            root = Path(folder)
            if scene.disk_bytes and not Disk.available(root / "try"):
                say(f"{scene.name}: left out, this machine lets nobody have a disk of their own")
                continue
            say(f"{scene.name}: {scene.runs} runs or more")
            found = asyncio.run(play(scene, root, seed, ack_wait_s))
        # Now already: a run that is cut off later has told what it found so far.
        for line in lines(found.recovered, found.takeovers):
            say(f"  {line}")
        for rule, faults in found.broken.items():
            for fault in faults[:20]:
                say(f"  BROKEN {rule}: {fault}")
        whole.add(scene.name, found)
    return summary(whole)


def summary(whole: Findings) -> int:
    """Print the figures; return the exit code."""
    figures = told(whole.recovered)
    for service, row in figures.items():
        say(f"recovery of {service}: {row}")
    # A deployer's step is done again, which takes its time: of those, when they are begun anew.
    settled = [s for one in whole.recovered if one.service != "deployer" for s in one.settled]
    said = {
        "runs": whole.runs,
        "faults": dict(sorted(whole.faults.items())),
        "lost": sum(len(found) for rule, found in whole.broken.items() if rule in LOST),
        "duplicate_effects": sum(len(v) for k, v in whole.broken.items() if k in DOUBLED),
        "violations": [f"{rule}: {one}" for rule, found in whole.broken.items() for one in found],
        "recovery_p99_s": p99([*settled, *whole.takeovers]),
        "takeover_p99_s": p99(whole.takeovers),
        "recovery": figures,
    }
    say(json.dumps(said))
    return 1 if whole.broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
