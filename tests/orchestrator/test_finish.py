"""What is said of a run on the bus: each move once, the outcome once, with all its fields."""

from goaround_orchestrator import finish
from goaround_orchestrator.lifecycle import decide
from goaround_orchestrator.run import What
from goaround_schemas.phase import ENDS, Phase
from goaround_schemas.subjects import subject_of
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at

P = Phase


def test_every_end_is_an_outcome_of_the_same_name() -> None:
    assert {p: str(p) for p in ENDS} == finish.OUTCOMES


def test_each_move_has_an_id_of_its_own_that_is_always_the_same() -> None:
    step = build.begun()
    event = finish.advanced(step.run, step.moves[0], "m-1")
    assert event == finish.advanced(step.run, step.moves[0], "m-1")
    assert (event.data.from_, event.data.to, event.data.revision) == (P.REQUESTED, P.PREFLIGHT, 1)
    assert (event.time, event.causationid, event.subject) == (at(), "m-1", "r-1")
    next_ = decide(step.run, build.asked("abort"), at(1))
    assert finish.advanced(next_.run, next_.moves[0], None).id != event.id


def test_the_outcome_of_a_run_that_went_around_has_every_field() -> None:
    run = build.walk(build.in_phase(P.WATCHING), "red", "back", "back healthy", "recorded", now=9)
    said = finish.finished(run, at(30), "m-9")
    assert said.id == finish.finished(run, at(99), None).id
    assert subject_of(said) == "deploy.finished.rolled_back.prod.checkout"
    data = said.data
    assert (data.version, data.previous_version, data.requested_by) == ("2.0.0", "1.0.0", "ada")
    assert data.reason == run.reason
    assert [s.phase for s in data.timeline][-1] is P.RECORDING
    assert [m.kind for m in data.verification] == ["preflight", "health", "rollback_health"]
    assert data.watch is not None
    assert data.watch.colour == "red"
    assert data.rollback is not None
    assert data.rollback.trigger == "p95 0.3 s against 0.2 s: rollback"
    assert data.rollback.steps
    assert data.rollback.matrix is not None
    assert data.rollback.left is None
    assert data.guide is not None
    assert data.guide.digest == run.guide_digest
    assert data.record == ("CHANGELOG.md",)


def test_a_run_that_was_refused_at_the_door_has_what_there_is() -> None:
    run = build.run(plan=None, guide_digest=None, phase=P.REJECTED, reason="no guide")
    data = finish.finished(run, at(), None).data
    assert (data.outcome, data.guide, data.rollback, data.watch) == ("rejected", None, None, None)


def test_what_was_left_is_said_where_the_way_back_failed() -> None:
    run = build.in_phase(P.ROLLING_BACK)
    failed = decide(run, build.executed(run, What.ROLL_BACK, "failed"), at(30)).run
    summary = finish.rollback(failed)
    assert summary is not None
    assert summary.left == "the way back failed: 2 of 2 steps failed in 3 s"
