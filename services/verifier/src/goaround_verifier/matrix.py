"""From questions and findings to a matrix, and when to ask again. Pure: no clock, no I/O.

What a matrix says as a whole is `goaround_schemas.matrix.outcome_of`; here is what it is made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from goaround_schemas.guide import Check
from goaround_schemas.matrix import (
    Matrix,
    MatrixRow,
    Question,
    RowOutcome,
    WorkVerifyData,
    outcome_of,
)
from goaround_verifier.finding import Again, Finding

# A guide may say `every: 0s`; a service that is starting must not be hammered by its own checks.
SHORTEST_PAUSE_S = 0.05
LONGEST_DETAIL = 1000  # characters: a row is read by people, and a message has its limit


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long a check is asked."""

    retries: int
    every_s: float
    within_s: float | None
    longest_s: float


def patience_of(check: Check, within_s: float | None, longest_s: float) -> Patience:
    """The check's own `within` counts before the matrix's; nothing is asked beyond `longest_s`."""
    own = check.within.total_seconds() if check.within is not None else within_s
    return Patience(
        retries=check.retries,
        every_s=max(check.every.total_seconds(), SHORTEST_PAUSE_S),
        within_s=own,
        longest_s=longest_s,
    )


def pause_after(finding: Finding, patience: Patience, tries: int, elapsed_s: float) -> float | None:
    """Return how many seconds to wait before the next try; None where the finding stands.

    With `within` all but the hopeless is asked again until the time is up. Without, `retries`
    are for what could not tell (or is not there yet); one definite no ends it.
    """
    if finding.again is Again.NEVER:
        return None
    if patience.within_s is not None:
        left = min(patience.within_s, patience.longest_s) - elapsed_s
        return min(patience.every_s, left) if left >= SHORTEST_PAUSE_S else None
    if finding.again is not Again.RETRY or tries > patience.retries:
        return None
    return patience.every_s if elapsed_s + patience.every_s <= patience.longest_s else None


def row_of(question: Question, finding: Finding, tries: int, seconds: float) -> MatrixRow:
    """One row: the last finding, with how often and how long it was asked."""
    detail = finding.detail
    if tries > 1:
        detail = f"{_cut(detail, LONGEST_DETAIL - 40)} (for {_short(seconds)} s, {tries} tries)"
    return MatrixRow(
        category=question.category,
        name=question.check.title,
        outcome=finding.outcome,
        detail=_cut(detail, LONGEST_DETAIL),
        required=question.check.required,
        value=finding.value,
        attempts=tries,
        seconds=round(seconds, 3),
    )


def matrix_of(asked: WorkVerifyData, rows: Sequence[MatrixRow]) -> Matrix:
    """The whole, its rows in the order of the questions.

    A health matrix without a question proves nothing, so it is not passed.
    """
    unproven = asked.kind == "health" and not rows
    return Matrix(
        kind=asked.kind,
        of=asked.of,
        outcome="errored" if unproven else outcome_of(tuple(rows)),
        rows=tuple(rows),
    )


def given_up(asked: WorkVerifyData, why: str) -> Matrix:
    """The answer where none could be found out: each row could not tell, and says why."""
    said = Finding(RowOutcome.ERRORED, f"the verifier gave up: {why}")
    rows = tuple(row_of(q, said, tries=1, seconds=0.0) for q in asked.questions)
    return Matrix(kind=asked.kind, of=asked.of, outcome="errored", rows=rows)


def _short(seconds: float) -> str:
    return f"{seconds:.0f}" if seconds >= 10 else f"{seconds:.2g}"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
