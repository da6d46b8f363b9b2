"""What a page remembers, and what a run makes of it."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from goaround_scribe.configfile import ConfigFile
from goaround_scribe.memory import (
    MOST_DEPLOYMENTS,
    MOST_ROLLBACKS,
    UNKNOWN,
    Running,
    State,
    files_of,
)
from goaround_scribe.section import find, written
from tests.builders import NOON, at
from tests.scribe.remembered import after

ONE = after(State())


def test_a_repeat_changes_nothing() -> None:
    assert after(ONE, "9.9.9") is ONE
    assert after(ONE, "9.9.9", moment=at(60)) is ONE, "a command that was sent again is a repeat"


def test_a_run_that_comes_late_is_listed_but_overrules_nothing() -> None:
    for moment in (NOON, at(-60)):
        late = after(ONE, "2.3.9", run="r-0", moment=moment)
        assert late.environments == ONE.environments
        assert late.changes == ONE.changes
        assert [d.run for d in late.deployments] == ["r-1", "r-0"]
        assert after(late, "2.3.9", run="r-0", moment=moment) is late


def test_a_row_goes_back_with_a_rollback() -> None:
    state = after(ONE, "2.4.0", run="r-2", moment=at(60), went_back=True)
    row = state.environments["prod"]
    assert (row.version, row.since, row.run) == ("2.4.0", at(60), "r-2")
    assert [story.run for story in state.rollbacks] == ["r-2"]


def test_a_version_that_ran_all_along_keeps_its_row_and_its_changes() -> None:
    state = after(ONE, "2.4.1", run="r-2", moment=at(60), changes=(), went_back=True)
    row = state.environments["prod"]
    assert (row.version, row.since, row.run) == ("2.4.1", NOON, "r-1")
    assert (state.changes, state.changed_by) == (ONE.changes, ONE.changed_by)
    late = after(state, "2.4.0", run="r-0", moment=at(30))
    assert late.environments == state.environments


def test_a_version_is_in_doubt_from_a_rollback_that_failed_until_the_next_run() -> None:
    doubted = after(ONE, "2.5.0", run="r-2", moment=at(60), failed=True)
    row = doubted.environments["prod"]
    assert (row.version, row.run, row.doubted_by) == ("2.4.1", "r-1", "r-2")
    for went_back in (False, True):
        mended = after(doubted, "2.4.1", run="r-3", moment=at(90), went_back=went_back)
        assert mended.environments["prod"].doubted_by is None
    first = after(State(), "2.5.0", failed=True).environments["prod"]
    assert (first.version, first.doubted_by) == (UNKNOWN, "r-1")


def test_where_nothing_is_known_to_run_no_row_is_made_up() -> None:
    state = after(State(), None, went_back=True)
    assert state.environments == {}
    assert len(state.deployments) == 1


def test_the_last_deployments_and_rollbacks_are_kept_and_no_more() -> None:
    state = State()
    for n in range(MOST_DEPLOYMENTS + 5):
        state = after(state, f"1.{n}", run=f"r-{n}", moment=at(n), went_back=True)
    assert [d.run for d in state.deployments] == [f"r-{n}" for n in range(14, 4, -1)]
    assert [s.run for s in state.rollbacks] == ["r-14", "r-13", "r-12"]
    assert len(state.rollbacks) == MOST_ROLLBACKS
    forgotten = after(state, "1.2", run="r-2", moment=at(2), went_back=True)
    assert forgotten is state, "a repeat of a run that is no longer listed is one too"


RUNS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 6), st.booleans(), st.booleans()))


@given(RUNS)
def test_runs_in_any_order_and_repeated_end_in_one_page_that_reads_back(
    runs: list[tuple[int, int, bool, bool]],
) -> None:
    state, page = State(), ""
    for n, when, went_back, failed in runs:
        moment = NOON + timedelta(minutes=when)
        for _ in range(2):
            state = after(
                state, f"1.{n}", run=f"r-{n}", moment=moment, went_back=went_back, failed=failed
            )
        page = written(page, find(page), state)
        found = find(page)
        assert found is not None
        assert found.state == state
        assert written(page, found, state) == page
    times = [d.at for d in state.deployments]
    assert times == sorted(times, reverse=True)
    assert len(times) <= MOST_DEPLOYMENTS
    assert len({d.run for d in state.deployments}) == len(times)


def test_a_page_of_an_earlier_scribe_is_read() -> None:
    old = State.model_validate(
        {
            "environments": {
                "prod": {
                    "version": "2.4.0",
                    "since": NOON,
                    "run": "r-0",
                    "seen": "r-0",
                    "seen_at": NOON,
                    "files": {"app.toml": "sha256:0"},
                }
            },
            "changes": ["a: 1 -> 2"],
            "changed_by": "2.4.0 in prod",
        }
    )
    row = old.environments["prod"]
    assert files_of(row) == {"app.toml": ConfigFile("sha256:0")}
    assert after(old, run="r-0", moment=at(5)) is old
    assert after(old, moment=at(5)).environments["prod"].version == "2.4.1"
    assert isinstance(row, Running)
