"""Checks: questions with a yes, a no, or a 'could not tell'. They change nothing."""

from datetime import timedelta
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from goaround_schemas.duration import Duration
from goaround_schemas.guide.model import Argv, GuideModel, exactly_one


class HttpExpectation(GuideModel, frozen=True):
    """What the answer must be. What is not named is not looked at; status is 2xx by default."""

    status: int | tuple[int, ...] | None = None
    json_values: dict[str, Any] = Field(
        default_factory=dict[str, Any],
        validation_alias="json",
        serialization_alias="json",
        description="Dotted path in the JSON answer to the value it must have: {version: '2.4.1'}.",
    )
    text: str | None = Field(default=None, description="Must be contained in the body.")
    matches: str | None = Field(default=None, description="Regular expression the body must match.")
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    latency: Duration | None = Field(default=None, description="The answer must be there in this.")


class HttpCheck(GuideModel, frozen=True):
    """One HTTP request."""

    url: str
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    body: Any = Field(default=None, description="A text is sent as it is, anything else as JSON.")
    expect: HttpExpectation = HttpExpectation()
    read: str | None = Field(
        default=None,
        validation_alias="json",
        serialization_alias="json",
        description="Dotted path of the value to read from the answer.",
    )


class TcpCheck(GuideModel, frozen=True):
    """A connection can be opened."""

    host: str
    port: int | str = Field(description="A number, or a template that gives one.")


class PrometheusCheck(GuideModel, frozen=True):
    """An instant query stays within its bounds. No data is not a pass."""

    query: str
    url: str | None = Field(default=None, description="The server; the worker's own if absent.")
    headers: dict[str, str] = Field(default_factory=dict[str, str])
    below: float | None = Field(default=None, allow_inf_nan=False)
    above: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if self.below is None and self.above is None:
            raise ValueError("a bound is needed here: below, above, or both")
        return self


class GithubCheck(GuideModel, frozen=True):
    """The workflow passed for this very ref, as GitHub's REST API tells."""

    repository: str = Field(pattern=r"^[^/\s]+/[^/\s]+$", description="owner/name")
    ref: str
    workflow: str | None = Field(default=None, description="File name; every check if absent.")
    url: str = "https://api.github.com"
    token: str | None = Field(default=None, description="A reference: ${env:GITHUB_TOKEN}.")


class GitlabCheck(GuideModel, frozen=True):
    """The newest pipeline for this very ref passed, as GitLab's REST API tells."""

    project: str = Field(description="Path or number of the project: group/name.")
    ref: str
    url: str = "https://gitlab.com"
    token: str | None = Field(default=None, description="A reference: ${env:GITLAB_TOKEN}.")


class RunExpectation(GuideModel, frozen=True):
    """What a command must end with."""

    exit: int = 0
    text: str | None = Field(default=None, description="Must be contained in what it printed.")
    matches: str | None = Field(default=None, description="Regular expression it must match.")


class Check(GuideModel, frozen=True):
    """One row of a matrix: one kind of question, and how often and how long it is asked."""

    name: str | None = None
    http: HttpCheck | None = None
    tcp: TcpCheck | None = None
    run: Argv | None = None
    prometheus: PrometheusCheck | None = None
    github: GithubCheck | None = None
    gitlab: GitlabCheck | None = None
    expect: RunExpectation | None = Field(default=None, description="For run: what it must give.")
    env: dict[str, str] = Field(default_factory=dict[str, str], description="For run.")
    dir: str | None = Field(default=None, description="For run: where; the worker's own if absent.")
    timeout: Duration = Field(default=timedelta(seconds=10), description="For one try.")
    retries: int = Field(
        default=2, ge=0, le=100, description="Further tries when it could not tell."
    )
    every: Duration = Field(default=timedelta(seconds=1), description="Between tries.")
    within: Duration | None = Field(
        default=None,
        description="Ask until it passes or this has passed; one definite no ends it "
        "only when absent.",
    )
    required: bool = Field(default=True, description="false: shown, but never decides.")

    @field_validator("run")
    @classmethod
    def _not_empty(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if value is not None and (not value or not value[0].strip()):
            raise ValueError("a command is a list whose first item is the program")
        return value

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kind = exactly_one(self, "http", "tcp", "run", "prometheus", "github", "gitlab")
        if kind != "run" and (self.expect or self.env or self.dir):
            raise ValueError("expect, env and dir beside the check are for run only")
        return self

    @property
    def kind(self) -> str:
        """Which question it asks: http, tcp, run, prometheus, github or gitlab."""
        return exactly_one(self, "http", "tcp", "run", "prometheus", "github", "gitlab")

    @property
    def title(self) -> str:
        """How a person calls it: its name, or what it asks."""
        if self.name:
            return self.name
        match self:
            case Check(http=HttpCheck() as http):
                return f"{http.method} {http.url}"
            case Check(tcp=TcpCheck() as tcp):
                return f"tcp {tcp.host}:{tcp.port}"
            case Check(github=GithubCheck() as github):
                return f"github {github.workflow or 'checks'} for {github.ref}"
            case Check(gitlab=GitlabCheck() as gitlab):
                return f"gitlab {gitlab.project} for {gitlab.ref}"
            case Check(prometheus=PrometheusCheck() as prometheus):
                return f"prometheus {prometheus.query}"
            case _:
                return " ".join(self.run or ())


class Readiness(GuideModel, frozen=True):
    """Checks that must all pass before their time is up."""

    within: Duration = timedelta(minutes=2)
    checks: tuple[Check, ...] = Field(min_length=1)


class HealthMatrix(GuideModel, frozen=True):
    """The health verification matrix: the four kinds of health a service can show."""

    liveness: tuple[Check, ...] = ()
    readiness: tuple[Check, ...] = ()
    dependency: tuple[Check, ...] = ()
    smoke: tuple[Check, ...] = ()

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any((self.liveness, self.readiness, self.dependency, self.smoke)):
            raise ValueError("at least one check is needed: a matrix without checks proves nothing")
        return self
