"""What a run's times say of its guide."""

from typing import Any

import pytest

from goaround_guidebook import GuideInvalid, read
from goaround_schemas.duration import show_duration
from goaround_schemas.matrix import RowOutcome
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.procedure import StepResult
from goaround_scribe.learning import Lesson, learn, round_up
from tests.builders import matrix, rollback_summary, row, step_result, watch_summary
from tests.scribe.builders import GUIDE, record_of

SWITCH = "switch to 2.4.1"
NOTHING = Lesson((), (), 1, 0)
CUT = "did not end within 120 s; stopped, and printed nothing"


def lesson(**changes: Any) -> Lesson:
    usual: dict[str, Any] = {"run_id": "r1", "steps": (), "verification": ()}
    return learn(record_of(**{**usual, **changes}).data)


def one(found: Lesson) -> GuideCorrection:
    """The only one: this run is the first on record."""
    (correction,) = found.corrections
    return correction


def readiness(of: str, seconds: float, outcome: RowOutcome = RowOutcome.PASSED) -> Any:
    return matrix(kind="readiness", of=of, rows=(row("ready", seconds=seconds, outcome=outcome),))


def test_a_step_that_nearly_used_up_its_time_is_given_more() -> None:
    found = one(lesson(steps=(step_result(SWITCH, seconds=104),)))
    assert found.field == "deploy.steps[switch to {version}].timeout"
    assert (found.was, found.proposed) == ("2m", "4m")
    assert found.evidence == (
        "took 104 s of 120 s in run r1 (2.4.1, prod), the longest of 1 good run on record. "
        "It loosens a safety bound: what hangs is cut off 2m later"
    )
    assert found.effect == (
        "of 1 good run on record none would have used more than 43% of 4m; "
        "1 used more than 80% of 2m"
    )
    assert found.runs == ("r1",)
    assert "-      timeout: 120s   # was enough in spring" in found.diff
    assert "+      timeout: 4m   # was enough in spring" in found.diff
    assert found.diff.startswith("--- a/checkout.yaml\n+++ b/checkout.yaml\n")


@pytest.mark.parametrize("seconds", [0.0, 3.2, 96.0])
def test_a_step_with_room_is_left_alone(seconds: float) -> None:
    assert lesson(steps=(step_result(SWITCH, seconds=seconds),)) == NOTHING


def test_a_default_that_is_too_tight_is_written_into_the_guide() -> None:
    found = one(lesson(steps=(step_result("warm up", seconds=540),)))
    assert (found.field, found.was, found.proposed) == (
        "deploy.steps[warm up].timeout",
        "10m",
        "20m",
    )
    assert "of the default 600 s" in found.evidence
    assert "+    - {name: warm up, run: [./warm], timeout: 20m}" in found.diff


def test_migrations_have_a_bound_of_their_own() -> None:
    applied = step_result("apply migrations", kind="migration", seconds=55)
    found = one(lesson(steps=(applied,)))
    assert (found.field, found.was, found.proposed) == ("deploy.migrations.timeout", "1m", "2m")


def test_a_step_that_its_timeout_cut_off_is_a_word_and_no_change() -> None:
    cut = step_result(SWITCH, seconds=130, outcome="failed", detail=CUT)
    found = one(lesson(steps=(cut,), outcome="rolled_back", rollback=rollback_summary(steps=())))
    assert found.diff == ""
    assert found.proposed.endswith("if it only needs more time than 2m, give it 4m")
    assert found.evidence.startswith("checkout.yaml:10: was cut off after 120 s in run r1")
    assert "a sick version is slow too" in found.evidence


def test_an_http_step_without_an_answer_was_cut_off_too() -> None:
    said = "POST https://x/y: no answer within 120 s; it may have been done"
    cut = step_result(SWITCH, seconds=120, outcome="unknown", detail=said)
    assert "was cut off" in one(lesson(steps=(cut,), outcome="rolled_back")).evidence


def test_a_way_back_that_its_timeout_cut_off_is_given_twice_that() -> None:
    said = "did not end within 50 s; stopped, and printed nothing"
    cut = step_result("back to 2.4.0", seconds=51, outcome="failed", detail=said)
    back = rollback_summary(steps=(cut,))
    found = one(lesson(outcome="rollback_failed", rollback=back))
    assert (found.field, found.was, found.proposed) == (
        "rollback.steps[back to {previous.version}].timeout",
        "50s",
        "2m",
    )
    assert "timeout: 2m}" in found.diff
    assert "It loosens a safety bound" in found.evidence


@pytest.mark.parametrize(
    "step",
    [
        step_result(SWITCH, seconds=119, outcome="failed", detail="exit code 1; it printed: x"),
        step_result(SWITCH, seconds=9, outcome="failed", detail=f"exit code 1; it printed: {CUT}"),
        step_result(SWITCH, seconds=9, outcome="failed", detail="did not end within 5 s; stopped"),
        step_result(SWITCH, seconds=119, outcome="errored", detail="no such program"),
        step_result(SWITCH, seconds=119, attempts=2),
        step_result("a step that the guide has not", seconds=1e6),
    ],
)
def test_what_does_not_prove_the_timeout_changes_nothing(step: StepResult) -> None:
    assert lesson(steps=(step,)).corrections == ()


@pytest.mark.parametrize(
    ("outcome", "colour", "said"),
    [
        ("rolled_back", "green", "was rolled_back"),
        ("rollback_failed", "green", "was rollback_failed"),
        ("succeeded", "red", "went Red"),
    ],
)
def test_a_run_that_did_not_go_well_loosens_nothing_and_says_so(
    outcome: str, colour: str, said: str
) -> None:
    found = lesson(
        steps=(step_result(SWITCH, seconds=119),),
        verification=(readiness("2.4.1", 9.9),),
        outcome=outcome,
        watch=watch_summary(colour=colour),
        rollback=rollback_summary(steps=()),
    )
    assert found.corrections == ()
    assert len(found.not_learned) == 2
    assert f"the run {said}: nothing is learned" in found.not_learned[0]


def test_a_rollback_that_was_proven_teaches_about_itself() -> None:
    back = rollback_summary(steps=(step_result("back to 2.4.0", seconds=48),))
    found = one(lesson(outcome="rolled_back", rollback=back))
    assert (found.field, found.was) == ("rollback.steps[back to {previous.version}].timeout", "50s")
    assert found.proposed == "2m"
    assert "timeout: 2m}" in found.diff


def test_readiness_that_came_late_is_waited_for_longer() -> None:
    found = one(lesson(verification=(readiness("2.4.1", 9.1), readiness("2.4.1", 8.5))))
    assert (found.field, found.was, found.proposed) == ("deploy.ready.within", "10s", "20s")
    assert "took 9.1 s of 10 s" in found.evidence


def test_readiness_that_never_came_proves_nothing() -> None:
    never = readiness("2.4.1", 10.0, RowOutcome.FAILED)
    assert lesson(verification=(never,)) == NOTHING


def test_a_check_with_its_own_patience_is_corrected_there() -> None:
    text = GUIDE.replace(
        "tcp: {host: db, port: 1}}]}\nverify", "tcp: {host: db, port: 1}, within: 5s}]}\nverify"
    )
    found = one(lesson(guide_text=text, verification=(readiness("2.4.1", 4.9),)))
    assert (found.field, found.proposed) == ("deploy.ready.checks[ready].within", "10s")


def test_checks_of_one_name_with_different_patience_are_no_proof() -> None:
    twice = "[{name: ready, tcp: {host: db, port: 1}}, {name: ready, run: [x], within: 5s}]"
    text = GUIDE.replace("checks: [{name: ready, tcp: {host: db, port: 1}}]", f"checks: {twice}")
    assert lesson(guide_text=text, verification=(readiness("2.4.1", 9.9),)) == NOTHING


def test_of_several_stages_the_slowest_counts() -> None:
    steps = tuple(step_result(SWITCH, seconds=s) for s in (100, 118, 3))
    assert one(lesson(steps=steps)).evidence.startswith("took 118 s")


def test_names_that_two_steps_share_once_filled_in_are_no_proof() -> None:
    text = GUIDE.replace("warm up", "switch to 2.4.1")
    assert lesson(guide_text=text, steps=(step_result(SWITCH, seconds=599),)).corrections == ()


def test_what_cannot_be_changed_in_place_is_proposed_all_the_same() -> None:
    text = GUIDE.replace("timeout: 120s ", "timeout: &t 120s ").replace(
        "timeout: 50}", "timeout: *t}"
    )
    found = one(lesson(guide_text=text, steps=(step_result(SWITCH, seconds=104),)))
    assert found.diff == ""
    assert "by hand" in found.evidence


def test_a_corrected_guide_is_a_guide_and_no_longer_too_tight() -> None:
    found = one(lesson(steps=(step_result("warm up", seconds=540),)))
    lines = [
        line
        for line in found.diff.splitlines()
        if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    text = GUIDE.replace(lines[0][1:], lines[1][1:])
    assert show_duration(read(text, "x").deploy.steps[1].timeout) == "20m"
    again = lesson(guide_text=text, steps=(step_result("warm up", seconds=540),))
    assert again.corrections == ()


def test_a_text_that_is_no_guide_is_said_to_be_none() -> None:
    with pytest.raises(GuideInvalid):
        lesson(guide_text="guide: goaround/v1\n")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "1s"), (18.2, "20s"), (120, "2m"), (208, "4m"), (1801, "1h"), (5400, "1h30m")],
)
def test_a_proposal_is_a_time_that_a_person_would_write(seconds: float, said: str) -> None:
    assert show_duration(round_up(seconds)) == said
