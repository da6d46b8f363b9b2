"""Recorded series and log lines in, verdict out: pure, and the same bytes for the same evidence.

`judge` is the whole of it; the rest of this page is the shape of what goes in and comes out.
"""

from goaround_judge.control import Control
from goaround_judge.evidence import (
    Evidence,
    Frame,
    LogEvidence,
    LogWindow,
    Observed,
    SignalColumns,
    SignalEvidence,
    Undecided,
)
from goaround_judge.judging import JUDGE_VERSION, judge, judge_observed
from goaround_judge.replay import Difference, Replayed, replay
from goaround_judge.rewatching import Course, Plan, ended_at, plan_of, rewatch
from goaround_judge.rules import Bad, LogRule, SignalKind, SignalRule
from goaround_judge.samples import (
    Columns,
    Moments,
    Sample,
    SampleState,
    Series,
    moments_since,
    read_arrays,
)
from goaround_judge.templates import Severity, TemplateCount, templates
from goaround_judge.usual import Usual
from goaround_judge.verdicts import (
    Action,
    Colour,
    LogFinding,
    LogVerdict,
    SignalVerdict,
    Verdict,
    Word,
)

__all__ = [
    "JUDGE_VERSION",
    "Action",
    "Bad",
    "Colour",
    "Columns",
    "Control",
    "Course",
    "Difference",
    "Evidence",
    "Frame",
    "LogEvidence",
    "LogFinding",
    "LogRule",
    "LogVerdict",
    "LogWindow",
    "Moments",
    "Observed",
    "Plan",
    "Replayed",
    "Sample",
    "SampleState",
    "Series",
    "Severity",
    "SignalColumns",
    "SignalEvidence",
    "SignalKind",
    "SignalRule",
    "SignalVerdict",
    "TemplateCount",
    "Undecided",
    "Usual",
    "Verdict",
    "Word",
    "ended_at",
    "judge",
    "judge_observed",
    "moments_since",
    "plan_of",
    "read_arrays",
    "replay",
    "rewatch",
    "templates",
]
