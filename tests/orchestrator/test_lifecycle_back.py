"""The way back: from where it is taken, how it is proven, and what is said where it is not."""

from typing import Any

import pytest

from goaround_orchestrator.lifecycle import Begin, decide
from goaround_orchestrator.run import Landing, Run, Step, What
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import MigrationResult
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at

P = Phase


def orders(step: Step) -> list[What]:
    return [o.what for o in step.orders]


def asked_for(running: Landing | None = None, stranded: Run | None = None, **changes: Any) -> Step:
    usual: dict[str, Any] = {"kind": "rollback", "version": None, "request_reason": "it leaks"}
    usual |= changes
    what = Begin(running=running, last_proof=at(-9), stranded=stranded)
    return decide(build.run(**usual), what, at())


def test_the_way_back_has_a_deadline_and_tells_why() -> None:
    run = build.in_phase(P.ROLLING_BACK)
    assert run.deadline == run.phase_since + (at(600) - at())
    assert run.going is not None
    assert run.going.trigger == "2.0.0 failed its health: liveness, alive: alive said failed"


def test_a_rolled_back_run_is_one_whose_previous_version_is_proven_healthy() -> None:
    run = build.in_phase(P.VERIFYING_ROLLBACK)
    step = decide(run, build.verified(run, What.ASK_ROLLBACK_HEALTH), at(30))
    assert (step.run.phase, step.run.outcome) == (P.RECORDING, "rolled_back")
    assert step.run.reason == (
        "1.0.0 runs again and is healthy (1 of 1 checks passed). "
        "Why: 2.0.0 failed its health: liveness, alive: alive said failed"
    )
    ended = build.walk(step.run, "recorded", now=30)
    assert ended.phase is P.ROLLED_BACK
    assert ended.going is not None
    assert ended.going.matrix is not None
    assert ended.going.matrix.kind == ended.matrices[-1].kind == "rollback_health"


def test_an_unhealthy_previous_version_is_a_failed_rollback_and_a_page() -> None:
    run = build.in_phase(P.VERIFYING_ROLLBACK)
    step = decide(run, build.verified(run, What.ASK_ROLLBACK_HEALTH, "failed"), at(30))
    assert (step.run.phase, step.run.outcome) == (P.RECORDING, "rollback_failed")
    assert [(o.what, o.moment) for o in step.orders] == [(What.RECORD, None), (What.TELL, "page")]
    assert step.run.going is not None
    left = "1.0.0 is not proven healthy: liveness, alive: alive said failed"
    assert step.run.going.left == left
    assert step.run.reason.startswith(f"{left}. The way back was taken because: 2.0.0 failed")
    assert build.walk(step.run, "recorded", now=30).phase is P.ROLLBACK_FAILED


@pytest.mark.parametrize("outcome", ["failed", "errored", "unknown", "stopped"])
def test_a_way_back_that_is_not_done_is_a_failed_rollback(outcome: str) -> None:
    run = build.in_phase(P.ROLLING_BACK)
    step = decide(run, build.executed(run, What.ROLL_BACK, outcome), at(30))
    assert step.run.outcome == "rollback_failed"
    assert step.run.reason.startswith(f"the way back {outcome}: 2 of 2 steps {outcome} in 3 s")


def test_the_way_back_waits_for_readiness_within_the_same_phase() -> None:
    run = build.in_phase(P.ROLLING_BACK, planned={"has_rollback_readiness": True})
    step = decide(run, build.executed(run, What.ROLL_BACK), at(30))
    assert (step.run.phase, orders(step)) == (P.ROLLING_BACK, [What.ASK_ROLLBACK_READINESS])
    ready = build.walk(step.run, "back ready", now=30)
    assert (ready.phase, ready.reason) == (P.VERIFYING_ROLLBACK, "1.0.0 is ready")
    answer = build.verified(step.run, What.ASK_ROLLBACK_READINESS, "failed")
    late = decide(step.run, answer, at(31)).run
    assert late.outcome == "rollback_failed"
    assert late.reason.startswith("1.0.0 did not get ready: liveness, alive")


def first(**planned: Any) -> Run:
    ways = ("begin first", "asked", "baseline", "deployed")
    return build.walk(build.run(planned=planned), *ways)


def test_a_first_deployment_is_taken_away_again_by_its_own_steps() -> None:
    run = build.walk(first(has_first=True), "unhealthy", now=10)
    assert (run.phase, run.previous_version) == (P.ROLLING_BACK, None)
    step = decide(run, build.executed(run, What.ROLL_BACK), at(20))
    assert (step.run.phase, step.run.outcome) == (P.RECORDING, "rolled_back")
    assert step.run.reason.startswith("2.0.0 was taken away again; nothing ran before it. Why: ")


def test_a_first_deployment_without_a_way_back_says_what_is_left() -> None:
    run = first()
    step = decide(run, build.verified(run, What.ASK_HEALTH, "failed"), at(10))
    assert [m.to for m in step.moves] == [P.ROLLING_BACK, P.RECORDING]
    assert What.ROLL_BACK not in orders(step)
    assert step.run.outcome == "rollback_failed"
    assert step.run.going is not None
    assert "2.0.0 is left as it is: it was the first deployment" in (step.run.going.left or "")


def test_a_first_deployment_that_is_called_off_in_mid_step_stops_its_deployer_first() -> None:
    run = build.walk(build.run(), "begin first", "asked", "baseline")
    step = decide(run, build.asked("abort", "eve"), at(10))
    assert (step.run.phase, orders(step)) == (P.ROLLING_BACK, [What.TELL, What.ROLL_BACK])
    assert step.run.outcome is None
    stopped = decide(step.run, build.executed(step.run, What.ROLL_BACK), at(20)).run
    assert (stopped.phase, stopped.outcome) == (P.RECORDING, "rollback_failed")
    assert stopped.going is not None
    assert "2.0.0 is left as it is: it was the first deployment" in (stopped.going.left or "")


def test_a_deployer_that_does_not_stop_a_first_deployment_holds_its_end_up_to_the_deadline() -> (
    None
):
    run = build.walk(build.run(), "begin first", "asked", "baseline")
    step = decide(run, build.asked("rollback", "eve"), at(10))
    assert step.run.deadline is not None
    assert decide(step.run, build.TICK, step.run.deadline).run.outcome == "rollback_failed"


def test_a_first_deployment_whose_signals_cannot_answer_yet_is_no_reason_to_refuse_it() -> None:
    run = build.walk(build.run(), "begin first", "asked")
    step = decide(run, build.baselined(run, answered=False), at(3))
    assert step.run.phase is P.DEPLOYING
    row = next(r for r in step.run.matrices[0].rows if r.category == "signals")
    assert (row.outcome, row.required) == ("warned", False)
    assert row.detail == "no data; nothing runs yet that could answer"


def test_a_first_deployment_is_refused_where_the_way_forward_needs_a_previous_version() -> None:
    run = build.walk(
        build.run(planned={"needs_previous": True}), "begin first", "asked", "baseline"
    )
    assert run.phase is P.REJECTED
    assert "goaround adopt checkout VERSION --env prod" in run.reason


def test_a_rollback_of_what_runs_is_a_run_of_its_own() -> None:
    moved = MigrationResult(before="a1", after="b2")
    running = build.landing("2.0.0", previous_version="1.0.0", run_id="r-0", migration=moved)
    step = asked_for(running)
    run = step.run
    assert run.phase is P.ROLLING_BACK
    assert (run.version, run.previous_version) == ("2.0.0", "1.0.0")
    assert (run.deployed_by, run.migration, run.last_proof) == ("r-0", moved, at(-9))
    assert run.reason == "asked for by ada: it leaks"
    said = [(o.what, o.moment) for o in step.orders]
    assert said == [(What.TELL, "started"), (What.TELL, "rolling_back"), (What.ROLL_BACK, None)]
    end = build.walk(run, "back", "back healthy", "recorded")
    assert end.phase is P.ROLLED_BACK


@pytest.mark.parametrize(
    ("running", "changes", "why"),
    [
        (None, {}, "nothing is on record for checkout in prod, so there is nothing to roll back"),
        (build.landing("2.0.0"), {}, "2.0.0 is the first version on record"),
        (
            build.landing("2.0.0", previous_version="1.0.0"),
            {"wanted": "0.9.0"},
            "a rollback of 2.0.0 leads to 1.0.0, the version before it, not to 0.9.0; "
            "to run 0.9.0, deploy it",
        ),
    ],
)
def test_a_rollback_with_nowhere_to_go_is_refused(
    running: Landing | None, changes: dict[str, Any], why: str
) -> None:
    step = asked_for(running, **changes)
    assert step.run.phase is P.REJECTED
    assert step.run.reason.startswith(why)
    assert not step.run.changed


@pytest.mark.parametrize("wanted", ["1.0.0", "2.0.0", None])
def test_a_rollback_may_name_where_it_leads_or_what_it_takes_back(wanted: str | None) -> None:
    running = build.landing("2.0.0", previous_version="1.0.0")
    assert asked_for(running, wanted=wanted).run.phase is P.ROLLING_BACK


def test_the_first_version_can_be_taken_away_on_request_where_the_guide_says_how() -> None:
    run = asked_for(build.landing("2.0.0"), planned={"has_first": True}).run
    assert (run.phase, run.previous_version) == (P.ROLLING_BACK, None)


def test_a_deployment_that_was_interrupted_tells_afterwards_how_far_it_got() -> None:
    deploying = build.in_phase(P.DEPLOYING)
    moved = MigrationResult(before="a1", after="b2")
    late = build.executed(deploying, outcome="stopped", migration=moved)
    turned = build.walk(deploying, "roll back", now=10)
    step = decide(turned, late, at(20))
    assert (step.run.phase, step.moves, step.orders) == (P.ROLLING_BACK, (), ())
    assert [s.name for s in step.run.steps] == ["switch"]
    assert step.run.migration == moved
    assert decide(step.run, late, at(21)).run == step.run


def test_a_word_on_a_deployment_that_this_run_never_ordered_changes_nothing() -> None:
    deploying = build.in_phase(P.DEPLOYING)
    foreign = build.executed(deploying, causationid="someone-elses")
    assert decide(deploying, foreign, at(9)).run == deploying
    turned = build.walk(deploying, "roll back", now=10)
    assert decide(turned, foreign, at(20)).run == turned
    waiting = build.in_phase(P.PREFLIGHT)
    assert decide(waiting, build.executed(deploying), at(9)).run == waiting


def test_a_later_stage_goes_around_for_all_stages_that_were_reached() -> None:
    planned = {"stages": build.stages("canary", "all")}
    run = build.in_phase(P.WATCHING, planned=planned)
    run = build.walk(run, "green", "deployed", "unhealthy", now=20)
    assert (run.phase, run.stage, run.stage_name) == (P.ROLLING_BACK, 1, "all")


def test_after_a_failed_way_back_a_rollback_tries_that_way_again_and_goes_no_further() -> None:
    stranded = build.walk(
        build.in_phase(P.VERIFYING_ROLLBACK), "back unhealthy", "recorded", now=30
    )
    assert stranded.phase is P.ROLLBACK_FAILED
    step = asked_for(build.landing("1.0.0", previous_version="0.9.0"), stranded, id="r-2")
    assert (step.run.version, step.run.previous_version) == ("2.0.0", "1.0.0")
    assert step.run.deployed_by == stranded.id
    assert step.run.phase is P.ROLLING_BACK


def test_a_first_deployment_that_never_began_leaves_nothing_to_undo() -> None:
    ready = build.run(planned={"has_first": False, "watched": False})
    run = build.walk(ready, "begin first", "asked", "told")
    assert run.phase is P.DEPLOYING
    never = build.executed(run, outcome="errored", reason="no such program", changed=False)
    step = decide(run, never, at(30))
    assert (step.run.phase, step.run.outcome) == (P.RECORDING, "rolled_back")
    assert step.run.reason.startswith("nothing was begun, so there is nothing to undo")
    assert "no such program" in step.run.reason
    assert all(o.moment != "page" for o in step.orders)
