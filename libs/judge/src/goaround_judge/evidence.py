"""Everything a verdict rests on, as one value that can be stored and judged again.

Plain data with a JSON shape; the same evidence gives the same verdict, byte for byte.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from goaround_judge.control import Control
from goaround_judge.rules import LogRule, SignalKind, SignalRule
from goaround_judge.samples import Columns, Sample, Series, read
from goaround_judge.templates import TemplateCount
from goaround_judge.usual import Usual


class Undecided(StrEnum):
    """What the guide wants when the budget is spent and the watch still cannot say."""

    HOLD = "hold"
    ROLLBACK = "rollback"
    ACCEPT = "accept"


class SignalEvidence(BaseModel):
    """One signal's rule, its baseline, what came after the switch, what else to hold it against.

    The reference is another time that should look like now (the same hour last week); a change
    that the reference shows as well is the season's, not the deployment's. The control is the same
    signal of something that is not deployed now, at the same times: what it shows after the switch
    as well is not the deployment's either.
    """

    model_config = ConfigDict(frozen=True)

    rule: SignalRule
    baseline: tuple[Sample, ...] = ()
    post: tuple[Sample, ...] = ()
    reference: tuple[Sample, ...] = ()
    control_baseline: tuple[Sample, ...] = ()
    control_post: tuple[Sample, ...] = ()


class SignalColumns(BaseModel):
    """The same as `SignalEvidence` in columns; judged alike, and cheaper to make and to read."""

    model_config = ConfigDict(frozen=True)

    rule: SignalRule
    baseline: Columns = Columns()
    post: Columns = Columns()
    reference: Columns | None = None
    control_baseline: Columns | None = None
    control_post: Columns | None = None


class Before(NamedTuple):
    """What every look wants to know of a baseline."""

    usable: int
    """Numbers among its looks."""
    states: dict[str, int]
    counts_requests: bool


class Observed(NamedTuple):
    """One signal's rule and its series, read once for every rule that looks at them.

    What came before the switch is read where something is worked out of it: that is known mostly.
    """

    rule: SignalRule
    earlier: Callable[[], Series]
    later: Series
    reference: Callable[[], Series] | None
    control: Control | None
    usual: Usual
    """What is worked out of the rule, the baseline and the reference; kept, it is not again."""

    @property
    def before(self) -> Before:
        """What every look wants to know of the baseline."""
        return self.usual.once("before", self._before)

    def _before(self) -> Before:
        series = self.earlier()
        return Before(len(series.levels().values), series.states, series.counts_requests)


def observe(evidence: SignalEvidence | SignalColumns, every_s: float) -> Observed:
    """Return the evidence of one signal as arrays; its looks are `every_s` apart."""
    rule = evidence.rule
    counts = rule.kind is SignalKind.ERRORS
    return Observed(
        rule,
        partial(read, evidence.baseline, counts=counts),
        read(evidence.post, counts=counts),
        partial(read, evidence.reference, counts=counts) if evidence.reference else None,
        _control(evidence, every_s),
        Usual(),
    )


def _control(evidence: SignalEvidence | SignalColumns, every_s: float) -> Control | None:
    """Return the control's series; none where the signal has no control at all."""
    before, after = evidence.control_baseline, evidence.control_post
    if isinstance(evidence, SignalColumns):
        if before is None and after is None:
            return None
    elif not before and not after:
        return None
    counts = evidence.rule.kind is SignalKind.ERRORS
    return Control(read(before or (), counts=counts), read(after or (), counts=counts), every_s)


class LogWindow(BaseModel):
    """The lines of one stretch of time, counted by template; `from_s` and `to_s` as `Sample.at_s`.

    A window that could not be read is left out or marked unreadable; an empty one says silence.
    """

    model_config = ConfigDict(frozen=True)

    from_s: float
    to_s: float
    counts: tuple[TemplateCount, ...] = ()
    readable: bool = True


class LogEvidence(BaseModel):
    """One log's rule and its windows before and after the switch."""

    model_config = ConfigDict(frozen=True)

    rule: LogRule
    baseline: tuple[LogWindow, ...] = ()
    post: tuple[LogWindow, ...] = ()


class Frame(NamedTuple):
    """A watch besides its signals: its logs, how long it has run, what budget is left.

    The fields are those of `Evidence`, of which this is a part.
    """

    logs: tuple[LogEvidence, ...]
    every_s: float
    period_s: float
    elapsed_s: float
    extensions_used: int
    extensions_allowed: int
    undecided: Undecided

    @property
    def looks(self) -> int:
        """Return how many looks the false-alarm promise must cover, as a power of two.

        Rounded up so that granting an extension seldom moves a limit in mid-watch.
        """
        looks, due = 2, self.period_s / self.every_s
        while looks < due and looks < 2**20:
            looks *= 2
        return looks


class Evidence(BaseModel):
    """A whole watch as it stands: what was seen, how long it has run, what budget is left.

    `period_s` is the watch's length as it stands, extensions already granted included.
    """

    model_config = ConfigDict(frozen=True)

    signals: tuple[SignalEvidence, ...] = ()
    columns: tuple[SignalColumns, ...] = Field(
        default=(), description="Signals given as columns; judged after `signals`."
    )
    logs: tuple[LogEvidence, ...] = ()
    every_s: float = Field(default=15.0, gt=0)
    period_s: float = Field(ge=0)
    elapsed_s: float = Field(default=0.0, ge=0)
    extensions_used: int = Field(default=0, ge=0)
    extensions_allowed: int = Field(default=0, ge=0)
    undecided: Undecided = Undecided.HOLD

    @property
    def frame(self) -> Frame:
        """Return all but the signals."""
        return Frame(
            self.logs,
            self.every_s,
            self.period_s,
            self.elapsed_s,
            self.extensions_used,
            self.extensions_allowed,
            self.undecided,
        )

    @property
    def looks(self) -> int:
        """Return how many looks the promise must cover."""
        return self.frame.looks
