"""Steps: what changes the world, and what may be done again."""

from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from goaround_schemas.duration import Duration
from goaround_schemas.guide.check import Readiness
from goaround_schemas.guide.model import Argv, GuideModel, exactly_one


class HttpStep(GuideModel, frozen=True):
    """One HTTP request that changes something."""

    url: str
    method: Literal["POST", "PUT", "PATCH", "DELETE", "GET"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    body: Any = Field(default=None, description="A text is sent as it is, anything else as JSON.")
    status: tuple[int, ...] = Field(
        default=(), description="Statuses that mean done; any 2xx if empty."
    )


class Step(GuideModel, frozen=True):
    """One thing to do, and what may be done when nobody knows whether it was."""

    name: str = Field(min_length=1)
    run: Argv | None = None
    script: str | None = Field(
        default=None,
        description="A text for sh; values reach it as environment variables only "
        "(GOAROUND_VERSION, GOAROUND_PREVIOUS_VERSION, ...): templates are not replaced in it.",
    )
    http: HttpStep | None = None
    env: dict[str, str] = Field(default_factory=dict[str, str])
    dir: str | None = None
    timeout: Duration = timedelta(minutes=10)
    retries: int = Field(default=0, ge=0, le=20, description="Further tries after a failure.")
    idempotent: bool = Field(
        default=False,
        description="May be done again. Else a crash in mid-step is 'unknown': it goes around.",
    )
    only: tuple[str, ...] = Field(default=(), description="Stages it belongs to; all if empty.")

    @field_validator("run")
    @classmethod
    def _not_empty(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and (not value or not value[0].strip()):
            raise ValueError("a command is a list whose first item is the program")
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        exactly_one(self, "run", "script", "http")
        if self.retries and not self.idempotent:
            raise ValueError("retries need idempotent: true, since a try may have done its work")
        return self


class Migrations(GuideModel, frozen=True):
    """How the database's schema is asked for, moved forward, and moved back."""

    current: Argv = Field(description="Prints the revision that the database is at.")
    apply: Argv
    revert: Argv | None = Field(default=None, description="May use {migration.before}.")
    env: dict[str, str] = Field(default_factory=dict[str, str])
    dir: str | None = None
    timeout: Duration = timedelta(minutes=10)


class DeployProcedure(GuideModel, frozen=True):
    """How a version comes to run."""

    migrations: Migrations | None = None
    steps: tuple[Step, ...] = Field(min_length=1)
    ready: Readiness | None = None
