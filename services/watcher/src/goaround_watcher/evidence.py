"""Lays what is remembered before the judge, and puts its verdict into the run's own words. Pure."""

from goaround_judge import (
    Bad,
    Columns,
    Evidence,
    LogEvidence,
    LogRule,
    LogVerdict,
    SignalColumns,
    SignalKind,
    SignalRule,
    SignalVerdict,
    Undecided,
    Verdict,
)
from goaround_schemas.guide import Signal
from goaround_schemas.watching import SignalSummary
from goaround_watcher.logbook import windows
from goaround_watcher.state import LogRecord, Rows, SignalRecord, State

EARLY_S = 0.02
"""An alarm may ring that much early, as its time is given in milliseconds."""


def evidence_of(state: State, now: float) -> Evidence:
    """Return all that was seen up to now, in seconds since the switch."""
    period = state.until - state.began
    elapsed = period if now >= state.until - EARLY_S else max(now - state.began, 0.0)
    return Evidence(
        columns=tuple(
            _signal(signal, state.signals.get(signal.name, SignalRecord()), state.switched)
            for signal in state.plan.signals
        ),
        logs=tuple(_log(title, record, state.switched) for title, record in state.logs.items()),
        every_s=state.plan.every.total_seconds(),
        period_s=period,
        elapsed_s=elapsed,
        extensions_used=state.extensions,
        extensions_allowed=state.plan.extend.at_most,
        undecided=Undecided(state.plan.undecided),
    )


def _signal(signal: Signal, record: SignalRecord, switched: float) -> SignalColumns:
    rule = SignalRule(
        name=signal.name,
        kind=SignalKind(signal.kind),
        bad=None if signal.bad is None else Bad(signal.bad),
        unit=signal.unit,
        matters_from=signal.matters_from,
        min_requests=signal.min_requests,
        muted=signal.muted,
    )
    return SignalColumns(
        rule=rule,
        baseline=_columns(record.before, switched),
        post=_columns(record.after, switched),
        reference=_columns(record.reference, switched) if record.reference else None,
        control_baseline=_columns(record.control_before, switched) if signal.control else None,
        control_post=_columns(record.control_after, switched) if signal.control else None,
    )


def _columns(rows: Rows, switched: float) -> Columns:
    # A look has thousands of rows: one model of columns costs a fifth of a model for each.
    return Columns(
        at_s=tuple(round(row.at - switched, 3) for row in rows),
        value=tuple(row.value for row in rows),
        state=tuple(row.state for row in rows),
        errors=tuple(row.errors for row in rows),
        requests=tuple(row.requests for row in rows),
    )


def _log(title: str, record: LogRecord, switched: float) -> LogEvidence:
    return LogEvidence(
        rule=LogRule(name=title),
        baseline=windows(record, record.before, switched),
        post=windows(record, record.after, switched),
    )


def signal_summaries(state: State, verdict: Verdict) -> tuple[SignalSummary, ...]:
    """Return each signal's verdict with what the guide says of it."""
    guided = {signal.name: signal for signal in state.plan.signals}
    return tuple(_signal_summary(guided[v.name], v) for v in verdict.signals)


def _signal_summary(signal: Signal, verdict: SignalVerdict) -> SignalSummary:
    return SignalSummary(
        name=signal.name,
        kind=signal.kind,
        unit=signal.unit,
        baseline=verdict.baseline,
        observed=verdict.observed,
        change=verdict.change,
        limit=verdict.limit,
        colour=verdict.colour.value,
        verdict=verdict.verdict.value,
        reason=verdict.reason,
        samples=verdict.samples,
        muted=verdict.muted,
    )


def log_summaries(verdict: Verdict) -> tuple[SignalSummary, ...]:
    """Return each log's verdict, with the numbers of its gravest finding."""
    return tuple(_log_summary(v) for v in verdict.logs)


def _log_summary(verdict: LogVerdict) -> SignalSummary:
    worst = verdict.findings[0] if verdict.findings else None
    before = worst.before_per_min if worst else None
    after = worst.after_per_min if worst else None
    return SignalSummary(
        name=verdict.name,
        kind="log",
        unit="lines/min",
        baseline=before,
        observed=after,
        change=(after - before) / before if before and after is not None else None,
        colour=verdict.colour.value,
        verdict=verdict.verdict.value,
        reason=verdict.reason,
        muted=verdict.muted,
    )
