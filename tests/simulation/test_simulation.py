"""Whole histories under faults, in one process and no time: what was promised holds in each."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from tests.simulation.database import UnlockedLedger
from tests.simulation.invariants import violations
from tests.simulation.mutants import MUTANTS
from tests.simulation.mutate import hunt
from tests.simulation.workers import Parts
from tests.simulation.world import World

CAUGHT = {
    "no inbox": 77,
    "no guarded update": 711,
    "no fencing token": 93,
    "no lease": 44,
    "no 'started' in the journal": 274,
    "sent before the commit": 379,
    "sent after the commit": 11,
    "no sweeper": 6,
    "no revision of a watch": 29,
    "no derived ids of answers": 2,
    "no record of a notice": 13,
}
"""The seed of a history that catches each mutant; `make mutate` hunts for others."""


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    """What the services log of their faults costs more than the histories."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.configure(**before)


def lived(seed: int) -> World:
    world = World(seed, loud=True)
    assert violations(world, world.run()) == []
    return world


def test_one_seed_is_one_history() -> None:
    first, second = lived(4711), lived(4711)
    assert [str(line) for line in first.lines] == [str(line) for line in second.lines]
    assert first.fate.counts == second.fate.counts
    assert [str(line) for line in lived(4712).lines] != [str(line) for line in first.lines]


@pytest.mark.parametrize(
    ("seed", "once"),
    [
        (482, "a first deployment was called off, and its deployer went on after the outcome"),
        (540, "the same, with the command still in the queue"),
        (730, "a deployer stood still between writing a step down and beginning it"),
        (317, "a deployer stood still in the middle of a step, past its lease"),
        (474, "the same, and the run went around meanwhile"),
    ],
)
def test_histories_that_once_went_wrong_go_well(seed: int, once: str) -> None:
    lived(seed)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_system_without_one_of_its_safeguards_breaks_a_promise(name: str) -> None:
    """Begun where it was caught last: as the code changes, another history near by catches it."""
    assert hunt(name, CAUGHT[name], most=400) is not None


def test_the_edition_alone_guards_a_run_that_is_read_without_locks() -> None:
    for seed in range(1, 31):
        world = World(seed, Parts(tables=UnlockedLedger))
        assert violations(world, world.run()) == []


def test_many_histories_keep_every_promise() -> None:
    said = simulate(SEEDS="100")
    assert (said["seeds"], said["violations"]) == (100, [])
    assert set(said["faults"]) >= {"died", "stood still", "ack lost", "commit not confirmed"}


def simulate(**settings: str) -> dict[str, Any]:
    """Run the command as `make` does, and return its last line."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation.run"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return said
