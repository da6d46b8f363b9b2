"""What the deployer is told to do, and what it did."""

from typing import Literal

from pydantic import AwareDatetime, Field

from goaround_schemas.envelope import Command, Event, Payload, RunPayload
from goaround_schemas.guide.step import Loss, Migrations, Step


class ProcedureData(RunPayload, frozen=True):
    """A procedure, every template in it replaced but {migration.before}."""

    version: str
    previous_version: str | None = None
    stage: str
    steps: tuple[Step, ...]
    migrations: Migrations | None = None
    allow: tuple[Loss, ...] = Field(
        default=(), description="What the guide and a person let migrations do, together."
    )
    values: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="What a script gets as environment variables: GOAROUND_VERSION and so on.",
    )


class WorkDeployData(ProcedureData, frozen=True):
    pass


class WorkDeploy(Command, frozen=True):
    """Apply the migrations, run the steps of one stage, and answer with deploy.executed."""

    type: Literal["work.deploy.v1"] = "work.deploy.v1"
    data: WorkDeployData


class WorkRollbackData(ProcedureData, frozen=True):
    deployed_by: str | None = Field(
        default=None,
        description="The run whose journal tells what was changed; this run's own if absent.",
    )
    migration_before: str | None = Field(
        default=None,
        description="Where the schema goes back to, as recorded; the journal's word comes first.",
    )
    fingerprint_before: str | None = Field(
        default=None, description="The schema's fingerprint then, as recorded; likewise."
    )
    resumes: str | None = Field(
        default=None,
        description="A run whose way back failed, and is gone on with: what its journal has as "
        "done is not done again.",
    )


class WorkRollback(Command, frozen=True):
    """Stop what the run still executes, revert its migrations, run the way back, and answer."""

    type: Literal["work.rollback.v1"] = "work.rollback.v1"
    data: WorkRollbackData


StepOutcome = Literal["done", "failed", "errored", "unknown", "skipped"]


class StepResult(Payload, frozen=True):
    """What became of one step. Unknown: it was begun, and nobody can say whether it was done."""

    name: str
    kind: Literal["migration", "step"]
    outcome: StepOutcome
    detail: str
    output: str = Field(default="", description="The end of what it printed; secrets are masked.")
    attempts: int = 1
    started_at: AwareDatetime
    seconds: float


RevertOutcome = Literal["reverted_verified", "kept_compatible", "refused_lossy", "revert_failed"]


class Reverted(Payload, frozen=True):
    """What became of the schema on the way back.

    `reverted_verified`: its catalogue is the one of before, by its fingerprint; by the tool's
    revision alone where no fingerprint could be taken, which the reason then says.
    `kept_compatible`: left as it is, since the previous version can live with it.
    `refused_lossy`: left as it is, since going back would lose what nobody allowed to lose.
    `revert_failed`: it is neither where it was nor known to be where it should.
    """

    outcome: RevertOutcome
    reason: str
    difference: tuple[str, ...] = Field(
        default=(), description="What differs from the schema of before, in words."
    )
    kept: tuple[str, ...] = Field(
        default=(), description="Tables to which dropped values were copied first."
    )


class MigrationResult(Payload, frozen=True):
    """Where the schema was and is."""

    before: str | None = None
    after: str | None = None
    fingerprint_before: str | None = None
    fingerprint_after: str | None = None
    reverted: Reverted | None = None
    after_green: tuple[str, ...] = Field(
        default=(),
        description="Steps for after Green that were done: the previous version may not live "
        "with what they did, and nothing takes it back.",
    )


class DeployStepFinishedData(RunPayload, frozen=True):
    procedure: Literal["deploy", "rollback"]
    stage: str
    index: int
    of: int
    step: StepResult


class DeployStepFinished(Event, frozen=True):
    """One step of a procedure came to its end."""

    type: Literal["deploy.step_finished.v1"] = "deploy.step_finished.v1"
    data: DeployStepFinishedData


class PendingMigration(Payload, frozen=True):
    """A migration that the database lacks, as its SQL says."""

    revision: str
    name: str = ""
    kind: Literal["additive", "reversible", "lossy", "irreversible", "unknown"]
    reasons: tuple[str, ...] = ()
    fit: Literal["compatible", "unclear", "contract"] = Field(
        description="Whether the previous version can run on the schema once it is applied."
    )
    way_back: Literal["none", "reversible", "lossy", "irreversible", "unknown"] = Field(
        description="What its down-migration does with what it did; none: there is none."
    )
    way_back_reasons: tuple[str, ...] = ()
    locks: tuple[str, ...] = Field(
        default=(), description="Whom it locks out for as long as a table is read through, and why."
    )
    point_of_no_return: str | None = Field(
        default=None, description="The first statement that no other undoes, with its line."
    )


class RehearsalResult(Payload, frozen=True):
    """How the migrations went on a scratch copy: up, down, and up again."""

    outcome: Literal["passed", "failed", "errored"]
    reason: str
    at: AwareDatetime
    seconds: float
    up_s: float | None = None
    down_s: float | None = None
    again_s: float | None = None
    copied_by: Literal["pg_dump", "migrations"] | None = Field(
        default=None, description="How the scratch copy came to the schema that is deployed now."
    )
    smoke: tuple[StepResult, ...] = Field(
        default=(), description="What the previous version did with the new schema."
    )
    difference: tuple[str, ...] = Field(
        default=(), description="What the way back left different, in words."
    )


class WorkInspectData(RunPayload, frozen=True):
    version: str
    previous_version: str | None = None
    migrations: Migrations
    values: dict[str, str] = Field(default_factory=dict[str, str])
    rehearse: bool = False


class WorkInspect(Command, frozen=True):
    """Look at the migrations that a version brings, change nothing, and answer."""

    type: Literal["work.inspect.v1"] = "work.inspect.v1"
    data: WorkInspectData


class DeployInspectedData(RunPayload, frozen=True):
    version: str
    outcome: Literal["done", "errored"] = Field(description="errored: what is pending is unknown.")
    reason: str
    revision: str | None = Field(default=None, description="Where the schema is now.")
    fingerprint: str | None = None
    judged: bool = Field(
        default=True, description="False: the guide does not say how the SQL can be had."
    )
    pending: tuple[PendingMigration, ...] = ()
    rehearsal: RehearsalResult | None = None


class DeployInspected(Event, frozen=True):
    """What a version would do to the schema, and whether it can be taken back."""

    type: Literal["deploy.inspected.v1"] = "deploy.inspected.v1"
    data: DeployInspectedData


class DeployExecutedData(RunPayload, frozen=True):
    procedure: Literal["deploy", "rollback"]
    stage: str
    outcome: Literal["done", "failed", "errored", "unknown", "stopped"]
    reason: str
    steps: tuple[StepResult, ...]
    migration: MigrationResult | None = None
    changed: bool = Field(description="False: nothing was begun, so there is nothing to undo.")


class DeployExecuted(Event, frozen=True):
    """A procedure came to its end, well or badly."""

    type: Literal["deploy.executed.v1"] = "deploy.executed.v1"
    data: DeployExecutedData
