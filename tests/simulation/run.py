"""`make simulate`: many histories, each from its seed, in as many processes as there are cores.

Prints how far it is, and as its last line a JSON object; ends with 1 if any invariant was violated.
"""

import gc
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import TypedDict

import structlog

from tests.simulation.invariants import violations
from tests.simulation.workers import Parts
from tests.simulation.world import PLAIN, World

CHUNK = 100
"""Seeds that a process is given at a time."""
MOST_SHOWN = 20
"""Violations in the last line: the first ones of more say as much."""


class Violation(TypedDict):
    """What does not hold of a history, and how to see it again."""

    seed: int
    invariant: str
    how: str


@dataclass
class Tally:
    """What came of some histories."""

    seeds: int = 0
    runs: int = 0
    violations: list[Violation] = field(default_factory=list[Violation])
    faults: Counter[str] = field(default_factory=Counter[str])
    outcomes: Counter[str] = field(default_factory=Counter[str])

    def add(self, other: "Tally") -> None:
        """Take in what came of others."""
        self.seeds += other.seeds
        self.runs += other.runs
        self.violations += other.violations
        self.faults += other.faults
        self.outcomes += other.outcomes


def silence() -> None:
    """Let the services log nothing: nobody reads what ten thousand histories say."""
    quiet = structlog.make_filtering_bound_logger(50)
    structlog.configure(wrapper_class=quiet, cache_logger_on_first_use=True)


def live(seeds: range, parts: Parts = PLAIN) -> Tally:
    """Live the histories of these seeds, and check each."""
    tally = Tally()
    gc.collect()
    gc.disable()
    for seed in seeds:
        world = World(seed, parts)
        found = violations(world, world.run())
        tally.seeds += 1
        tally.runs += len(world.ledger.kept.runs)
        tally.faults += world.fate.counts
        tally.outcomes.update(row.run.phase for row in world.ledger.kept.runs.values())
        tally.violations += [Violation(seed=seed, invariant=n, how=how) for n, how in found]
    gc.enable()
    return tally


def chunks(seed_from: int, seeds: int) -> Iterator[range]:
    """Cut the seeds into pieces that are worth a process's while."""
    for first in range(seed_from, seed_from + seeds, CHUNK):
        yield range(first, min(first + CHUNK, seed_from + seeds))


def show(seed: int) -> bool:
    """Print one history as lines; True if nothing is wrong with it."""
    world = World(seed, loud=True)
    found = violations(world, world.run())
    for line in world.lines:
        print(line)
    for row in world.ledger.kept.runs.values():
        print(f"{row.run.id} is {row.run.phase}: {row.run.reason}")
    print(f"what went wrong: {dict(world.fate.counts)}")
    for name, how in found:
        print(f"VIOLATED {name}: {how}")
    return not found


def main(seeds: int, seed_from: int, verbose: bool) -> int:
    """Live so many histories from a seed on; 1 if an invariant was violated."""
    silence()
    if verbose and seeds == 1:
        return 0 if show(seed_from) else 1
    began, whole = time.monotonic(), Tally()
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores, get_context("spawn"), initializer=silence) as pool:
        for tally in pool.map(live, chunks(seed_from, seeds)):
            whole.add(tally)
            for bad in tally.violations:
                print(f"seed {bad['seed']}: {bad['invariant']}: {bad['how']}", flush=True)
            if whole.seeds % 1000 == 0:
                print(f"{whole.seeds} of {seeds}, {time.monotonic() - began:.0f} s", flush=True)
    took_s = time.monotonic() - began
    last = {
        "seeds": whole.seeds,
        "violations": whole.violations[:MOST_SHOWN],
        "histories_per_s": round(whole.seeds / took_s, 1),
        "runs": whole.runs,
        "outcomes": dict(sorted(whole.outcomes.items())),
        "faults": dict(sorted(whole.faults.items())),
    }
    print(json.dumps(last))
    return 1 if whole.violations else 0


if __name__ == "__main__":
    sys.exit(
        main(
            int(os.environ.get("SEEDS") or 2000),
            int(os.environ.get("SEED_FROM") or 1),
            bool(os.environ.get("VERBOSE")),
        )
    )
