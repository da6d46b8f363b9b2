"""The plan: what the guide says that decides, and deadlines that never hurry what it allows."""

from datetime import timedelta
from typing import Any

import pytest

from goaround_orchestrator.planning import MARGIN_S, plan_of
from goaround_orchestrator.run import Plan
from goaround_schemas.guide import (
    DeployProcedure,
    Extension,
    Guide,
    HealthMatrix,
    Preflight,
    Readiness,
    Recipient,
    RollbackProcedure,
    Signal,
    Stage,
)
from goaround_schemas.request import DeployRequestedData
from tests import builders as messages


def plan(guide: Guide, watch_period: str | None = None) -> Plan:
    wish = {"run_id": "r-1", "service": "checkout", "environment": "prod", "version": "2"}
    data = DeployRequestedData.model_validate({**wish, "watch_period": watch_period})
    return plan_of(guide, guide.environments["prod"], data)


def step(name: str, seconds: int, **changes: Any) -> Any:
    return messages.step(name, timeout=timedelta(seconds=seconds), **changes)


def test_a_stage_may_take_what_its_own_steps_may_take() -> None:
    guide = messages.guide(
        stages=(Stage(name="canary"), Stage(name="all")),
        deploy=DeployProcedure(
            migrations=messages.migrations(timeout=timedelta(seconds=100)),
            steps=(
                step("shift", 10, only=("canary",)),
                step("switch", 20, retries=2, idempotent=True),
            ),
            ready=Readiness(checks=(messages.http_check(),), within=timedelta(seconds=40)),
        ),
    )
    canary, whole = plan(guide).stages
    assert canary.deploy_s == 3 * 100 + 10 + (3 * 20 + 2 * 5) + 40 + MARGIN_S
    assert whole.deploy_s == (3 * 20 + 2 * 5) + 40 + MARGIN_S


def test_a_watch_may_take_its_period_with_every_extension() -> None:
    extend = Extension(by=timedelta(seconds=30), at_most=3)
    watch = messages.watch(period=timedelta(seconds=100), every=timedelta(seconds=5), extend=extend)
    assert plan(messages.guide(watch=watch)).stages[0].watch_s == 100 + 90 + 20 + MARGIN_S
    assert plan(messages.guide(watch=watch), "50s").stages[0].watch_s == 50 + 90 + 20 + MARGIN_S


@pytest.mark.parametrize(
    ("source", "waits"),
    [
        ({"prometheus": "x"}, False),
        ({"scrape": {"url": "http://shop/metrics", "value": "x"}}, True),
        ({"plugin": {"name": "csv"}}, True),
        ({"prometheus": "x", "control": {"plugin": {"name": "csv"}}}, True),
    ],
)
def test_pre_flight_waits_for_a_baseline_that_takes_time(
    source: dict[str, Any], waits: bool
) -> None:
    signal = Signal.model_validate({"name": "x", **source})
    watch = messages.watch(signals=(signal,), logs=())
    assert (plan(messages.guide(watch=watch)).preflight_s >= 300 + MARGIN_S) is waits


def test_a_matrix_may_be_asked_three_times_by_its_slowest_row() -> None:
    slow = messages.http_check(timeout=timedelta(seconds=10), retries=3, every=timedelta(seconds=2))
    patient = messages.http_check(timeout=timedelta(seconds=5), within=timedelta(seconds=20))
    verify = HealthMatrix(liveness=(slow,), smoke=(patient,))
    assert plan(messages.guide(verify=verify)).verify_s == 3 * (10 + 3 * 12) + MARGIN_S
    assert plan(messages.guide(verify=HealthMatrix(smoke=(patient,)))).verify_s == 75 + MARGIN_S


def test_the_way_back_may_take_the_longer_of_its_two_ways() -> None:
    rollback = RollbackProcedure(steps=(step("a", 10),), first=(step("b", 500),))
    guide = messages.guide(rollback=rollback, deploy=DeployProcedure(steps=(step("c", 1),)))
    assert plan(guide).rollback_s >= 500


@pytest.mark.parametrize(
    ("watch", "asked", "watched"),
    [
        (messages.watch(), None, True),
        (messages.watch(), "0s", False),
        (None, None, False),
        (None, "10m", False),
        (messages.watch(period=timedelta(0)), "10m", True),
    ],
)
def test_a_run_is_watched_if_there_is_something_to_watch_and_time_for_it(
    watch: Any, asked: str | None, watched: bool
) -> None:
    guide = messages.guide(**({"watch": watch} if watch else {}))
    assert plan(guide, asked).watched == watched


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({}, False),
        ({"deploy": DeployProcedure(steps=(messages.step("{previous.version}"),))}, True),
        ({"verify": HealthMatrix(smoke=(messages.http_check("{previous.version}"),))}, True),
        ({"preflight": Preflight(checks=(messages.http_check("{previous.version}"),))}, False),
    ],
)
def test_whether_the_way_forward_needs_a_previous_version(
    changes: dict[str, Any], needed: bool
) -> None:
    assert plan(messages.guide(**changes)).needs_previous == needed


@pytest.mark.parametrize(
    ("first", "usable"), [((), False), (("./rm",), True), (("./rm", "{previous.version}"), False)]
)
def test_a_first_way_back_that_needs_a_previous_version_is_none(
    first: tuple[str, ...], usable: bool
) -> None:
    steps = (messages.step("away", run=first),) if first else ()
    rollback = RollbackProcedure(steps=(messages.step("back"),), first=steps)
    assert plan(messages.guide(rollback=rollback)).has_first == usable


def test_recipients_are_known_by_name_and_never_by_address() -> None:
    notify = (Recipient(to="${env:HOOK}", name="hook"), Recipient(to="https://secret@host"))
    known = plan(messages.guide(notify=notify))
    assert [r.name for r in known.recipients] == ["hook", "recipient 2"]
    assert "secret" not in known.model_dump_json()
