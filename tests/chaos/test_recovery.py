"""How long work lay still is told from the server's own word, and only where it is plain."""

import json

import pytest

from tests.chaos.recovery import (
    CONSUMERS,
    Recovered,
    Sample,
    Trouble,
    lines,
    p99,
    recovered,
    sample_of,
    takeovers,
)
from tests.chaos.test_checker import effect

KILL = Trouble("verifier", kill=True, begin=100, end=101)
TAKEN_OVER = Sample("verifier", 7, deliveries=2, delivered_at=104.5, acked_at=104.6)
BESIDE = Sample("verifier", 8, deliveries=1, delivered_at=100.1, acked_at=100.2)


def test_what_a_killed_process_had_in_hand_is_what_came_again() -> None:
    found = recovered("verifier", [KILL], [BESIDE, TAKEN_OVER])
    assert found.goes_on == pytest.approx((0.2,))
    assert found.redelivered == pytest.approx((4.5,))
    assert found.settled == pytest.approx((4.6,))


@pytest.mark.parametrize(
    "other",
    [
        Trouble("verifier", kill=False, begin=97, end=103),
        Trouble(None, kill=False, begin=102, end=103),
        Trouble("verifier", kill=True, begin=99.5, end=99.9),
    ],
    ids=["one was stopped", "a server was killed", "two were killed"],
)
def test_what_may_have_come_again_for_another_reason_is_not_counted(other: Trouble) -> None:
    assert recovered("verifier", [KILL, other], [TAKEN_OVER]).settled == ()


def test_a_fault_of_another_service_explains_nothing() -> None:
    other = Trouble("scribe", kill=False, begin=99, end=103)
    assert len(recovered("verifier", [KILL, other], [TAKEN_OVER]).settled) == 1


def test_the_servers_word_is_read() -> None:
    said = {
        "timestamp": "2026-11-23T07:30:54.226147123Z",
        "consumer": "watcher-timers",
        "stream_seq": 12,
        "ack_time": 250_000_000,
        "deliveries": 2,
    }
    sample = sample_of(json.dumps(said).encode())
    assert sample is not None
    assert (sample.service, sample.sequence, sample.deliveries) == ("watcher", 12, 2)
    assert sample.acked_at - sample.delivered_at == pytest.approx(0.25)
    assert sample_of(json.dumps({**said, "consumer": "replay-1"}).encode()) is None


def test_a_takeover_lasts_until_the_run_of_the_ended_step_goes_on() -> None:
    ended_by_the_kill = effect("a", "prepare", 99.5, None)
    another_run = effect("b", "prepare", 100.5, 100.6)
    repeated = effect("a", "prepare", 115, 116)
    long_before = effect("c", "prepare", 50, None)
    effects = [long_before, ended_by_the_kill, another_run, repeated]
    kill = Trouble("deployer", kill=True, begin=100, end=101)
    assert takeovers([kill], effects) == [15.0]
    assert takeovers([KILL], effects) == []


@pytest.mark.parametrize(
    ("other", "counts"),
    [
        (Trouble("deployer", kill=False, begin=90, end=101), False),
        (Trouble("deployer", kill=True, begin=103, end=104), False),
        (Trouble(None, kill=False, begin=105, end=106), False),
        (Trouble("scribe", kill=True, begin=101, end=102), True),
        (Trouble("deployer", kill=True, begin=120, end=121), True),
        (Trouble("deployer", kill=True, begin=90, end=95), True),
    ],
)
def test_a_takeover_counts_only_where_nothing_else_can_have_held_it_up(
    other: Trouble, counts: bool
) -> None:
    kill = Trouble("deployer", kill=True, begin=100, end=101)
    effects = [effect("a", "prepare", 99.5, None), effect("a", "prepare", 115, 116)]
    assert bool(takeovers([kill, other], effects)) == counts


def test_of_few_values_the_99th_of_100_is_the_greatest() -> None:
    assert p99([]) is None
    assert p99([1.0, 3.0, 2.0]) == 3.0
    assert p99([float(n) for n in range(1, 201)]) == 198.0


def test_a_scene_says_of_each_kind_of_service_what_its_kills_came_to() -> None:
    first = Recovered("verifier", goes_on=(0.2,), redelivered=(2.0,), settled=(2.5, 2.0))
    second = Recovered("verifier", goes_on=(0.1, 0.3), redelivered=(), settled=(4.25,))
    said = lines([first, second], [3.0, 4.5])

    assert len(said) == len(CONSUMERS) + 1
    assert said[list(CONSUMERS).index("verifier")] == (
        "recovery of verifier: 3 kills, settled what was in hand: "
        "3, p50 2.50 s, p99 4.25 s, max 4.25 s"
    )
    assert said[0] == "recovery of orchestrator: 0 kills, settled what was in hand: none"
    assert said[-1] == "takeover of deployers' steps: 2, p50 3.75 s, p99 4.50 s, max 4.50 s"
