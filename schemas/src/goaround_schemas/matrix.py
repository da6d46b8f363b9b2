"""A matrix of checks: what is asked of the verifier, and what it found."""

from enum import StrEnum, unique
from typing import Literal

from pydantic import Field

from goaround_schemas.envelope import Command, Event, Payload, RunPayload
from goaround_schemas.guide.check import Check

MatrixKind = Literal["preflight", "readiness", "health", "monitoring"]


@unique
class RowOutcome(StrEnum):
    """What a row says. Failed is a definite no; errored means that it could not tell."""

    PASSED = "passed"
    WARNED = "warned"
    FAILED = "failed"
    ERRORED = "errored"
    SKIPPED = "skipped"


class Question(Payload, frozen=True):
    """One row to fill."""

    category: str = Field(description="liveness, smoke, ci, dashboards, running, ...")
    check: Check


class WorkVerifyData(RunPayload, frozen=True):
    kind: MatrixKind
    of: str = Field(description="The version that is looked at.")
    questions: tuple[Question, ...]
    within_s: float | None = Field(
        default=None, gt=0, description="Ask each until it passes or this has passed (readiness)."
    )


class WorkVerify(Command, frozen=True):
    """Run these checks and answer with deploy.verified."""

    type: Literal["work.verify.v1"] = "work.verify.v1"
    data: WorkVerifyData


class MatrixRow(Payload, frozen=True):
    """One question and its answer."""

    category: str
    name: str
    outcome: RowOutcome
    detail: str = Field(description="One sentence with what was found and what was wanted.")
    required: bool = True
    value: str | None = Field(default=None, description="What the check read, where it reads.")
    attempts: int = 1
    seconds: float = 0.0


class Matrix(Payload, frozen=True):
    """A whole matrix. Passed only if every required row passed."""

    kind: Literal["preflight", "readiness", "health", "monitoring", "rollback_health"]
    of: str
    outcome: Literal["passed", "failed", "errored"]
    rows: tuple[MatrixRow, ...]


class DeployVerifiedData(RunPayload, frozen=True):
    matrix: Matrix


class DeployVerified(Event, frozen=True):
    """A matrix of checks was run to its end."""

    type: Literal["deploy.verified.v1"] = "deploy.verified.v1"
    data: DeployVerifiedData


def outcome_of(rows: tuple[MatrixRow, ...]) -> Literal["passed", "failed", "errored"]:
    """Return what the required rows say together: a no outweighs a 'could not tell'."""
    said = {r.outcome for r in rows if r.required}
    if RowOutcome.FAILED in said:
        return "failed"
    if RowOutcome.ERRORED in said:
        return "errored"
    return "passed"
