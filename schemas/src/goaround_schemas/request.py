"""The front door: someone asks for a deployment, or for the way back."""

from typing import Literal, Self

from pydantic import Field, model_validator

from goaround_schemas.duration import Duration
from goaround_schemas.envelope import DnsLabel, Event, RunId, RunPayload, Version
from goaround_schemas.guide.step import Loss


class DeployRequestedData(RunPayload, frozen=True):
    """What is asked for. The run id is the caller's idempotency key; one is made if absent."""

    run_id: RunId
    service: DnsLabel
    environment: DnsLabel
    version: Version | None = Field(
        default=None,
        description="What to deploy. For a rollback: what to go back to; the version before, if "
        "absent.",
    )
    kind: Literal["deploy", "rollback"] = "deploy"
    requested_by: str = Field(default="unknown", min_length=1, max_length=200)
    reason: str | None = Field(default=None, max_length=2000)
    artifact: str | None = Field(default=None, max_length=2000, description="A purl or a URL.")
    watch_period: Duration | None = Field(default=None, description="The guide's own if absent.")
    emergency: bool = Field(
        default=False, description="Passes queue, freeze and approval. Needs a reason."
    )
    redeploy: bool = Field(
        default=False, description="Deploy although this very version is the one that runs."
    )

    allow: tuple[Loss, ...] = Field(
        default=(),
        description="What migrations may do that no way back makes good: a person's word. Needs a "
        "reason.",
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "deploy" and self.version is None:
            raise ValueError("version is needed: which version is to be deployed?")
        if self.emergency and not (self.reason or "").strip():
            raise ValueError("an emergency needs a reason")
        if self.allow and not (self.reason or "").strip():
            raise ValueError(f"to allow what is {' or '.join(self.allow)} needs a reason")
        return self


class DeployRequested(Event, frozen=True):
    """Someone asked for a version of a service to run in an environment."""

    type: Literal["deploy.requested.v1"] = "deploy.requested.v1"
    data: DeployRequestedData
