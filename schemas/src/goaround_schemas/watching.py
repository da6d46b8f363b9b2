"""What the watcher is told to look at, and what it saw."""

from typing import Literal

from pydantic import AwareDatetime, Field

from goaround_schemas.envelope import Command, Event, Payload, RunPayload
from goaround_schemas.guide.watch import Watch

Colour = Literal["green", "yellow", "red"]


class WorkWatchData(RunPayload, frozen=True):
    action: Literal["baseline", "watch", "stop"]
    version: str
    stage: str = "all"
    watch: Watch | None = Field(default=None, description="What to look at; none to stop.")
    switched_at: AwareDatetime | None = Field(
        default=None, description="When the new version took over; what came before is baseline."
    )


class WorkWatch(Command, frozen=True):
    """Take the baseline, or watch against it and judge, or stop."""

    type: Literal["work.watch.v1"] = "work.watch.v1"
    data: WorkWatchData


class SignalBaseline(Payload, frozen=True):
    """Whether a signal answered, and what it was like."""

    name: str
    answered: bool
    detail: str
    samples: int
    typical: float | None = None
    unit: str = ""


class DeployBaselinedData(RunPayload, frozen=True):
    complete: bool = Field(description="Every signal and log answered.")
    signals: tuple[SignalBaseline, ...]
    logs: tuple[SignalBaseline, ...] = ()


class DeployBaselined(Event, frozen=True):
    """The time before the deployment is on record."""

    type: Literal["deploy.baselined.v1"] = "deploy.baselined.v1"
    data: DeployBaselinedData


class Observation(Payload, frozen=True):
    """One look at one signal or log."""

    name: str
    state: Literal["ok", "no_data", "nan", "stale", "provider_error", "too_few"]
    value: float | None = None
    unit: str = ""
    colour: Colour = "green"
    detail: str = ""


class DeployObservedData(RunPayload, frozen=True):
    stage: str
    tick: int
    elapsed_s: float
    period_s: float
    colour: Colour
    reason: str
    observations: tuple[Observation, ...]


class DeployObserved(Event, frozen=True):
    """One look was taken during a watch."""

    type: Literal["deploy.observed.v1"] = "deploy.observed.v1"
    data: DeployObservedData


class SignalSummary(Payload, frozen=True):
    """One signal over the whole watch: before, after, and what that means."""

    name: str
    kind: str
    unit: str = ""
    baseline: float | None = None
    observed: float | None = None
    change: float | None = Field(
        default=None, description="As a share of the baseline: 0.2 is 20 % more."
    )
    limit: float | None = Field(default=None, description="What would have been too much.")
    colour: Colour
    verdict: str = Field(description="steady, worse, better, already bad, too little evidence ...")
    reason: str
    samples: dict[str, int] = Field(default_factory=dict[str, int], description="Count by state.")
    muted: bool = False


class WatchSummary(Payload, frozen=True):
    """A whole watch: its colour, why, and every signal."""

    stage: str
    colour: Colour
    action: Literal["accept", "rollback", "hold"]
    reason: str
    deciding: str | None = None
    would_be_green: str = ""
    signals: tuple[SignalSummary, ...] = ()
    logs: tuple[SignalSummary, ...] = ()
    ticks: int = 0
    extensions: int = 0
    watched_s: float = 0.0
    judge_version: str = ""


class DeployEvidencedData(RunPayload, frozen=True):
    version: str
    stage: str = "all"
    colour: Colour
    action: Literal["accept", "rollback", "hold"]
    judged_at: AwareDatetime
    switched_at: AwareDatetime = Field(description="Times in the recording count from here.")
    looks: int
    judge_version: str
    recording: str = Field(
        description="What the judge was given and what it said: base64 of zlib of two lines of "
        "JSON, the evidence and the verdict."
    )


class DeployEvidenced(Event, frozen=True):
    """All that a verdict rests on, so that it can be had again; said beside `deploy.judged`."""

    type: Literal["deploy.evidenced.v1"] = "deploy.evidenced.v1"
    data: DeployEvidencedData


class DeployJudgedData(RunPayload, frozen=True):
    summary: WatchSummary


class DeployJudged(Event, frozen=True):
    """A watch came to its verdict."""

    type: Literal["deploy.judged.v1"] = "deploy.judged.v1"
    data: DeployJudgedData
