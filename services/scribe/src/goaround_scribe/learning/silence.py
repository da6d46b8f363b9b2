"""Checks that say nothing: that never answered, that can never fail, that lead nowhere.

Pure. None of this is a diff: whether a check is repaired, or taken out, is for a person who knows
what it was for. Runs that failed count here, since no bound is loosened by it.
"""

from collections.abc import Iterator

from goaround_schemas.guide import Check, Guide
from goaround_schemas.guide.check import HttpExpectation
from goaround_schemas.matrix import MatrixRow, RowOutcome
from goaround_scribe.learning.asked import Answers, Asked, answers_to, checks_of
from goaround_scribe.learning.memory import Memory, RecordedRun
from goaround_scribe.learning.proposal import Certainty, Proposal, counted, cut

LEAST_RUNS = 3
SICK_RUNS = 5
_MAY_BE_WELL = ("liveness", "readiness")
_NO_ANSWER = (RowOutcome.ERRORED, RowOutcome.WARNED)
_DEAD = (RowOutcome.FAILED, *_NO_ANSWER)


def silences(guide: Guide, memory: Memory) -> Iterator[Proposal]:
    """Yield what checks of the guide are not worth, by every run that asked them."""
    for asked in checks_of(guide):
        said = [
            found
            for place, answers in answers_to(guide, asked, memory).items()
            if (
                found := unreachable(asked, place, answers)
                or never_answered(asked, place, answers)
                or cannot_fail(asked, place, answers)
            )
        ]
        if said:
            yield max(said, key=lambda proposal: len(proposal.runs))


def unreachable(asked: Asked, place: str, answers: tuple[Answers, ...]) -> Proposal | None:
    """Return a dashboard that could not be reached in several runs in a row."""
    if asked.category != "dashboards":
        return None
    row: list[Answers] = []
    for answer in answers:
        if not all(r.outcome in _DEAD for r in answer.rows):
            break
        row.append(answer)
    if len(row) < LEAST_RUNS:
        return None
    return _finding(
        Certainty.UNREACHABLE,
        asked,
        f"could not be reached in the last {len(row)} runs in a row in {place}: "
        f"{_said(row[0].rows)}",
        "correct the link; who watches by this dashboard sees nothing",
        row,
        f"none on outcomes; a row less would have had to be read past in {len(row)} of "
        f"{counted(len(answers), 'run')} on record",
    )


def never_answered(asked: Asked, place: str, answers: tuple[Answers, ...]) -> Proposal | None:
    """Return a check that could not tell in any run that asked it."""
    if len(answers) < LEAST_RUNS:
        return None
    if not all(r.outcome in _NO_ANSWER for answer in answers for r in answer.rows):
        return None
    decides = "it stops every run" if asked.check.required else "it is not required"
    return _finding(
        Certainty.NEVER_ANSWERED,
        asked,
        f"has never answered in {counted(len(answers), 'run')} on record in {place}; {decides}: "
        f"{_said(answers[0].rows)}",
        "find out why it never answers and repair it, or take it out: as it is it proves nothing",
        answers,
        f"none on outcomes: in {counted(len(answers), 'run')} on record it told nothing",
    )


def cannot_fail(asked: Asked, place: str, answers: tuple[Answers, ...]) -> Proposal | None:
    """Return a check without an expectation that passed in runs which all others found sick.

    That something is alive, and ready, although it is sick is what those checks are for: they are
    left out.
    """
    if asked.matrix not in ("health", "rollback_health") or asked.category in _MAY_BE_WELL:
        return None
    why = _looks_at(asked.check)
    if why is None:
        return None
    if not all(r.outcome is RowOutcome.PASSED for answer in answers for r in answer.rows):
        return None
    sick = [answer for answer in answers if _was_sick(answer.run)]
    if len(sick) < SICK_RUNS:
        return None
    return _finding(
        Certainty.CANNOT_FAIL,
        asked,
        f"has passed in all of {counted(len(answers), 'run')} on record in {place}, also in the "
        f"{len(sick)} that other checks or the watch found sick: {why}",
        "say what it must give (expect), so that it can fail; as it is it proves little",
        sick,
        f"none on good runs, if they give what is expected; {len(sick)} sick runs on record might "
        "have been found out by it",
    )


def _looks_at(check: Check) -> str | None:
    """Return how little a check looks at; None where the guide says what it must give."""
    if check.http is not None and check.http.expect == HttpExpectation():
        return "it looks at nothing but that the status is 2xx"
    if check.tcp is not None:
        return "it looks at nothing but that the port is open"
    if check.run is not None and check.expect is None:
        return "it looks at nothing but that the exit code is 0"
    return None


def _was_sick(run: RecordedRun) -> bool:
    if run.went_red:
        return True
    return any(
        row.outcome is RowOutcome.FAILED and row.required
        for matrix in run.verification
        if matrix.kind == "health"
        for row in matrix.rows
    )


def _said(rows: tuple[MatrixRow, ...]) -> str:
    return cut(rows[-1].detail)


def _finding(
    certainty: Certainty,
    asked: Asked,
    evidence: str,
    proposed: str,
    answers: list[Answers] | tuple[Answers, ...],
    effect: str,
) -> Proposal:
    return Proposal(
        certainty,
        asked.path,
        asked.field,
        asked.check.title,
        proposed,
        evidence,
        tuple(answer.run for answer in answers),
        effect,
        finding=True,
    )
