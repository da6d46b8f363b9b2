from datetime import timedelta

import pytest

from goaround_chassis.bus import Unavailable
from goaround_chassis.bus.memory import Memory
from goaround_chassis.bus.verdict import (
    MAX_DELIVERED,
    TOO_NEW_AT_MOST,
    TOO_NEW_OFTEN,
    Again,
    Aside,
    Done,
    Verdict,
    judge,
)
from goaround_chassis.errors import Later, Never
from goaround_schemas.catalogue import Malformed, TooNew, UnknownType

NOW = timedelta()
FAILED = "RuntimeError: no"
TOO_NEW = str(TooNew("deploy.requested.v9", 1))


@pytest.mark.parametrize(
    ("error", "failures", "age", "verdict"),
    [
        (UnknownType("deploy.sung.v1"), 0, NOW, Done("unknown")),
        (Later(timedelta(seconds=7), "busy"), 0, NOW, Again(7, "later", "busy")),
        (Later(timedelta(seconds=7), "busy"), 99, NOW, Again(7, "later", "busy")),
        (Later(timedelta(seconds=-1), "late"), 0, NOW, Again(0, "later", "late")),
        (Unavailable("publish", "no"), 99, NOW, Again(5, "later", "publish: no")),
        (Never("gone"), 0, NOW, Aside("never", "gone")),
        (Malformed("not JSON"), 0, NOW, Aside("malformed", "not JSON")),
        (TooNew("deploy.requested.v9", 1), 0, NOW, Again(60, "too_new", TOO_NEW)),
        (TooNew("deploy.requested.v9", 1), 0, timedelta(hours=9), Again(1800, "too_new", TOO_NEW)),
        (TooNew("deploy.requested.v9", 1), 0, timedelta(days=6), Again(1800, "too_new", TOO_NEW)),
        (TooNew("deploy.requested.v9", 1), 0, timedelta(days=8), Aside("too_new", TOO_NEW)),
        (RuntimeError("no"), 0, NOW, Again(1, "failed", FAILED)),
        (RuntimeError("no"), 1, NOW, Again(5, "failed", FAILED)),
        (RuntimeError("no"), 2, NOW, Again(30, "failed", FAILED)),
        (RuntimeError("no"), 3, NOW, Again(120, "failed", FAILED)),
        (RuntimeError("no"), 4, NOW, Aside("failed", f"{FAILED} (try 5)")),
    ],
)
def test_how_a_handler_ends_decides_what_becomes_of_the_message(
    error: Exception, failures: int, age: timedelta, verdict: Verdict
) -> None:
    assert judge(error, failures=failures, age=age) == verdict


def test_a_week_of_waiting_for_a_newer_reader_stays_below_the_hard_cap() -> None:
    age, deliveries = timedelta(), 0
    while age <= TOO_NEW_AT_MOST:
        verdict = judge(TooNew("deploy.requested.v9", 1), failures=0, age=age)
        assert isinstance(verdict, Again)
        age += timedelta(seconds=verdict.after_s)
        deliveries += 1
    assert TOO_NEW_OFTEN / timedelta(minutes=1) < deliveries < MAX_DELIVERED


def test_the_memory_of_failures_is_bounded_and_drops_the_oldest() -> None:
    memory = Memory(most=2)
    for sequence in (1, 2, 3):
        memory.of(sequence).failures = sequence
    assert len(memory) == 2
    assert memory.find(1) is None
    assert memory.of(3).failures == 3
    memory.forget(3)
    assert memory.find(3) is None
