"""What every source promises: to answer in bounded time, and to say why it cannot.

A source never raises for what its provider does: an outage is an answer. What must be remembered
between two looks (counters, places in files) is handed in and handed back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple, Protocol

from pydantic import BaseModel, Field

from goaround_judge import SampleState
from goaround_schemas.guide import LogSource, NumberSource

_NOTHING: Mapping[str, float] = MappingProxyType({})


class Span(NamedTuple):
    """The time a look is about, in seconds since 1970, and how long a source may take over it."""

    since: float
    until: float
    step_s: float
    timeout_s: float

    @property
    def points(self) -> int:
        """How many looks fit into it: one for a look in time, more after a gap."""
        return max(1, round((self.until - self.since) / self.step_s))


class Point(NamedTuple):
    """One number at one time (seconds since 1970). It may be NaN or infinite."""

    at: float
    value: float


class Answer(NamedTuple):
    """What a source says for one number: points in order of time, and how the last look stands.

    `state` is `ok` where the last point is as good as the source can give.
    """

    points: tuple[Point, ...] = ()
    state: SampleState = SampleState.OK
    detail: str = ""
    remember: Mapping[str, float] = _NOTHING
    """Numbers that a plug-in wants to have again at the next look."""


class Counters(BaseModel, frozen=True):
    """A page's counters at its last scrape, each by a digest of its name and labels."""

    at: float
    started: float | None = Field(default=None, description="The process's start, if it says so.")
    values: dict[str, float] = Field(default_factory=dict[str, float])


Memory = dict[str, Counters]


class Sampled(NamedTuple):
    """An answer for each source asked, in that order, and what to remember for the next look."""

    answers: tuple[Answer, ...]
    memory: Memory


class MetricSource(Protocol):
    """Where numbers come from."""

    async def sample(self, sources: Sequence[NumberSource], span: Span, memory: Memory) -> Sampled:
        """Answer for each source; in bounded time and whatever the provider does."""
        ...


class PastTeller(MetricSource, Protocol):
    """Where numbers come from that may be had for a time that is over, or may not."""

    def tells_of_the_past(self, source: NumberSource) -> bool:
        """Whether this source can say what was, a while ago."""
        ...


class Cursor(BaseModel, frozen=True):
    """How far a file has been read, and a digest of its head by which it is known again."""

    path: str
    offset: int
    head: str = ""
    head_bytes: int = 0


Cursors = dict[str, Cursor]


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of one span, oldest first; `state` other than `ok` says that it was unreadable."""

    lines: tuple[str, ...] = ()
    state: SampleState = SampleState.OK
    detail: str = ""
    cursors: Cursors | None = None


class LineSource(Protocol):
    """Where log lines come from."""

    async def lines(self, source: LogSource, span: Span, cursors: Cursors | None) -> Lines:
        """Return the span's lines; in bounded time and whatever the provider does."""
        ...


class SourceError(Exception):
    """A provider could not be asked, or its answer cannot be used. Says what to do."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
