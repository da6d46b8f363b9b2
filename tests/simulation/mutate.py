"""`make mutate`: the checks can fail. One safeguard is out at a time, until a history breaks.

Prints a table and, as its last line, a JSON object; ends with 1 if a mutant lives through all.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context

from tests.simulation.invariants import violations
from tests.simulation.mutants import MUTANTS
from tests.simulation.run import silence
from tests.simulation.world import World

MOST_SEEDS = 2000


@dataclass(frozen=True, slots=True)
class Caught:
    """The first history that a mutant breaks."""

    by: str
    how: str
    seed: int
    tried: int


def hunt(name: str, seed_from: int, most: int = MOST_SEEDS) -> Caught | None:
    """Live histories with a mutant until one breaks that is sound without it."""
    for seed in range(seed_from, seed_from + most):
        world = World(seed, MUTANTS[name])
        found = violations(world, world.run())
        if found and _is_sound(seed):
            # What tells most of it: the invariant that is violated most often.
            by = Counter(invariant for invariant, _ in found).most_common(1)[0][0]
            how = next(how for invariant, how in found if invariant == by)
            return Caught(by, how, seed, seed - seed_from + 1)
    return None


def _is_sound(seed: int) -> bool:
    whole = World(seed)
    return not violations(whole, whole.run())


def main(seed_from: int, names: Iterable[str] = tuple(MUTANTS)) -> int:
    """Hunt each mutant; 1 if one is not caught."""
    names = tuple(names)
    with ProcessPoolExecutor(
        os.cpu_count() or 1, get_context("spawn"), initializer=silence
    ) as pool:
        found = dict(zip(names, pool.map(partial(hunt, seed_from=seed_from), names), strict=True))
    width = max(map(len, names))
    for name, caught in found.items():
        if caught is None:
            print(f"{name:<{width}}  NOT CAUGHT in {MOST_SEEDS} histories")
        else:
            said = f"caught by {caught.by} after {caught.tried}, seed {caught.seed}: {caught.how}"
            print(f"{name:<{width}}  {said}")
    uncaught = [name for name, caught in found.items() if caught is None]
    mutations = {
        name: {"caught_by": c.by, "seed": c.seed, "seeds_tried": c.tried}
        for name, c in found.items()
        if c is not None
    }
    print(json.dumps({"mutations": mutations, "uncaught": uncaught}))
    return 1 if uncaught else 0


if __name__ == "__main__":
    sys.exit(main(int(os.environ.get("SEED_FROM") or 1)))
