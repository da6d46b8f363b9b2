"""What becomes of a run's document: begun, looked at, answered, stopped. Pure and total.

A command begins it at look 0. Each look is numbered; what a look leads to is kept in the document
before it is said, so that whoever finds the document can say the same again. Nothing here asks a
source, the bus or the clock.
"""

from datetime import datetime
from enum import Enum, auto

from goaround_judge import Action
from goaround_schemas.guide import Watch
from goaround_schemas.watching import WorkWatch
from goaround_watcher import answers, baseline, plan
from goaround_watcher.document import Bounds, bounded
from goaround_watcher.evidence import EARLY_S, Insight, verdict_on
from goaround_watcher.look import Look, Order
from goaround_watcher.looks import NONE
from goaround_watcher.record import recorded
from goaround_watcher.rows import outage_since
from goaround_watcher.state import Doing, LogRecord, SignalRecord, State, Tick, changed

MOST_SERVED = 20
"""Commands of one run that are known again when they come late; a run has a few for each stage."""

USUAL = Bounds()


class Turn(Enum):
    """What a tick, or a repeated command, asks for."""

    LOOK = auto()
    """It is the one that is waited for."""
    AGAIN = auto()
    """Its look was taken; what that led to may not have been said."""
    EARLY = auto()
    """It is ahead of the document, which must be an old copy."""
    NOTHING = auto()
    """Nobody waits for it."""


def turn(state: State | None, tick: Tick) -> Turn:
    """Return what a tick asks for; each look is taken once, whatever comes twice or late."""
    if state is None:
        return Turn.EARLY
    if state.command_id != tick.command_id or state.doing is Doing.STOPPED:
        return Turn.NOTHING
    if tick.number > state.tick:
        return Turn.EARLY
    return Turn.LOOK if tick.number == state.tick and state.runs else Turn.AGAIN


def is_served(state: State, command: WorkWatch) -> bool:
    """Whether the command had its turn already, and another one came after it."""
    return command.id in state.served


def begun(
    command: WorkWatch,
    wanted: Watch,
    old: State | None,
    now: datetime,
    *,
    longest_baseline_s: float,
) -> State:
    """Return a document for the command; a watch takes over the baseline that was recorded."""
    data = command.data
    at = now.timestamp()
    watching = data.action == "watch"
    switched = min((data.switched_at or now).timestamp(), at)
    length = wanted.period.total_seconds()
    if not watching:
        length = 0.0
        if plan.needs_time(wanted):
            length = min(wanted.baseline.before.total_seconds(), longest_baseline_s)
    return State(
        run_id=data.run_id,
        service=data.service,
        environment=data.environment,
        version=data.version,
        stage=data.stage,
        correlation_id=command.correlationid,
        traceparent=command.traceparent,
        command_id=command.id,
        served=(*old.served, old.command_id)[-MOST_SERVED:] if old else (),
        plan=wanted,
        doing=Doing.WATCH if watching else Doing.BASELINE,
        began=at,
        switched=switched,
        until=at + length,
        looked=switched if watching else at - wanted.every.total_seconds(),
        signals=_baselines(old) if old and watching else {},
        logs=_known_logs(old) if old and watching else {},
        thinned=old.thinned if old and watching else 0,
    )


def _baselines(old: State) -> dict[str, SignalRecord]:
    return {
        name: record.model_copy(update={"after": NONE, "control_after": NONE, "detail": ""})
        for name, record in old.signals.items()
    }


def _known_logs(old: State) -> dict[str, LogRecord]:
    return {name: log.model_copy(update={"after": ()}) for name, log in old.logs.items()}


def order(state: State, now: datetime) -> Order:
    """Return what the next look is to bring: all since the last one."""
    at = now.timestamp()
    wanted = state.plan
    first = state.tick == 0
    before = state.doing is Doing.BASELINE
    signals = wanted.signals
    if before and not first:
        signals = tuple(s for s in signals if not plan.tells_of_the_past(s))
    return Order(
        span=plan.span(wanted, state.looked, at),
        signals=signals,
        logs=plan.titled(wanted),
        cursors={title: log.cursors for title, log in state.logs.items()},
        memory=state.memory,
        server=wanted.prometheus,
        outages={} if before else _outages(state),
        history=plan.before(wanted, at) if before and first else None,
        reference=plan.like_before(wanted, at) if before and first else None,
    )


def _outages(state: State) -> dict[str, float]:
    since = {
        name: [at for side in (r.after, r.control_after) if (at := outage_since(side)) is not None]
        for name, r in state.signals.items()
    }
    return {name: min(ats) for name, ats in since.items() if ats}


def after(
    state: State,
    look: Look,
    now: datetime,
    bounds: Bounds = USUAL,
    insight: Insight | None = None,
) -> State:
    """Return the document after a look, with what is to be said and when to look again.

    It is cut to its bounds before it is judged, never after: whoever finds the document finds the
    very evidence of the verdict that it tells.
    """
    state = bounded(recorded(state, look), bounds)
    if state.doing is Doing.BASELINE:
        return _after_baseline_look(state, now)
    verdict = verdict_on(state, now.timestamp(), insight or Insight())
    observed = answers.observed(state, look, verdict, now)
    due = _due(state, now) if verdict.action is Action.CONTINUE else state.due
    state = changed(state, tick=state.tick + 1, said=(observed,), due=due)
    match verdict.action:
        case Action.CONTINUE:
            return state
        case Action.EXTEND:
            longer = max(state.until, now.timestamp()) + state.plan.extend.by.total_seconds()
            return _armed(changed(state, until=longer, extensions=state.extensions + 1), now)
        case Action.ACCEPT | Action.ROLLBACK | Action.HOLD:
            judged = answers.judged(state, verdict, now)
            return _answered(changed(state, said=(observed, judged)))


def _after_baseline_look(state: State, now: datetime) -> State:
    state = changed(state, tick=state.tick + 1, said=())
    if now.timestamp() < state.until - EARLY_S:
        return _armed(state, now)
    return _answered(changed(state, said=(baseline.baselined(state, now),)))


def _armed(state: State, now: datetime) -> State:
    return changed(state, due=_due(state, now))


def _due(state: State, now: datetime) -> datetime:
    every = state.plan.every.total_seconds()
    return plan.next_look(state.began, every, now.timestamp(), state.until)


def _answered(state: State) -> State:
    return changed(state, doing=Doing.ANSWERED, due=None)


def stopped(state: State) -> State:
    """Return the document of a run that is looked at no more."""
    return changed(state, doing=Doing.STOPPED, due=None, said=())


def next_tick(state: State) -> Tick:
    """Return the body of the alarm for the next look."""
    return Tick(run_id=state.run_id, command_id=state.command_id, number=state.tick)
