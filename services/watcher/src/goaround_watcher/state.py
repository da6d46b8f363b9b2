"""What is remembered of a run between two looks: one document in the bucket `watches`. Pure.

It holds all that a verdict rests on, so that the verdict can be had again from it, and all that the
next look needs, so that any watcher can take it. Times are seconds since 1970.
"""

import operator
from enum import StrEnum, unique
from typing import NamedTuple, TypeVar

from pydantic import AwareDatetime, BaseModel, Field

from goaround_judge import SampleState, Severity
from goaround_schemas.envelope import RunId, Version
from goaround_schemas.guide import Watch
from goaround_schemas.watching import DeployBaselined, DeployJudged, DeployObserved
from goaround_watcher.looks import NONE, Looks
from goaround_watcher.looks import Row as Row
from goaround_watcher.looks import Rows as Rows
from goaround_watcher.sources.port import Counters, Cursors, Memory

FORMAT = 2
"""Raised when an older watcher could not go on with a newer one's document. In the first, each look
was a row."""

Said = DeployBaselined | DeployObserved | DeployJudged


@unique
class Doing(StrEnum):
    """What a run's document is about at present."""

    BASELINE = "baseline"
    """The time before is being recorded; the next tick takes a look, or answers."""
    WATCH = "watch"
    """The new version is being watched; the next tick takes a look, and may judge."""
    ANSWERED = "answered"
    """The command has its answer; nothing is waited for but a repeat of it."""
    STOPPED = "stopped"
    """Someone has told us to look no more."""


def _no_looks() -> Looks:
    """Return the field of looks that are none at first, and are written where there are some."""
    field: Looks = Field(default=NONE, exclude_if=operator.not_)
    return field


class SignalRecord(BaseModel, frozen=True):
    """All looks at one signal: before the switch, after it, and at a like time long before.

    Those at its control were taken at the same times as its own.
    """

    before: Looks = _no_looks()
    after: Looks = _no_looks()
    reference: Looks = _no_looks()
    control_before: Looks = _no_looks()
    control_after: Looks = _no_looks()
    detail: str = Field(default="", description="What the source last had to say besides.")


class Template(NamedTuple):
    """One kind of log line, with an example."""

    text: str
    severity: Severity
    example: str


class Stretch(NamedTuple):
    """The lines of one look, counted by the template's place in the log's table."""

    since: float
    until: float
    counts: dict[int, int]
    readable: bool = True


Stretches = tuple[Stretch, ...]


class LogRecord(BaseModel, frozen=True):
    """All looks at one log."""

    templates: tuple[Template, ...] = ()
    before: Stretches = ()
    after: Stretches = ()
    dropped: int = Field(default=0, description="Lines of kinds for which the table had no room.")
    cursors: Cursors | None = None
    state: SampleState = SampleState.OK
    detail: str = ""


class State(BaseModel, frozen=True):
    """A run as the watcher remembers it."""

    format: int = FORMAT
    run_id: RunId
    service: str
    environment: str
    version: Version
    stage: str = "all"
    correlation_id: str
    traceparent: str | None = None
    command_id: str
    served: tuple[str, ...] = Field(
        default=(), description="Commands before this one, newest last."
    )
    plan: Watch
    doing: Doing
    tick: int = Field(default=0, description="Looks taken for this command: the next one's number.")
    began: float
    switched: float
    until: float = Field(description="When the baseline is done, or the watch as it stands.")
    looked: float = Field(description="Up to when has been looked.")
    extensions: int = 0
    signals: dict[str, SignalRecord] = Field(default_factory=dict[str, SignalRecord])
    logs: dict[str, LogRecord] = Field(default_factory=dict[str, LogRecord])
    memory: Memory = Field(default_factory=dict[str, Counters])
    thinned: int = Field(default=0, description="Looks let go so that the document stays small.")
    said: tuple[Said, ...] = Field(default=(), description="What the last look led to.")
    due: AwareDatetime | None = Field(default=None, description="When to look next.")

    @property
    def runs(self) -> bool:
        """Whether a next look is waited for."""
        return self.doing in (Doing.BASELINE, Doing.WATCH)


M = TypeVar("M", bound=BaseModel)

NOTHING_GIVEN: set[str] = set()
"""Nobody asks which fields of a state were given and which are defaults: all share this."""


def changed(model: M, **fields: object) -> M:
    """Return the model with other values in some of its fields.

    As `model_copy`, at a third of its time and of its room: every look makes seven of them.
    """
    new = object.__new__(type(model))
    put = object.__setattr__
    put(new, "__dict__", {**model.__dict__, **fields})
    put(new, "__pydantic_fields_set__", NOTHING_GIVEN)
    put(new, "__pydantic_extra__", None)
    put(new, "__pydantic_private__", None)
    return new


class Tick(BaseModel, frozen=True):
    """The body of an alarm: which look of which command is due."""

    run_id: RunId
    command_id: str
    number: int
