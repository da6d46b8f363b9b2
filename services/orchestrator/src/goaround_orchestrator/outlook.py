"""What would be done for a version, without doing it: the guide with every template replaced.

Pure. The lines are taken from the very commands that a run would send.
"""

from dataclasses import dataclass
from datetime import datetime

from goaround_orchestrator.commands import Desk, PinnedGuide, commands_for
from goaround_orchestrator.planning import plan_of
from goaround_orchestrator.preflight import way_back
from goaround_orchestrator.run import Landing, Order, Run, What
from goaround_schemas import api
from goaround_schemas.catalogue import AnyCommand
from goaround_schemas.duration import show_duration
from goaround_schemas.guide import Migrations, Step
from goaround_schemas.matrix import WorkVerify
from goaround_schemas.procedure import (
    ProcedureData,
    WorkDeploy,
    WorkInspect,
    WorkInspectData,
    WorkRollback,
)
from goaround_schemas.request import DeployRequestedData
from goaround_schemas.watching import WorkWatch


@dataclass(frozen=True, slots=True)
class Proven:
    """When the way back was last gone to its end, and when its migrations were rehearsed."""

    last_proof: datetime | None = None
    last_rehearsal: datetime | None = None


NOT_PROVEN = Proven()


def plan(
    query: api.PlanQuery,
    pinned: PinnedGuide,
    running: Landing | None,
    now: datetime,
    proven: Proven = NOT_PROVEN,
) -> api.Plan:
    """Return what would be done.

    Raises:
        Unresolved: A template has no value: {previous.version}, where nothing runs yet.
    """
    request = DeployRequestedData(
        run_id="plan",
        service=query.service,
        environment=query.environment,
        version=query.version,
    )
    run = Run(
        id=request.run_id,
        service=query.service,
        environment=query.environment,
        version=query.version,
        previous_version=running.version if running else None,
        requested_by="nobody",
        requested_at=now,
        phase_since=now,
        guide_name=pinned.name,
        guide_digest=pinned.digest,
        plan=plan_of(pinned.guide, pinned.guide.environments[query.environment], request),
        last_proof=proven.last_proof,
        last_rehearsal=proven.last_rehearsal,
    )
    lines: list[api.PlanLine] = []
    for stage, what, phase in _ways(run):
        desk = Desk(run.model_copy(update={"stage": stage}), pinned, None, now, None)
        name = run.the_plan.stages[stage].name
        for command in commands_for(desk, Order(what=what, stage=stage)):
            lines += _lines(phase, name, command)
    lines += [
        _line("rollback possible", "", r.name, f"{r.outcome}: {r.detail}")
        for r in way_back(run, now)
    ]
    warnings = [
        f"{w}: {d}"
        for wanted, w, d in (
            (run.previous_version, "no previous version", "this would be a first deployment"),
            (run.the_plan.watched, "no watch", "the guide has no watch period or no signals"),
            (run.the_plan.ci, "no CI check", "the guide has no preflight.ci"),
        )
        if not wanted
    ]
    return api.Plan(
        service=query.service,
        environment=query.environment,
        version=query.version,
        previous_version=run.previous_version,
        digest=pinned.digest,
        lines=tuple(lines),
        warnings=tuple(warnings),
    )


def _ways(run: Run) -> list[tuple[int, What, str]]:
    plan_ = run.the_plan
    ways = [(0, What.ASK_PREFLIGHT, "preflight")]
    if plan_.inspects:
        ways.append((0, What.INSPECT, "preflight"))
    for i in range(len(plan_.stages)):
        ways.append((i, What.DEPLOY, "deploying"))
        if plan_.has_readiness:
            ways.append((i, What.ASK_READINESS, "deploying"))
        ways.append((i, What.ASK_HEALTH, "verifying"))
        if plan_.watched:
            ways.append((i, What.WATCH, "watching"))
    last = len(plan_.stages) - 1
    if plan_.contracts:
        ways.append((last, What.CONTRACT, "after Green"))
    if run.previous_version is not None or plan_.has_first:
        ways.append((last, What.ROLL_BACK, "if it must go around"))
    if run.previous_version is not None:
        ways.append((last, What.ASK_ROLLBACK_HEALTH, "if it must go around"))
    return ways


def _lines(phase: str, stage: str, command: AnyCommand) -> list[api.PlanLine]:
    match command:
        case WorkInspect():
            return _inspection(phase, stage, command.data)
        case WorkVerify():
            return [
                api.PlanLine(
                    phase=phase, stage=stage, what=f"check {q.category}", detail=q.check.title
                )
                for q in command.data.questions
            ]
        case WorkDeploy():
            migrations = _migrations(command.data.migrations, back=False)
            return [_line(phase, stage, *m) for m in migrations] + _steps(
                phase, stage, command.data
            )
        case WorkRollback():
            migrations = _migrations(command.data.migrations, back=True)
            return [_line(phase, stage, *m) for m in migrations] + _steps(
                phase, stage, command.data
            )
        case WorkWatch():
            watch = command.data.watch
            if watch is None:
                return []
            said = f"for {show_duration(watch.period)}, every {show_duration(watch.every)}"
            names = (*(s.name for s in watch.signals), *(s.title for s in watch.logs))
            return [_line(phase, stage, f"watch {name}", said) for name in names]
        case _:
            return []


def _inspection(phase: str, stage: str, data: WorkInspectData) -> list[api.PlanLine]:
    migrations = data.migrations
    how = "not at all: the guide does not say how their SQL can be had"
    if migrations.can_be_judged:
        how = "each that is pending is judged by its SQL; " + _let_through(migrations)
    lines = [_line(phase, stage, "inspect migrations", how)]
    if data.rehearse:
        said = "up, down and up again on a scratch copy of the schema"
        lines.append(_line(phase, stage, "rehearse migrations", said))
        smoke = migrations.rehearse.smoke if migrations.rehearse else ()
        lines += [_line(phase, stage, f"rehearse, {s.name}", _step(s)) for s in smoke]
    return lines


def _let_through(migrations: Migrations) -> str:
    if not migrations.allow:
        return "what nothing takes back is refused, unless a person allows it"
    return f"what is {' or '.join(migrations.allow)} is let through by the guide"


def _line(phase: str, stage: str, what: str, detail: str) -> api.PlanLine:
    return api.PlanLine(phase=phase, stage=stage, what=what, detail=detail)


def _migrations(migrations: Migrations | None, *, back: bool) -> list[tuple[str, str]]:
    if migrations is None:
        return []
    argv = migrations.revert if back else migrations.apply
    what = "revert migrations" if back else "apply migrations"
    return [(what, " ".join(argv) if argv else "the guide has no revert")]


def _steps(phase: str, stage: str, data: ProcedureData) -> list[api.PlanLine]:
    return [_line(phase, stage, f"step {s.name}", _step(s)) for s in data.steps]


def _step(step: Step) -> str:
    if step.run:
        return " ".join(step.run)
    if step.http:
        return f"{step.http.method} {step.http.url}"
    return (step.script or "").strip().splitlines()[0]
