"""What is next with a notice, as a table."""

from datetime import timedelta

import pytest

from goaround_notifier.delivery import (
    SPARE_ATTEMPTS,
    Delivery,
    GiveUp,
    Move,
    SayAgain,
    Send,
    Wait,
    failed,
    next_move,
)
from tests.builders import NOON

RETRY_S = (5.0, 30.0, 120.0, 600.0)
SENT = Delivery(state="sent", attempt=2, detail="told")
GIVEN_UP = Delivery(state="given_up", attempt=5, detail="no")
WAITING = Delivery(state="waiting", attempt=2, due=NOON)


@pytest.mark.parametrize(
    ("found", "after_s", "move"),
    [
        (None, 0, Send(1)),
        (SENT, 0, SayAgain(SENT)),
        (GIVEN_UP, 9999, SayAgain(GIVEN_UP)),
        (WAITING, 0, Send(3)),
        (WAITING, -0.04, Send(3)),
        (WAITING, -10, Wait(10.0)),
        (WAITING.model_copy(update={"due": None}), 0, Send(3)),
        (Delivery(state="sending", attempt=1), 0, Send(2)),
        (Delivery(state="sending", attempt=7), 0, Send(8)),
    ],
)
def test_what_is_next_follows_from_what_is_kept(
    found: Delivery | None, after_s: float, move: Move
) -> None:
    assert next_move(found, NOON + timedelta(seconds=after_s), RETRY_S) == move


def test_a_notice_that_ends_its_process_each_time_is_given_up() -> None:
    kept: Delivery | None = None
    for _ in range(100):
        match next_move(kept, NOON, RETRY_S):
            case Send(attempt):
                kept = Delivery(state="sending", attempt=attempt)
            case GiveUp(delivery):
                assert delivery.state == "given_up"
                assert delivery.attempt == len(RETRY_S) + 1 + SPARE_ATTEMPTS
                return
            case move:
                raise AssertionError(move)
    raise AssertionError("it is sent for ever")


@pytest.mark.parametrize(
    ("attempt", "pause_s"), [(1, 5.0), (2, 30.0), (3, 120.0), (4, 600.0), (5, None), (8, None)]
)
def test_the_pauses_grow_and_then_it_is_over(attempt: int, pause_s: float | None) -> None:
    ended = failed(attempt, "refused", permanent=False, now=NOON, retry_s=RETRY_S)
    if pause_s is None:
        assert (ended.state, ended.due) == ("given_up", None)
    else:
        assert (ended.state, ended.due) == ("waiting", NOON + timedelta(seconds=pause_s))
    assert "refused" in ended.detail


def test_what_is_permanent_is_given_up_at_once() -> None:
    ended = failed(1, "404", permanent=True, now=NOON, retry_s=RETRY_S)
    assert (ended.state, ended.attempt) == ("given_up", 1)
