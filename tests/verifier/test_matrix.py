from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_schemas.matrix import MatrixRow, RowOutcome
from goaround_verifier.finding import (
    Again,
    Finding,
    absent,
    errored,
    failed,
    hopeless,
    passed,
)
from goaround_verifier.matrix import (
    LONGEST_DETAIL,
    SHORTEST_PAUSE_S,
    Patience,
    given_up,
    matrix_of,
    patience_of,
    pause_after,
    row_of,
)
from tests.verifier.builders import any_check, asked, question

IMPATIENT = Patience(retries=2, every_s=1.0, within_s=None, longest_s=3600.0)
PATIENT = Patience(retries=2, every_s=1.0, within_s=10.0, longest_s=3600.0)


@pytest.mark.parametrize(
    ("finding", "patience", "tries", "elapsed_s", "pause_s"),
    [
        (passed("x"), IMPATIENT, 1, 0.0, None),
        (passed("x"), PATIENT, 1, 0.0, None),
        (failed("x"), IMPATIENT, 1, 0.0, None),
        (failed("x"), PATIENT, 1, 0.0, 1.0),
        (failed("x"), PATIENT, 9, 9.5, 0.5),
        (failed("x"), PATIENT, 9, 10.0, None),
        (errored("x"), IMPATIENT, 1, 0.0, 1.0),
        (errored("x"), IMPATIENT, 2, 0.0, 1.0),
        (errored("x"), IMPATIENT, 3, 0.0, None),
        (errored("x"), PATIENT, 30, 9.0, 1.0),
        (absent("x"), IMPATIENT, 2, 0.0, 1.0),
        (absent("x"), IMPATIENT, 3, 0.0, None),
        (absent("x"), PATIENT, 30, 5.0, 1.0),
        (hopeless("x"), IMPATIENT, 1, 0.0, None),
        (hopeless("x"), PATIENT, 1, 0.0, None),
    ],
)
def test_what_is_asked_again_and_when(
    finding: Finding, patience: Patience, tries: int, elapsed_s: float, pause_s: float | None
) -> None:
    assert pause_after(finding, patience, tries, elapsed_s) == pause_s


findings = st.builds(
    Finding,
    outcome=st.sampled_from([RowOutcome.FAILED, RowOutcome.ERRORED, RowOutcome.PASSED]),
    detail=st.just("x"),
    again=st.sampled_from(Again),
)


@given(
    finding=findings,
    retries=st.integers(0, 100),
    every_s=st.floats(SHORTEST_PAUSE_S, 1e6),
    within_s=st.none() | st.floats(0.001, 1e7),
    longest_s=st.floats(1, 1e5),
)
def test_asking_always_ends_within_its_bound(
    finding: Finding, retries: int, every_s: float, within_s: float | None, longest_s: float
) -> None:
    every_s = max(every_s, longest_s / 500)
    patience = Patience(retries, every_s, within_s, longest_s)
    elapsed_s, tries = 0.0, 1
    while (pause_s := pause_after(finding, patience, tries, elapsed_s)) is not None:
        assert pause_s > 0
        elapsed_s += pause_s
        tries += 1
        assert elapsed_s <= longest_s * 1.000001
        assert tries <= 600


def test_the_checks_own_time_counts_before_the_matrixs() -> None:
    assert patience_of(any_check(within="5s"), 120.0, 3600.0).within_s == 5.0
    assert patience_of(any_check(), 120.0, 3600.0).within_s == 120.0
    assert patience_of(any_check(), None, 3600.0).within_s is None


def test_a_check_is_never_asked_without_a_pause() -> None:
    assert patience_of(any_check(every="0s"), 5.0, 60.0).every_s == SHORTEST_PAUSE_S


def test_a_row_says_how_often_and_how_long_it_was_asked() -> None:
    row = row_of(question(), failed("it is 503, wanted 2xx"), tries=40, seconds=120.2)
    assert row.detail == "it is 503, wanted 2xx (for 120 s, 40 tries)"
    assert (row.attempts, row.seconds) == (40, 120.2)


def test_a_row_asked_once_says_what_was_found_and_no_more() -> None:
    assert row_of(question(), passed("fine"), tries=1, seconds=0.1).detail == "fine"


def test_a_long_detail_keeps_its_count_of_tries() -> None:
    row = row_of(question(), failed("x" * 5000), tries=3, seconds=1.0)
    assert len(row.detail) <= LONGEST_DETAIL
    assert row.detail.endswith("(for 1 s, 3 tries)")


def _row(outcome: RowOutcome, required: bool) -> MatrixRow:
    return MatrixRow(category="smoke", name="n", outcome=outcome, detail="d", required=required)


rows = st.lists(
    st.builds(_row, outcome=st.sampled_from(RowOutcome), required=st.booleans()), min_size=1
)


@given(rows)
def test_a_no_outweighs_a_could_not_tell_and_only_required_rows_decide(
    rows: list[MatrixRow],
) -> None:
    deciding = {row.outcome for row in rows if row.required}
    said = matrix_of(asked(), rows).outcome
    if RowOutcome.FAILED in deciding:
        assert said == "failed"
    elif RowOutcome.ERRORED in deciding:
        assert said == "errored"
    else:
        assert said == "passed"


@given(rows)
def test_rows_stay_in_the_order_of_their_questions(rows: list[MatrixRow]) -> None:
    assert matrix_of(asked(), rows).rows == tuple(rows)


def test_a_health_matrix_without_a_question_proves_nothing() -> None:
    assert matrix_of(asked(kind="health"), []).outcome == "errored"
    assert matrix_of(asked(kind="preflight"), []).outcome == "passed"


def test_a_matrix_that_was_given_up_has_a_row_for_each_question() -> None:
    matrix = given_up(asked(question(category="liveness"), question()), "no memory (try 5)")
    assert matrix.outcome == "errored"
    assert [row.category for row in matrix.rows] == ["liveness", "smoke"]
    assert matrix.rows[0].detail == "the verifier gave up: no memory (try 5)"


def test_a_matrix_given_up_is_errored_even_where_no_row_decides() -> None:
    assert given_up(asked(question(any_check(required=False))), "x").outcome == "errored"


def test_patience_is_read_from_the_guides_lengths_of_time() -> None:
    patience = patience_of(any_check(every=timedelta(minutes=1), retries=7), None, 60.0)
    assert patience == Patience(retries=7, every_s=60.0, within_s=None, longest_s=60.0)
