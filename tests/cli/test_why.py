"""`goaround why`: the deciding thing, its numbers, what would have been green, what was done."""

from datetime import timedelta

from goaround.cli.why import explain
from goaround_schemas.api import Label, RunDetail, RunRow, Transition
from goaround_schemas.matrix import RowOutcome
from goaround_schemas.phase import Phase
from tests import builders


def _run(phase: Phase, reason: str = "because", **changes: object) -> RunRow:
    return RunRow.model_validate(
        {
            "run_id": "r1",
            "kind": "deploy",
            "service": "checkout",
            "environment": "prod",
            "version": "2.4.1",
            "previous_version": "2.4.0",
            "phase": phase,
            "requested_by": "ada",
            "requested_at": builders.at(),
            "updated_at": builders.at(60),
            "reason": reason,
            **changes,
        }
    )


def _move(to: Phase, actor: str) -> Transition:
    return Transition.model_validate(
        {
            "revision": 1,
            "at": builders.at(),
            "from": "watching",
            "to": to,
            "actor": actor,
            "reason": "",
        }
    )


def _words(detail: RunDetail) -> str:
    return "\n".join(s.flat() for s in explain(detail, builders.at(60)))


def test_a_red_watch_is_explained_by_its_deciding_signal_its_limit_and_what_would_be_green() -> (
    None
):
    red = builders.signal_summary(
        "p95 latency", colour="red", observed=0.9, change=3.28, limit=0.1, reason="far beyond"
    )
    watch = builders.watch_summary(
        colour="red",
        signals=(red,),
        deciding="p95 latency",
        would_be_green="at most 0.231 s",
        extensions=0,
    )
    said = _words(
        RunDetail(
            run=_run(Phase.ROLLED_BACK),
            history=(
                _move(Phase.ROLLING_BACK, "watcher"),
                _move(Phase.ROLLED_BACK, "orchestrator"),
            ),
            watch=watch,
            rollback=builders.rollback_summary(),
        )
    )
    assert "Decided by p95 latency: 0.9 s against 0.21 s before (+328 %); the limit was 0.1" in said
    assert "It would have been green: at most 0.231 s" in said
    assert "It went around because of: errors: 4.1 % of 2300 requests" in said
    assert "rollback health of 2.4.0: passed" in said
    assert "taken on the word of watcher" in said
    assert "Left behind: the cache still holds entries of 2.4.1" in said


def test_a_failed_check_is_named_and_rows_that_were_not_required_are_not() -> None:
    failed = builders.row(
        "version", category="smoke", outcome=RowOutcome.FAILED, detail="got 2.4.0"
    )
    optional = builders.row("tea", outcome=RowOutcome.FAILED, detail="cold", required=False)
    matrix = builders.matrix(outcome="failed", rows=(builders.row(), failed, optional))
    said = _words(RunDetail(run=_run(Phase.ROLLED_BACK), history=(), verification=(matrix,)))
    assert "The health matrix of 2.4.1 failed by 1 row:; smoke version: failed: got 2.4.0" in said
    assert "tea" not in said


def test_a_run_that_was_called_off_says_by_whom() -> None:
    detail = RunDetail(
        run=_run(Phase.ABORTED, "wrong ticket"), history=(_move(Phase.ABORTED, "grace"),)
    )
    assert "was aborted: wrong ticket" in _words(detail)
    assert "Decided by grace; nothing had been changed." in _words(detail)


def test_a_run_under_way_says_what_it_waits_for_and_until_when() -> None:
    detail = RunDetail(
        run=_run(Phase.AWAITING_APPROVAL, deadline=builders.at(60) + timedelta(hours=4)),
        waiting_for=("tell",),
        history=(),
    )
    assert "It waits for an answer to: tell." in _words(detail)
    assert "Its deadline is in 4h." in _words(detail)
    assert "goaround approve r1" in _words(detail)


def test_errors_are_explained_by_their_counts_and_in_the_judges_words() -> None:
    reason = "errors: 12 errors in 40 requests (30 %) against 0.1 % before, beyond the limit of 2 %"
    errors = builders.signal_summary("errors", kind="errors", colour="red", reason=reason)
    watch = builders.watch_summary(
        colour="red",
        signals=(errors,),
        deciding="errors",
        would_be_green="would have been Green at 1.2 % or less",
        judge_version="3",
    )
    said = _words(RunDetail(run=_run(Phase.ROLLED_BACK), history=(), watch=watch))
    assert f"Decided by errors. {reason}" in said
    assert "\nIt would have been Green at 1.2 % or less.\n" in said
    assert "Replay with: goaround replay r1" in said


def test_what_people_said_of_a_run_is_told_and_a_watch_without_a_verdict_is_not_replayed() -> None:
    label = Label(label="bad", actor="ada", at=builders.at(90), because="carts were lost")
    watch = builders.watch_summary(judge_version="")
    said = _words(RunDetail(run=_run(Phase.SUCCEEDED), history=(), watch=watch, labels=(label,)))
    assert "ada says it was bad: carts were lost" in said
    assert "Replay" not in said


def test_a_way_back_that_failed_says_what_is_known_and_what_to_do_next_in_order() -> None:
    database = builders.reverted(
        outcome="revert_failed",
        reason="the second of two downs failed",
        difference=("column orders.note is gone",),
        kept=(),
    )
    back = builders.rollback_summary(
        database=database, next=("alembic downgrade a1b2", "goaround resume r1")
    )
    said = _words(RunDetail(run=_run(Phase.ROLLBACK_FAILED), history=(), rollback=back))
    for wanted in (
        "The schema could NOT be taken back: the second of two downs failed; it differs: column",
        "What is known:; the switch of checkout runs 2.4.0",
        "What you could do next, in this order:; 1. alembic downgrade a1b2; 2. goaround resume r1",
    ):
        assert wanted in said
