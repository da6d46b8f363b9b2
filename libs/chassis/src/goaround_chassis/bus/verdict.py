"""What becomes of a message, decided from how its handling ended. Pure: no clock, no bus.

====================================  ======================================================
the handling                          the message
====================================  ======================================================
returned                              is done
raised `Later`                        comes back after that time; not a failure
raised `Unavailable` (the bus is)     comes back in 5 s; not a failure
raised `Never`                        is put aside
a type nobody here knows              is done, and counted
a kind this consumer does not handle  is done, and counted
a known type in a newer version       comes back each minute, for a week; then is put aside
not what it says it is                is put aside
raised anything else                  comes back after 1, 5, 30, 120 s; then is put aside
====================================  ======================================================
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from goaround_chassis.bus.errors import Unavailable
from goaround_chassis.errors import Later, Never
from goaround_schemas.catalogue import Malformed, TooNew, UnknownType

RETRY_S = (1.0, 5.0, 30.0, 120.0)
UNAVAILABLE_S = 5.0

# An older reader waits for its own upgrade. After the first hours it asks half-hourly, so that a
# whole week of asking stays below `MAX_DELIVERED`.
TOO_NEW_S = 60.0
TOO_NEW_SLOWLY_S = 1800.0
TOO_NEW_OFTEN = timedelta(hours=8)
TOO_NEW_AT_MOST = timedelta(days=7)

# A message that kills the process leaves no exception behind, only deliveries. JetStream counts
# each delivery, also those that asked for later, so this is far above what an honest wait needs.
MAX_DELIVERED = 1000


@dataclass(frozen=True, slots=True)
class Done:
    """Acknowledge: `handled`, `unknown` (type) or `unwanted` (kind)."""

    result: Literal["handled", "unknown", "unwanted"]


@dataclass(frozen=True, slots=True)
class Again:
    """Bring it back. `failed` alone counts towards putting it aside."""

    after_s: float
    result: Literal["later", "too_new", "failed"]
    why: str


@dataclass(frozen=True, slots=True)
class Aside:
    """Keep it with the dead letters and never deliver it again."""

    reason: Literal["never", "malformed", "too_new", "failed", "undeliverable"]
    error: str


Verdict = Done | Again | Aside

HANDLED = Done("handled")
UNKNOWN = Done("unknown")
UNWANTED = Done("unwanted")


def judge(error: Exception, *, failures: int, age: timedelta) -> Verdict:
    """Say what becomes of a message whose handling raised, after so many failures before."""
    match error:
        case UnknownType():
            return UNKNOWN
        case TooNew():
            if age > TOO_NEW_AT_MOST:
                return Aside("too_new", str(error))
            after_s = TOO_NEW_S if age < TOO_NEW_OFTEN else TOO_NEW_SLOWLY_S
            return Again(after_s, "too_new", str(error))
        case Malformed():
            return Aside("malformed", error.why)
        case Later():
            return Again(max(error.after.total_seconds(), 0.0), "later", error.why)
        case Unavailable():
            return Again(UNAVAILABLE_S, "later", str(error))
        case Never():
            return Aside("never", error.why)
        case _:
            said = f"{type(error).__name__}: {error}"
            if failures < len(RETRY_S):
                return Again(RETRY_S[failures], "failed", said)
            return Aside("failed", f"{said} (try {failures + 1})")
