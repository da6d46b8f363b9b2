"""What a service's page remembers of its deployments, and how a run moves it on.

Pure. A run moves it once: a repeat changes nothing, and a run that comes late finds its place among
the last deployments, but never overrules what a later one said of what runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from pydantic import AwareDatetime, BaseModel, Field

from goaround_scribe.configfile import ConfigFile

MOST_DEPLOYMENTS = 10
MOST_ROLLBACKS = 3
UNKNOWN = "unknown"


class Running(BaseModel, frozen=True):
    """What runs in one environment, since when, and which run brought it."""

    version: str
    since: AwareDatetime
    run: str
    asked_by: str = ""
    why: str = ""
    seen: str | None = None
    """The last run that was taken into account here, also one that changed nothing."""
    seen_at: AwareDatetime | None = None
    doubted_by: str | None = None
    """The run whose way back failed: whether this version runs is for a person to say."""
    files: dict[str, str] = Field(default_factory=dict[str, str])
    """Digests of the configuration files, by name."""
    settings: dict[str, dict[str, str]] = Field(default_factory=dict[str, dict[str, str]])
    """Their settings, by name, as they may be shown."""


class Deployment(BaseModel, frozen=True):
    """One run among the last ones, its words fit for Markdown."""

    run: str
    at: AwareDatetime
    environment: str
    version: str
    ended: str
    asked_by: str
    why: str


class Story(BaseModel, frozen=True):
    """A way back that was taken: its title and its lines, fit for Markdown."""

    run: str
    at: AwareDatetime
    title: str
    lines: tuple[str, ...]


class Changed(BaseModel, frozen=True):
    """What came with the version that was brought last, its lines fit for Markdown."""

    artifact: str = ""
    configuration: tuple[str, ...] = ()
    migrations: tuple[str, ...] = ()


class State(BaseModel, frozen=True):
    """All that the section remembers."""

    environments: dict[str, Running] = Field(default_factory=dict[str, Running])
    changes: tuple[str, ...] = ()
    """The last deployment's changes of configuration, each a line as it stands in the page."""
    changed_by: str = ""
    artifact: str = ""
    migrations: tuple[str, ...] = ()
    dashboards: tuple[str, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    """The last ones, newest first."""
    rollbacks: tuple[Story, ...] = ()


R = TypeVar("R", Deployment, Story)


@dataclass(frozen=True, slots=True)
class News:
    """What a run has to say. `version` is what runs now; None: that is not known."""

    deployment: Deployment
    version: str | None
    went_back: bool = False
    failed: bool = False
    """Its way back failed: nobody knows what runs."""
    why: str = ""
    """Why this version runs, and who asked for it, fit for Markdown."""
    asked_by: str = ""
    changed: Changed = field(default_factory=Changed)
    files: Mapping[str, ConfigFile] = field(default_factory=dict[str, ConfigFile])
    dashboards: tuple[str, ...] = ()
    story: Story | None = None


def files_of(row: Running) -> dict[str, ConfigFile]:
    """Return the configuration files as they were when the version came."""
    return {name: ConfigFile(d, row.settings.get(name)) for name, d in row.files.items()}


def advanced(state: State, news: News) -> State:
    """Return the state after a run; the same one if it was known, or is too old to matter."""
    told = news.deployment
    row = state.environments.get(told.environment)
    if told.run in {row and row.seen, *(d.run for d in state.deployments)}:
        return state
    kept = _newest((*state.deployments, told), MOST_DEPLOYMENTS)
    if told not in kept:
        return state
    stories = state.rollbacks if news.story is None else (*state.rollbacks, news.story)
    state = state.model_copy(
        update={"deployments": kept, "rollbacks": _newest(stories, MOST_ROLLBACKS)}
    )
    late = row is not None and row.seen_at is not None and row.seen_at >= told.at
    return state if late else _moved(state, row, news)


def _moved(state: State, row: Running | None, news: News) -> State:
    """The run is the latest of its environment: the row is as it left it."""
    told = news.deployment
    seen = {"seen": told.run, "seen_at": told.at}
    dashboards = {"dashboards": news.dashboards}
    if news.failed:
        row = row or Running(version=UNKNOWN, since=told.at, run=told.run)
        return _with(state, told, row, {**seen, "doubted_by": told.run}, dashboards)
    if news.version is None:
        return _with(state, told, row, seen, dashboards) if row else state
    if row is not None and news.went_back and row.version == news.version:
        # It has run all along.
        return _with(state, told, row, {**seen, "doubted_by": None}, dashboards)
    row = Running(
        version=news.version,
        since=told.at,
        run=told.run,
        asked_by=news.asked_by,
        why=news.why,
        files={name: file.digest for name, file in news.files.items()},
        settings={name: file.settings for name, file in news.files.items() if file.settings},
    )
    changed = {
        "changes": news.changed.configuration,
        "changed_by": f"{news.version} in {told.environment}",
        "artifact": news.changed.artifact,
        "migrations": news.changed.migrations,
    }
    return _with(state, told, row, seen, {**dashboards, **changed})


def _with(
    state: State,
    told: Deployment,
    row: Running,
    of_row: Mapping[str, object],
    of_state: Mapping[str, object],
) -> State:
    environments = {**state.environments, told.environment: row.model_copy(update=dict(of_row))}
    return state.model_copy(update={"environments": environments, **of_state})


def _newest(rows: tuple[R, ...], most: int) -> tuple[R, ...]:
    """The last ones, newest first; of one moment the first to come, or a repeat would flip it."""
    return tuple(sorted(rows, key=lambda row: row.at, reverse=True)[:most])
