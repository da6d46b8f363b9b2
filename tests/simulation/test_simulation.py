"""Whole histories under faults, in one process and no time: what was promised holds in each."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.simulation.invariants import violations
from tests.simulation.world import World


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


def test_many_histories_keep_every_promise() -> None:
    said = simulate(SEEDS="300")
    assert (said["seeds"], said["violations"]) == (300, [])
    assert set(said["faults"]) >= {"died", "stood still", "ack lost", "commit not confirmed"}


def simulate(**settings: str) -> dict[str, Any]:
    """Run the command as `make` does, and return its last line."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation.run"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return said
