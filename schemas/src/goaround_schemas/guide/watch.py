"""What is looked at after the switch, and what it is held against."""

from datetime import timedelta
from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from goaround_schemas.duration import Duration
from goaround_schemas.guide.model import Argv, GuideModel, Share, exactly_one

SignalKind = Literal[
    "latency", "errors", "error_rate", "success_rate", "throughput", "saturation", "custom"
]


class PrometheusServer(GuideModel, frozen=True):
    """Where queries are asked."""

    url: str
    headers: dict[str, str] = Field(default_factory=dict[str, str])


class Selection(GuideModel, frozen=True):
    """Series of one metric, chosen by their labels."""

    metric: str
    where: dict[str, str] = Field(
        default_factory=dict[str, str], description="Label to a regular expression it must match."
    )


class Ratio(GuideModel, frozen=True):
    """One rate over another."""

    of: Selection
    to: Selection


class ScrapeSource(GuideModel, frozen=True):
    """One number from the service's own metrics page, with no Prometheus at all."""

    url: str
    value: str | None = Field(default=None, description="A gauge: the sum over its series.")
    rate: str | None = Field(default=None, description="A counter: growth a second.")
    increase: str | None = Field(default=None, description="A counter: growth since the last look.")
    histogram: str | None = Field(default=None, description="A histogram: the quantile below.")
    ratio: Ratio | None = None
    quantile: float = Field(default=0.95, gt=0, lt=1)
    where: dict[str, str] = Field(
        default_factory=dict[str, str], description="Label to a regular expression it must match."
    )
    headers: dict[str, str] = Field(default_factory=dict[str, str])

    @model_validator(mode="after")
    def _one_reading(self) -> Self:
        exactly_one(self, "value", "rate", "increase", "histogram", "ratio")
        return self


class PluginSource(GuideModel, frozen=True):
    """A source that somebody else wrote, by the name under which it is installed."""

    name: str = Field(
        min_length=1, description="The entry point's name, in the watcher's environment."
    )
    options: dict[str, JsonValue] = Field(
        default_factory=dict[str, JsonValue], description="What the source wants to know."
    )


class Source(GuideModel, frozen=True):
    """Where a number comes from."""

    prometheus: str | None = Field(default=None, description="A PromQL expression.")
    scrape: ScrapeSource | None = None
    plugin: PluginSource | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        exactly_one(self, "prometheus", "scrape", "plugin")
        return self


class Control(GuideModel, frozen=True):
    """The same signal of something that is not deployed now: a peer, a region, the old version.

    What both show at the same time is not held against the deployment.
    """

    prometheus: str | None = None
    scrape: ScrapeSource | None = None
    plugin: PluginSource | None = None
    errors: Source | None = None
    requests: Source | None = None


class Signal(GuideModel, frozen=True):
    """One thing to watch. Kind `errors` takes two counts; every other kind takes one number."""

    name: str = Field(min_length=1)
    kind: SignalKind = "custom"
    unit: str = ""
    bad: Literal["up", "down", "both"] | None = Field(
        default=None, description="Which direction hurts; known from the kind unless it is custom."
    )
    matters_from: Share = Field(
        default=0.1, description="A smaller change is never held against it."
    )
    min_requests: int = Field(default=50, ge=0, description="For errors: fewer say too little.")
    muted: bool = Field(default=False, description="Judged and shown, but never counts.")
    prometheus: str | None = None
    scrape: ScrapeSource | None = None
    plugin: PluginSource | None = None
    errors: Source | None = None
    requests: Source | None = None
    control: Control | None = None

    @model_validator(mode="after")
    def _sources(self) -> Self:
        _fits_kind(self, self.kind, "a signal")
        if self.control is not None:
            _fits_kind(self.control, self.kind, "the control of a signal")
        return self

    @property
    def sources(self) -> "tuple[NumberSource, ...]":
        """The one source of its number; for errors those of errors and requests, in that order."""
        return _sources_of(self)

    @property
    def control_sources(self) -> "tuple[NumberSource, ...]":
        """The same of its control; none where it has none."""
        return _sources_of(self.control) if self.control else ()


def _fits_kind(given: Signal | Control, kind: SignalKind, what: str) -> None:
    """Refuse sources that the signal's kind cannot be made of."""
    if kind == "errors":
        alone = given.prometheus or given.scrape or given.plugin
        if not (given.errors and given.requests) or alone:
            raise ValueError(f"{what} of kind errors needs two sources: errors and requests")
    else:
        exactly_one(given, "prometheus", "scrape", "plugin")
        if given.errors or given.requests:
            raise ValueError("errors and requests are for a signal of kind errors")


NumberSource = Source | Signal | Control
"""Where one number comes from: what has but one says itself where, in a source's own words."""


def _sources_of(given: Signal | Control) -> tuple[NumberSource, ...]:
    if given.errors is not None and given.requests is not None:
        return given.errors, given.requests
    return (given,)


class LokiSource(GuideModel, frozen=True):
    """Lines from Grafana Loki."""

    url: str
    query: str
    headers: dict[str, str] = Field(default_factory=dict[str, str])


class LogSource(GuideModel, frozen=True):
    """Where log lines come from."""

    name: str | None = None
    file: str | None = Field(
        default=None, description="A path or a glob, read on the watcher's machine."
    )
    loki: LokiSource | None = None
    command: Argv | None = Field(
        default=None,
        description="Prints lines; GOAROUND_SINCE and GOAROUND_UNTIL (RFC 3339) say which.",
    )
    plugin: PluginSource | None = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        exactly_one(self, "file", "loki", "command", "plugin")
        return self

    @property
    def title(self) -> str:
        """How a person calls it."""
        if self.plugin is not None:
            return self.name or self.plugin.name
        return (
            self.name
            or self.file
            or (self.loki.query if self.loki else " ".join(self.command or ()))
        )


class Extension(GuideModel, frozen=True):
    """Yellow's bounded life."""

    by: Duration = timedelta(minutes=10)
    at_most: int = Field(default=2, ge=0, le=20)


class Baseline(GuideModel, frozen=True):
    """What the service was like before."""

    before: Duration = timedelta(hours=1)
    also: Literal["same-hour-yesterday", "same-hour-last-week"] | None = None


class Watch(GuideModel, frozen=True):
    """How long and how closely a new version is watched."""

    period: Duration = timedelta(minutes=15)
    every: Duration = timedelta(seconds=15)
    extend: Extension = Extension()
    undecided: Literal["hold", "rollback", "accept"] = "hold"
    hold_within: Duration = Field(
        default=timedelta(hours=1), description="How long a person has to decide on a held run."
    )
    hold_then: Literal["rollback", "accept"] = "rollback"
    baseline: Baseline = Baseline()
    prometheus: PrometheusServer | None = None
    signals: tuple[Signal, ...] = ()
    logs: tuple[LogSource, ...] = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.period and not (self.signals or self.logs):
            raise ValueError("a watch needs signals or logs; without them nothing is watched")
        if self.period and not timedelta(milliseconds=100) <= self.every <= self.period:
            raise ValueError("every must be at least 100ms and at most the period")
        names = [s.name for s in self.signals]
        if doubled := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"signal names must differ; {', '.join(doubled)} stands twice")
        return self
