"""Questions and requests about rehearsals, and about corrections of guides, as those of `api`."""

from typing import Literal

from pydantic import AwareDatetime, Field

from goaround_schemas.envelope import DnsLabel, Payload, RunId, Version
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.procedure import PendingMigration, RehearsalResult

REHEARSALS_START = "api.rehearsals.start"
REHEARSALS_LIST = "api.rehearsals.list"
CORRECTIONS_LIST = "api.corrections.list"
CORRECTIONS_DECIDE = "api.corrections.decide"


class RehearseRequest(Payload, frozen=True):
    """Try a version's migrations, there and back, on a scratch copy of the schema."""

    service: DnsLabel
    environment: DnsLabel
    version: Version
    actor: str = Field(min_length=1, max_length=200)


class RehearsalStarted(Payload, frozen=True):
    """The rehearsal is under way; its result is listed under this id."""

    rehearsal_id: str
    within_s: float | None = Field(
        default=None, description="How long the guide lets it take, once it has begun."
    )


class RehearsalQuery(Payload, frozen=True):
    """Which rehearsals, newest first."""

    service: DnsLabel | None = None
    environment: DnsLabel | None = None
    rehearsal_id: str | None = None
    limit: int = Field(default=20, ge=1, le=500)


class RehearsalRow(Payload, frozen=True):
    """One rehearsal: asked for by itself, or part of a run's pre-flight."""

    rehearsal_id: str = Field(description="The run's id where it was part of a pre-flight.")
    service: str
    environment: str
    version: str
    result: RehearsalResult
    migrations: tuple[PendingMigration, ...] = ()


class RehearsalList(Payload, frozen=True):
    """Rehearsals, newest first."""

    rehearsals: tuple[RehearsalRow, ...]


class CorrectionQuery(Payload, frozen=True):
    """Which corrections of guides, newest first."""

    service: DnsLabel | None = None
    state: Literal["open", "accepted", "dismissed"] | None = "open"
    correction_id: str | None = None
    limit: int = Field(default=50, ge=1, le=500)


class CorrectionRow(Payload, frozen=True):
    """One correction that a run proposed, and what a person said to it."""

    correction: GuideCorrection
    service: str
    environment: str
    run_id: RunId = Field(description="The last run that proposed it.")
    at: AwareDatetime = Field(description="When it did.")
    times: int = Field(default=1, description="How many runs have proposed it.")
    guide_name: str
    state: Literal["open", "accepted", "dismissed"] = "open"
    actor: str | None = None
    because: str | None = None
    decided_at: AwareDatetime | None = None


class CorrectionList(Payload, frozen=True):
    """Corrections of guides, newest first."""

    corrections: tuple[CorrectionRow, ...]


class CorrectionDecision(Payload, frozen=True):
    """A person says what is to become of a correction. What is dismissed is not proposed again."""

    correction_id: str
    decision: Literal["accepted", "dismissed"]
    actor: str = Field(min_length=1, max_length=200)
    because: str | None = Field(default=None, max_length=2000)
