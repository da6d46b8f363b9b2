"""What happens when nothing happens: no run is ever forgotten."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import pytest

from goaround_orchestrator.lifecycle import Answer, Answered, Enqueue, decide
from goaround_orchestrator.run import Run, StagePlan, What
from goaround_schemas.phase import Phase
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at

P = Phase


@pytest.mark.parametrize(
    ("phase", "planned", "to", "reason"),
    [
        (P.PREFLIGHT, {}, P.REJECTED, "pre-flight did not come to its end in 5m; no answer to: "),
        (P.AWAITING_APPROVAL, {}, P.REJECTED, "sre did not approve it in 4h"),
        (P.DEPLOYING, {}, P.ROLLING_BACK, "deploying did not come to its end in 1m40s; no answer"),
        (P.VERIFYING, {}, P.ROLLING_BACK, "verifying did not come to its end in 5m; no answer"),
        (P.WATCHING, {}, P.HELD, "the watch gave no verdict in 8m20s; no answer to: watch"),
        (P.WATCHING, {"undecided": "rollback"}, P.ROLLING_BACK, "the watch gave no verdict in"),
        (P.WATCHING, {"undecided": "accept"}, P.RECORDING, "2.0.0 runs in prod: the watch gave"),
        (P.HELD, {}, P.ROLLING_BACK, "nobody decided in 1h, and the guide says rollback"),
        (P.HELD, {"hold_then": "accept"}, P.RECORDING, "2.0.0 runs in prod: nobody decided in 1h"),
        (P.ROLLING_BACK, {}, P.RECORDING, "the way back did not come to its end in 10m; no answer"),
        (P.VERIFYING_ROLLBACK, {}, P.RECORDING, "the way back did not come to its end in 5m"),
        (P.RECORDING, {}, P.SUCCEEDED, "2.0.0 runs in prod: p95"),
    ],
)
def test_what_a_deadline_does_in_each_phase(
    phase: Phase, planned: dict[str, object], to: Phase, reason: str
) -> None:
    run = build.in_phase(phase, planned=planned)
    assert run.deadline is not None
    early = decide(run, build.TICK, run.deadline - timedelta(milliseconds=1))
    assert early.run.phase is phase
    step = decide(run, build.TICK, run.deadline)
    assert step.run.phase is to
    assert step.run.reason.startswith(reason)
    assert step.run.ended or step.run.due_at is not None


def test_a_run_that_waits_too_long_for_its_turn_is_refused() -> None:
    run = decide(build.run(), Enqueue("r-0"), at()).run
    step = decide(run, build.TICK, at(24 * 3600))
    assert step.run.phase is P.REJECTED
    said = "waited 24h in the queue for its turn, and the guide allows no longer"
    assert step.run.reason == said


def test_a_way_back_that_never_answers_is_a_failed_rollback() -> None:
    run = build.in_phase(P.ROLLING_BACK)
    step = decide(run, build.TICK, at(3600))
    assert step.run.outcome == "rollback_failed"
    assert (What.TELL, "page") in [(o.what, o.moment) for o in step.orders]


def test_a_record_that_is_never_confirmed_keeps_the_outcome_and_warns() -> None:
    run = build.in_phase(P.RECORDING)
    step = decide(run, build.TICK, at(3600))
    assert step.run.phase is P.SUCCEEDED
    assert step.run.warnings[0].startswith("the record was not confirmed in 59m54s; no answer to: ")
    rolled = build.walk(build.in_phase(P.VERIFYING_ROLLBACK), "back healthy", now=30)
    assert decide(rolled, build.TICK, at(3600)).run.phase is P.ROLLED_BACK


def test_a_watch_that_gave_no_verdict_is_stopped_before_a_person_decides() -> None:
    run = build.in_phase(P.WATCHING)
    step = decide(run, build.TICK, at(3600))
    assert [o.what for o in step.orders] == [What.STOP_WATCH, What.TELL]


def test_accepting_without_a_verdict_or_a_person_is_a_warning() -> None:
    watched = build.in_phase(P.WATCHING, planned={"undecided": "accept"})
    assert decide(watched, build.TICK, at(3600)).run.warnings != ()
    held = build.in_phase(P.HELD, planned={"hold_then": "accept"})
    assert decide(held, build.TICK, at(7200)).run.warnings != ()


def test_an_unanswered_command_is_looked_after_with_growing_patience() -> None:
    run = build.in_phase(P.WATCHING, planned={"stages": long_stage()})
    since: datetime = run.phase_since
    waits: list[float] = []
    again: list[list[What]] = []
    for _ in range(7):
        assert run.due_at is not None
        assert decide(run, build.TICK, run.due_at - timedelta(milliseconds=1)).run == run
        waits.append((run.due_at - since).total_seconds())
        since = run.due_at
        step = decide(run, build.TICK, since)
        again.append([o.what for o in step.again])
        assert (step.moves, step.orders) == ((), ())
        run = step.run
    assert waits == [30, 60, 120, 240, 300, 300, 300]
    assert again == [[What.WATCH]] * 7
    assert run.pending[0].sent == 8


def long_stage() -> tuple[StagePlan, ...]:
    return tuple(s.model_copy(update={"watch_s": 86400.0}) for s in build.stages("all"))


def test_only_what_is_late_is_sent_again() -> None:
    run = build.in_phase(P.PREFLIGHT)
    retold = decide(run, build.verified(run, What.ASK_PREFLIGHT, "errored"), at(20)).run
    step = decide(retold, build.TICK, at(31.5))
    assert [o.what for o in step.again] == [What.TAKE_BASELINE]
    later = decide(step.run, build.TICK, at(51.5))
    assert [(o.what, o.attempt) for o in later.again] == [(What.ASK_PREFLIGHT, 2)]


@pytest.mark.parametrize(
    "phase", [P.DEPLOYING, P.VERIFYING, P.WATCHING, P.ROLLING_BACK, P.VERIFYING_ROLLBACK]
)
def test_the_answer_counts_however_often_it_was_asked_for(phase: Phase) -> None:
    run = build.in_phase(phase)
    what = run.pending[0].order.what
    answers: dict[What, Callable[[Run], Answered]] = {
        What.DEPLOY: build.executed,
        What.ASK_HEALTH: partial(build.verified, what=What.ASK_HEALTH),
        What.WATCH: build.judged,
        What.ROLL_BACK: partial(build.executed, what=What.ROLL_BACK),
        What.ASK_ROLLBACK_HEALTH: partial(build.verified, what=What.ASK_ROLLBACK_HEALTH),
    }
    reminded = decide(run, build.TICK, run.phase_since + timedelta(seconds=31)).run
    assert reminded.pending[0].sent == 2
    answer = answers[what](reminded)
    moved = decide(reminded, answer, run.phase_since + timedelta(seconds=40))
    assert moved.run.phase is not phase
    assert decide(moved.run, answer, run.phase_since + timedelta(seconds=41)).run == moved.run


def test_an_answer_of_the_wrong_kind_answers_nothing() -> None:
    run = build.in_phase(P.PREFLIGHT)
    asked, taken = run.pending
    assert asked.order.what is What.ASK_PREFLIGHT
    wrong = build.baselined(run).event.model_copy(update={"causationid": asked.id})
    assert decide(run, Answered(wrong), at(5)).run == run
    back = build.verified(run, What.ASK_PREFLIGHT).event
    swapped = back.model_copy(update={"causationid": taken.id})
    assert decide(run, Answered(swapped), at(5)).run == run


def test_an_answer_to_nothing_that_was_asked_changes_nothing() -> None:
    for phase in (P.PREFLIGHT, P.DEPLOYING, P.WATCHING, P.HELD, P.ROLLING_BACK, P.RECORDING):
        run = build.in_phase(phase)
        for other in (P.PREFLIGHT, P.DEPLOYING, P.VERIFYING, P.WATCHING, P.RECORDING):
            event = answer_in(other).model_copy(update={"causationid": "foreign"})
            assert decide(run, Answered(event), at(50)).run == run


def answer_in(phase: Phase) -> Answer:
    run = build.in_phase(phase)
    given: dict[Phase, Callable[[Run], Answered]] = {
        P.PREFLIGHT: build.baselined,
        P.DEPLOYING: build.executed,
        P.VERIFYING: partial(build.verified, what=What.ASK_HEALTH),
        P.WATCHING: build.judged,
        P.RECORDING: build.recorded,
    }
    return given[phase](run).event


def test_a_notice_told_twice_is_kept_once_and_the_last_word_counts() -> None:
    run = build.in_phase(P.WATCHING)
    once = decide(run, build.notified(run, outcome="failed"), at(9)).run
    twice = decide(once, build.notified(run), at(10)).run
    assert [(t.name, t.outcome) for t in twice.told] == [("team", "delivered")]
    assert twice.phase is P.WATCHING
    assert twice.revision == run.revision
