"""What the deployer is told to do, and what it did."""

from typing import Literal

from pydantic import AwareDatetime, Field

from goaround_schemas.envelope import Command, Event, Payload, RunPayload
from goaround_schemas.guide.step import Migrations, Step


class ProcedureData(RunPayload, frozen=True):
    """A procedure, every template in it replaced but {migration.before}."""

    version: str
    previous_version: str | None = None
    stage: str
    steps: tuple[Step, ...]
    migrations: Migrations | None = None
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


class MigrationResult(Payload, frozen=True):
    """Where the schema was and is."""

    before: str | None = None
    after: str | None = None


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
