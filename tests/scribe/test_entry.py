"""What an entry says of a run."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from goaround_schemas.matrix import RowOutcome
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import MigrationResult
from goaround_scribe.changelog import holds
from goaround_scribe.entry import entry_for
from tests.builders import (
    NOON,
    at,
    matrix,
    rollback_summary,
    row,
    signal_summary,
    span,
    step_result,
    watch_summary,
)
from tests.scribe.builders import record_of


def entry(**changes: object) -> str:
    return entry_for(record_of(**changes).data, NOON)


def test_a_success_is_told_whole() -> None:
    said = entry(
        run_id="r-1",
        verification=(matrix(rows=(row(), row(outcome=RowOutcome.WARNED, name="board"))),),
        timeline=(span(), span(Phase.WATCHING, **{"from": at(40), "to": at(940)})),
        watch=watch_summary(signals=(signal_summary(),), logs=(), extensions=0),
    )
    assert said.splitlines()[:2] == [
        "<!-- goaround:run r-1 -->",
        "## checkout 2.4.1 in prod: succeeded (2026-03-04)",
    ]
    for line in (
        "every check passed, and p95 latency stayed at 0.21 s.",
        "- Asked for by ada: faster checkout",
        "- Previous version: 2.4.0",
        "- Artifact: pkg:docker/acme/checkout@2.4.1",
        "- Migrations: a1b2 -> c3d4",
        "- Deploy: switch to 2.4.1, done in 3.2 s",
        "- Verified: health of 2.4.1: passed, 1 of 2 checks passed, 1 warned",
        "| p95 latency | 0.21 s | 0.214 s | +1.9 % | green, steady |",
        "| deploying (all) | 2026-03-04 12:00:20 UTC | 20 s |",
        "| watching (all) | 2026-03-04 12:00:40 UTC | 15 m 00 s |",
    ):
        assert line in said.splitlines()
    assert "EMERGENCY" not in said


def test_a_rollback_is_told_with_its_trigger_and_its_proof() -> None:
    summary = rollback_summary()
    said = entry(outcome="rolled_back", rollback=summary, verification=(matrix(), summary.matrix))
    assert "## checkout 2.4.1 in prod: rolled back (2026-03-04)" in said
    assert "Trigger of the rollback: errors: 4.1 % of 2300 requests against 0.1 %." in said
    assert "- back to previous, done in 3.2 s" in said
    assert said.count("health after the rollback of 2.4.0: passed") == 1
    assert "Left behind: the cache still holds entries of 2.4.1." in said


def test_a_rollback_without_proof_says_so() -> None:
    failed = step_result("back", outcome="failed", detail="exit code 3")
    said = entry(outcome="rollback_failed", rollback=rollback_summary(matrix=None, steps=(failed,)))
    assert "ROLLBACK FAILED" in said
    assert "- back, failed in 3.2 s: exit code 3" in said
    assert "Nothing proves that 2.4.0 is well" in said


def test_an_emergency_stands_out() -> None:
    said = entry(emergency=True)
    assert "## EMERGENCY: checkout 2.4.1" in said
    assert "**EMERGENCY: it did not wait for queue, freeze or approval.**" in said


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    said = entry(
        request_reason=None,
        previous_version=None,
        migration=MigrationResult(before="a1", after=None),
        watch=None,
        timeline=(),
        verification=(),
        steps=(),
        version=None,
        kind="rollback",
    )
    assert "## rollback of checkout in prod" in said
    assert "- Asked for by ada, who gave no reason" in said
    assert "- Previous version: none on record" in said
    assert "- Migrations: a1 -> unknown" in said


def test_a_failed_row_says_what_was_found() -> None:
    bad = row("smoke", category="smoke", outcome=RowOutcome.FAILED, detail="status 500, not 200")
    said = entry(verification=(matrix(rows=(bad,), outcome="failed"),))
    assert "  - smoke, smoke: failed, status 500, not 200" in said.splitlines()


HOSTILE = st.one_of(
    st.text(min_size=1, max_size=200),
    st.sampled_from(
        [
            "x\n<!-- goaround:run forged -->\n## 9.9.9 by nobody",
            "```\n",
            "<!--",
            "--> <!-- goaround:deployment:start -->",
            "| a | b |\n|---|---|",
        ]
    ),
)


def told_with(text: str) -> str:
    return entry(
        run_id="r-1",
        reason=text,
        requested_by=text,
        request_reason=text,
        artifact=text,
        outcome="rolled_back",
        guide_name=text,
        steps=(step_result(text, detail=text, outcome="failed"),),
        verification=(matrix(rows=(row(text, detail=text, outcome=RowOutcome.FAILED),)),),
        watch=watch_summary(reason=text, signals=(signal_summary(text, verdict=text, unit=text),)),
        rollback=rollback_summary(trigger=text, left=text),
    )


@given(HOSTILE)
def test_no_words_of_others_forge_an_entry_or_a_section(text: str) -> None:
    said = told_with(text)
    lines = said.split("\n")
    assert len(lines) == len(told_with("x").split("\n"))
    assert said.count("<!--") == 1
    assert not holds(said, "forged")
    assert [line for line in lines if line.lstrip().startswith("#")] == [lines[1]]
    assert not [line for line in lines if line.lstrip().startswith(("```", "~~~"))]


def test_times_are_of_utc() -> None:
    run = record_of()
    late = NOON + timedelta(hours=13)
    assert "(2026-03-05)" in entry_for(run.data, late)
