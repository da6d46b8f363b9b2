"""The deployment guide: one YAML file a service, the procedure that a run follows."""

from datetime import date, timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from goaround_schemas.duration import Duration
from goaround_schemas.envelope import DnsLabel
from goaround_schemas.guide.check import Check, HealthMatrix, Readiness
from goaround_schemas.guide.model import GuideModel
from goaround_schemas.guide.step import DeployProcedure, Step
from goaround_schemas.guide.watch import Watch

NoticeMoment = Literal["started", "awaiting_approval", "held", "rolling_back", "finished", "page"]


class Approval(GuideModel, frozen=True):
    """Who must say yes before anything changes, and until when."""

    from_: tuple[str, ...] = Field(
        validation_alias="from",
        serialization_alias="from",
        min_length=1,
        description="Names or groups.",
    )
    within: Duration = timedelta(hours=4)


class Environment(GuideModel, frozen=True):
    """One place the service runs."""

    vars: dict[str, str | int | float | bool] = Field(
        default_factory=dict[str, str | int | float | bool]
    )
    approval: Approval | None = None


class RollbackKnowledge(GuideModel, frozen=True):
    """Who has read the rollback procedure, and when it was last tried."""

    understood_by: str
    understood_on: date
    valid_for: Duration = Field(
        default=timedelta(days=180), description="How long having read it counts."
    )
    rehearsed_within: Duration | None = None


class Preflight(GuideModel, frozen=True):
    """What must hold before anything is touched."""

    ci: tuple[Check, ...] = ()
    dashboards: tuple[Check, ...] = ()
    rollback: RollbackKnowledge | None = None
    checks: tuple[Check, ...] = ()


class Stage(GuideModel, frozen=True):
    """Deploy, verify and watch once: a canary, a wave, a region, or all of it."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    weight: int = Field(default=100, ge=0, le=100)
    watch_period: Duration | None = Field(default=None, description="The guide's own if absent.")


class Possible(GuideModel, frozen=True):
    """What the way back needs, looked at before there is any need of it.

    Written for the previous version: {previous.version}. Left out where nothing ran before.
    """

    artifact: tuple[Check, ...] = Field(
        default=(), description="Is what was built of the previous version still there?"
    )
    configuration: tuple[Check, ...] = Field(
        default=(), description="Is what the previous version reads at its start still there?"
    )


class RollbackProcedure(GuideModel, frozen=True):
    """The way back. Migrations revert first, with the new version's tooling."""

    possible: Possible = Possible()

    steps: tuple[Step, ...] = Field(min_length=1)
    ready: Readiness | None = None
    first: tuple[Step, ...] = Field(default=(), description="The way back of a first deployment.")
    verify: HealthMatrix | None = Field(
        default=None, description="The matrix above, for the previous version, if absent."
    )


class Record(GuideModel, frozen=True):
    """What is written down after a deployment, and where."""

    changelog: str | None = None
    configuration: tuple[str, ...] = Field(
        default=(), description="Files whose change counts as a change of configuration."
    )


class Recipient(GuideModel, frozen=True):
    """Whom to tell, and of what."""

    to: str = Field(description="An Apprise URL or a webhook's URL; secrets as references.")
    when: tuple[NoticeMoment, ...] = ("started", "held", "finished")
    name: str | None = Field(default=None, description="How records call it; never the URL.")


class Policy(GuideModel, frozen=True):
    """What happens to a request while another run is under way."""

    when_busy: Literal["queue", "supersede", "reject"] = "queue"
    queue_within: Duration = timedelta(hours=24)


class Guide(GuideModel, frozen=True):
    """How one service is deployed, verified, watched and brought back."""

    guide: Literal["goaround/v1"]
    service: DnsLabel
    description: str = ""
    owners: tuple[str, ...] = ()
    docs: str | None = None
    running: Check | None = Field(default=None, description="Asks which version runs now.")
    environments: dict[DnsLabel, Environment] = Field(min_length=1)
    preflight: Preflight = Preflight()
    stages: tuple[Stage, ...] = Field(default=(Stage(name="all"),), min_length=1, max_length=50)
    deploy: DeployProcedure
    verify: HealthMatrix
    watch: Watch = Watch(period=timedelta(0))
    rollback: RollbackProcedure
    record: Record = Record()
    notify: tuple[Recipient, ...] = ()
    policy: Policy = Policy()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        stages = [s.name for s in self.stages]
        if doubled := sorted({n for n in stages if stages.count(n) > 1}):
            raise ValueError(f"stage names must differ; {', '.join(doubled)} stands twice")
        for where, steps in (
            ("deploy.steps", self.deploy.steps),
            ("rollback.steps", self.rollback.steps),
            ("rollback.first", self.rollback.first),
        ):
            names = [s.name for s in steps]
            if doubled := sorted({n for n in names if names.count(n) > 1}):
                raise ValueError(
                    f"step names must differ in {where}; {', '.join(doubled)} stands twice"
                )
            for step in steps:
                if where != "deploy.steps" and step.when == "after_green":
                    raise ValueError(
                        f"step {step.name!r} in {where} has when: after_green, "
                        "which is for deploy.steps only"
                    )
                if unknown := sorted(set(step.only) - set(stages)):
                    raise ValueError(
                        f"step {step.name!r} in {where} names the stage {', '.join(unknown)}, "
                        f"but the stages are {', '.join(stages)}"
                    )
        if all(step.when == "after_green" for step in self.deploy.steps):
            raise ValueError("every step of deploy.steps is for after Green: nothing would deploy")
        return self
