"""What spoke for taking the way back: failed steps, failed checks, signals that went red.

Pure. Of checks before anything changed and after the way back it says nothing: they are not why.
"""

from collections.abc import Iterator

from goaround_schemas.matrix import Matrix, MatrixRow
from goaround_schemas.recording import WorkRecordData
from goaround_schemas.watching import SignalSummary
from goaround_scribe.markdown import change, inline, number

MOST = 8  # pieces of evidence; more convince nobody further
_WHY = ("readiness", "health", "monitoring")


def evidence(run: WorkRecordData) -> list[str]:
    """Return each piece on a line, the decisive ones only."""
    return list(_pieces(run))[:MOST]


def _pieces(run: WorkRecordData) -> Iterator[str]:
    for step in run.steps:
        if step.outcome not in ("done", "skipped"):
            yield f"step {inline(step.name, 200)}: {step.outcome}, {inline(step.detail, 300)}"
    for matrix in run.verification:
        if matrix.kind in _WHY and _of_the_new(matrix, run):
            yield from (f"check {_row(row)}" for row in matrix.rows if _counts(row))
    if run.watch is not None:
        signals = (*run.watch.signals, *run.watch.logs)
        yield from (_signal(s) for s in signals if s.colour == "red" and not s.muted)


def _of_the_new(matrix: Matrix, run: WorkRecordData) -> bool:
    return run.version is None or matrix.of == run.version


def _counts(row: MatrixRow) -> bool:
    return row.required and row.outcome in ("failed", "errored")


def _row(row: MatrixRow) -> str:
    return f"{inline(row.name, 200)} ({inline(row.category, 60)}): {inline(row.detail, 300)}"


def _signal(signal: SignalSummary) -> str:
    before, observed = (number(v, signal.unit) for v in (signal.baseline, signal.observed))
    moved = f" ({change(signal.change)})" if signal.change is not None else ""
    return f"{inline(signal.name, 100)}: {observed} against {before} before{moved}"
