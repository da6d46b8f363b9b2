"""What the time before the deployment was like, as the pre-flight check is told. Pure.

A signal that never answered says here why, so that it is mended before anything is deployed.
"""

import statistics
from collections import Counter
from datetime import datetime

from goaround_judge import SampleState
from goaround_schemas.guide import Signal
from goaround_schemas.watching import DeployBaselined, DeployBaselinedData, SignalBaseline
from goaround_watcher import plan
from goaround_watcher.envelope import about, envelope
from goaround_watcher.looks import Looks
from goaround_watcher.state import LogRecord, SignalRecord, State


def baselined(state: State, now: datetime) -> DeployBaselined:
    """Say what the time before was like, signal by signal."""
    signals = tuple(
        _signal_baseline(s, state.signals.get(s.name, SignalRecord()), state)
        for s in state.plan.signals
    )
    logs = tuple(_log_baseline(title, log, state) for title, log in state.logs.items())
    data = DeployBaselinedData(
        **about(state),
        complete=all(part.answered for part in (*signals, *logs)),
        signals=signals,
        logs=logs,
    )
    return DeployBaselined(**envelope(state, now, "deploy.baselined"), data=data)


def _signal_baseline(signal: Signal, record: SignalRecord, state: State) -> SignalBaseline:
    numbers = _numbers(record.before)
    last = record.before[-1].state if record.before else SampleState.NO_DATA
    # A series that has ended answers no more, however much of it there is.
    answered = bool(numbers) and last is not SampleState.STALE
    return SignalBaseline(
        name=signal.name,
        answered=answered,
        detail=_in_words(signal, record, numbers, state) if answered else _lack(record, last),
        samples=len(numbers),
        typical=_typical(record.before, numbers) if numbers else None,
        unit=signal.unit,
    )


def _numbers(rows: Looks) -> list[float]:
    return [
        number
        for row in rows
        if row.state is SampleState.OK
        and (number := row.errors if row.value is None else row.value) is not None
    ]


def _typical(rows: Looks, numbers: list[float]) -> float:
    """The median; of counts the share of failures, as a count means nothing without its whole."""
    requests = sum(row.requests or 0.0 for row in rows)
    return sum(numbers) / requests if requests else statistics.median(numbers)


def _in_words(signal: Signal, record: SignalRecord, numbers: list[float], state: State) -> str:
    unit = f" {signal.unit}" if signal.unit else ""
    looks = f"{len(numbers)} of {len(record.before)} looks answered"
    requests = sum(row.requests or 0.0 for row in record.before)
    if signal.kind == "errors":
        said = f"{sum(numbers):g} errors in {requests:g} requests"
    else:
        said = (
            f"typically {statistics.median(numbers):.4g}{unit} "
            f"({min(numbers):.4g} to {max(numbers):.4g})"
        )
    reference = f"; {len(record.reference)} looks of a like time" if record.reference else ""
    return f"{looks}, {said}{reference}{_how_long(state, signal, record)}{_beside(signal, record)}"


def _how_long(state: State, signal: Signal, record: SignalRecord) -> str:
    """Say so where a baseline is much shorter than the guide asks for."""
    asked = state.plan.baseline.before.total_seconds()
    covered = min(asked, state.plan.every.total_seconds() * len(record.before))
    if covered >= 0.5 * asked:
        return ""
    if plan.tells_of_the_past(signal):
        return f"; the last {covered:g} s of {asked:g} s"
    taken = state.until - state.began
    return f"; taken live over {taken:g} s, not the guide's {asked:g} s: not all of it has a past"


def _beside(signal: Signal, record: SignalRecord) -> str:
    """Say how its control does, whose silence is no fault of its own, and what the source adds."""
    looks, answered = len(record.control_before), len(_numbers(record.control_before))
    control = f"; its control answered {answered} of {looks} looks" if signal.control else ""
    return control + (f"; {record.detail}" if record.detail else "")


def _lack(record: SignalRecord, last: SampleState) -> str:
    states = Counter(row.state.value.replace("_", " ") for row in record.before)
    seen = ", ".join(f"{count} {state}" for state, count in states.most_common())
    why = record.detail or f"the last look says {last.value.replace('_', ' ')}"
    return f"{why} (looks: {seen or 'none'})"


def _log_baseline(title: str, log: LogRecord, state: State) -> SignalBaseline:
    timed = [s for s in log.before if s.readable and s.until > s.since]
    seconds = sum(s.until - s.since for s in timed)
    lines = sum(sum(s.counts.values()) for s in timed)
    answered = log.state is SampleState.OK and log.cursors is not None
    said = f"{lines} lines in {seconds:.3g} s, {len(log.templates)} kinds known"
    return SignalBaseline(
        name=title,
        answered=answered,
        detail=(f"{said}; {log.detail}" if log.detail else said) if answered else log.detail,
        samples=len(timed),
        typical=60 * lines / seconds if seconds else None,
        unit="lines/min",
    )
