"""What a deployer refuses to start with."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from goaround_deployer.lease import Timing
from goaround_deployer.settings import DeployerSettings


def test_a_lease_must_outlive_a_lost_beat() -> None:
    with pytest.raises(ValidationError, match=r"LEASE_S \(5\) must be at least three"):
        DeployerSettings(lease_s=5, lease_beat_s=2)


def test_a_holder_gives_up_before_anybody_may_take_over() -> None:
    timing = DeployerSettings(lease_s=10, lease_beat_s=2).timing
    assert timing.give_up_s < timing.lease_s
    assert timing.look_s <= timing.beat_s


def test_what_is_passed_on_is_a_list_of_names() -> None:
    made = DeployerSettings.model_validate({"pass_environment": "AWS_REGION, SSH_AUTH_SOCK,"})
    assert made.pass_environment == ("AWS_REGION", "SSH_AUTH_SOCK")


@pytest.mark.parametrize(
    ("seen_at", "lain_s", "told_at", "dead_at"),
    [
        (100, 0, 100, 110),
        (100, 4, 100, 106),
        # It took 2 s to be told: of what it has lain by then, nothing is counted twice.
        (100, 4, 102, 108),
        # However long it is said to have lain, it is watched for a beat and a half.
        (100, 9, 101, 103),
        (100, 1e9, 102, 103),
        # The bucket's clock was set back: nothing of it counts.
        (100, -1e9, 102, 112),
    ],
)
def test_a_holder_is_dead_once_its_journal_lay_still_for_the_lease_and_was_seen_to(
    seen_at: float, lain_s: float, told_at: float, dead_at: float
) -> None:
    assert Timing(lease_s=10, beat_s=2).dead_at(seen_at, lain_s, told_at) == dead_at
