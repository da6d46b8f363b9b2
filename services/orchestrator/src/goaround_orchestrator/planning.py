"""What a guide says that decides how a run goes, and how long each part may take.

Pure. The times are the guide's own bounds added up, plus a margin: a deadline is there to catch
what has died, never to hurry what the guide allows.
"""

from collections.abc import Iterable
from datetime import timedelta

from pydantic import BaseModel

from goaround_guidebook.template import uses
from goaround_orchestrator.run import Plan, RecipientPlan, StagePlan
from goaround_schemas.guide import (
    Check,
    DeployProcedure,
    Environment,
    Guide,
    HealthMatrix,
    Migrations,
    Readiness,
    Recipient,
    Stage,
    Step,
    Watch,
)
from goaround_schemas.request import DeployRequestedData

MARGIN_S = 60.0
"""For queues, redeliveries and restarts between what the guide bounds."""

SHORTEST_LOOK = timedelta(milliseconds=100)
"""What a watch allows at least for `every`: a request's period may be shorter than that."""

INSPECTED_MOST_S = 60.0
"""What is allowed for each question to a migration tool. Its `timeout` is for moving rows; a tool
that needs longer than this to say what is pending is not waited for."""

LIVE_BASELINE_MOST_S = 300.0
"""A live baseline takes no longer, whatever the guide's `before`: the watcher bounds it so."""


def plan_of(guide: Guide, environment: Environment, request: DeployRequestedData) -> Plan:
    """Compile the guide for one request."""
    watches = [watch_for(guide, stage, request.watch_period) for stage in guide.stages]
    rollback_matrix = guide.rollback.verify or guide.verify
    return Plan(
        stages=tuple(
            StagePlan(
                name=stage.name,
                deploy_s=_deploy_s(guide, stage, first=i == 0),
                watch_s=_watch_s(watches[i]),
            )
            for i, stage in enumerate(guide.stages)
        ),
        approval=environment.approval,
        watched=any(w.period for w in watches),
        undecided=guide.watch.undecided,
        hold_within=guide.watch.hold_within,
        hold_then=guide.watch.hold_then,
        queue_within=guide.policy.queue_within,
        has_readiness=guide.deploy.ready is not None,
        has_rollback_readiness=guide.rollback.ready is not None,
        has_first=bool(guide.rollback.first) and not _needs_previous(*_first(guide)),
        has_monitoring=bool(guide.preflight.dashboards),
        asks_running=guide.running is not None,
        needs_previous=_needs_previous(_forward(guide), guide.verify, guide.watch),
        inspects=guide.deploy.migrations is not None,
        rehearses=_rehearses(guide.deploy.migrations),
        keeps_schema=_keeps(guide.deploy.migrations),
        contracts=bool(after_green(guide)),
        allow=guide.deploy.migrations.allow if guide.deploy.migrations else (),
        allow_revert=guide.deploy.migrations.allow_revert if guide.deploy.migrations else (),
        ci=bool(guide.preflight.ci),
        dashboards=bool(guide.preflight.dashboards),
        knowledge=guide.preflight.rollback,
        recipients=tuple(
            RecipientPlan(index=i, name=name_of(r, i), when=r.when)
            for i, r in enumerate(guide.notify)
        ),
        preflight_s=_preflight_s(guide),
        verify_s=_matrix_s(_rows(guide.verify)) + MARGIN_S,
        rollback_s=_rollback_s(guide) + _matrix_s(_rows(rollback_matrix)) + MARGIN_S,
        record_s=MARGIN_S,
        contract_s=sum(map(_step_s, after_green(guide))) + MARGIN_S,
    )


def watch_for(guide: Guide, stage: Stage, asked: timedelta | None) -> Watch:
    """The watch of one stage: the request's period first, then the stage's, then the guide's."""
    period = asked if asked is not None else stage.watch_period
    if period is None or not (guide.watch.signals or guide.watch.logs):
        return guide.watch
    every = guide.watch.every
    if period:
        # Shorter than the shortest look is one look.
        period = max(period, SHORTEST_LOOK)
        every = max(min(every, period), SHORTEST_LOOK)
    return guide.watch.model_copy(update={"period": period, "every": every})


def _needs_previous(*parts: BaseModel | None) -> bool:
    return any("previous.version" in uses(part) for part in parts if part)


def _first(guide: Guide) -> tuple[BaseModel | None, ...]:
    return (*guide.rollback.first, _forward(guide).migrations)


def _forward(guide: Guide) -> DeployProcedure:
    """The way forward itself, without what a rehearsal has the previous version do."""
    return guide.deploy.model_copy(update={"migrations": moving(guide.deploy.migrations)})


def _rehearses(migrations: Migrations | None) -> bool:
    return bool(migrations and migrations.rehearse and migrations.rehearse.before_deploy)


def _keeps(migrations: Migrations | None) -> bool:
    return migrations is not None and migrations.on_rollback == "keep"


def moving(migrations: Migrations | None) -> Migrations | None:
    """What is needed to move the schema itself: the rehearsal is another command's."""
    return migrations.model_copy(update={"rehearse": None}) if migrations else None


def after_green(guide: Guide) -> tuple[Step, ...]:
    """The steps that are done once the last stage is Green."""
    return tuple(s for s in guide.deploy.steps if s.when == "after_green")


def steps_for(steps: Iterable[Step], *stages: str) -> tuple[Step, ...]:
    """The steps that belong to any of these stages, and to the deployment itself."""
    return tuple(
        s for s in steps if s.when == "deploy" and (not s.only or set(s.only) & set(stages))
    )


def name_of(recipient: Recipient, index: int) -> str:
    """How records call a recipient. An address may hold a secret, so it is never used."""
    return recipient.name or f"recipient {index + 1}"


def _rows(matrix: HealthMatrix) -> tuple[Check, ...]:
    return (*matrix.liveness, *matrix.readiness, *matrix.dependency, *matrix.smoke)


def _check_s(check: Check) -> float:
    if check.within is not None:
        return check.within.total_seconds() + check.timeout.total_seconds()
    once = check.timeout.total_seconds()
    return once + check.retries * (once + check.every.total_seconds())


def _matrix_s(checks: Iterable[Check]) -> float:
    # Rows run beside one another, and a matrix that could not be told is asked three times.
    return 3 * max((_check_s(c) for c in checks), default=0.0)


def _step_s(step: Step) -> float:
    return step.timeout.total_seconds() * (step.retries + 1) + 5.0 * step.retries


def _migrations_s(migrations: Migrations | None) -> float:
    return 3 * migrations.timeout.total_seconds() if migrations else 0.0


def _ready_s(ready: Readiness | None) -> float:
    return ready.within.total_seconds() if ready else 0.0


def _deploy_s(guide: Guide, stage: Stage, *, first: bool) -> float:
    steps = steps_for(guide.deploy.steps, stage.name)
    migrations = guide.deploy.migrations if first else None
    return (
        _migrations_s(migrations)
        + sum(map(_step_s, steps))
        + _ready_s(guide.deploy.ready)
        + MARGIN_S
    )


def _rollback_s(guide: Guide) -> float:
    ways = (guide.rollback.steps, guide.rollback.first)
    return (
        _migrations_s(guide.deploy.migrations)
        + max(sum(map(_step_s, way)) for way in ways)
        + _ready_s(guide.rollback.ready)
        + MARGIN_S
    )


def _watch_s(watch: Watch) -> float:
    extended = watch.extend.by.total_seconds() * watch.extend.at_most
    return watch.period.total_seconds() + extended + 4 * watch.every.total_seconds() + MARGIN_S


def _preflight_s(guide: Guide) -> float:
    pre = guide.preflight
    possible = guide.rollback.possible
    asked = (
        *pre.ci,
        *pre.dashboards,
        *pre.checks,
        *possible.artifact,
        *possible.configuration,
        *((guide.running,) if guide.running else ()),
    )
    # Of a source that somebody else wrote it is not known here whether it tells of the past.
    live = bool(guide.watch.logs) or any(
        source.prometheus is None
        for signal in guide.watch.signals
        for source in (*signal.sources, *signal.control_sources)
    )
    before = guide.watch.baseline.before.total_seconds() if live else 0.0
    inspected = _inspected_s(guide.deploy.migrations)
    return max(_matrix_s(asked), min(before, LIVE_BASELINE_MOST_S), inspected) + MARGIN_S


def _inspected_s(migrations: Migrations | None) -> float:
    if migrations is None:
        return 0.0
    rehearsed = migrations.rehearse.within.total_seconds() if migrations.rehearse else 0.0
    # The tool is asked where the schema is, what is pending, and for its way back.
    return 3 * min(migrations.timeout.total_seconds(), INSPECTED_MOST_S) + rehearsed
