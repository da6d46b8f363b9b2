"""A run as an entry of a change log, written as a team would publish it.

Pure. Every text that came from elsewhere goes through `markdown.inline`.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from goaround_schemas.matrix import Matrix, MatrixRow
from goaround_schemas.outcome import RollbackSummary, Span
from goaround_schemas.procedure import StepResult
from goaround_schemas.recording import WorkRecordData
from goaround_schemas.watching import SignalSummary, WatchSummary
from goaround_scribe.changelog import marker
from goaround_scribe.markdown import (
    change,
    day,
    inline,
    length,
    moment,
    number,
    sentence,
    table,
)

MOST_ROWS = 40  # of any one list; a guide may have hundreds of checks

_SAID = {
    "succeeded": "succeeded",
    "rolled_back": "rolled back",
    "rollback_failed": "ROLLBACK FAILED",
}
_MATRICES = {
    "preflight": "pre-flight",
    "readiness": "readiness",
    "health": "health",
    "monitoring": "monitoring afterwards",
    "rollback_health": "health after the rollback",
}


def entry_for(run: WorkRecordData, at: datetime) -> str:
    """Return the entry, its marker first, without an end of line at its end."""
    blocks = [
        [marker(run.run_id), f"## {_title(run, at)}"],
        ["**EMERGENCY: it did not wait for queue, freeze or approval.**"] if run.emergency else [],
        [sentence(run.reason)],
        list(_facts(run)),
        *_watch(run.watch),
        _rollback(run.rollback, run.previous_version),
        _times(run),
        [f"Run {run.run_id}, guide {inline(run.guide_name, 100)}, {inline(run.guide_digest, 100)}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in blocks if lines)


def _title(run: WorkRecordData, at: datetime) -> str:
    what = " ".join(filter(None, (run.service, inline(run.version or "", 130))))
    kind = "rollback of " if run.kind == "rollback" else ""
    urgent = "EMERGENCY: " if run.emergency else ""
    return f"{urgent}{kind}{what} in {run.environment}: {_SAID[run.outcome]} ({day(at)})"


def _facts(run: WorkRecordData) -> Iterator[str]:
    why = f": {inline(run.request_reason)}" if run.request_reason else ", who gave no reason"
    yield f"- Asked for by {inline(run.requested_by, 120)}{why}"
    yield f"- Previous version: {inline(run.previous_version or 'none on record', 130)}"
    if run.artifact:
        yield f"- Artifact: {inline(run.artifact, 300)}"
    if run.migration:
        yield f"- Migrations: {_schema(run.migration.before)} -> {_schema(run.migration.after)}"
    for step in run.steps[:MOST_ROWS]:
        yield f"- Deploy: {_step(step)}"
    for matrix in run.verification[:MOST_ROWS]:
        if matrix.kind == "rollback_health" and run.rollback is not None:
            continue  # told with the rollback
        yield f"- Verified: {_matrix(matrix)}"
        yield from (f"  - {_row(row)}" for row in _not_passed(matrix)[:MOST_ROWS])


def _schema(revision: str | None) -> str:
    return inline(revision, 100) if revision else "unknown"


def _matrix(matrix: Matrix) -> str:
    counts = Counter(row.outcome.value for row in matrix.rows)
    rest = "".join(f", {n} {what}" for what, n in sorted(counts.items()) if what != "passed")
    name, of = _MATRICES[matrix.kind], inline(matrix.of, 130)
    if not matrix.rows:
        return f"{name} of {of}: {matrix.outcome}, without a check"
    passed = f"{counts['passed']} of {len(matrix.rows)} checks passed"
    return f"{name} of {of}: {matrix.outcome}, {passed}{rest}"


def _not_passed(matrix: Matrix) -> list[MatrixRow]:
    return [row for row in matrix.rows if row.outcome != "passed"]


def _row(row: MatrixRow) -> str:
    optional = "" if row.required else " (not required)"
    name, category = inline(row.name, 200), inline(row.category, 60)
    return f"{category}, {name}{optional}: {row.outcome.value}, {inline(row.detail, 300)}"


def _step(step: StepResult) -> str:
    tries = f", {step.attempts} tries" if step.attempts > 1 else ""
    said = f": {inline(step.detail, 300)}" if step.outcome != "done" else ""
    return f"{inline(step.name, 200)}, {step.outcome} in {length(step.seconds)}{tries}{said}"


def _watch(watch: WatchSummary | None) -> list[list[str]]:
    if watch is None:
        return []
    extended = f", extended {watch.extensions} x" if watch.extensions else ""
    looks = f"{watch.ticks} looks{extended}"
    told = f"Watched for {length(watch.watched_s)} ({looks}): **{watch.colour}**."
    signals = (*watch.signals, *watch.logs)[:MOST_ROWS]
    head = ("Signal", "Before", "Observed", "Change", "Verdict")
    rows = [_signal(signal) for signal in signals]
    return [[f"{told} {sentence(watch.reason)}"], table(head, rows) if rows else []]


def _signal(signal: SignalSummary) -> tuple[str, ...]:
    muted = " (muted)" if signal.muted else ""
    return (
        inline(signal.name, 100) + muted,
        number(signal.baseline, signal.unit),
        number(signal.observed, signal.unit),
        change(signal.change),
        f"{signal.colour}, {inline(signal.verdict, 100)}",
    )


def _rollback(rollback: RollbackSummary | None, previous: str | None) -> list[str]:
    if rollback is None:
        return []
    lines = [f"Trigger of the rollback: {sentence(rollback.trigger)}", ""]
    lines += [f"- {_step(step)}" for step in rollback.steps[:MOST_ROWS]]
    if rollback.matrix is not None:
        lines.append(f"- {_matrix(rollback.matrix)}")
        lines += [f"  - {_row(row)}" for row in _not_passed(rollback.matrix)[:MOST_ROWS]]
    else:
        lines.append(f"- Nothing proves that {inline(previous or 'what ran before', 130)} is well")
    if rollback.left:
        lines.append(f"- Left behind: {sentence(rollback.left)}")
    return lines


def _times(run: WorkRecordData) -> list[str]:
    rows = [
        (_phase(span), moment(span.from_), length(span.to - span.from_))
        for span in run.timeline[: 2 * MOST_ROWS]
    ]
    return table(("Phase", "From", "For"), rows) if rows else []


def _phase(span: Span) -> str:
    name = span.phase.value.replace("_", " ")
    return f"{name} ({inline(span.stage, 63)})" if span.stage else name
