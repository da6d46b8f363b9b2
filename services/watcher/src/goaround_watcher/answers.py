"""What the watcher says of a run, as messages. Pure.

Ids come from the command's id, so that saying it again is saying it once.
"""

import statistics
from collections import Counter
from datetime import datetime, timedelta
from typing import Literal, TypedDict

from goaround_judge import JUDGE_VERSION, SampleState, Verdict
from goaround_schemas.envelope import derived_id
from goaround_schemas.guide import Signal, Watch
from goaround_schemas.watching import (
    DeployBaselined,
    DeployBaselinedData,
    DeployJudged,
    DeployJudgedData,
    DeployObserved,
    DeployObservedData,
    Observation,
    SignalBaseline,
    WatchSummary,
    WorkWatch,
)
from goaround_watcher import plan
from goaround_watcher.evidence import log_summaries, signal_summaries
from goaround_watcher.look import Look
from goaround_watcher.state import LogRecord, Row, Rows, SignalRecord, State

SOURCE = "watcher"
Final = Literal["accept", "rollback", "hold"]


class _About(TypedDict):
    run_id: str
    service: str
    environment: str


class _Envelope(TypedDict):
    id: str
    source: str
    subject: str
    time: datetime
    correlationid: str
    causationid: str
    traceparent: str | None


def baselined(state: State, now: datetime) -> DeployBaselined:
    """Say what the time before was like, signal by signal."""
    signals = tuple(
        _signal_baseline(s, state.signals.get(s.name, SignalRecord()), state)
        for s in state.plan.signals
    )
    logs = tuple(_log_baseline(title, log, state) for title, log in state.logs.items())
    data = DeployBaselinedData(
        **_about(state),
        complete=all(part.answered for part in (*signals, *logs)),
        signals=signals,
        logs=logs,
    )
    return DeployBaselined(**_envelope(state, now, "deploy.baselined"), data=data)


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


def _numbers(rows: Rows) -> list[float]:
    return [
        number
        for row in rows
        if row.state is SampleState.OK
        and (number := row.errors if row.value is None else row.value) is not None
    ]


def _typical(rows: Rows, numbers: list[float]) -> float:
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
    return f"{looks}, {said}{reference}{_how_long(state, signal)}"


def _how_long(state: State, signal: Signal) -> str:
    """Say so where a baseline is shorter than the guide asks for."""
    asked = state.plan.baseline.before.total_seconds()
    every = state.plan.every.total_seconds()
    if plan.tells_of_the_past(signal):
        covered = min(asked, every * len(state.signals[signal.name].before))
        return "" if covered >= 0.5 * asked else f"; the last {covered:g} s of {asked:g} s"
    taken = state.until - state.began
    if taken >= asked:
        return ""
    return f"; taken live over {taken:g} s, not the guide's {asked:g} s: a page has no history"


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


def observed(state: State, look: Look, verdict: Verdict, now: datetime) -> DeployObserved:
    """Say what one look brought, and how things stand by it."""
    signals = {part.name: part for part in verdict.signals}
    logs = {part.name: part for part in verdict.logs}
    unit = {signal.name: signal.unit for signal in state.plan.signals}
    seen = [
        Observation(
            name=name,
            state=_last(record.after).state.value,
            value=_shown(_last(record.after)),
            unit=unit.get(name, ""),
            colour=signals[name].colour.value,
            detail=record.detail or signals[name].reason,
        )
        for name, record in state.signals.items()
        if name in signals
    ]
    seen += [
        Observation(
            name=title,
            state=lines.state.value,
            value=float(len(lines.lines)),
            unit="lines",
            colour=logs[title].colour.value,
            detail=lines.detail or logs[title].reason,
        )
        for title, lines in look.logs.items()
        if title in logs
    ]
    data = DeployObservedData(
        **_about(state),
        stage=state.stage,
        tick=state.tick,
        elapsed_s=round(max(now.timestamp() - state.began, 0.0), 3),
        period_s=round(state.until - state.began, 3),
        colour=verdict.colour.value,
        reason=verdict.reason,
        observations=tuple(seen),
    )
    envelope = _envelope(state, now, "deploy.observed", str(state.tick))
    return DeployObserved(**envelope, data=data)


def _last(rows: Rows) -> Row:
    return rows[-1] if rows else Row(0.0, None, SampleState.NO_DATA)


def _shown(row: Row) -> float | None:
    return row.errors if row.value is None else row.value


def judged(state: State, verdict: Verdict, now: datetime) -> DeployJudged:
    """Say the verdict, with every signal's part in it."""
    match verdict.action.value:
        case "accept" | "rollback" | "hold" as action:
            final: Final = action
        case _:
            final = state.plan.undecided
    summary = WatchSummary(
        stage=state.stage,
        colour=verdict.colour.value,
        action=final,
        reason=verdict.reason,
        deciding=verdict.deciding,
        would_be_green=verdict.would_be_green,
        signals=signal_summaries(state, verdict),
        logs=log_summaries(verdict),
        ticks=state.tick,
        extensions=state.extensions,
        watched_s=round(max(now.timestamp() - state.began, 0.0), 3),
        judge_version=verdict.judge_version,
    )
    data = DeployJudgedData(**_about(state), summary=summary)
    return DeployJudged(**_envelope(state, now, "deploy.judged"), data=data)


def unwatched_baseline(command: WorkWatch, now: datetime) -> DeployBaselined:
    """Say that there is nothing to record, as the guide asks for no watch."""
    data = DeployBaselinedData(**_asked(command), complete=True, signals=())
    return DeployBaselined(**_reply(command, now, "deploy.baselined"), data=data)


def unwatched(command: WorkWatch, now: datetime) -> DeployJudged:
    """Say that the guide asks for no watch."""
    summary = WatchSummary(
        stage=command.data.stage,
        colour="green",
        action="accept",
        reason="The guide asks for no watch: its period is 0.",
        judge_version=JUDGE_VERSION,
    )
    data = DeployJudgedData(**_asked(command), summary=summary)
    return DeployJudged(**_reply(command, now, "deploy.judged"), data=data)


def given_up_baseline(command: WorkWatch, why: str, now: datetime) -> DeployBaselined:
    """Say that no baseline could be taken."""
    wanted = command.data.watch or Watch(period=timedelta(0))
    detail = f"the watcher gave up: {why}"
    signals = tuple(
        SignalBaseline(name=s.name, answered=False, detail=detail, samples=0, unit=s.unit)
        for s in wanted.signals
    )
    logs = tuple(
        SignalBaseline(name=title, answered=False, detail=detail, samples=0)
        for title in plan.titled(wanted)
    )
    data = DeployBaselinedData(**_asked(command), complete=False, signals=signals, logs=logs)
    return DeployBaselined(**_reply(command, now, "deploy.baselined"), data=data)


def given_up(command: WorkWatch, why: str, now: datetime) -> DeployJudged:
    """Say that the watch could not be held: what then is to be done, the guide has said."""
    summary = WatchSummary(
        stage=command.data.stage,
        colour="yellow",
        action=command.data.watch.undecided if command.data.watch else "hold",
        reason=f"The watcher gave up: {why}",
        judge_version=JUDGE_VERSION,
    )
    data = DeployJudgedData(**_asked(command), summary=summary)
    return DeployJudged(**_reply(command, now, "deploy.judged"), data=data)


def _about(state: State) -> _About:
    return _About(run_id=state.run_id, service=state.service, environment=state.environment)


def _asked(command: WorkWatch) -> _About:
    data = command.data
    return _About(run_id=data.run_id, service=data.service, environment=data.environment)


def _envelope(state: State, now: datetime, *what: str) -> _Envelope:
    return _Envelope(
        id=derived_id(state.command_id, *what),
        source=SOURCE,
        subject=state.run_id,
        time=now,
        correlationid=state.correlation_id,
        causationid=state.command_id,
        traceparent=state.traceparent,
    )


def _reply(command: WorkWatch, now: datetime, what: str) -> _Envelope:
    return _Envelope(
        id=derived_id(command.id, what),
        source=SOURCE,
        subject=command.data.run_id,
        time=now,
        correlationid=command.correlationid,
        causationid=command.id,
        traceparent=command.traceparent,
    )
