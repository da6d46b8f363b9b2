"""Steps for after Green: done once, before the record, and never in the way of the outcome."""

from goaround_orchestrator.lifecycle import Begin, decide
from goaround_orchestrator.run import Run, What
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import MigrationResult
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at

CONTRACTS = {"contracts": True}
TO_GREEN = ("begin", "asked", "baseline", "deployed", "healthy", "green")


def green() -> Run:
    run = build.walk(build.run(planned=CONTRACTS), *TO_GREEN)
    assert run.phase is Phase.RECORDING
    return run


def waits_for(run: Run) -> list[What]:
    return [p.order.what for p in run.pending]


def test_they_are_done_before_the_run_is_written_down() -> None:
    assert waits_for(green()) == [What.CONTRACT]
    done = build.walk(green(), "contracted", now=20)
    assert waits_for(done) == [What.RECORD]
    assert done.migration is not None
    assert done.migration.after_green == ("switch",)
    assert build.walk(done, "recorded", now=21).phase is Phase.SUCCEEDED


def test_a_rollback_does_none_of_them() -> None:
    run = build.walk(build.run(planned=CONTRACTS), *TO_GREEN[:-1], "red", "back", "back healthy")
    assert run.phase is Phase.RECORDING
    assert waits_for(run) == [What.RECORD]


def test_one_that_fails_leaves_a_deployment_that_succeeded_with_a_warning() -> None:
    run = green()
    failed = decide(run, build.executed(run, What.CONTRACT, "failed"), at(20)).run
    ended = build.walk(failed, "recorded", now=21)
    assert ended.phase is Phase.SUCCEEDED
    assert any("after Green, not everything was done (failed" in w for w in ended.warnings)


def test_a_worker_that_is_too_slow_is_stopped_before_the_outcome_is_said() -> None:
    run = green()
    assert run.deadline is not None
    late = decide(run, build.TICK, run.deadline).run
    assert (late.phase, waits_for(late)) == (Phase.RECORDING, [What.STOP_CONTRACT])
    stopped = decide(late, build.executed(late, What.STOP_CONTRACT), at(9000)).run
    assert waits_for(stopped) == [What.RECORD]


def test_where_no_worker_answers_at_all_the_run_ends_all_the_same_and_says_so() -> None:
    run = green()
    for _ in range(2):
        assert run.deadline is not None
        run = decide(run, build.TICK, run.deadline).run
    assert run.phase is Phase.SUCCEEDED
    assert any("no answer to: stop contract" in w for w in run.warnings)


def test_what_was_done_after_green_is_not_rolled_back_without_a_word() -> None:
    ran = build.landing(
        "2.0.0", previous_version="1.0.0", migration=MigrationResult(after_green=("drop note",))
    )
    asked = build.run(kind="rollback", version=None)
    refused = decide(asked, Begin(running=ran), at()).run
    assert refused.phase is Phase.REJECTED
    assert "drop note was done, which 1.0.0 may not live with" in refused.reason
    allowed = asked.model_copy(update={"allow": ("irreversible",)})
    assert decide(allowed, Begin(running=ran), at()).run.phase is Phase.ROLLING_BACK
