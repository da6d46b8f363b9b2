"""A run's events in words."""

import pytest

from goaround.cli.narration import tell
from goaround_schemas.catalogue import EVENTS, AnyEvent
from goaround_schemas.matrix import RowOutcome
from goaround_schemas.outcome import DeployAdvanced, DeployFinished
from goaround_schemas.phase import Phase
from goaround_schemas.recording import DeployRecorded
from tests import builders


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_every_event_has_words_of_one_line_for_a_pipe(kind: type[AnyEvent]) -> None:
    said = tell(builders.message(kind)).flat()
    assert said
    assert "\n" not in said


def test_a_matrix_that_failed_names_the_rows_that_did_and_counts_the_others() -> None:
    rows = (
        builders.row(),
        builders.row(
            "version", category="smoke", outcome=RowOutcome.FAILED, detail="2.4.0 answers"
        ),
    )
    event = builders.deploy_verified(matrix=builders.matrix(outcome="failed", rows=rows))
    said = tell(event)
    assert said.text == "health of 2.4.1: failed, 1 of 2"
    assert [line.text for line in said.below] == ["smoke version: failed: 2.4.0 answers"]


def test_a_step_that_failed_shows_the_end_of_what_it_printed() -> None:
    step = builders.step_result(
        outcome="failed", detail="exit code 3", output="line one\nno space left\n", seconds=3.2
    )
    said = tell(builders.deploy_step_finished(step=step))
    assert said.text == "step 1 of 2, switch to 2.4.1: failed in 3s200ms, exit code 3"
    assert [line.text for line in said.below] == ["| line one", "| no space left"]


def test_a_step_that_worked_keeps_what_it_printed_to_itself() -> None:
    assert tell(builders.deploy_step_finished()).below == ()


def test_a_held_run_says_what_a_person_can_do_now() -> None:
    event = builders.message(
        DeployAdvanced, **{"from": Phase.WATCHING, "to": Phase.HELD}, run_id="r7"
    )
    assert "goaround promote r7" in tell(event).flat()
    assert "goaround rollback r7" in tell(event).flat()


def test_the_end_of_a_run_that_went_around_names_the_signal_that_decided_with_its_numbers() -> None:
    red = builders.signal_summary("errors", colour="red", verdict="worse", reason="4.1 % of 2300")
    event = builders.message(
        DeployFinished, watch=builders.watch_summary(colour="red", signals=(red,))
    )
    said = tell(event)
    assert said.text.startswith("ROLLED BACK: checkout 2.4.1 in prod: ")
    assert any(line.text.startswith("errors: worse; 0.21 s before") for line in said.below)


def test_what_others_wrote_cannot_move_the_cursor() -> None:
    event = builders.deploy_advanced(reason="a\x1b[2Jb\x1b]0;title\x07c\r\nd\u202ee")
    assert tell(event).flat() == "deploying: abc de"


def test_the_end_of_a_way_back_says_what_became_of_the_schema_and_of_what_was_dropped() -> None:
    lossy = builders.reverted(outcome="refused_lossy", reason="orders.note has 12 values")
    event = builders.message(
        DeployFinished,
        outcome="rollback_failed",
        rollback=builders.rollback_summary(database=lossy),
    )
    said = tell(event).flat()
    why = "the schema was not taken back: nobody allowed to lose data: orders.note has 12 values"
    assert why in said
    assert "what was dropped is kept in goaround_kept.orders_note_r_2026_0042" in said
    assert "what you could do next, in this order:; 1. goaround resume r-2026-0042" in said


def test_a_correction_says_what_is_to_change_and_a_finding_what_is_to_be_done() -> None:
    finding = builders.correction(diff="", field="watch", proposed="look at the dashboards")
    event = builders.message(DeployRecorded, corrections=(builders.correction(), finding))
    said = tell(event).flat()
    assert "proposed for the guide: deploy.ready.within from 10s to 30s; readiness took" in said
    assert "to look at in the guide: watch: look at the dashboards; readiness took" in said
    assert "goaround guide corrections --service checkout shows the diffs" in said
    assert "guide corrections" not in tell(builders.message(DeployRecorded, corrections=())).flat()
