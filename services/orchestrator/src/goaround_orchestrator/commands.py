"""Orders become commands: the guide's parts, every template replaced, addressed to one worker.

Pure. A command carries all that its worker needs, so that any worker can be killed, doubled or
moved. Written twice for the same order, it is the same command with the same id.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from goaround_guidebook.template import MIGRATION_BEFORE, Context, render, values
from goaround_orchestrator import finish, questions, wording
from goaround_orchestrator.planning import after_green, moving, steps_for, watch_for
from goaround_orchestrator.questions import Asked
from goaround_orchestrator.run import Order, Run, What
from goaround_schemas.catalogue import AnyCommand
from goaround_schemas.envelope import RunPayload
from goaround_schemas.guide import Guide, Readiness
from goaround_schemas.matrix import MatrixKind, Question, WorkVerify, WorkVerifyData
from goaround_schemas.notice import WorkNotify, WorkNotifyData
from goaround_schemas.procedure import (
    WorkDeploy,
    WorkDeployData,
    WorkInspect,
    WorkInspectData,
    WorkRollback,
    WorkRollbackData,
)
from goaround_schemas.recording import WorkRecord, WorkRecordData
from goaround_schemas.watching import WorkWatch, WorkWatchData

C = TypeVar(
    "C", WorkVerify, WorkInspect, WorkDeploy, WorkRollback, WorkWatch, WorkRecord, WorkNotify
)


@dataclass(frozen=True, slots=True)
class PinnedGuide:
    """The very guide that a run follows, whatever the file says by now."""

    name: str
    digest: str
    text: str
    guide: Guide


@dataclass(frozen=True, slots=True)
class Desk:
    """All that commands are written from."""

    run: Run
    pinned: PinnedGuide
    previous_text: str | None
    now: datetime
    cause: str | None

    @property
    def guide(self) -> Guide:
        """The guide's model."""
        return self.pinned.guide


def commands_for(desk: Desk, order: Order) -> tuple[AnyCommand, ...]:
    """Write the commands of one order: one, or for notices one for each recipient.

    Raises:
        Unresolved: A template has no value, although admission and pre-flight looked: a bug.
    """
    match order.what:
        case What.ASK_PREFLIGHT:
            return (
                _ask(
                    desk, order, "preflight", questions.preflight(desk.guide, desk.run), before=True
                ),
            )
        case What.INSPECT:
            return (_inspect(desk, order),)
        case What.ASK_READINESS:
            return (_ask_ready(desk, order, desk.guide.deploy.ready, back=False),)
        case What.ASK_HEALTH:
            return (_ask(desk, order, "health", questions.health(desk.guide.verify)),)
        case What.ASK_ROLLBACK_READINESS:
            return (_ask_ready(desk, order, desk.guide.rollback.ready, back=True),)
        case What.ASK_ROLLBACK_HEALTH:
            matrix = desk.guide.rollback.verify or desk.guide.verify
            return (_ask(desk, order, "health", questions.health(matrix), back=True),)
        case What.ASK_MONITORING:
            dashboards = questions.of("dashboards", desk.guide.preflight.dashboards)
            return (_ask(desk, order, "monitoring", dashboards),)
        case What.DEPLOY:
            return (_deploy(desk, order),)
        case What.CONTRACT:
            return (_contract(desk, order),)
        case What.STOP_CONTRACT:
            return (_stop_contract(desk, order),)
        case What.ROLL_BACK:
            return (_roll_back(desk, order),)
        case What.TAKE_BASELINE | What.WATCH | What.STOP_WATCH:
            return (_watch(desk, order),)
        case What.RECORD:
            return (_record(desk, order),)
        case What.TELL:
            return _tell(desk, order)


def _command(kind: type[C], desk: Desk, data: RunPayload, id_: str) -> C:
    document: dict[str, Any] = {
        "id": id_,
        "source": "orchestrator",
        "subject": desk.run.id,
        "time": desk.now,
        "correlationid": desk.run.id,
        "causationid": desk.cause,
        "traceparent": desk.run.traceparent,
        "data": data,
    }
    return kind.model_validate(document)


def _address(run: Run) -> dict[str, str]:
    return {"run_id": run.id, "service": run.service, "environment": run.environment}


def _context(desk: Desk, *, back: bool = False, before: bool = False) -> Context:
    run, guide = desk.run, desk.guide
    stage = guide.stages[run.stage]
    version, previous = run.version or "", run.previous_version
    if back:
        version, previous = previous or version, version
    if before and previous is None:
        # Pre-flight looks before it is known what runs; its own row says that nothing did.
        previous = "none"
    return Context(
        version=version,
        previous_version=previous,
        environment=run.environment,
        run_id=run.id,
        stage_name=stage.name,
        stage_weight=stage.weight,
        vars=guide.environments[run.environment].vars,
    )


def _ask(
    desk: Desk,
    order: Order,
    kind: MatrixKind,
    asked: list[Asked],
    *,
    back: bool = False,
    before: bool = False,
    within_s: float | None = None,
) -> WorkVerify:
    run = desk.run
    context = _context(desk, back=back, before=before)
    data = WorkVerifyData(
        **_address(run),
        kind=kind,
        of=context.version,
        questions=tuple(
            Question(category=category, check=render(check, context)) for category, check in asked
        ),
        within_s=within_s,
    )
    return _command(WorkVerify, desk, data, order.id_for(run.id))


def _ask_ready(desk: Desk, order: Order, ready: Readiness | None, *, back: bool) -> WorkVerify:
    checks = ready.checks if ready else ()
    within_s = ready.within.total_seconds() if ready else None
    asked = questions.of("readiness", checks)
    return _ask(desk, order, "readiness", asked, back=back, within_s=within_s or None)


def _deploy(desk: Desk, order: Order) -> WorkDeploy:
    run, guide = desk.run, desk.guide
    context = _context(desk)
    migrations = moving(guide.deploy.migrations) if run.stage == 0 else None
    data = WorkDeployData(
        **_address(run),
        version=context.version,
        previous_version=run.previous_version,
        stage=context.stage_name,
        steps=tuple(render(s, context) for s in steps_for(guide.deploy.steps, context.stage_name)),
        migrations=render(migrations, context, frozenset({MIGRATION_BEFORE}))
        if migrations
        else None,
        allow=run.allowed,
        values=values(context),
    )
    return _command(WorkDeploy, desk, data, order.id_for(run.id))


def _inspect(desk: Desk, order: Order) -> WorkInspect:
    run = desk.run
    data = inspection(
        desk.guide,
        _context(desk),
        service=run.service,
        run_id=run.id,
        rehearse=run.the_plan.rehearses,
    )
    return _command(WorkInspect, desk, data, order.id_for(run.id))


def inspection(
    guide: Guide, context: Context, *, service: str, run_id: str, rehearse: bool
) -> WorkInspectData:
    """Return what is to be looked at of a version's migrations; the guide must have some.

    Raises:
        Unresolved: A template has no value here.
    """
    migrations = guide.deploy.migrations
    assert migrations is not None, "a guide without migrations asks for no inspection"
    if migrations.rehearse is not None and (context.previous_version is None or not rehearse):
        # Where nothing ran before, there is nothing that must go on working.
        alone = migrations.rehearse.model_copy(update={"smoke": ()})
        migrations = migrations.model_copy(update={"rehearse": alone})
    return WorkInspectData(
        run_id=run_id,
        service=service,
        environment=context.environment,
        version=context.version,
        previous_version=context.previous_version,
        migrations=render(migrations, context, frozenset({MIGRATION_BEFORE})),
        values=values(context),
        rehearse=rehearse,
    )


def _contract(desk: Desk, order: Order) -> WorkDeploy:
    """The steps for after Green. They are nobody's way forward any more, and have no way back."""
    run = desk.run
    context = _context(desk)
    data = WorkDeployData(
        **_address(run),
        version=context.version,
        previous_version=run.previous_version,
        stage=context.stage_name,
        steps=tuple(render(s, context) for s in after_green(desk.guide)),
        migrations=None,
        allow=run.allowed,
        values=values(context),
    )
    return _command(WorkDeploy, desk, data, order.id_for(run.id))


def _stop_contract(desk: Desk, order: Order) -> WorkRollback:
    run = desk.run
    context = _context(desk)
    data = WorkRollbackData(
        **_address(run),
        version=context.version,
        previous_version=run.previous_version,
        stage=context.stage_name,
        steps=(),
        migrations=None,
        allow=(),
        values={},
    )
    return _command(WorkRollback, desk, data, order.id_for(run.id))


def _roll_back(desk: Desk, order: Order) -> WorkRollback:
    run, guide = desk.run, desk.guide
    context = _context(desk)
    way = guide.rollback.steps if run.previous_version is not None else guide.rollback.first
    migrations = moving(guide.deploy.migrations)
    if run.previous_version is None and not run.the_plan.has_first:
        # There is no way back: what is at work is to be stopped, and that is all.
        way, migrations = (), None
    reached = [s.name for s in guide.stages[: run.stage + 1]]
    if run.kind == "rollback":
        reached = [s.name for s in guide.stages]
    data = WorkRollbackData(
        **_address(run),
        version=context.version,
        previous_version=run.previous_version,
        stage=context.stage_name,
        steps=tuple(render(s, context) for s in steps_for(way, *reached)),
        migrations=render(migrations, context, frozenset({MIGRATION_BEFORE}))
        if migrations
        else None,
        values=values(context),
        deployed_by=run.deployed_by,
        migration_before=run.migration.before if run.migration else None,
        fingerprint_before=run.migration.fingerprint_before if run.migration else None,
        allow=run.allowed_back,
        resumes=run.resumes,
    )
    return _command(WorkRollback, desk, data, order.id_for(run.id))


def _watch(desk: Desk, order: Order) -> WorkWatch:
    run, guide = desk.run, desk.guide
    # To stop is said of the stage that was watched; the run may be at the next one by now.
    stage = guide.stages[order.stage]
    context = _context(desk, before=order.what is What.TAKE_BASELINE)
    actions = {What.TAKE_BASELINE: "baseline", What.WATCH: "watch", What.STOP_WATCH: "stop"}
    stopping = order.what is What.STOP_WATCH
    document: dict[str, Any] = {
        **_address(run),
        "action": actions[order.what],
        "version": context.version,
        "stage": stage.name,
        "watch": None if stopping else render(watch_for(guide, stage, run.watch_period), context),
        "switched_at": run.switched_at if order.what is What.WATCH else None,
    }
    data = WorkWatchData.model_validate(document)
    # A watch may be stopped more than once in a run: in a stage, and again on the way back.
    more = (str(run.revision),) if stopping else ()
    return _command(WorkWatch, desk, data, order.id_for(run.id, *more))


def _record(desk: Desk, order: Order) -> WorkRecord:
    run, guide = desk.run, desk.guide
    context = _context(desk, before=True)
    document: dict[str, Any] = {
        **_address(run),
        "kind": run.kind,
        "version": run.version,
        "previous_version": run.previous_version,
        "requested_by": run.requested_by,
        "request_reason": run.request_reason,
        "emergency": run.emergency,
        "artifact": run.artifact,
        "outcome": run.outcome,
        "reason": run.reason,
        "timeline": run.timeline,
        "verification": run.matrices,
        "steps": run.steps,
        "migration": run.migration,
        "migrations": run.pending_migrations,
        "warnings": run.warnings,
        "watch": run.watches[-1] if run.watches else None,
        "rollback": finish.rollback(run),
        "record": render(guide.record, context),
        "docs": guide.docs,
        "guide_name": desk.pinned.name,
        "guide_text": desk.pinned.text,
        "guide_digest": desk.pinned.digest,
        "previous_guide_text": desk.previous_text,
    }
    data = WorkRecordData.model_validate(document)
    return _command(WorkRecord, desk, data, order.id_for(run.id))


def _tell(desk: Desk, order: Order) -> tuple[WorkNotify, ...]:
    run, moment = desk.run, order.moment
    if moment is None:
        return ()
    context = _context(desk, before=True)
    told: list[WorkNotify] = []
    for recipient in run.the_plan.told_of(moment):
        address = render(desk.guide.notify[recipient.index], context).to
        data = WorkNotifyData(
            **_address(run),
            moment=moment,
            to=address,
            name=recipient.name,
            title=wording.title(run, moment),
            text=wording.text(run, moment),
            urgent=moment == "page",
            version=run.version,
            outcome=run.outcome or (run.phase if run.ended else None),
        )
        # Held twice is told twice; everything else happens once in a run.
        more = (str(run.revision),) if moment in ("held", "awaiting_approval") else ()
        id_ = order.id_for(run.id, str(recipient.index), *more)
        told.append(_command(WorkNotify, desk, data, id_))
    return tuple(told)
