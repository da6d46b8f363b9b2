"""The pre-flight matrix: a row for each line of the runbook's pre-flight, and what they say.

Pure. The verifier's and the watcher's answers come in; what only the orchestrator knows (the
guide, the rollback procedure, the record) is added here.
"""

from datetime import datetime, timedelta

from goaround_orchestrator import inspected
from goaround_orchestrator.run import Run
from goaround_schemas.duration import show_duration
from goaround_schemas.matrix import Matrix, MatrixRow, RowOutcome, outcome_of
from goaround_schemas.watching import SignalBaseline

PASSED, WARNED, FAILED = RowOutcome.PASSED, RowOutcome.WARNED, RowOutcome.FAILED


def matrix_of(run: Run, now: datetime) -> Matrix:
    """Return the whole pre-flight matrix of a run whose answers are in."""
    rows = (
        _guide(run),
        *_asked(run),
        *inspected.rows(run),
        *way_back(run, now),
        *_signals(run),
        *_told(run),
    )
    return Matrix(kind="preflight", of=run.version or "", outcome=outcome_of(rows), rows=rows)


def running_row(run: Run) -> MatrixRow | None:
    """The verifier's answer to which version runs now, if the guide asks."""
    return next((r for r in run.asked_rows or () if r.category == "running"), None)


def same_version(run: Run) -> str | None:
    """Why the run is pointless, if the very version that it brings is the one that runs."""
    if run.kind == "deploy" and not run.redeploy and previous_of(run) == run.version:
        return (
            f"{run.version} is the version that runs in {run.environment} already; "
            "ask with redeploy to deploy it again"
        )
    return None


def previous_of(run: Run) -> str | None:
    """The version to come back to: the service's own word first, then the record's."""
    row = running_row(run)
    return row.value if row and row.outcome is PASSED and row.value else run.previous_version


def _row(
    category: str, name: str, outcome: RowOutcome, detail: str, *, required: bool = True
) -> MatrixRow:
    return MatrixRow(
        category=category, name=name, outcome=outcome, detail=detail, required=required
    )


def _guide(run: Run) -> MatrixRow:
    detail = f"{run.guide_name}, {(run.guide_digest or '')[:19]}"
    return _row("guide", "deployment guide loaded", PASSED, detail)


def _asked(run: Run) -> tuple[MatrixRow, ...]:
    plan = run.the_plan
    rows: list[MatrixRow] = []
    if not plan.ci:
        detail = "the guide names no CI check: add preflight.ci"
        rows.append(_row("ci", "CI passed", WARNED, detail, required=False))
    if not plan.dashboards:
        detail = "the guide names no dashboard: add preflight.dashboards"
        rows.append(_row("dashboards", "dashboards reachable", WARNED, detail, required=False))
    rows.extend(r for r in run.asked_rows or () if r.category != "running")
    return tuple(rows)


def way_back(run: Run, now: datetime) -> tuple[MatrixRow, ...]:
    """Whether a rollback is possible, as far as the orchestrator itself knows."""
    return (
        _way_back(run),
        _previous(run),
        _knowledge(run, now),
        _rehearsal(run, now),
        _time(run),
    )


def _way_back(run: Run) -> MatrixRow:
    name = "rollback procedure is complete"
    if previous_of(run) is not None:
        return _row("rollback", name, PASSED, "every step and template of it resolves")
    if run.the_plan.has_first:
        detail = "a first deployment: rollback.first would take it away again"
        return _row("rollback", name, PASSED, detail)
    detail = (
        "a first deployment, and the guide has no rollback.first that works without a previous "
        "version: a failure would leave it as it is for a person"
    )
    return _row("rollback", name, WARNED, detail, required=False)


def _previous(run: Run) -> MatrixRow:
    name = "previous version is known"
    row, record = running_row(run), run.previous_version
    if previous_of(run) is None and run.the_plan.needs_previous:
        detail = (
            "nothing ran before, but the guide's way forward uses {previous.version}; "
            f"if something does run, say so: goaround adopt {run.service} VERSION "
            f"--env {run.environment}"
        )
        return _row("rollback", name, FAILED, detail)
    if row is None:
        said = f"{record}, by the record" if record else "none: this is a first deployment"
        return _row("rollback", name, PASSED if record else WARNED, said, required=False)
    if row.outcome is not PASSED or not row.value:
        kept = f"the record says {record}" if record else "nothing is on record: first deployment"
        return _row(
            "rollback",
            name,
            WARNED,
            f"the service did not say ({row.detail}); {kept}",
            required=False,
        )
    if record is None:
        detail = f"{row.value}, by the service itself; nothing was on record"
        return _row("rollback", name, WARNED, detail, required=False)
    if row.value != record:
        detail = (
            f"the service says {row.value}, the record says {record}; "
            f"the way back leads to {row.value}"
        )
        return _row("rollback", name, WARNED, detail, required=False)
    return _row("rollback", name, PASSED, f"{row.value}, by the service and by the record")


def _knowledge(run: Run, now: datetime) -> MatrixRow:
    name = "rollback procedure is understood"
    known = run.the_plan.knowledge
    if known is None:
        detail = "nobody is named who has read it: add preflight.rollback"
        return _row("rollback", name, WARNED, detail, required=False)
    age = now.date() - known.understood_on
    said = f"read by {known.understood_by} on {known.understood_on}"
    if age < timedelta(0):
        return _row("rollback", name, FAILED, f"{said}, which is still to come")
    if age > known.valid_for:
        wanted = show_duration(known.valid_for)
        detail = f"{said}, {age.days} days ago; it counts for {wanted}: read it again"
        return _row("rollback", name, FAILED, detail)
    return _row("rollback", name, PASSED, f"{said}, {age.days} days ago")


def _time(run: Run) -> MatrixRow:
    name = "rollback in time"
    at_most = show_duration(timedelta(seconds=round(run.the_plan.rollback_s)))
    said = f"at most {at_most}, by the limits of its steps, its migrations and its checks"
    tried = run.inspection.rehearsal if run.inspection else None
    if tried is not None and tried.down_s is not None:
        said += f"; its migrations took {tried.down_s:.1f} s in the rehearsal, on empty tables"
    return _row("rollback", name, PASSED, said, required=False)


def _rehearsal(run: Run, now: datetime) -> MatrixRow:
    name = "rollback was done lately"
    known = run.the_plan.knowledge
    proofs = [at for at in (run.last_proof, run.last_rehearsal) if at is not None]
    if known is None or known.rehearsed_within is None:
        last = f"last proven {max(proofs):%Y-%m-%d}" if proofs else "never proven here"
        return _row(
            "rollback", name, RowOutcome.SKIPPED, f"{last}; the guide asks for none", required=False
        )
    wanted = show_duration(known.rehearsed_within)
    if not proofs:
        detail = (
            f"no proven rollback and no rehearsal is on record; the guide wants one within "
            f"{wanted}: goaround rehearse {run.service} {run.version} --env {run.environment}"
        )
        return _row("rollback", name, WARNED, detail, required=False)
    last_at = max(proofs)
    how = "rehearsed" if last_at == run.last_rehearsal else "proven"
    days = (now - last_at).days
    fresh = now - last_at <= known.rehearsed_within
    detail = f"last {how} {days} days ago; the guide wants {wanted}"
    return _row("rollback", name, PASSED if fresh else WARNED, detail, required=False)


def _signals(run: Run) -> tuple[MatrixRow, ...]:
    if not run.the_plan.watched:
        detail = "the guide asks for no watch"
        return (_row("signals", "watch signals answer", WARNED, detail, required=False),)
    first = previous_of(run) is None
    return tuple(_signal(s, first=first) for s in run.baseline or ())


def _signal(signal: SignalBaseline, *, first: bool) -> MatrixRow:
    name = f"signal {signal.name} answers"
    if signal.answered:
        return _row("signals", name, PASSED, signal.detail)
    if first:
        detail = f"{signal.detail}; nothing runs yet that could answer"
        return _row("signals", name, WARNED, detail, required=False)
    return _row("signals", name, FAILED, signal.detail)


def _told(run: Run) -> tuple[MatrixRow, ...]:
    wanted = run.the_plan.told_of("started")
    if not wanted:
        detail = "the guide names nobody to tell that it starts: add notify"
        return (_row("stakeholders", "stakeholders told", WARNED, detail, required=False),)
    heard = {t.name: t for t in run.told if t.moment == "started"}
    rows: list[MatrixRow] = []
    for recipient in wanted:
        told = heard.get(recipient.name)
        if told is None:
            outcome, detail = RowOutcome.ERRORED, "the notifier has not answered; the run goes on"
        elif told.outcome == "delivered":
            outcome, detail = PASSED, told.detail
        else:
            outcome, detail = WARNED, f"{told.detail}; the run goes on"
        rows.append(_row("stakeholders", f"{recipient.name} told", outcome, detail, required=False))
    return tuple(rows)
