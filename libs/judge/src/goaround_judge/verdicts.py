"""The judge's answer: a colour, what to do, and the numbers that explain both.

Plain data with a JSON shape; nothing here decides.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Colour(StrEnum):
    """Green, yellow, red: in that order, so that a whole is the worst of its parts."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"

    @property
    def rank(self) -> int:
        """Return the place in the order, worst highest."""
        return _RANKS[self]


_RANKS = {colour: rank for rank, colour in enumerate(Colour)}


class Action(StrEnum):
    """What the verdict asks of the run."""

    CONTINUE = "continue"
    ACCEPT = "accept"
    EXTEND = "extend"
    ROLLBACK = "rollback"
    HOLD = "hold"


class Word(StrEnum):
    """One word for how a signal or log stands."""

    STEADY = "steady"
    IMPROVED = "improved"
    SUSPICIOUS = "suspicious"
    REGRESSED = "regressed"
    ALREADY_BAD = "already bad"
    ELSEWHERE = "moved elsewhere too"
    THIN = "too little evidence"


@dataclass(slots=True, kw_only=True)
class SignalVerdict:
    """How one signal stands. Numbers are in the signal's own unit, for errors a rate.

    `limit` is where Red begins, `green_limit` where Green ends, on the side that hurts. It is not
    to be changed, and yet not frozen: it is made at each look, and a guard takes twice as long.
    """

    name: str
    colour: Colour
    verdict: Word
    reason: str
    baseline: float | None = None
    observed: float | None = None
    change: float | None = None
    limit: float | None = None
    green_limit: float | None = None
    would_be_green: str = ""
    samples: dict[str, int] = field(default_factory=dict[str, int])
    baseline_samples: dict[str, int] = field(default_factory=dict[str, int])
    red_at_s: float | None = None
    excess: float = 0.0
    muted: bool = False
    improved: bool = False
    already_bad: bool = False


class LogFinding(BaseModel):
    """One template whose rate changed: how often before and after, and a line to look at."""

    model_config = ConfigDict(frozen=True)

    template: str
    severity: str
    change: str
    colour: Colour
    before: int
    after: int
    before_per_min: float
    after_per_min: float
    example: str
    red_at_s: float | None = None


class LogVerdict(BaseModel):
    """How one log stands, with its findings, worst first."""

    model_config = ConfigDict(frozen=True)

    name: str
    colour: Colour
    verdict: Word
    reason: str
    findings: tuple[LogFinding, ...] = ()
    would_be_green: str = ""
    red_at_s: float | None = None
    excess: float = 0.0
    muted: bool = False


class Verdict(BaseModel):
    """The whole watch's answer."""

    model_config = ConfigDict(frozen=True)

    colour: Colour
    decided: bool
    action: Action
    reason: str
    deciding: str | None
    would_be_green: str
    signals: tuple[SignalVerdict, ...]
    logs: tuple[LogVerdict, ...]
    judge_version: str
