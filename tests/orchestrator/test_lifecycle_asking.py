"""What people may ask in each phase: accepted or refused, always with the reason."""

import pytest

from goaround_orchestrator.lifecycle import (
    TURNABLE,
    Begin,
    Enqueue,
    GiveWay,
    Input,
    Refuse,
    decide,
)
from goaround_orchestrator.run import What
from goaround_schemas.phase import Phase
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at

P = Phase
QUEUED = decide(build.run(), Enqueue("r-0"), at()).run
RUNS = {
    P.QUEUED: QUEUED,
    **{
        phase: build.in_phase(phase)
        for phase in (
            P.PREFLIGHT,
            P.AWAITING_APPROVAL,
            P.DEPLOYING,
            P.VERIFYING,
            P.WATCHING,
            P.HELD,
            P.ROLLING_BACK,
            P.VERIFYING_ROLLBACK,
            P.RECORDING,
        )
    },
}
ACCEPTED = {
    ("abort", P.QUEUED): P.ABORTED,
    ("abort", P.PREFLIGHT): P.ABORTED,
    ("abort", P.AWAITING_APPROVAL): P.ABORTED,
    ("abort", P.DEPLOYING): P.ROLLING_BACK,
    ("abort", P.VERIFYING): P.ROLLING_BACK,
    ("abort", P.WATCHING): P.ROLLING_BACK,
    ("abort", P.HELD): P.ROLLING_BACK,
    ("rollback", P.QUEUED): P.ABORTED,
    ("rollback", P.PREFLIGHT): P.ABORTED,
    ("rollback", P.AWAITING_APPROVAL): P.ABORTED,
    ("rollback", P.DEPLOYING): P.ROLLING_BACK,
    ("rollback", P.VERIFYING): P.ROLLING_BACK,
    ("rollback", P.WATCHING): P.ROLLING_BACK,
    ("rollback", P.HELD): P.ROLLING_BACK,
    ("approve", P.AWAITING_APPROVAL): P.DEPLOYING,
    ("promote", P.WATCHING): P.RECORDING,
    ("promote", P.HELD): P.RECORDING,
    ("resume", P.HELD): P.WATCHING,
}


@pytest.mark.parametrize("phase", RUNS)
@pytest.mark.parametrize("verb", ["abort", "rollback", "approve", "promote", "resume"])
def test_every_request_is_accepted_or_refused_in_every_phase(verb: str, phase: Phase) -> None:
    run = RUNS[phase]
    step = decide(run, build.asked(verb, "eve", "sre", reason="because"), at(60))
    to = ACCEPTED.get((verb, phase))
    if to is None:
        assert step.run == run
        assert step.refused is not None
        assert step.refused.startswith(f"run r-1 is {phase}: ")
        assert (step.moves, step.orders) == ((), ())
        return
    assert step.refused is None
    assert step.run.phase is to
    assert step.moves[-1].actor == "eve"
    assert "by eve: because" in step.moves[-1].reason


@pytest.mark.parametrize("verb", ["abort", "rollback", "approve", "promote", "resume"])
def test_a_run_that_has_ended_stays_ended_and_says_how(verb: str) -> None:
    ended = build.in_phase(P.SUCCEEDED)
    step = decide(ended, build.asked(verb, "eve", "sre"), at(60))
    assert step.run == ended
    assert step.refused is not None
    assert step.refused.startswith("run r-1 has ended: succeeded. 2.0.0 runs in prod")
    assert ("goaround rollback checkout --env prod" in step.refused) == (verb == "rollback")


def test_nobody_but_those_named_approves() -> None:
    run = build.in_phase(P.AWAITING_APPROVAL)
    step = decide(run, build.asked("approve", "mallory", "interns"), at(60))
    assert step.refused == (
        "run r-1 is awaiting_approval: mallory may not approve it; the guide wants sre"
    )


def test_who_asked_does_not_approve_as_one_of_a_group() -> None:
    run = build.in_phase(P.AWAITING_APPROVAL)
    step = decide(run, build.asked("approve", "ada", "sre"), at(60))
    assert "someone else must approve it" in (step.refused or "")


def test_who_asked_may_approve_where_the_guide_names_that_very_person() -> None:
    planned = {"approval": build.approval("ada")}
    run = build.in_phase(P.AWAITING_APPROVAL, planned=planned)
    step = decide(run, build.asked("approve", "ada"), at(60))
    assert (step.run.phase, step.run.approved_by) == (P.DEPLOYING, "ada")


def test_a_run_that_is_called_off_stops_what_looks_for_it() -> None:
    step = decide(RUNS[P.PREFLIGHT], build.asked("abort"), at(60))
    assert [o.what for o in step.orders] == [What.STOP_WATCH, What.TELL]
    quiet = decide(RUNS[P.AWAITING_APPROVAL], build.asked("abort"), at(60))
    assert [o.what for o in quiet.orders] == [What.TELL]


@pytest.mark.parametrize("phase", [P.QUEUED, P.PREFLIGHT, P.AWAITING_APPROVAL])
def test_a_run_that_changed_nothing_gives_way(phase: Phase) -> None:
    step = decide(RUNS[phase], GiveWay("r-9", "an emergency"), at(60))
    assert step.run.phase is P.SUPERSEDED
    assert step.run.reason == "gives way to run r-9: an emergency"
    stops = phase is P.PREFLIGHT
    assert (What.STOP_WATCH in [o.what for o in step.orders]) == stops


LATE: tuple[Input, ...] = (Begin(running=None), Enqueue("r-0"), GiveWay("r-9", "x"), Refuse("x"))


@pytest.mark.parametrize("what", LATE)
@pytest.mark.parametrize(
    "phase", sorted(TURNABLE | {P.ROLLING_BACK, P.VERIFYING_ROLLBACK, P.RECORDING})
)
def test_a_run_that_changed_something_neither_begins_nor_queues_nor_gives_way(
    phase: Phase, what: Input
) -> None:
    step = decide(RUNS[phase], what, at(60))
    assert step.run == RUNS[phase]
    assert step.refused is not None
    assert step.refused.startswith(f"run r-1 is {phase}: ")


@pytest.mark.parametrize("what", LATE[:2])
@pytest.mark.parametrize("phase", [P.PREFLIGHT, P.AWAITING_APPROVAL])
def test_a_run_begins_once(phase: Phase, what: Input) -> None:
    step = decide(RUNS[phase], what, at(60))
    assert step.run == RUNS[phase]
    assert step.refused is not None


def test_promoting_before_green_is_warned_of_in_the_outcome() -> None:
    step = decide(RUNS[P.WATCHING], build.asked("promote", reason="seen enough"), at(60))
    assert step.run.warnings == ("accepted by eve: seen enough, before the watch had said green",)
    assert [o.what for o in step.orders] == [What.STOP_WATCH, What.RECORD]


def test_promoting_a_stage_goes_on_to_the_next_and_stops_the_watch_of_this_one() -> None:
    run = build.in_phase(P.HELD, planned={"stages": build.stages("canary", "all")})
    step = decide(run, build.asked("promote"), at(60))
    assert (step.run.phase, step.run.stage) == (P.DEPLOYING, 1)
    stop = next(o for o in step.orders if o.what is What.STOP_WATCH)
    assert stop.stage == 0


def test_each_watch_of_a_run_has_a_name_of_its_own_also_one_that_ended_without_a_verdict() -> None:
    run = RUNS[P.WATCHING]
    ids = [build.pending(What.WATCH, run).id]
    for n in range(3):
        # The watch gives no verdict in its time; a person wants it watched on.
        held = decide(run, build.TICK, at(1000 * (n + 1))).run
        assert held.phase is P.HELD
        run = decide(held, build.asked("resume"), at(1000 * (n + 1) + 1)).run
        ids.append(build.pending(What.WATCH, run).id)
    assert len(set(ids)) == 4
