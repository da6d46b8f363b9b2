"""Lays what is remembered before the judge, and puts its verdict into the run's own words. Pure."""

from functools import lru_cache, partial
from typing import NamedTuple

from goaround_judge import (
    Bad,
    Columns,
    Control,
    Evidence,
    Frame,
    LogEvidence,
    LogRule,
    LogVerdict,
    Moments,
    Observed,
    Series,
    SignalColumns,
    SignalKind,
    SignalRule,
    SignalVerdict,
    Undecided,
    Usual,
    Verdict,
    judge_observed,
    moments_since,
)
from goaround_schemas.guide import Signal
from goaround_schemas.watching import SignalSummary
from goaround_watcher.logbook import windows
from goaround_watcher.looks import Looks
from goaround_watcher.state import LogRecord, SignalRecord, State

EARLY_S = 0.02
"""An alarm may ring that much early, as its time is given in milliseconds."""
_UNSEEN = SignalRecord()
_COUNTED = SignalKind.ERRORS.value


class _Known(NamedTuple):
    """What is known of one signal's baseline, and what it was worked out of."""

    rule: SignalRule
    before: Looks
    reference: Looks
    usual: Usual

    def is_of(self, rule: SignalRule, record: SignalRecord) -> bool:
        """Whether it was worked out of the same, which may have been read anew."""
        return (
            (self.rule is rule or self.rule == rule)
            and self.before.is_same(record.before)
            and self.reference.is_same(record.reference)
        )


class Insight:
    """What the judge has worked out of a watch's baselines, of use as long as they are the same."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def usual(self, rule: SignalRule, record: SignalRecord) -> Usual:
        """Return what is known of a signal's baseline: nothing, where anything about it is new."""
        known = self._known.get(rule.name)
        if known is None or not known.is_of(rule, record):
            known = _Known(rule, record.before, record.reference, Usual())
            self._known[rule.name] = known
        return known.usual


def verdict_on(state: State, now: float, insight: Insight) -> Verdict:
    """Return the verdict on all that was seen up to now.

    It is that of `evidence_of`, in a third of the time: nothing is written out for it.
    """
    times = _Times(state.switched)
    every_s = state.plan.every.total_seconds()
    observed = [
        _observed(signal, state.signals.get(signal.name, _UNSEEN), times, every_s, insight)
        for signal in state.plan.signals
    ]
    return judge_observed(_frame(state, now), observed)


def evidence_of(state: State, now: float) -> Evidence:
    """Return all that was seen up to now, in seconds since the switch."""
    times = _Times(state.switched)
    columns = tuple(
        _signal(signal, state.signals.get(signal.name, _UNSEEN), times)
        for signal in state.plan.signals
    )
    return Evidence(columns=columns, **_frame(state, now)._asdict())


def _frame(state: State, now: float) -> Frame:
    period = state.until - state.began
    elapsed = period if now >= state.until - EARLY_S else max(now - state.began, 0.0)
    return Frame(
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
        self._known: dict[bytes, Moments] = {}

    def of(self, looks: Looks) -> Moments:
        key = looks.at.tobytes()
        known = self._known.get(key)
        if known is None:
            known = moments_since(self._switched, looks.at)
            self._known[key] = known
        return known


def _rule(signal: Signal) -> SignalRule:
    return _same_rule(
        signal.name,
        signal.kind,
        signal.bad,
        signal.unit,
        signal.matters_from,
        signal.min_requests,
        muted=signal.muted,
    )


@lru_cache(maxsize=4096)
def _same_rule(
    name: str,
    kind: str,
    bad: str | None,
    unit: str,
    matters_from: float,
    min_requests: int,
    *,
    muted: bool,
) -> SignalRule:
    """Return the rule; many watches have it from one guide."""
    return SignalRule(
        name=name,
        kind=SignalKind(kind),
        bad=None if bad is None else Bad(bad),
        unit=unit,
        matters_from=matters_from,
        min_requests=min_requests,
        muted=muted,
    )


def _observed(
    signal: Signal, record: SignalRecord, times: _Times, every_s: float, insight: Insight
) -> Observed:
    """Return what `observe` makes of the same signal's columns."""
    rule = _rule(signal)
    control: Control | None = None
    if signal.control:
        control = Control(
            _series(signal, record.control_before, times),
            _series(signal, record.control_after, times),
            every_s,
        )
    return Observed(
        rule,
        partial(_series, signal, record.before, times),
        _series(signal, record.after, times),
        partial(_series, signal, record.reference, times) if record.reference else None,
        control,
        insight.usual(rule, record),
    )


def _series(signal: Signal, looks: Looks, times: _Times) -> Series:
    return looks.series(times.of(looks), counts=signal.kind == _COUNTED)


def _signal(signal: Signal, record: SignalRecord, times: _Times) -> SignalColumns:
    return SignalColumns(
        rule=_rule(signal),
        baseline=_columns(record.before, times),
        post=_columns(record.after, times),
        reference=_columns(record.reference, times) if record.reference else None,
        control_baseline=_columns(record.control_before, times) if signal.control else None,
        control_post=_columns(record.control_after, times) if signal.control else None,
    )


def _columns(looks: Looks, times: _Times) -> Columns:
    return Columns(
        at_s=tuple(times.of(looks).at_s.tolist()),
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
