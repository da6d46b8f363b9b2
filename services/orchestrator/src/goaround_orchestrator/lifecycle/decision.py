"""What a run does next, decided without doing it.

Pure and total: `now` comes in, orders go out. The same run and input give the same step.
A repeat, a late answer and an answer to a command that the run no longer waits for change
nothing; an end is an end.
"""

from datetime import datetime
from typing import assert_never

from goaround_orchestrator.lifecycle import asking, attribution, back, ending, forward, waiting
from goaround_orchestrator.lifecycle.inputs import (
    Answered,
    Asked,
    Begin,
    Enqueue,
    GiveWay,
    Input,
    Refuse,
    Tick,
)
from goaround_orchestrator.lifecycle.moving import ME, move, stay, tell, without
from goaround_orchestrator.lifecycle.table import UNTOUCHED
from goaround_orchestrator.run import Order, Pending, Run, Step, Told, What
from goaround_schemas.matrix import DeployVerified, Matrix
from goaround_schemas.notice import DeployNotified
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import DeployExecuted, DeployInspected
from goaround_schemas.recording import DeployRecorded
from goaround_schemas.watching import DeployBaselined, DeployJudged

_MATRICES = frozenset(
    {
        What.ASK_PREFLIGHT,
        What.ASK_READINESS,
        What.ASK_HEALTH,
        What.ASK_ROLLBACK_READINESS,
        What.ASK_ROLLBACK_HEALTH,
        What.ASK_MONITORING,
    }
)


def decide(run: Run, what: Input, now: datetime) -> Step:
    """Return the next step, or the same run where there is nothing to do."""
    if run.ended:
        return Step(run=run, refused=_ended(run, what))
    # Clocks of two machines differ: a run's own time never goes back.
    now = max(now, run.phase_since)
    match what:
        case Begin():
            if run.phase not in (Phase.REQUESTED, Phase.QUEUED):
                return Step(run=run, refused=f"run {run.id} is {run.phase}: it has begun already")
            return forward.begin(run, what, now)
        case Enqueue(behind):
            if run.phase is not Phase.REQUESTED:
                return Step(run=run, refused=f"run {run.id} is {run.phase}: it cannot queue")
            return move(
                Step(run=run),
                Phase.QUEUED,
                now,
                f"waits for run {behind}",
                actor=ME,
                within_s=run.the_plan.queue_within.total_seconds(),
            )
        case Refuse(reason):
            if run.phase not in UNTOUCHED:
                return Step(run=run, refused=f"run {run.id} is {run.phase}: it cannot be refused")
            return move(Step(run=run), Phase.REJECTED, now, reason, tell("finished"), actor=ME)
        case GiveWay(to, reason):
            if run.phase not in UNTOUCHED:
                return Step(run=run, refused=f"run {run.id} is {run.phase}: it cannot give way")
            why = f"gives way to run {to}: {reason}"
            return move(
                asking.given_up(run, now), Phase.SUPERSEDED, now, why, tell("finished"), actor=ME
            )
        case Answered():
            return _answered(run, what, now)
        case Asked():
            return asking.asked(run, what, now)
        case Tick():
            return waiting.tick(run, now)
        case _:
            assert_never(what)


def _ended(run: Run, what: Input) -> str:
    said = f"run {run.id} has ended: {run.phase}. {run.reason}"
    if isinstance(what, Asked) and what.what == "rollback":
        # A rollback of what a finished run brought is a run of its own.
        said += (
            f". To take back what runs now: goaround rollback {run.service} --env {run.environment}"
        )
    return said


def _answered(run: Run, answer: Answered, now: datetime) -> Step:
    event = answer.event
    if isinstance(event, DeployNotified):
        return _told(run, event, now)
    waited = next((p for p in run.pending if p.id == event.causationid), None)
    if waited is None:
        if isinstance(event, DeployExecuted):
            return _interrupted(run, event)
        return Step(run=run)
    return _awaited(run, waited, answer, now)


def _awaited(before: Run, waited: Pending, answer: Answered, now: datetime) -> Step:
    what, run, event = waited.order.what, without(before, waited), answer.event
    match event:
        case DeployVerified() if what in _MATRICES:
            return _looked(run, waited.order, event.data.matrix, now)
        case DeployBaselined() if what is What.TAKE_BASELINE:
            return forward.baseline_taken(run, event.data, now)
        case DeployInspected() if what is What.INSPECT:
            return forward.inspected(run, waited.order, event.data, now)
        case DeployExecuted() if what is What.DEPLOY:
            return forward.deployed(run, event.data, event.time, now)
        case DeployExecuted() if what is What.ROLL_BACK:
            return back.executed(run, event.data, now)
        case DeployExecuted() if what in (What.CONTRACT, What.STOP_CONTRACT):
            return ending.contracted(run, event.data, now)
        case DeployJudged() if what is What.WATCH:
            suspected = attribution.with_suspects(run, answer.neighbours)
            return forward.judged(suspected, event.data.summary, now)
        case DeployRecorded() if what is What.RECORD:
            return ending.recorded(run, event.data, now)
        case _:
            # An answer of the wrong kind answers nothing: keep waiting for the right one.
            return Step(run=before)


def _looked(run: Run, order: Order, matrix: Matrix, now: datetime) -> Step:
    match order.what:
        case What.ASK_PREFLIGHT:
            return forward.preflight_asked(run, order, matrix, now)
        case What.ASK_READINESS:
            return forward.readied(run, matrix, now)
        case What.ASK_HEALTH:
            return forward.verified(run, order, matrix, now)
        case What.ASK_ROLLBACK_READINESS:
            return back.readied(run, matrix, now)
        case What.ASK_ROLLBACK_HEALTH:
            return back.verified(run, order, matrix, now)
        case _:
            return ending.monitored(run, matrix, now)


def _told(run: Run, event: DeployNotified, now: datetime) -> Step:
    said = Told(
        moment=event.data.moment,
        name=event.data.name,
        outcome=event.data.outcome,
        detail=event.data.detail,
    )
    others = tuple(t for t in run.told if (t.moment, t.name) != (said.moment, said.name))
    known = run.model_copy(update={"told": (*others, said)})
    if run.phase is Phase.PREFLIGHT:
        return forward.preflight_concluded(known, now)
    return stay(known)


def _interrupted(run: Run, event: DeployExecuted) -> Step:
    stages = range(run.stage + 1)
    ours = {Order(what=What.DEPLOY, stage=s).id_for(run.id) for s in stages}
    if run.going is None or event.causationid not in ours:
        return Step(run=run)
    have = {(s.name, s.started_at) for s in run.steps}
    new = tuple(s for s in event.data.steps if (s.name, s.started_at) not in have)
    return back.late(run, new, event.data) if new else Step(run=run)
