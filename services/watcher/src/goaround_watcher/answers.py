"""What the watcher says of a run besides its baseline, as messages. Pure."""

from datetime import UTC, datetime, timedelta
from typing import Literal

from goaround_judge import JUDGE_VERSION, Colour, SampleState, Verdict, judge, recording
from goaround_schemas import watching
from goaround_schemas.guide import Watch
from goaround_schemas.watching import (
    DeployBaselined,
    DeployBaselinedData,
    DeployEvidenced,
    DeployEvidencedData,
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
from goaround_watcher.envelope import about, asked, envelope, reply
from goaround_watcher.evidence import evidence_of, log_summaries, signal_summaries
from goaround_watcher.look import Look
from goaround_watcher.looks import Looks, Row
from goaround_watcher.state import State

_COLOURS: dict[Colour, watching.Colour] = {colour: colour.value for colour in Colour}
_STATES: dict[
    SampleState, Literal["ok", "no_data", "nan", "stale", "provider_error", "too_few"]
] = {state: state.value for state in SampleState}
Final = Literal["accept", "rollback", "hold"]


def observed(state: State, look: Look, verdict: Verdict, now: datetime) -> DeployObserved:
    """Say what one look brought, and how things stand by it."""
    signals = {part.name: part for part in verdict.signals}
    unit = {signal.name: signal.unit for signal in state.plan.signals}
    seen = [
        Observation(
            name=name,
            state=_STATES[last.state],
            value=_shown(last),
            unit=unit.get(name, ""),
            colour=_COLOURS[part.colour],
            detail=record.detail or part.reason,
        )
        for name, record in state.signals.items()
        if (part := signals.get(name)) is not None
        for last in (_last(record.after),)
    ]
    logs = {part.name: part for part in verdict.logs}
    seen += [
        Observation(
            name=title,
            state=_STATES[lines.state],
            value=float(len(lines.lines)),
            unit="lines",
            colour=_COLOURS[logs[title].colour],
            detail=lines.detail or logs[title].reason,
        )
        for title, lines in look.logs.items()
        if title in logs
    ]
    data = DeployObservedData(
        **about(state),
        stage=state.stage,
        tick=state.tick,
        elapsed_s=round(max(now.timestamp() - state.began, 0.0), 3),
        period_s=round(state.until - state.began, 3),
        colour=_COLOURS[verdict.colour],
        reason=verdict.reason,
        observations=tuple(seen),
    )
    return DeployObserved(**envelope(state, now, "deploy.observed", str(state.tick)), data=data)


def _last(looks: Looks) -> Row:
    return looks[-1] if looks else Row(0.0, None, SampleState.NO_DATA)


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
    data = DeployJudgedData(**about(state), summary=summary)
    return DeployJudged(**envelope(state, now, "deploy.judged"), data=data)


def evidenced(state: State, judged: DeployJudged) -> DeployEvidenced:
    """Say all that the verdict rests on, made anew from the document that was kept with it."""
    evidence = evidence_of(state, judged.time.timestamp())
    verdict = judge(evidence)
    summary = judged.data.summary
    data = DeployEvidencedData(
        **about(state),
        version=state.version,
        stage=state.stage,
        colour=summary.colour,
        action=summary.action,
        judged_at=judged.time,
        switched_at=datetime.fromtimestamp(state.switched, UTC),
        looks=summary.ticks,
        judge_version=verdict.judge_version,
        recording=recording.write(evidence, verdict),
    )
    return DeployEvidenced(**envelope(state, judged.time, "deploy.evidenced"), data=data)


def unwatched_baseline(command: WorkWatch, now: datetime) -> DeployBaselined:
    """Say that there is nothing to record, as the guide asks for no watch."""
    data = DeployBaselinedData(**asked(command), complete=True, signals=())
    return DeployBaselined(**reply(command, now, "deploy.baselined"), data=data)


def unwatched(command: WorkWatch, now: datetime) -> DeployJudged:
    """Say that the guide asks for no watch."""
    summary = WatchSummary(
        stage=command.data.stage,
        colour="green",
        action="accept",
        reason="The guide asks for no watch: its period is 0.",
        judge_version=JUDGE_VERSION,
    )
    data = DeployJudgedData(**asked(command), summary=summary)
    return DeployJudged(**reply(command, now, "deploy.judged"), data=data)


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
    data = DeployBaselinedData(**asked(command), complete=False, signals=signals, logs=logs)
    return DeployBaselined(**reply(command, now, "deploy.baselined"), data=data)


def given_up(command: WorkWatch, why: str, now: datetime) -> DeployJudged:
    """Say that the watch could not be held: what then is to be done, the guide has said."""
    summary = WatchSummary(
        stage=command.data.stage,
        colour="yellow",
        action=command.data.watch.undecided if command.data.watch else "hold",
        reason=f"The watcher gave up: {why}",
        judge_version=JUDGE_VERSION,
    )
    data = DeployJudgedData(**asked(command), summary=summary)
    return DeployJudged(**reply(command, now, "deploy.judged"), data=data)
