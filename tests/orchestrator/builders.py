"""Runs, plans, guides and answers, with everything that a test does not care about filled in."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.ledger import Evidence
from goaround_orchestrator.lifecycle import (
    ACTIVE,
    Answered,
    Asked,
    Begin,
    Enqueue,
    Input,
    Tick,
    decide,
)
from goaround_orchestrator.run import (
    Landing,
    Order,
    Pending,
    Plan,
    RecipientPlan,
    Run,
    StagePlan,
    Step,
    What,
)
from goaround_schemas.guide import Guide
from goaround_schemas.matrix import DeployVerified, Matrix, MatrixRow, RowOutcome
from goaround_schemas.notice import DeployNotified
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import DeployExecuted, DeployInspected, StepResult
from goaround_schemas.recording import DeployRecorded, Entry
from goaround_schemas.watching import DeployBaselined, DeployJudged, SignalBaseline
from tests import builders as messages
from tests.builders import at

__all__ = ["at"]

ID = "r-1"
ACTIVE_PHASES = ACTIVE


def plan(**changes: Any) -> Plan:
    """Return a plan of one stage, watched, with nobody to tell."""
    usual: dict[str, Any] = {
        "stages": (StagePlan(name="all", deploy_s=100, watch_s=500),),
        "watched": True,
        "hold_within": timedelta(hours=1),
        "queue_within": timedelta(hours=24),
    }
    return Plan(**{**usual, **changes})


def stages(*names: str) -> tuple[StagePlan, ...]:
    """Return stages of these names."""
    return tuple(StagePlan(name=n, deploy_s=100, watch_s=500) for n in names)


def recipient(name: str = "team", *when: str, index: int = 0) -> RecipientPlan:
    """Return someone to tell, of the start unless moments are named."""
    return RecipientPlan.model_validate(
        {"index": index, "name": name, "when": when or ("started",)}
    )


def run(**changes: Any) -> Run:
    """Return a run of checkout 2.0.0 in prod, just asked for at noon."""
    plan_changes = changes.pop("planned", {})
    usual: dict[str, Any] = {
        "id": ID,
        "service": "checkout",
        "environment": "prod",
        "version": "2.0.0",
        "requested_by": "ada",
        "requested_at": at(),
        "phase_since": at(),
        "guide_name": "checkout.yaml",
        "guide_digest": "sha256:" + "ab" * 32,
        "plan": plan(**plan_changes),
    }
    return Run(**{**usual, **changes})


def landing(version: str = "1.0.0", **changes: Any) -> Landing:
    """Return a version of checkout that runs in prod."""
    usual: dict[str, Any] = {
        "service": "checkout",
        "environment": "prod",
        "previous_version": None,
        "run_id": "r-0",
        "at": at(-3600),
    }
    return Landing.model_validate({**usual, "version": version, **changes})


def evidence(**changes: Any) -> Evidence:
    """Return what the verdict on the usual run rests on, as it is kept."""
    usual: dict[str, Any] = {
        "id": "e-1",
        "run_id": ID,
        "version": "2.0.0",
        "stage": "all",
        "colour": "red",
        "action": "rollback",
        "judged_at": at(60),
        "switched_at": at(10),
        "looks": 7,
        "judge_version": "2",
        "body": b"packed",
    }
    return Evidence(**{**usual, **changes})


def begun(running: Landing | None = None, **changes: Any) -> Step:
    """Return the step of a run whose turn has come, 1.0.0 being what runs by the record."""
    return decide(run(**changes), Begin(running=running or landing()), at())


def pending(what: What, run_: Run) -> Pending:
    """Return what the run waits for of this kind."""
    return next(p for p in run_.pending if p.order.what is what)


def row(name: str = "alive", outcome: str = "passed", **changes: Any) -> MatrixRow:
    """Return one row of a matrix."""
    usual: dict[str, Any] = {"category": "liveness", "detail": f"{name} said {outcome}"}
    return MatrixRow(name=name, outcome=RowOutcome(outcome), **{**usual, **changes})


def matrix(outcome: str = "passed", *rows: MatrixRow, kind: str = "health") -> Matrix:
    """Return a matrix whose only row says the same as the whole, unless rows are given."""
    said = rows or (row(outcome=outcome),)
    return Matrix.model_validate({"kind": kind, "of": "2.0.0", "outcome": outcome, "rows": said})


def verified(to: Run, what: What, outcome: str = "passed", *rows: MatrixRow) -> Answered:
    """Return the verifier's answer to what the run asked."""
    waited = pending(what, to)
    event = messages.message(
        DeployVerified,
        run_id=to.id,
        id=f"verified-{waited.id}",
        causationid=waited.id,
        matrix=matrix(outcome, *rows),
    )
    return Answered(event)


def baselined(to: Run, *, answered: bool = True) -> Answered:
    """Return the watcher's word on the time before."""
    waited = pending(What.TAKE_BASELINE, to)
    signal = SignalBaseline(
        name="p95", answered=answered, detail="0.2 s" if answered else "no data", samples=60
    )
    event = messages.message(
        DeployBaselined,
        run_id=to.id,
        id=f"baselined-{waited.id}",
        causationid=waited.id,
        complete=answered,
        signals=(signal,),
        logs=(),
    )
    return Answered(event)


def inspected(to: Run, *, outcome: str = "done", **changes: Any) -> Answered:
    """Return the deployer's word on the migrations; none is pending unless one is given."""
    waited = pending(What.INSPECT, to)
    usual: dict[str, Any] = {
        "run_id": to.id,
        "id": f"inspected-{waited.id}",
        "causationid": waited.id,
        "outcome": outcome,
        "pending": (),
        "rehearsal": None,
    }
    return Answered(messages.message(DeployInspected, **{**usual, **changes}))


def executed(to: Run, what: What = What.DEPLOY, outcome: str = "done", **changes: Any) -> Answered:
    """Return the deployer's word on a procedure."""
    waited = pending(what, to)
    usual: dict[str, Any] = {
        "run_id": to.id,
        "id": f"executed-{waited.id}",
        "causationid": waited.id,
        "procedure": "deploy" if what in (What.DEPLOY, What.CONTRACT) else "rollback",
        "outcome": outcome,
        "reason": f"2 of 2 steps {outcome} in 3 s",
        "steps": (step_result(),),
        "migration": None,
        "time": at(20),
    }
    return Answered(messages.message(DeployExecuted, **{**usual, **changes}))


def step_result(name: str = "switch", **changes: Any) -> StepResult:
    """Return what became of one step."""
    return messages.step_result(name, **changes)


def judged(to: Run, action: str = "accept", **changes: Any) -> Answered:
    """Return the watcher's verdict."""
    waited = pending(What.WATCH, to)
    colour = {"accept": "green", "rollback": "red", "hold": "yellow"}[action]
    usual = {"action": action, "colour": colour, "reason": f"p95 0.3 s against 0.2 s: {action}"}
    event = messages.message(
        DeployJudged,
        run_id=to.id,
        id=f"judged-{waited.id}",
        causationid=waited.id,
        summary=messages.watch_summary(**{**usual, **changes}),
    )
    return Answered(event)


def recorded(to: Run, *entries: Entry) -> Answered:
    """Return the scribe's word."""
    waited = pending(What.RECORD, to)
    usual = (Entry(what="changelog", outcome="written", where="CHANGELOG.md"),)
    event = messages.message(
        DeployRecorded,
        run_id=to.id,
        id=f"recorded-{waited.id}",
        causationid=waited.id,
        entries=entries or usual,
        corrections=(),
    )
    return Answered(event)


def notified(
    to: Run, name: str = "team", moment: str = "started", outcome: str = "delivered"
) -> Answered:
    """Return the notifier's word on one recipient."""
    event = messages.message(
        DeployNotified,
        run_id=to.id,
        id=f"notified-{to.id}-{name}-{moment}-{outcome}",
        name=name,
        moment=moment,
        outcome=outcome,
        detail=f"status 200 for {name}",
    )
    return Answered(event)


def asked(what: str, actor: str = "eve", *groups: str, reason: str | None = None) -> Asked:
    """Return what a person asks."""
    verbs: Mapping[str, Any] = {"what": what}
    return Asked(**verbs, actor=actor, groups=groups, reason=reason)


TICK = Tick()


def walk(start: Run, *ways: str, now: float = 0.0) -> Run:
    """Return the run after these answers, each named by what it says.

    The names are those of `_WAYS`; every one is given a second after the one before it.
    """
    current = start
    for i, way in enumerate(ways, 1):
        current = decide(current, _WAYS[way](current), at(now + i)).run
    return current


_WAYS: Mapping[str, Callable[[Run], Input]] = {
    "begin": lambda _: Begin(running=landing()),
    "begin first": lambda _: Begin(running=None),
    "asked": lambda r: verified(r, What.ASK_PREFLIGHT),
    "baseline": baselined,
    "inspected": inspected,
    "not inspected": lambda r: inspected(r, outcome="errored", reason="no route to the database"),
    "contracted": lambda r: executed(r, What.CONTRACT),
    "told": lambda r: notified(r, "hook"),
    "approve": lambda _: asked("approve", "eve", "sre"),
    "deployed": executed,
    "deploy failed": lambda r: executed(r, outcome="failed"),
    "ready": lambda r: verified(r, What.ASK_READINESS),
    "healthy": lambda r: verified(r, What.ASK_HEALTH),
    "unhealthy": lambda r: verified(r, What.ASK_HEALTH, "failed"),
    "green": judged,
    "red": lambda r: judged(r, "rollback"),
    "yellow": lambda r: judged(r, "hold"),
    "back": lambda r: executed(r, What.ROLL_BACK),
    "back failed": lambda r: executed(r, What.ROLL_BACK, "failed"),
    "back ready": lambda r: verified(r, What.ASK_ROLLBACK_READINESS),
    "back healthy": lambda r: verified(r, What.ASK_ROLLBACK_HEALTH),
    "back unhealthy": lambda r: verified(r, What.ASK_ROLLBACK_HEALTH, "failed"),
    "recorded": recorded,
    "promote": lambda _: asked("promote"),
    "resume": lambda _: asked("resume"),
    "roll back": lambda _: asked("rollback"),
}

_TO: Mapping[Phase, tuple[str, ...]] = {
    Phase.PREFLIGHT: ("begin",),
    Phase.AWAITING_APPROVAL: ("begin", "asked", "baseline"),
    Phase.DEPLOYING: ("begin", "asked", "baseline"),
    Phase.VERIFYING: ("begin", "asked", "baseline", "deployed"),
    Phase.WATCHING: ("begin", "asked", "baseline", "deployed", "healthy"),
    Phase.HELD: ("begin", "asked", "baseline", "deployed", "healthy", "yellow"),
    Phase.ROLLING_BACK: ("begin", "asked", "baseline", "deployed", "unhealthy"),
    Phase.VERIFYING_ROLLBACK: ("begin", "asked", "baseline", "deployed", "unhealthy", "back"),
    Phase.RECORDING: ("begin", "asked", "baseline", "deployed", "healthy", "green"),
    Phase.SUCCEEDED: ("begin", "asked", "baseline", "deployed", "healthy", "green", "recorded"),
}


def in_phase(phase: Phase, **changes: Any) -> Run:
    """Return a run that came to this phase by the shortest way, a second for each answer."""
    if phase is Phase.AWAITING_APPROVAL:
        changes["planned"] = {"approval": approval(), **changes.get("planned", {})}
    return walk(run(**changes), *_TO[phase])


def approval(*names: str) -> dict[str, Any]:
    """Return who must approve: the group sre, unless names are given."""
    return {"from": names or ("sre",), "within": timedelta(hours=4)}


def order(what: What, **changes: Any) -> Order:
    """Return one order."""
    return Order(what=what, **changes)


def pinned(guide: Guide | None = None, text: str = "guide: goaround/v1\n") -> PinnedGuide:
    """Return a guide as a run pins it."""
    model = guide or messages.guide()
    digest = "sha256:" + sha256(model.model_dump_json().encode()).hexdigest()
    return PinnedGuide("checkout.yaml", digest, text, model)


def queued() -> Run:
    """Return a run that waits behind another."""
    return decide(run(), Enqueue("r-0"), at()).run


def said(way: str, to: Run) -> Input:
    """Return what this way says to the run: one of the names that `walk` takes."""
    return _WAYS[way](to)
