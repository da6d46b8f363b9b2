"""What became of one notice so far, and what is next.

Pure: no clock, no bucket. The count of attempts lives here and not with the bus, which counts
every waiting as a delivery too.

A notice found in `sending` was begun by a process that died, or whose word was lost: nobody can
say whether it arrived. It is sent again, under the same idempotency key: a lost page is worse than
a doubled one. Each such attempt counts, so that a notice that kills its process comes to an end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime, BaseModel

# Attempts beyond the schedule that crashes may use up before it is given up unsent.
SPARE_ATTEMPTS = 3
# Timers of a server and of a worker differ; so much too early is in time.
EARLY_S = 0.05


class Delivery(BaseModel, frozen=True):
    """What is kept of a notice, under its id. Never its text, never its address."""

    state: Literal["sending", "waiting", "sent", "given_up"]
    attempt: int
    detail: str = ""
    due: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """Make this attempt."""

    attempt: int


@dataclass(frozen=True, slots=True)
class SayAgain:
    """It is over; only its answer may have been lost."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class Wait:
    """It is too early for the next attempt."""

    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Too many attempts were begun and never ended."""

    delivery: Delivery


Move = Send | SayAgain | Wait | GiveUp


def next_move(found: Delivery | None, now: datetime, retry_s: Sequence[float]) -> Move:
    """Say what is to be done with a notice by what is kept of it."""
    if found is None:
        return Send(1)
    match found.state:
        case "sent" | "given_up":
            return SayAgain(found)
        case "waiting":
            left_s = (found.due - now).total_seconds() if found.due else 0.0
            return Wait(left_s) if left_s > EARLY_S else Send(found.attempt + 1)
        case "sending":
            if found.attempt >= len(retry_s) + 1 + SPARE_ATTEMPTS:
                said = f"{found.attempt} attempts were begun and the last never ended"
                return GiveUp(found.model_copy(update={"state": "given_up", "detail": said}))
            return Send(found.attempt + 1)


def failed(
    attempt: int, why: str, *, permanent: bool, now: datetime, retry_s: Sequence[float]
) -> Delivery:
    """What is kept after an attempt that failed: when the next is due, or that there is none."""
    if permanent:
        return Delivery(state="given_up", attempt=attempt, detail=f"{why}; no retry can help")
    if attempt > len(retry_s):
        said = f"{why}; given up after {attempt} attempts"
        return Delivery(state="given_up", attempt=attempt, detail=said)
    pause_s = retry_s[attempt - 1]
    return Delivery(
        state="waiting",
        attempt=attempt,
        detail=f"{why}; tried again in {pause_s:g} s",
        due=now + timedelta(seconds=pause_s),
    )
