"""Where a run can be, and how it can end. Names are a contract."""

from enum import StrEnum, unique
from typing import Literal


@unique
class Phase(StrEnum):
    """Where a run is. The orchestrator alone moves it."""

    REQUESTED = "requested"
    """Asked for; nothing decided yet. Lives for one transaction only."""
    QUEUED = "queued"
    """Another run is under way there. A rollback goes next, then an emergency, then the oldest."""
    PREFLIGHT = "preflight"
    """Checks, the baseline and the first notice are under way. Nothing has been changed."""
    AWAITING_APPROVAL = "awaiting_approval"
    """Pre-flight passed; a person named by the guide must say yes before the deadline."""
    DEPLOYING = "deploying"
    """Migrations and steps run, then readiness is waited for. From here on things have changed."""
    VERIFYING = "verifying"
    """The health matrix runs."""
    WATCHING = "watching"
    """Metrics and logs are held against the baseline."""
    HELD = "held"
    """The evidence does not decide; a person does, before the deadline."""
    ROLLING_BACK = "rolling_back"
    """The guide's rollback procedure runs: migrations first, then its steps, then readiness."""
    VERIFYING_ROLLBACK = "verifying_rollback"
    """The health matrix runs against the previous version."""
    RECORDING = "recording"
    """The change log and the service's documentation are written; the outcome is known."""
    SUCCEEDED = "succeeded"
    """The version runs, was verified and watched, and is on record."""
    ROLLED_BACK = "rolled_back"
    """The previous version runs again and was proven healthy."""
    ROLLBACK_FAILED = "rollback_failed"
    """The way back failed or was not proven healthy. A person is paged."""
    REJECTED = "rejected"
    """Refused before anything changed."""
    ABORTED = "aborted"
    """Called off by a person before anything changed."""
    SUPERSEDED = "superseded"
    """Given up before anything changed, in favour of a later request."""


Outcome = Literal[
    "succeeded", "rolled_back", "rollback_failed", "rejected", "aborted", "superseded"
]

ENDS: frozenset[Phase] = frozenset(
    {
        Phase.SUCCEEDED,
        Phase.ROLLED_BACK,
        Phase.ROLLBACK_FAILED,
        Phase.REJECTED,
        Phase.ABORTED,
        Phase.SUPERSEDED,
    }
)
