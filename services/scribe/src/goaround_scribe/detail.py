"""The particulars of a run, as blocks of Markdown: steps, checks, the watch, the way back, times.

Pure. Every text that came from elsewhere goes through `markdown.inline`.
"""

from collections import Counter

from goaround_schemas.matrix import Matrix, MatrixRow
from goaround_schemas.outcome import RollbackSummary, Span
from goaround_schemas.procedure import StepResult
from goaround_schemas.recording import WorkRecordData
from goaround_schemas.watching import SignalSummary, WatchSummary
from goaround_scribe import database
from goaround_scribe.evidence import evidence
from goaround_scribe.markdown import change, inline, length, moment, number, sentence, table

MOST_ROWS = 40  # of any one list; a guide may have hundreds of checks

Block = list[str]

_MATRICES = {
    "preflight": "pre-flight",
    "readiness": "readiness",
    "health": "health",
    "monitoring": "monitoring afterwards",
    "rollback_health": "health after the rollback",
}


def blocks(run: WorkRecordData) -> list[Block]:
    """Return all that is told of the run, what matters most first."""
    return [
        *_titled("The way back", _rollback(run)),
        *_titled("Migrations", database.migrations(run)),
        *_titled("Steps", [f"- {_step(step)}" for step in run.steps[:MOST_ROWS]]),
        *_titled("Checks", _verification(run)),
        *_watch(run.watch),
        *_titled("Times", times(run)),
    ]


def times(run: WorkRecordData) -> Block:
    """Return the run's phases, each with its start and its length, as a table."""
    rows = [
        (_phase(span), moment(span.from_), length(span.to - span.from_))
        for span in run.timeline[: 2 * MOST_ROWS]
    ]
    return table(("Phase", "From", "For"), rows) if rows else []


def proof(rollback: RollbackSummary, previous: str | None) -> Block:
    """Return what the previous version says of itself after the way back, as a list."""
    if rollback.matrix is None:
        return [f"- Nothing proves that {inline(previous or 'what ran before', 130)} is well"]
    return [f"- {matrix_told(rollback.matrix)}", *_not_passed(rollback.matrix)]


def matrix_told(matrix: Matrix) -> str:
    """Return a matrix in one line: `health of 2.4.1: passed, 5 of 5 checks passed`."""
    counts = Counter(row.outcome.value for row in matrix.rows)
    rest = "".join(f", {n} {what}" for what, n in sorted(counts.items()) if what != "passed")
    name, of = _MATRICES[matrix.kind], inline(matrix.of, 130)
    if not matrix.rows:
        return f"{name} of {of}: {matrix.outcome}, without a check"
    passed = f"{counts['passed']} of {len(matrix.rows)} checks passed"
    return f"{name} of {of}: {matrix.outcome}, {passed}{rest}"


def _titled(title: str, lines: Block) -> list[Block]:
    return [[f"**{title}**"], lines] if lines else []


def _rollback(run: WorkRecordData) -> Block:
    back = run.rollback
    if back is None:
        return []
    lines = [f"- Reason: {sentence(back.trigger)}"]
    if found := evidence(run):
        lines += ["- Evidence:", *(f"  - {piece}" for piece in found)]
    lines += [f"- Step: {_step(step)}" for step in back.steps[:MOST_ROWS]]
    if (schema := database.reverted_of(run)) is not None:
        lines += database.reverted(schema, run.previous_version)
    lines += proof(back, run.previous_version)
    return [*lines, f"- Left behind: {sentence(back.left)}"] if back.left else lines


def _step(step: StepResult) -> str:
    tries = f", {step.attempts} tries" if step.attempts > 1 else ""
    said = f": {inline(step.detail, 300)}" if step.outcome != "done" else ""
    return f"{inline(step.name, 200)}, {step.outcome} in {length(step.seconds)}{tries}{said}"


def _verification(run: WorkRecordData) -> Block:
    lines: Block = []
    for matrix in run.verification[:MOST_ROWS]:
        if matrix.kind == "rollback_health" and run.rollback is not None:
            continue  # told with the way back
        lines += [f"- {matrix_told(matrix)}", *_not_passed(matrix)]
    return lines


def _not_passed(matrix: Matrix) -> Block:
    rows = [row for row in matrix.rows if row.outcome != "passed"]
    return [f"  - {_row(row)}" for row in rows[:MOST_ROWS]]


def _row(row: MatrixRow) -> str:
    optional = "" if row.required else " (not required)"
    name, category = inline(row.name, 200), inline(row.category, 60)
    return f"{category}, {name}{optional}: {row.outcome.value}, {inline(row.detail, 300)}"


def _watch(watch: WatchSummary | None) -> list[Block]:
    if watch is None:
        return []
    signals = (*watch.signals, *watch.logs)[:MOST_ROWS]
    head = ("Signal", "Before", "Observed", "Change", "Verdict")
    rows = [_signal(signal) for signal in signals]
    told = [f"{watch_told(watch)}. {sentence(watch.reason)}"]
    return [["**Watch**"], told, *([table(head, rows)] if rows else [])]


def watch_told(watch: WatchSummary) -> str:
    """Return a watch in one line: for how long, how often it looked, what it saw."""
    extended = f", extended {watch.extensions} x" if watch.extensions else ""
    return f"{watch.colour} after {length(watch.watched_s)} ({watch.ticks} looks{extended})"


def _signal(signal: SignalSummary) -> tuple[str, ...]:
    muted = " (muted)" if signal.muted else ""
    return (
        inline(signal.name, 100) + muted,
        number(signal.baseline, signal.unit),
        number(signal.observed, signal.unit),
        change(signal.change),
        f"{signal.colour}, {inline(signal.verdict, 100)}",
    )


def _phase(span: Span) -> str:
    name = span.phase.value.replace("_", " ")
    return f"{name} ({inline(span.stage, 63)})" if span.stage else name
