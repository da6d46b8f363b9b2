"""The way forward: what each answer leads to, what is ordered there, and until when it may take."""

import pytest

from goaround_orchestrator.lifecycle import Begin, Enqueue, Refuse, decide
from goaround_orchestrator.run import Run, Step, What
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import MigrationResult
from goaround_schemas.recording import Entry
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at

P = Phase


def orders(step: Step) -> list[What]:
    return [o.what for o in step.orders]


def waits_for(run: Run) -> set[What]:
    return {p.order.what for p in run.pending}


def until(run: Run) -> float | None:
    return (run.deadline - run.phase_since).total_seconds() if run.deadline else None


def test_a_run_whose_turn_has_come_goes_to_preflight_with_everything_asked_at_once() -> None:
    step = build.begun()
    assert step.run.phase is P.PREFLIGHT
    assert orders(step) == [What.ASK_PREFLIGHT, What.TAKE_BASELINE, What.TELL]
    assert waits_for(step.run) == {What.ASK_PREFLIGHT, What.TAKE_BASELINE}
    assert until(step.run) == 300
    assert step.run.previous_version == "1.0.0"
    assert step.moves[0].reason == "accepted; 1.0.0 is to be replaced by 2.0.0 in prod"
    assert step.moves[0].actor == "ada"


def test_without_a_watch_no_baseline_is_taken() -> None:
    step = build.begun(planned={"watched": False})
    assert orders(step) == [What.ASK_PREFLIGHT, What.TELL]


def test_a_run_behind_another_waits_as_long_as_the_guide_allows() -> None:
    step = decide(build.run(), Enqueue("r-0"), at())
    assert step.run.phase is P.QUEUED
    assert until(step.run) == 24 * 3600
    assert step.run.reason == "waits for run r-0"
    assert step.orders == ()


def test_a_refused_request_ends_rejected_and_is_told() -> None:
    step = decide(build.run(), Refuse("no guide for checkout"), at())
    assert step.run.phase is P.REJECTED
    assert step.run.reason == "no guide for checkout"
    assert [(o.what, o.moment) for o in step.orders] == [(What.TELL, "finished")]
    assert step.run.due_at is None


def test_preflight_waits_until_every_answer_is_in() -> None:
    first = decide(build.begun().run, build.verified(build.begun().run, What.ASK_PREFLIGHT), at(1))
    assert first.run.phase is P.PREFLIGHT
    assert waits_for(first.run) == {What.TAKE_BASELINE}
    second = decide(first.run, build.baselined(first.run), at(2))
    assert second.run.phase is P.DEPLOYING
    assert orders(second) == [What.DEPLOY]
    assert until(second.run) == 100
    assert second.run.matrices[0].kind == "preflight"


def test_a_failed_preflight_rejects_and_names_the_row_that_said_no() -> None:
    run = build.begun(planned={"watched": False}).run
    red = build.row("pipeline of 2.0.0", "failed", category="ci", detail="conclusion is failure")
    unsure = build.row("grafana", "errored", category="dashboards", detail="timed out after 10 s")
    step = decide(run, build.verified(run, What.ASK_PREFLIGHT, "failed", unsure, red), at(1))
    assert step.run.phase is P.REJECTED
    said = "pre-flight failed: ci, pipeline of 2.0.0: conclusion is failure (and 1 more)"
    assert step.run.reason == said
    assert orders(step) == [What.TELL]


def test_a_row_that_is_not_required_rejects_nothing() -> None:
    run = build.begun(planned={"watched": False}).run
    optional = build.row("grafana", "failed", category="dashboards", required=False)
    step = decide(run, build.verified(run, What.ASK_PREFLIGHT, "passed", optional), at(1))
    assert step.run.phase is P.DEPLOYING


def test_a_signal_that_does_not_answer_for_the_running_version_rejects() -> None:
    run = build.walk(build.begun().run, "asked")
    step = decide(run, build.baselined(run, answered=False), at(2))
    assert step.run.phase is P.REJECTED
    assert "signal p95 answers: no data" in step.run.reason


@pytest.mark.parametrize("what", [What.ASK_PREFLIGHT, What.ASK_HEALTH, What.ASK_ROLLBACK_HEALTH])
def test_a_matrix_that_could_not_be_told_is_asked_three_times_and_then_is_a_no(what: What) -> None:
    run = {
        What.ASK_PREFLIGHT: build.in_phase(P.PREFLIGHT, planned={"watched": False}),
        What.ASK_HEALTH: build.in_phase(P.VERIFYING),
        What.ASK_ROLLBACK_HEALTH: build.in_phase(P.VERIFYING_ROLLBACK),
    }[what]
    phase, ids = run.phase, {build.pending(what, run).id}
    for attempt in (2, 3):
        step = decide(run, build.verified(run, what, "errored"), at(10 + attempt))
        assert step.run.phase is phase
        assert step.moves == ()
        assert [(o.what, o.attempt) for o in step.orders] == [(what, attempt)]
        run = step.run
        ids.add(build.pending(what, run).id)
    assert len(ids) == 3
    last = decide(run, build.verified(run, what, "errored"), at(20)).run
    ends = {
        What.ASK_PREFLIGHT: (P.REJECTED, "pre-flight errored: liveness, alive: alive said errored"),
        What.ASK_HEALTH: (P.ROLLING_BACK, "2.0.0 could not show its health: liveness, alive"),
        What.ASK_ROLLBACK_HEALTH: (P.RECORDING, "1.0.0 is not proven healthy: liveness, alive"),
    }
    assert last.phase is ends[what][0]
    assert last.reason.startswith(ends[what][1])


def test_preflight_with_approval_waits_for_a_person() -> None:
    run = build.in_phase(P.AWAITING_APPROVAL)
    assert run.reason == "pre-flight passed; sre must approve"
    assert until(run) == 4 * 3600
    assert run.pending == ()


def test_an_emergency_passes_approval_and_says_why() -> None:
    planned = {"approval": build.approval()}
    run = build.walk(
        build.run(planned=planned, emergency=True, request_reason="card payments are down"),
        "begin",
        "asked",
        "baseline",
    )
    assert run.phase is P.DEPLOYING
    said = "pre-flight passed; an emergency passes approval: card payments are down"
    assert run.reason == said


@pytest.mark.parametrize("redeploy", [False, True])
def test_the_version_that_runs_is_only_deployed_again_if_asked_for(redeploy: bool) -> None:
    step = build.begun(build.landing("2.0.0"), redeploy=redeploy)
    assert step.run.phase is (P.PREFLIGHT if redeploy else P.REJECTED)
    assert redeploy or "ask with redeploy" in step.run.reason


def asked_running(value: str | None, outcome: str = "passed") -> Step:
    planned = {"watched": False, "asks_running": True}
    run = build.begun(planned=planned).run
    said = build.row(
        "version", outcome, category="running", value=value, required=False, detail="status 200"
    )
    return decide(run, build.verified(run, What.ASK_PREFLIGHT, "passed", said), at(1))


def test_the_services_own_word_on_what_runs_comes_before_the_record() -> None:
    run = asked_running("1.5.0").run
    assert run.phase is P.DEPLOYING
    assert run.previous_version == "1.5.0"
    said = "the service said that 1.5.0 runs, the record said 1.0.0; the way back leads to 1.5.0"
    assert run.warnings == (said,)


def test_the_record_counts_where_the_service_does_not_say_what_runs() -> None:
    run = asked_running(None, "warned").run
    assert (run.phase, run.previous_version, run.warnings) == (P.DEPLOYING, "1.0.0", ())


def test_what_a_service_says_while_its_check_fails_is_not_trusted() -> None:
    run = asked_running("1.5.0", "warned").run
    assert (run.previous_version, run.warnings) == ("1.0.0", ())
    assert asked_running("2.0.0", "warned").run.phase is P.DEPLOYING


def test_a_service_that_says_it_runs_the_version_already_is_not_deployed() -> None:
    run = asked_running("2.0.0").run
    assert run.phase is P.REJECTED
    assert run.reason.startswith("2.0.0 is the version that runs in prod already")


def test_a_service_asked_itself_may_correct_a_record_that_says_the_version_runs() -> None:
    planned = {"watched": False, "asks_running": True}
    run = decide(build.run(planned=planned), Begin(running=build.landing("2.0.0")), at()).run
    assert run.phase is P.PREFLIGHT
    said = build.row("version", category="running", value="1.9.0", required=False)
    step = decide(run, build.verified(run, What.ASK_PREFLIGHT, "passed", said), at(1))
    assert (step.run.phase, step.run.previous_version) == (P.DEPLOYING, "1.9.0")


def test_deployed_goes_to_verifying_at_once_where_the_guide_knows_no_readiness() -> None:
    run = build.in_phase(P.DEPLOYING)
    step = decide(run, build.executed(run, migration=MigrationResult(before="a", after="b")), at(9))
    assert step.run.phase is P.VERIFYING
    assert orders(step) == [What.ASK_HEALTH]
    assert until(step.run) == 300
    assert step.run.migration == MigrationResult(before="a", after="b")
    assert [s.name for s in step.run.steps] == ["switch"]


def test_the_switch_is_no_later_than_now_whatever_the_deployers_clock_says() -> None:
    run = build.in_phase(P.DEPLOYING)
    assert decide(run, build.executed(run, time=at(5)), at(9)).run.switched_at == at(5)
    assert decide(run, build.executed(run, time=at(99)), at(9)).run.switched_at == at(9)


def test_deployed_waits_for_readiness_within_the_same_phase() -> None:
    run = build.in_phase(P.DEPLOYING, planned={"has_readiness": True})
    step = decide(run, build.executed(run), at(9))
    assert (step.run.phase, orders(step)) == (P.DEPLOYING, [What.ASK_READINESS])
    assert step.run.deadline == run.deadline
    ready = decide(step.run, build.verified(step.run, What.ASK_READINESS), at(10)).run
    assert (ready.phase, ready.reason) == (P.VERIFYING, "2.0.0 is ready")
    late = decide(step.run, build.verified(step.run, What.ASK_READINESS, "failed"), at(10)).run
    assert late.phase is P.ROLLING_BACK
    assert late.reason == "2.0.0 did not get ready: liveness, alive: alive said failed"


@pytest.mark.parametrize("outcome", ["failed", "errored", "unknown", "stopped"])
def test_a_deployment_that_is_not_done_goes_around(outcome: str) -> None:
    run = build.in_phase(P.DEPLOYING)
    step = decide(run, build.executed(run, outcome=outcome), at(9))
    assert step.run.phase is P.ROLLING_BACK
    said = f"deploying 2.0.0 {outcome}: 2 of 2 steps {outcome} in 3 s"
    assert step.run.reason == said
    assert step.moves[0].actor == "deployer"


def test_a_healthy_version_is_watched() -> None:
    run = build.in_phase(P.VERIFYING)
    step = decide(run, build.verified(run, What.ASK_HEALTH), at(9))
    assert (step.run.phase, orders(step)) == (P.WATCHING, [What.WATCH])
    assert until(step.run) == 500
    assert step.run.reason == "2.0.0 is healthy: 1 of 1 checks passed"


def test_one_definite_no_goes_around_at_once() -> None:
    run = build.in_phase(P.VERIFYING)
    step = decide(run, build.verified(run, What.ASK_HEALTH, "failed"), at(9))
    assert step.run.phase is P.ROLLING_BACK
    assert step.run.reason == "2.0.0 failed its health: liveness, alive: alive said failed"
    assert orders(step) == [What.TELL, What.ROLL_BACK]


def test_green_is_put_on_record() -> None:
    run = build.in_phase(P.WATCHING, planned={"has_monitoring": True})
    step = decide(run, build.judged(run), at(9))
    assert (step.run.phase, step.run.outcome) == (P.RECORDING, "succeeded")
    assert orders(step) == [What.RECORD, What.ASK_MONITORING]
    assert step.run.reason == "2.0.0 runs in prod: p95 0.3 s against 0.2 s: accept"
    assert until(step.run) == 60


def test_red_goes_around_and_the_watch_is_stopped() -> None:
    run = build.in_phase(P.WATCHING)
    step = decide(run, build.judged(run, "rollback"), at(9))
    assert step.run.phase is P.ROLLING_BACK
    assert orders(step) == [What.STOP_WATCH, What.TELL, What.ROLL_BACK]
    assert step.run.reason == "p95 0.3 s against 0.2 s: rollback"
    assert step.run.watches[-1].colour == "red"


def test_too_little_evidence_is_held_for_a_person() -> None:
    run = build.in_phase(P.WATCHING)
    step = decide(run, build.judged(run, "hold"), at(9))
    assert (step.run.phase, until(step.run)) == (P.HELD, 3600)
    assert [(o.what, o.moment) for o in step.orders] == [(What.TELL, "held")]


def test_each_stage_is_deployed_verified_and_watched_before_the_next() -> None:
    planned = {"stages": build.stages("canary", "half", "all")}
    run = build.in_phase(P.DEPLOYING, planned=planned)
    stages: list[tuple[str | None, int]] = []
    for _ in range(3):
        stages.append((run.stage_name, build.pending(What.DEPLOY, run).order.stage))
        run = build.walk(run, "deployed", "healthy", "green", now=10)
    assert stages == [("canary", 0), ("half", 1), ("all", 2)]
    assert run.phase is P.RECORDING
    assert len(run.watches) == 3
    watching = [s.stage for s in run.timeline if s.phase is P.WATCHING]
    assert watching == ["canary", "half", "all"]


def test_a_single_stage_is_not_named_in_the_timeline() -> None:
    run = build.in_phase(P.SUCCEEDED)
    assert {s.stage for s in run.timeline} == {None}


def test_the_record_and_monitoring_are_both_waited_for() -> None:
    run = build.in_phase(P.RECORDING, planned={"has_monitoring": True})
    first = build.walk(run, "recorded")
    assert first.phase is P.RECORDING
    silent = build.row("grafana", "failed", category="dashboards", detail="status 502")
    done = decide(first, build.verified(first, What.ASK_MONITORING, "failed", silent), at(9))
    assert done.run.phase is P.SUCCEEDED
    assert done.run.warnings == ("monitoring: grafana: status 502",)
    assert [(o.what, o.moment) for o in done.orders] == [(What.TELL, "finished")]


def test_a_record_that_could_not_be_written_is_a_warning_and_changes_no_outcome() -> None:
    run = build.in_phase(P.RECORDING)
    entry = Entry(what="docs", outcome="failed", detail="docs/checkout.md is read-only")
    step = decide(run, build.recorded(run, entry), at(9))
    assert step.run.phase is P.SUCCEEDED
    assert step.run.warnings == ("docs was not written: docs/checkout.md is read-only",)


def test_preflight_waits_a_little_to_hear_that_the_stakeholders_were_told() -> None:
    planned = {"watched": False, "recipients": (build.recipient(),)}
    run = build.walk(build.begun(planned=planned).run, "asked")
    assert (run.phase, run.pending) == (P.PREFLIGHT, ())
    assert run.due_at == at(10)
    told = decide(run, build.notified(run), at(2)).run
    assert told.phase is P.DEPLOYING
    row = next(r for r in told.matrices[0].rows if r.category == "stakeholders")
    assert (row.outcome, row.detail) == ("passed", "status 200 for team")


def test_a_silent_notifier_holds_nothing_up() -> None:
    planned = {"watched": False, "recipients": (build.recipient(),)}
    run = build.walk(build.begun(planned=planned).run, "asked")
    assert decide(run, build.TICK, at(9.9)).run == run
    gone_on = decide(run, build.TICK, at(10)).run
    assert gone_on.phase is P.DEPLOYING
    row = next(r for r in gone_on.matrices[0].rows if r.category == "stakeholders")
    assert (row.outcome, row.required) == ("errored", False)


def test_a_channel_that_failed_is_heard_of_and_holds_nothing_up() -> None:
    planned = {"watched": False, "recipients": (build.recipient(),)}
    run = build.begun(planned=planned).run
    run = decide(run, build.notified(run, outcome="failed"), at(1)).run
    assert run.phase is P.PREFLIGHT
    assert build.walk(run, "asked", now=1).phase is P.DEPLOYING


def test_the_revision_counts_the_moves_and_the_timeline_has_no_gap() -> None:
    run = build.in_phase(P.SUCCEEDED)
    assert run.revision == len(run.timeline) == 6
    assert run.timeline[0].from_ == run.requested_at
    pairs = zip(run.timeline, run.timeline[1:], strict=False)
    assert all(a.to == b.from_ for a, b in pairs)
    assert run.timeline[-1].to == run.phase_since


def test_a_clock_that_runs_behind_does_not_turn_a_runs_time_back() -> None:
    run = build.in_phase(P.DEPLOYING)
    step = decide(run, build.executed(run), run.phase_since.replace(year=2020))
    assert step.run.phase_since == run.phase_since
    assert step.run.timeline[-1].to == run.phase_since
