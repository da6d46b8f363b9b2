"""Orders become commands: complete, for one worker, the same each time they are written."""

from datetime import timedelta
from typing import Any

import pytest

from goaround_orchestrator.commands import Desk, commands_for
from goaround_orchestrator.lifecycle import decide
from goaround_orchestrator.planning import plan_of
from goaround_orchestrator.run import Order, Run, What
from goaround_schemas.catalogue import AnyCommand
from goaround_schemas.envelope import encode
from goaround_schemas.guide import (
    DeployProcedure,
    Environment,
    Guide,
    Preflight,
    Readiness,
    Recipient,
    RollbackProcedure,
    Stage,
)
from goaround_schemas.matrix import WorkVerify
from goaround_schemas.notice import WorkNotify
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import MigrationResult, WorkDeploy, WorkRollback
from goaround_schemas.recording import WorkRecord
from goaround_schemas.request import DeployRequestedData
from goaround_schemas.watching import WorkWatch
from tests import builders as messages
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at

P = Phase


def version_check(name: str, of: str) -> Any:
    return messages.http_check(f"{{vars.base}}/version?{of}", name=name)


def full_guide(**changes: Any) -> Guide:
    usual: dict[str, Any] = {
        "environments": {"prod": Environment(vars={"base": "https://c", "team": "blue"})},
        "running": messages.http_check("{vars.base}/version", name="running"),
        "preflight": Preflight(
            ci=(version_check("ci", "{version}"),),
            dashboards=(version_check("dashboard", "{environment}"),),
            checks=(version_check("image", "{previous.version}"),),
        ),
        "stages": (
            Stage(name="canary", weight=10),
            Stage(name="all", watch_period=timedelta(minutes=2)),
        ),
        "deploy": DeployProcedure(
            migrations=messages.migrations(),
            steps=(
                messages.step(
                    "take {stage.weight}", run=("./shift", "{stage.name}"), only=("canary",)
                ),
                messages.step("switch", run=("./release", "{version}", "{run.id}")),
            ),
            ready=Readiness(
                checks=(version_check("ready", "{version}"),), within=timedelta(seconds=40)
            ),
        ),
        "verify": messages.guide().verify,
        "watch": messages.watch(),
        "rollback": RollbackProcedure(
            steps=(
                messages.step("release", run=("./release", "{previous.version}")),
                messages.step("all back", run=("./shift", "0"), only=("all",)),
            ),
            first=(messages.step("away", run=("./remove", "{version}")),),
            ready=Readiness(checks=(version_check("back ready", "{version}"),)),
        ),
        "notify": (
            Recipient(to="https://hook/{vars.team}", when=("started", "finished"), name="hook"),
            Recipient(to="mailto://ops", when=("finished",)),
        ),
    }
    return messages.guide(**{**usual, **changes})


def desk(run: Run, guide: Guide | None = None, *, now: float = 0) -> Desk:
    return Desk(run, build.pinned(guide or full_guide()), None, at(now), "m-1")


def planned(guide: Guide | None = None, **changes: Any) -> Run:
    model = guide or full_guide()
    wish = DeployRequestedData(
        run_id="r-1",
        service="checkout",
        environment="prod",
        version="2.0.0",
        watch_period=changes.get("watch_period"),
    )
    plan = plan_of(model, model.environments["prod"], wish)
    return build.run(plan=plan, **{"previous_version": "1.0.0", **changes})


def write(what: What, run: Run | None = None, **order: Any) -> AnyCommand:
    (command,) = commands_for(desk(run or planned()), Order(what=what, **order))
    return command


def urls(command: AnyCommand) -> list[str]:
    assert isinstance(command, WorkVerify)
    return [q.check.http.url for q in command.data.questions if q.check.http]


def test_preflight_asks_for_what_runs_ci_dashboards_and_the_guides_own_checks() -> None:
    command = write(What.ASK_PREFLIGHT)
    assert isinstance(command, WorkVerify)
    asked = [(q.category, q.check.required) for q in command.data.questions]
    assert asked == [("running", False), ("ci", True), ("dashboards", True), ("checks", True)]
    assert urls(command) == [
        "https://c/version",
        "https://c/version?2.0.0",
        "https://c/version?prod",
        "https://c/version?1.0.0",
    ]
    assert (command.data.kind, command.data.of) == ("preflight", "2.0.0")


def test_preflight_of_a_first_deployment_says_none_for_the_version_before() -> None:
    command = write(What.ASK_PREFLIGHT, planned(previous_version=None))
    assert urls(command)[-1] == "https://c/version?none"


def test_a_command_names_its_run_its_place_and_what_led_to_it() -> None:
    command = write(What.ASK_HEALTH, planned(traceparent="00-a-b-01"))
    assert (command.source, command.subject) == ("orchestrator", "r-1")
    assert command.correlationid == "r-1"
    assert (command.causationid, command.traceparent) == ("m-1", "00-a-b-01")
    assert (command.data.service, command.data.environment) == ("checkout", "prod")


def test_readiness_is_asked_for_until_its_time_is_up() -> None:
    command = write(What.ASK_READINESS)
    assert isinstance(command, WorkVerify)
    assert (command.data.kind, command.data.within_s) == ("readiness", 40)


@pytest.mark.parametrize("what", [What.ASK_ROLLBACK_HEALTH, What.ASK_ROLLBACK_READINESS])
def test_the_way_back_is_verified_for_the_previous_version(what: What) -> None:
    command = write(what)
    assert isinstance(command, WorkVerify)
    assert command.data.of == "1.0.0"
    if what is What.ASK_ROLLBACK_READINESS:
        assert urls(command) == ["https://c/version?1.0.0"]


@pytest.mark.parametrize(
    ("stage", "names", "migrates"), [(0, ["take 10", "switch"], True), (1, ["switch"], False)]
)
def test_a_stage_has_its_own_steps_and_migrations_are_applied_once(
    stage: int, names: list[str], migrates: bool
) -> None:
    command = write(What.DEPLOY, planned(stage=stage), stage=stage)
    assert isinstance(command, WorkDeploy)
    assert [s.name for s in command.data.steps] == names
    assert (command.data.migrations is not None) == migrates
    assert command.data.steps[-1].run == ("./release", "2.0.0", "r-1")
    assert command.data.values["GOAROUND_STAGE_NAME"] == ["canary", "all"][stage]
    assert command.data.values["GOAROUND_PREVIOUS_VERSION"] == "1.0.0"


def test_only_where_the_schema_was_is_left_for_the_deployer_to_fill_in() -> None:
    for what in (What.DEPLOY, What.ROLL_BACK):
        command = write(what)
        assert isinstance(command, WorkDeploy | WorkRollback)
        assert command.data.migrations is not None
        assert command.data.migrations.revert == ("alembic", "downgrade", "{migration.before}")


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"stage": 0}, ["release"]),
        ({"stage": 1}, ["release", "all back"]),
        ({"stage": 0, "kind": "rollback"}, ["release", "all back"]),
        ({"previous_version": None}, ["away"]),
    ],
)
def test_the_way_back_has_the_steps_of_every_stage_that_was_reached(
    changes: dict[str, Any], names: list[str]
) -> None:
    moved = MigrationResult(before="a1", after="b2")
    command = write(What.ROLL_BACK, planned(migration=moved, deployed_by="r-0", **changes))
    assert isinstance(command, WorkRollback)
    assert [s.name for s in command.data.steps] == names
    assert (command.data.migration_before, command.data.deployed_by) == ("a1", "r-0")


def test_where_there_is_no_way_back_the_deployer_is_only_told_to_stop() -> None:
    run = planned(previous_version=None)
    alone = run.model_copy(update={"plan": run.the_plan.model_copy(update={"has_first": False})})
    command = write(What.ROLL_BACK, alone)
    assert isinstance(command, WorkRollback)
    assert (command.data.steps, command.data.migrations) == ((), None)


@pytest.mark.parametrize(
    ("asked", "stage", "period", "every"),
    [
        (None, 0, 900, 15),
        (None, 1, 120, 15),
        (60, 1, 60, 15),
        (5, 0, 5, 5),
        (0.02, 0, 0.1, 0.1),
        (0, 0, 0, 15),
    ],
)
def test_a_requests_period_goes_before_the_stages_and_that_before_the_guides(
    asked: float | None, stage: int, period: float, every: float
) -> None:
    wanted = None if asked is None else timedelta(seconds=asked)
    run = planned(watch_period=wanted, stage=stage, switched_at=at(9))
    command = write(What.WATCH, run, stage=stage)
    assert isinstance(command, WorkWatch)
    watch = command.data.watch
    assert watch is not None
    assert (watch.period.total_seconds(), watch.every.total_seconds()) == (period, every)
    assert (command.data.action, command.data.switched_at) == ("watch", at(9))


def test_a_baseline_and_a_stop_say_what_they_are() -> None:
    baseline = write(What.TAKE_BASELINE, planned(switched_at=at(9)))
    assert isinstance(baseline, WorkWatch)
    assert (baseline.data.action, baseline.data.switched_at) == ("baseline", None)
    stop = write(What.STOP_WATCH, planned(stage=1), stage=0)
    assert isinstance(stop, WorkWatch)
    assert (stop.data.action, stop.data.watch, stop.data.stage) == ("stop", None, "canary")


def test_each_recipient_of_the_moment_is_told_at_its_own_address() -> None:
    ended = planned(phase=P.SUCCEEDED, outcome="succeeded", reason="all green")
    order = Order(what=What.TELL, moment="finished")
    told = commands_for(desk(ended), order)
    assert all(isinstance(t, WorkNotify) for t in told)
    said = [(t.data.name, t.data.to) for t in told if isinstance(t, WorkNotify)]
    assert said == [("hook", "https://hook/blue"), ("recipient 2", "mailto://ops")]
    (only,) = commands_for(desk(planned()), Order(what=What.TELL, moment="started"))
    assert isinstance(only, WorkNotify)
    assert only.data.title == "checkout 2.0.0 in prod: deployment starts"
    assert len({t.id for t in (*told, only)}) == 3


def test_a_page_that_nobody_asked_for_goes_to_everyone_and_is_urgent() -> None:
    told = commands_for(desk(planned(reason="broken")), Order(what=What.TELL, moment="page"))
    assert len(told) == 2
    assert all(isinstance(t, WorkNotify) and t.data.urgent for t in told)


def test_a_moment_that_concerns_nobody_is_told_to_nobody() -> None:
    assert commands_for(desk(planned()), Order(what=What.TELL, moment="held")) == ()


def test_the_record_holds_all_that_is_known() -> None:
    run = build.in_phase(P.RECORDING).model_copy(update={"plan": planned().plan})
    command = write(What.RECORD, run)
    assert isinstance(command, WorkRecord)
    data = command.data
    assert (data.outcome, data.reason, data.timeline) == ("succeeded", run.reason, run.timeline)
    assert (data.verification, data.steps) == (run.matrices, run.steps)
    assert data.guide_text == build.pinned(full_guide()).text


def life() -> list[tuple[Run, Order]]:
    """A run through everything, with the orders of each step."""
    run, ordered = planned(), list[tuple[Run, Order]]()
    ways = (
        *(
            "begin",
            "asked",
            "baseline",
            "inspected",
            "told",
            "deployed",
            "ready",
            "healthy",
            "yellow",
            "resume",
        ),
        *("green", "deployed", "ready", "healthy", "yellow", "resume", "red"),
        *("back", "back ready", "back healthy", "recorded"),
    )
    for n, way in enumerate(ways):
        step = decide(run, build.said(way, run), at(n + 1))
        ordered += [(step.run, o) for o in step.orders]
        run = step.run
    assert run.phase is P.ROLLED_BACK
    return ordered


def test_over_a_whole_run_no_two_commands_share_an_id() -> None:
    ids = [c.id for run, order in life() for c in commands_for(desk(run), order)]
    assert len(ids) >= 20
    assert len(set(ids)) == len(ids)


def test_a_reminder_is_the_same_command_but_for_its_time() -> None:
    for run, order in life():
        for first, again in zip(
            commands_for(desk(run), order), commands_for(desk(run, now=60), order), strict=True
        ):
            assert first.time != again.time
            assert encode(first) == encode(again.model_copy(update={"time": first.time}))
