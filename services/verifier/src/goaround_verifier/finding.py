"""What one try of a check found. Pure: no clock, no I/O.

Failed is a definite no, errored means that it could not tell. Apart from that a finding says
whether asking again can change it: that is not the same question.
"""

from dataclasses import dataclass
from enum import StrEnum, unique

from goaround_schemas.matrix import RowOutcome


@unique
class Again(StrEnum):
    """Whether asking again is worth it."""

    NEVER = "never"  # it passed, or somebody must change something first
    WITHIN = "within"  # only where the guide gives the service time to get there
    RETRY = "retry"  # it could not tell, or the service may be just starting


@dataclass(frozen=True, slots=True)
class Finding:
    """One answer: a sentence with what was found and what was wanted."""

    outcome: RowOutcome
    detail: str
    value: str | None = None
    again: Again = Again.NEVER


def passed(detail: str, value: str | None = None) -> Finding:
    """It is as wanted; `value` is what the check read, where it reads."""
    return Finding(RowOutcome.PASSED, detail, value)


def failed(detail: str, value: str | None = None) -> Finding:
    """A definite no: there is an answer, and it is not the wanted one."""
    return Finding(RowOutcome.FAILED, detail, value, Again.WITHIN)


def absent(detail: str) -> Finding:
    """Nothing is there. It may be starting, so it is asked again; in the end it is a no."""
    return Finding(RowOutcome.FAILED, detail, None, Again.RETRY)


def errored(detail: str, value: str | None = None) -> Finding:
    """It could not tell; the next try may."""
    return Finding(RowOutcome.ERRORED, detail, value, Again.RETRY)


def hopeless(detail: str) -> Finding:
    """It could not tell, and no further try can until a person changes something."""
    return Finding(RowOutcome.ERRORED, detail)
