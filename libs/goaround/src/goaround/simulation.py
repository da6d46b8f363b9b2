"""What another guide would have made of recorded watches: each by itself, and all of them. Pure.

A verdict is held against what people said of the run, or what they did about it; never against
another verdict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from goaround.planning import plan_for, watch_of
from goaround_judge import Course, ended_at, rewatch
from goaround_judge.recording import Recording
from goaround_schemas.api import EvidenceRow, RunRow
from goaround_schemas.guide import Guide
from goaround_schemas.phase import Phase
from goaround_schemas.watching import Colour

Truth = Literal["good", "bad"]


@dataclass(frozen=True, slots=True)
class Word:
    """How a run really was, and who says so."""

    truth: Truth
    because: str
    implied: bool = False
    """Nobody said it: somebody took the version back later."""


@dataclass(frozen=True, slots=True)
class Rejudged:
    """One verdict, and what it would have been."""

    row: EvidenceRow
    was_s: float
    """Seconds from the switch to the verdict on record."""
    would_be: Colour
    action: str
    decided: bool
    """False where the other guide would have watched longer than was recorded."""
    at_s: float
    deciding: str | None
    reason: str
    missing: tuple[str, ...] = ()
    word: Word | None = None

    @property
    def changes(self) -> bool:
        """Whether it would have ended otherwise, in colour or in what is done about it."""
        return self.decided and (self.would_be, self.action) != (self.row.colour, self.row.action)

    @property
    def later_min(self) -> float | None:
        """Minutes by which the verdict would have come later; negative is earlier."""
        return round((self.at_s - self.was_s) / 60, 3) if self.decided else None


@dataclass(frozen=True, slots=True)
class Score:
    """Runs on which people and verdicts disagree, among those of which the truth is known."""

    false_reds: int
    missed_reds: int


@dataclass(frozen=True, slots=True)
class Summary:
    """All verdicts together; runs are counted for scores, as one Red ends a run."""

    verdicts: int
    change: int
    to_red: int
    from_red: int
    not_recorded_further: int
    damaged: int
    other_judge: int
    """Verdicts on record that another version of the judge gave."""
    good: int
    bad: int
    implied_bad: int
    before: Score
    after: Score
    median_later_min: float | None
    median_later_min_of_reds: float | None
    """Among verdicts that are Red under both guides: how much sooner harm would be stopped."""


def rejudged(row: EvidenceRow, recording: Recording, guide: Guide, word: Word | None) -> Rejudged:
    """Watch a recorded watch again under the guide."""
    evidence = recording.evidence
    course: Course = rewatch(evidence, plan_for(watch_of(guide, row.stage), evidence))
    return Rejudged(
        row=row,
        was_s=max(ended_at(evidence), 0.0),
        would_be=course.verdict.colour.value,
        action=course.verdict.action.value,
        decided=course.decided,
        at_s=course.at_s,
        deciding=course.verdict.deciding,
        reason=course.reason,
        missing=course.missing,
        word=word,
    )


def word_on(row: EvidenceRow, rollbacks: Iterable[RunRow]) -> Word | None:
    """Return what people said of a verdict's run, or else what a later rollback implies."""
    if row.label is not None:
        return Word(row.label.label, row.label.because)
    if row.phase is not Phase.SUCCEEDED:
        return None
    for back in rollbacks:
        if _takes_back(back, row):
            return Word("bad", f"run {back.run_id} took {row.version} back", implied=True)
    return None


def _takes_back(back: RunRow, row: EvidenceRow) -> bool:
    return (
        back.kind == "rollback"
        and back.phase is Phase.ROLLED_BACK
        and (back.service, back.environment) == (row.service, row.environment)
        and back.version == row.version
        and back.requested_at > row.judged_at
    )


def summary(found: Sequence[Rejudged], damaged: int, judge_version: str) -> Summary:
    """Return what all of it comes to."""
    known = _by_run(found)
    decided = [one for one in found if one.decided]
    both_red = [o for o in decided if o.would_be == o.row.colour == "red"]
    return Summary(
        verdicts=len(found),
        change=sum(one.changes for one in found),
        to_red=sum(o.would_be == "red" != o.row.colour for o in decided),
        from_red=sum(o.row.colour == "red" != o.would_be for o in decided),
        not_recorded_further=len(found) - len(decided),
        damaged=damaged,
        other_judge=sum(one.row.judge_version != judge_version for one in found),
        good=sum(run.word.truth == "good" for run in known),
        bad=sum(run.word.truth == "bad" and not run.word.implied for run in known),
        implied_bad=sum(run.word.implied for run in known),
        before=_score((run.word.truth, run.was_red) for run in known),
        after=_score((r.word.truth, r.would_be_red) for r in known if r.would_be_red is not None),
        median_later_min=_median(decided),
        median_later_min_of_reds=_median(both_red),
    )


@dataclass(frozen=True, slots=True)
class _Run:
    word: Word
    was_red: bool
    would_be_red: bool | None
    """None where the recording ends before that could be said."""


def _by_run(found: Sequence[Rejudged]) -> list[_Run]:
    """Return the runs of which the truth is known; a run is Red by one of its verdicts."""
    runs: dict[str, list[Rejudged]] = {}
    for one in found:
        if one.word is not None:
            runs.setdefault(one.row.run_id, []).append(one)
    known: list[_Run] = []
    for verdicts in runs.values():
        red = any(v.decided and v.would_be == "red" for v in verdicts)
        open_ = any(not v.decided for v in verdicts)
        word = next(v.word for v in verdicts if v.word is not None)
        was_red = any(v.row.colour == "red" for v in verdicts)
        known.append(_Run(word, was_red, None if open_ and not red else red))
    return known


def _score(held: Iterable[tuple[Truth, bool]]) -> Score:
    pairs = list(held)
    return Score(
        false_reds=sum(truth == "good" and red for truth, red in pairs),
        missed_reds=sum(truth == "bad" and not red for truth, red in pairs),
    )


def _median(found: Sequence[Rejudged]) -> float | None:
    minutes = [later for one in found if (later := one.later_min) is not None]
    return round(median(minutes), 2) if minutes else None
