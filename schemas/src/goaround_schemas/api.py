"""Questions and requests to the orchestrator, over request and reply.

Each subject takes one JSON object and gives one `Reply`. A refusal is an answer with its
reason, never silence; every request that moves a run names who asks.
"""

from typing import Generic, Literal, TypeVar

from pydantic import AwareDatetime, Field

from goaround_schemas.envelope import DnsLabel, Payload, RunId, Version
from goaround_schemas.matrix import Matrix
from goaround_schemas.outcome import GuideCorrection, RollbackSummary, Span
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import PendingMigration, StepResult
from goaround_schemas.watching import Colour, SignalBaseline, WatchSummary

RUNS_LIST = "api.runs.list"
RUNS_GET = "api.runs.get"
RUNS_ABORT = "api.runs.abort"
RUNS_APPROVE = "api.runs.approve"
RUNS_RESUME = "api.runs.resume"
RUNS_PROMOTE = "api.runs.promote"
RUNS_ROLLBACK = "api.runs.rollback"
RUNS_LABEL = "api.runs.label"
RUNS_EVIDENCE = "api.runs.evidence"
EVIDENCE_LIST = "api.evidence.list"
SERVICES_LIST = "api.services.list"
SERVICES_ADOPT = "api.services.adopt"
GUIDES_CHECK = "api.guides.check"
GUIDES_PLAN = "api.guides.plan"
SYSTEM_STATUS = "api.system.status"

T = TypeVar("T", bound=Payload)


class Reply(Payload, Generic[T], frozen=True):
    """Either what was asked for, or why not."""

    ok: bool
    error: str | None = Field(default=None, description="What is wrong, and what to do.")
    data: T | None = None


class Nothing(Payload, frozen=True):
    """No fields are needed, or there is nothing to say."""


class RunsQuery(Payload, frozen=True):
    """Which runs, newest first."""

    service: DnsLabel | None = None
    environment: DnsLabel | None = None
    phase: Phase | None = None
    active: bool = False
    limit: int = Field(default=20, ge=1, le=500)
    before: AwareDatetime | None = Field(
        default=None, description="Only older ones: for paging, the last row's requested_at."
    )
    after: RunId | None = Field(
        default=None,
        description="Beside `before`, the last row's run_id: runs of that very moment are not "
        "passed over.",
    )


class RunRow(Payload, frozen=True):
    """One run in a list."""

    run_id: RunId
    kind: Literal["deploy", "rollback"]
    service: str
    environment: str
    version: str | None = None
    previous_version: str | None = None
    phase: Phase
    stage: str | None = None
    emergency: bool = False
    requested_by: str
    requested_at: AwareDatetime
    updated_at: AwareDatetime
    deadline: AwareDatetime | None = None
    reason: str


class RunList(Payload, frozen=True):
    """Runs, newest first."""

    runs: tuple[RunRow, ...]


class RunQuery(Payload, frozen=True):
    """One run, by its id."""

    run_id: str


class Transition(Payload, frozen=True):
    """One move of a run: who made it, when, and why."""

    revision: int
    at: AwareDatetime
    from_: Phase = Field(validation_alias="from", serialization_alias="from")
    to: Phase
    stage: str | None = None
    actor: str
    reason: str


class Label(Payload, frozen=True):
    """What a person says of a deployment, whatever the verdict on it was. The newest counts."""

    label: Literal["good", "bad"]
    actor: str
    at: AwareDatetime
    because: str


class RunDetail(Payload, frozen=True):
    """All that is known of one run."""

    run: RunRow
    request_reason: str | None = None
    artifact: str | None = None
    guide_digest: str | None = None
    waiting_for: tuple[str, ...] = Field(default=(), description="Commands without an answer yet.")
    history: tuple[Transition, ...]
    timeline: tuple[Span, ...] = ()
    verification: tuple[Matrix, ...] = ()
    baseline: tuple[SignalBaseline, ...] = ()
    steps: tuple[StepResult, ...] = ()
    migrations: tuple[PendingMigration, ...] = ()
    watch: WatchSummary | None = None
    rollback: RollbackSummary | None = None
    corrections: tuple[GuideCorrection, ...] = ()
    record: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    labels: tuple[Label, ...] = Field(default=(), description="Newest last.")


class RunRequest(Payload, frozen=True):
    """A person wants a run to do something."""

    run_id: str
    actor: str = Field(min_length=1, max_length=200)
    groups: tuple[str, ...] = ()
    reason: str | None = Field(default=None, max_length=2000)


class LabelRequest(Payload, frozen=True):
    """A person says how a deployment really was, for the judge to be measured by."""

    run_id: str
    label: Literal["good", "bad"]
    actor: str = Field(min_length=1, max_length=200)
    because: str = Field(min_length=1, max_length=2000)


class EvidenceRow(Payload, frozen=True):
    """One verdict whose evidence is kept."""

    evidence_id: str
    run_id: RunId
    service: str
    environment: str
    version: str
    stage: str
    judged_at: AwareDatetime
    switched_at: AwareDatetime
    colour: Colour
    action: Literal["accept", "rollback", "hold"]
    looks: int
    judge_version: str
    phase: Phase = Field(description="Where the run stands, or how it ended.")
    guide_digest: str | None = None
    label: Label | None = Field(default=None, description="The newest that a person gave the run.")


class EvidenceQuery(Payload, frozen=True):
    """Which verdicts, newest first."""

    service: DnsLabel | None = None
    environment: DnsLabel | None = None
    since: AwareDatetime | None = None
    limit: int = Field(default=100, ge=1, le=500)
    after: str | None = Field(
        default=None, description="The last evidence_id of the page before, for the next one."
    )


class EvidenceList(Payload, frozen=True):
    """Verdicts whose evidence is kept, newest first."""

    rows: tuple[EvidenceRow, ...]


class RunEvidenceQuery(Payload, frozen=True):
    """The evidence of a run: of one verdict, or of its last one."""

    run_id: str
    evidence_id: str | None = None


class RunEvidence(Payload, frozen=True):
    """Every verdict of a run, oldest first, and the recording of the one that was asked for."""

    verdicts: tuple[EvidenceRow, ...]
    evidence_id: str | None = None
    recording: str | None = Field(default=None, description="As in `deploy.evidenced`.")


class Accepted(Payload, frozen=True):
    """The request was accepted; what happens now."""

    run_id: str
    what: str


class ServiceQuery(Payload, frozen=True):
    """Which services."""

    service: DnsLabel | None = None
    environment: DnsLabel | None = None


class RunningRow(Payload, frozen=True):
    """What runs, as far as the record knows."""

    service: str
    environment: str
    version: str
    previous_version: str | None = None
    run_id: str | None = Field(
        default=None, description="The run that brought it; none where it was adopted."
    )
    since: AwareDatetime


class RunningList(Payload, frozen=True):
    """What runs where."""

    running: tuple[RunningRow, ...]


class AdoptRequest(Payload, frozen=True):
    """This version has been running since before goaround came."""

    service: DnsLabel
    environment: DnsLabel
    version: Version
    actor: str = Field(min_length=1, max_length=200)
    reason: str | None = Field(default=None, max_length=2000)


class GuideQuery(Payload, frozen=True):
    """Check a guide: the orchestrator's own of this service, or this text."""

    service: str | None = None
    text: str | None = None
    name: str = "guide.yaml"


class GuideFaults(Payload, frozen=True):
    """What is wrong with a guide; nothing, if it is empty."""

    name: str
    digest: str | None
    faults: tuple[str, ...]


class PlanQuery(Payload, frozen=True):
    """What would be done for this version, without doing it."""

    service: DnsLabel
    environment: DnsLabel
    version: Version


class PlanLine(Payload, frozen=True):
    """One thing that would be done."""

    phase: str
    stage: str | None
    what: str
    detail: str


class Plan(Payload, frozen=True):
    """What would be done, in order, with every template replaced."""

    service: str
    environment: str
    version: str
    previous_version: str | None = None
    digest: str
    lines: tuple[PlanLine, ...]
    warnings: tuple[str, ...] = ()


class StuckRun(Payload, frozen=True):
    """A run that does not go on as it should."""

    run_id: RunId
    service: str
    environment: str
    phase: Phase
    since: AwareDatetime = Field(description="Since when it is in this phase.")
    why: str


class DatabaseStatus(Payload, frozen=True):
    """The orchestrator's database."""

    at: AwareDatetime = Field(description="By the database's own clock.")
    schema_version: int
    schema_known: int = Field(description="What the orchestrator that answers is made for.")
    outbox_waiting: int = Field(description="Messages that wait to be sent.")
    outbox_oldest_s: float
    parked: int = Field(description="Messages that no stream would take.")
    parked_last: AwareDatetime | None = None
    runs: int = Field(description="All that are kept, about.")
    live: dict[Phase, int] = Field(description="Runs that have not ended, by their phases.")
    stuck: tuple[StuckRun, ...] = Field(default=(), description="The longest overdue first.")


class SystemStatus(Payload, frozen=True):
    """How the orchestrator that answers is, and its database."""

    at: AwareDatetime = Field(description="By the orchestrator's own clock.")
    swept_at: AwareDatetime | None = Field(
        default=None, description="When it last looked after runs that are due; none: not yet."
    )
    sweep_every_s: float
    database: DatabaseStatus | None = None
    database_error: str | None = Field(default=None, description="Why nothing is known of it.")
