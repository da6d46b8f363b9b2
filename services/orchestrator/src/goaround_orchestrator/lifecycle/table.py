"""Which phase may follow which, and why. The diagram in docs/lifecycle.md is made from this.

Pure.
"""

from goaround_schemas.phase import Phase

P = Phase

LEGAL: dict[Phase, dict[Phase, str]] = {
    P.REQUESTED: {
        P.QUEUED: "another run is under way",
        P.PREFLIGHT: "accepted",
        P.ROLLING_BACK: "a rollback was asked for",
        P.REJECTED: "refused at the door",
        P.SUPERSEDED: "the run under way does what was asked",
    },
    P.QUEUED: {
        P.PREFLIGHT: "its turn",
        P.ROLLING_BACK: "its turn, for a rollback",
        P.REJECTED: "refused when its turn came, or waited too long",
        P.SUPERSEDED: "a later request takes its place",
        P.ABORTED: "called off",
    },
    P.PREFLIGHT: {
        P.AWAITING_APPROVAL: "passed, and the guide wants a person's yes",
        P.DEPLOYING: "passed",
        P.REJECTED: "failed, or could not be told in time",
        P.SUPERSEDED: "a later request takes its place",
        P.ABORTED: "called off",
    },
    P.AWAITING_APPROVAL: {
        P.DEPLOYING: "approved",
        P.REJECTED: "nobody approved in time",
        P.SUPERSEDED: "a later request takes its place",
        P.ABORTED: "called off",
    },
    P.DEPLOYING: {
        P.VERIFYING: "done and ready",
        P.ROLLING_BACK: "a step failed, it did not get ready, or a person said so",
    },
    P.VERIFYING: {
        P.WATCHING: "healthy",
        P.ROLLING_BACK: "unhealthy, or a person said so",
    },
    P.WATCHING: {
        P.DEPLOYING: "green, and there is a next stage",
        P.RECORDING: "green",
        P.HELD: "too little evidence to decide",
        P.ROLLING_BACK: "red, or a person said so",
    },
    P.HELD: {
        P.WATCHING: "a person wants it watched on",
        P.DEPLOYING: "a person accepts, and there is a next stage",
        P.RECORDING: "a person accepts",
        P.ROLLING_BACK: "a person says so, or nobody decided in time",
    },
    P.ROLLING_BACK: {
        P.VERIFYING_ROLLBACK: "the way back was gone to its end",
        P.RECORDING: "a first deployment was taken away again, or the way back failed",
    },
    P.VERIFYING_ROLLBACK: {
        P.RECORDING: "the previous version is healthy, or is not proven to be",
    },
    P.RECORDING: {
        P.SUCCEEDED: "on record",
        P.ROLLED_BACK: "on record; the previous version is proven healthy",
        P.ROLLBACK_FAILED: "on record; a person was paged",
    },
    P.SUCCEEDED: {},
    P.ROLLED_BACK: {},
    P.ROLLBACK_FAILED: {},
    P.REJECTED: {},
    P.ABORTED: {},
    P.SUPERSEDED: {},
}

UNTOUCHED: frozenset[Phase] = frozenset({P.REQUESTED, P.QUEUED, P.PREFLIGHT, P.AWAITING_APPROVAL})
"""Phases in which nothing has been changed yet: a run in them can be given up for free."""

TURNABLE: frozenset[Phase] = frozenset({P.DEPLOYING, P.VERIFYING, P.WATCHING, P.HELD})
"""Phases from which the way back is taken."""

ACTIVE: frozenset[Phase] = frozenset(p for p in Phase if LEGAL[p]) - {P.REQUESTED, P.QUEUED}
"""Phases of which one run for each service and environment may be in, held by a unique index."""
