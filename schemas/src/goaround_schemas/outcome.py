"""How a run moves, and how it ended."""

from typing import Literal

from pydantic import AwareDatetime, Field

from goaround_schemas.envelope import Event, Payload, RunPayload
from goaround_schemas.matrix import Matrix
from goaround_schemas.phase import Outcome, Phase
from goaround_schemas.procedure import PendingMigration, Reverted, StepResult
from goaround_schemas.watching import WatchSummary


class DeployAdvancedData(RunPayload, frozen=True):
    version: str | None = None
    from_: Phase = Field(validation_alias="from", serialization_alias="from")
    to: Phase
    stage: str | None = None
    reason: str
    actor: str = Field(description="Who moved it: a person, or the service whose answer did.")
    revision: int = Field(description="How often the run has moved; its order in the history.")
    emergency: bool = False


class DeployAdvanced(Event, frozen=True):
    """A run moved from one phase to another. Replayed from the start, these are its history."""

    type: Literal["deploy.advanced.v1"] = "deploy.advanced.v1"
    data: DeployAdvancedData


class Span(Payload, frozen=True):
    """One phase of a run, from when to when."""

    phase: Phase
    from_: AwareDatetime = Field(validation_alias="from", serialization_alias="from")
    to: AwareDatetime
    stage: str | None = None


class RollbackSummary(Payload, frozen=True):
    """Why the way back was taken, what was done, and what the previous version says of itself."""

    trigger: str
    steps: tuple[StepResult, ...] = ()
    matrix: Matrix | None = None
    left: str | None = Field(default=None, description="What was left behind, where it failed.")
    database: Reverted | None = Field(
        default=None, description="What became of the schema; none where it was not touched."
    )
    known: tuple[str, ...] = Field(
        default=(), description="Where it failed: what is known of each target, a sentence each."
    )
    next: tuple[str, ...] = Field(
        default=(), description="Where it failed: what a person could run next, in order."
    )


class GuideCorrection(Payload, frozen=True):
    """A proposed change of the guide, with what speaks for it."""

    field: str
    was: str
    proposed: str
    evidence: str
    diff: str
    id: str = Field(default="", description="By which it is accepted or dismissed.")
    runs: tuple[str, ...] = Field(default=(), description="The runs that speak for it.")
    effect: str = Field(
        default="", description="What it would have changed in the runs that are on record."
    )


class GuideUsed(Payload, frozen=True):
    """Which guide the run followed, and what it should have said."""

    digest: str
    corrections: tuple[GuideCorrection, ...] = ()


class DeployFinishedData(RunPayload, frozen=True):
    kind: Literal["deploy", "rollback"] = "deploy"
    version: str | None = None
    previous_version: str | None = None
    requested_by: str
    emergency: bool = False
    artifact: str | None = None
    outcome: Outcome
    reason: str = Field(description="One sentence with the numbers in it.")
    timeline: tuple[Span, ...] = ()
    verification: tuple[Matrix, ...] = ()
    migrations: tuple[PendingMigration, ...] = Field(
        default=(), description="What the version brought to the schema, as judged before."
    )
    watch: WatchSummary | None = None
    rollback: RollbackSummary | None = None
    guide: GuideUsed | None = None
    record: tuple[str, ...] = Field(default=(), description="Where it was written down.")
    warnings: tuple[str, ...] = ()


class DeployFinished(Event, frozen=True):
    """A run came to its end. There is exactly one for each run."""

    type: Literal["deploy.finished.v1"] = "deploy.finished.v1"
    data: DeployFinishedData
