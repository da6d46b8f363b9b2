"""What would be done, without doing it: the very commands that a run would send."""

import pytest

from goaround_guidebook import Unresolved
from goaround_orchestrator import outlook
from goaround_orchestrator.run import Landing
from goaround_schemas import api
from goaround_schemas.guide import Guide, RollbackProcedure, Stage
from tests import builders as messages
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at

QUERY = api.PlanQuery(service="checkout", environment="prod", version="2.0.0")


def plan(guide: Guide, running: Landing | None = None) -> api.Plan:
    return outlook.plan(QUERY, build.pinned(guide), running, at())


def test_a_plan_goes_through_every_stage_and_then_the_way_back() -> None:
    stages = (Stage(name="canary"), Stage(name="all"))
    said = plan(messages.guide(stages=stages, watch=messages.watch()), build.landing("1.0.0"))
    order = list(dict.fromkeys((x.phase, x.stage) for x in said.lines))
    assert order == [
        ("preflight", "canary"),
        ("deploying", "canary"),
        ("verifying", "canary"),
        ("watching", "canary"),
        ("deploying", "all"),
        ("verifying", "all"),
        ("watching", "all"),
        ("if it must go around", "all"),
        ("rollback possible", ""),
    ]
    text = "\n".join(f"{x.what}: {x.detail}" for x in said.lines)
    assert "step switch to 2.0.0: ./release 2.0.0" in text
    assert "step back to previous: ./release 1.0.0" in text
    assert "apply migrations: alembic upgrade head" in text
    assert "revert migrations: alembic downgrade {migration.before}" in text
    assert "watch p95 latency: for 15m, every 15s" in text
    assert said.warnings == ("no CI check: the guide has no preflight.ci",)


def test_a_first_deployment_is_warned_of_and_has_only_its_own_way_back() -> None:
    bare = plan(messages.guide())
    assert "no previous version: this would be a first deployment" in bare.warnings
    assert "if it must go around" not in {x.phase for x in bare.lines}
    way = RollbackProcedure(
        steps=(messages.step("back"),), first=(messages.step("away", run=("./rm", "{version}")),)
    )
    said = plan(messages.guide(rollback=way))
    assert [x.detail for x in said.lines if x.what == "step away"] == ["./rm 2.0.0"]


def test_a_template_without_a_value_is_named() -> None:
    way = RollbackProcedure(steps=(messages.step("back", run=("./release", "{vars.nowhere}")),))
    with pytest.raises(Unresolved, match=r"vars\.nowhere"):
        plan(messages.guide(rollback=way), build.landing("1.0.0"))
