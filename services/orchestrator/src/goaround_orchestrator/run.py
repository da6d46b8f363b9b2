"""A run as the orchestrator remembers it: one immutable snapshot, kept as JSON.

Pure: nothing here reads a clock or talks to anything. The guide's words that decide
something are compiled into `Plan` when the run is admitted; the guide itself is pinned by
its digest and only read again to write commands.
"""

from enum import StrEnum, unique
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from goaround_schemas.duration import Duration
from goaround_schemas.envelope import derived_id
from goaround_schemas.guide import Approval, RollbackKnowledge
from goaround_schemas.guide.guide import NoticeMoment
from goaround_schemas.guide.step import Loss
from goaround_schemas.matrix import Matrix, MatrixRow
from goaround_schemas.outcome import GuideCorrection, Span
from goaround_schemas.phase import ENDS, Outcome, Phase
from goaround_schemas.procedure import (
    DeployInspectedData,
    MigrationResult,
    PendingMigration,
    Reverted,
    StepResult,
)
from goaround_schemas.recording import Entry
from goaround_schemas.watching import SignalBaseline, WatchSummary


class Snapshot(
    BaseModel, frozen=True, extra="ignore", serialize_by_alias=True, populate_by_name=True
):
    """A part of the state. Fields of a later release are dropped, so that old code can read it."""


@unique
class What(StrEnum):
    """What a worker is ordered to do."""

    ASK_PREFLIGHT = "ask_preflight"
    INSPECT = "inspect"
    TAKE_BASELINE = "take_baseline"
    DEPLOY = "deploy"
    ASK_READINESS = "ask_readiness"
    ASK_HEALTH = "ask_health"
    WATCH = "watch"
    STOP_WATCH = "stop_watch"
    CONTRACT = "contract"
    STOP_CONTRACT = "stop_contract"
    ROLL_BACK = "roll_back"
    ASK_ROLLBACK_READINESS = "ask_rollback_readiness"
    ASK_ROLLBACK_HEALTH = "ask_rollback_health"
    RECORD = "record"
    ASK_MONITORING = "ask_monitoring"
    TELL = "tell"


ANSWERED: frozenset[What] = frozenset(set(What) - {What.STOP_WATCH, What.TELL})
"""Orders that the run waits for. Being told to stop needs no answer; a notice never holds up."""


class Order(Snapshot, frozen=True):
    """One thing to be done by a worker, named so that repeating it repeats its id."""

    what: What
    stage: int = 0
    attempt: int = 1
    moment: NoticeMoment | None = None

    def id_for(self, run_id: str, *more: str) -> str:
        """The id of the command: always the same for the same order of the same run."""
        parts = (self.what, str(self.stage), str(self.attempt), self.moment or "", *more)
        return derived_id(run_id, *parts)


class Pending(Snapshot, frozen=True):
    """An order whose answer has not come."""

    order: Order
    id: str
    sent_at: AwareDatetime
    sent: int = 1


class StagePlan(Snapshot, frozen=True):
    """One stage, and how long its parts may take altogether, in seconds."""

    name: str
    deploy_s: float
    watch_s: float


class RecipientPlan(Snapshot, frozen=True):
    """Who is told of what. The address stays in the guide."""

    index: int
    name: str
    when: tuple[NoticeMoment, ...]


class Plan(Snapshot, frozen=True):
    """What the guide says that decides how a run goes."""

    stages: tuple[StagePlan, ...]
    approval: Approval | None = None
    watched: bool = False
    undecided: Literal["hold", "rollback", "accept"] = "hold"
    hold_within: Duration
    hold_then: Literal["rollback", "accept"] = "rollback"
    queue_within: Duration
    has_readiness: bool = False
    has_rollback_readiness: bool = False
    has_first: bool = False
    has_monitoring: bool = False
    asks_running: bool = False
    needs_previous: bool = Field(
        default=False, description="The way forward itself uses {previous.version}."
    )
    inspects: bool = Field(default=False, description="The guide has migrations.")
    rehearses: bool = Field(default=False, description="Each pre-flight rehearses them.")
    keeps_schema: bool = Field(default=False, description="A rollback leaves the schema as it is.")
    contracts: bool = Field(default=False, description="The guide has steps for after Green.")
    allow: tuple[Loss, ...] = Field(default=(), description="The guide's word on what may be lost.")
    allow_revert: tuple[Loss, ...] = ()
    ci: bool = False
    dashboards: bool = False
    knowledge: RollbackKnowledge | None = None
    recipients: tuple[RecipientPlan, ...] = ()
    preflight_s: float = 300.0
    verify_s: float = 300.0
    rollback_s: float = 600.0
    record_s: float = 60.0
    contract_s: float = 60.0

    def told_of(self, moment: NoticeMoment) -> tuple[RecipientPlan, ...]:
        """Who is to be told. A page that nobody asked for goes to everyone."""
        wanted = tuple(r for r in self.recipients if moment in r.when)
        return wanted or (self.recipients if moment == "page" else ())


class Told(Snapshot, frozen=True):
    """What became of one notice."""

    moment: NoticeMoment
    name: str
    outcome: Literal["delivered", "failed", "given_up"]
    detail: str


class Going(Snapshot, frozen=True):
    """Why and how far the way back was taken."""

    trigger: str
    steps: tuple[StepResult, ...] = ()
    matrix: Matrix | None = None
    left: str | None = None
    database: Reverted | None = None
    known: tuple[str, ...] = ()
    next: tuple[str, ...] = ()


class Run(Snapshot, frozen=True):
    """One deployment, or one rollback of its own, from request to outcome."""

    id: str
    kind: Literal["deploy", "rollback"] = "deploy"
    service: str
    environment: str
    version: str | None
    previous_version: str | None = None
    phase: Phase = Phase.REQUESTED
    stage: int = 0
    revision: int = 0
    requested_by: str
    request_reason: str | None = None
    request_digest: str = ""
    artifact: str | None = None
    emergency: bool = False
    redeploy: bool = False
    allow: tuple[Loss, ...] = ()
    watch_period: Duration | None = None
    wanted: str | None = Field(default=None, description="For a rollback: where to, as asked.")
    requested_at: AwareDatetime
    phase_since: AwareDatetime
    deadline: AwareDatetime | None = None
    due_at: AwareDatetime | None = Field(default=None, description="When to look at it again.")
    traceparent: str | None = None
    guide_name: str | None = None
    guide_digest: str | None = None
    plan: Plan | None = None
    pending: tuple[Pending, ...] = ()
    changed: bool = False
    outcome: Outcome | None = Field(default=None, description="Known before it is on record.")
    reason: str = ""
    timeline: tuple[Span, ...] = ()
    warnings: tuple[str, ...] = ()
    matrices: tuple[Matrix, ...] = ()
    asked_rows: tuple[MatrixRow, ...] | None = None
    baseline: tuple[SignalBaseline, ...] | None = None
    inspection: DeployInspectedData | None = None
    told: tuple[Told, ...] = ()
    approved_by: str | None = None
    steps: tuple[StepResult, ...] = ()
    migration: MigrationResult | None = None
    switched_at: AwareDatetime | None = None
    watches: tuple[WatchSummary, ...] = ()
    going: Going | None = None
    deployed_by: str | None = Field(
        default=None, description="For a rollback: the run that brought what is taken back."
    )
    last_proof: AwareDatetime | None = Field(
        default=None, description="When a rollback of this service was last proven."
    )
    last_rehearsal: AwareDatetime | None = Field(
        default=None, description="When its migrations last went up and down on a scratch copy."
    )
    resumes: str | None = Field(
        default=None, description="For a rollback: the run whose failed way back it goes on with."
    )
    entries: tuple[Entry, ...] = ()
    corrections: tuple[GuideCorrection, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether the run has come to its outcome."""
        return self.phase in ENDS

    @property
    def the_plan(self) -> Plan:
        """The plan of an admitted run.

        Raises:
            ValueError: The run was refused before it had one; it can go nowhere.
        """
        if self.plan is None:
            raise ValueError(f"run {self.id} was never admitted")
        return self.plan

    @property
    def pending_migrations(self) -> tuple[PendingMigration, ...]:
        """What the version brings to the schema, as the deployer judged it."""
        return self.inspection.pending if self.inspection else ()

    @property
    def allowed(self) -> tuple[Loss, ...]:
        """What the guide and a person let migrations do, together."""
        by_guide = self.plan.allow if self.plan else ()
        return tuple(dict.fromkeys((*by_guide, *self.allow)))

    @property
    def allowed_back(self) -> tuple[Loss, ...]:
        """What the guide and a person let the way back drop, together."""
        by_guide = self.plan.allow_revert if self.plan else ()
        return tuple(dict.fromkeys((*by_guide, *self.allow)))

    @property
    def stage_name(self) -> str | None:
        """The stage's name where a guide has more than one; the phase alone says it else."""
        if self.plan is None or len(self.plan.stages) < 2:
            return None
        return self.plan.stages[self.stage].name


class Landing(Snapshot, frozen=True):
    """A version that came to run, and what it replaced."""

    service: str
    environment: str
    version: str
    previous_version: str | None
    run_id: str | None
    at: AwareDatetime
    migration: MigrationResult | None = None
    guide_digest: str | None = None


class Move(Snapshot, frozen=True):
    """One transition, as the history keeps it."""

    revision: int
    at: AwareDatetime
    from_: Phase = Field(validation_alias="from", serialization_alias="from")
    to: Phase
    stage: str | None
    actor: str
    reason: str


class Step(Snapshot, frozen=True):
    """What a decision comes to: the run as it is now, its moves, and what to order."""

    run: Run
    moves: tuple[Move, ...] = ()
    orders: tuple[Order, ...] = ()
    again: tuple[Order, ...] = Field(
        default=(), description="Orders to send once more, where the worker's queue lost them."
    )
    refused: str | None = None


def patience_s(sent: int) -> float:
    """Seconds after which an unanswered command is looked after: 30, 60, 120, 240, then 300."""
    return min(30.0 * 2.0 ** (sent - 1), 300.0)


def is_stranded(last: Run | None, running: Landing | None) -> bool:
    """Whether the last run that changed a place left it between two versions."""
    if last is None or last.phase is not Phase.ROLLBACK_FAILED:
        return False
    return running is None or running.at <= last.phase_since
