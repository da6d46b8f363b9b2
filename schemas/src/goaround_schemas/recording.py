"""What the scribe is told to write down, and where it did."""

from typing import Literal

from pydantic import Field

from goaround_schemas.envelope import Command, Event, Payload, RunPayload
from goaround_schemas.guide.guide import Record
from goaround_schemas.matrix import Matrix
from goaround_schemas.outcome import GuideCorrection, RollbackSummary, Span
from goaround_schemas.procedure import MigrationResult, PendingMigration, StepResult
from goaround_schemas.watching import WatchSummary


class WorkRecordData(RunPayload, frozen=True):
    """All that the record needs; the outcome is the one the run is about to end with."""

    kind: Literal["deploy", "rollback"] = "deploy"
    version: str | None = None
    previous_version: str | None = None
    requested_by: str
    request_reason: str | None = None
    emergency: bool = False
    artifact: str | None = None
    outcome: Literal["succeeded", "rolled_back", "rollback_failed"]
    reason: str
    timeline: tuple[Span, ...]
    verification: tuple[Matrix, ...] = ()
    steps: tuple[StepResult, ...] = ()
    migration: MigrationResult | None = None
    migrations: tuple[PendingMigration, ...] = ()
    watch: WatchSummary | None = None
    rollback: RollbackSummary | None = None
    warnings: tuple[str, ...] = ()
    record: Record
    docs: str | None = None
    guide_name: str = Field(description="The guide's file name, for the diff's head.")
    guide_text: str = Field(description="The very text that the run followed.")
    guide_digest: str
    previous_guide_text: str | None = Field(
        default=None, description="The text that the version before was deployed with."
    )


class WorkRecord(Command, frozen=True):
    """Write the change log and the documentation, propose corrections, and answer."""

    type: Literal["work.record.v1"] = "work.record.v1"
    data: WorkRecordData


class Entry(Payload, frozen=True):
    """One thing that was, or was not, written down."""

    what: Literal["changelog", "journal", "docs", "corrections"]
    outcome: Literal["written", "unchanged", "failed", "skipped"]
    where: str | None = None
    detail: str = ""


class DeployRecordedData(RunPayload, frozen=True):
    entries: tuple[Entry, ...]
    corrections: tuple[GuideCorrection, ...] = ()


class DeployRecorded(Event, frozen=True):
    """The run is on record, as far as it could be written."""

    type: Literal["deploy.recorded.v1"] = "deploy.recorded.v1"
    data: DeployRecordedData
