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
from goaround_watcher.looks import Looks
from goaround_watcher.state import LogRecord, SignalRecord, State

EARLY_S = 0.02
"""An alarm may ring that much early, as its time is given in milliseconds."""


def evidence_of(state: State, now: float) -> Evidence:
    """Return all that was seen up to now, in seconds since the switch."""
    period = state.until - state.began
    elapsed = period if now >= state.until - EARLY_S else max(now - state.began, 0.0)
    times = _Times(state.switched)
    return Evidence(
        columns=tuple(
            _signal(signal, state.signals.get(signal.name, SignalRecord()), times)
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


class _Times:
    """Turns times into seconds after the switch; most signals were looked at at the same ones."""

    def __init__(self, switched: float) -> None:
        self._switched = switched
        self._known: dict[bytes, tuple[float, ...]] = {}

    def of(self, looks: Looks) -> tuple[float, ...]:
        key = looks.at.tobytes()
        if key not in self._known:
            self._known[key] = tuple(round(at - self._switched, 3) for at in looks.at)
        return self._known[key]


def _signal(signal: Signal, record: SignalRecord, times: _Times) -> SignalColumns:
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
        baseline=_columns(record.before, times),
        post=_columns(record.after, times),
        reference=_columns(record.reference, times) if record.reference else None,
        control_baseline=_columns(record.control_before, times) if signal.control else None,
        control_post=_columns(record.control_after, times) if signal.control else None,
    )


def _columns(looks: Looks, times: _Times) -> Columns:
    return Columns(
        at_s=times.of(looks),
        value=looks.values,
        state=looks.states,
        errors=looks.errors,
        requests=looks.requests,
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
