"""What an entry says of a run."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_schemas.matrix import RowOutcome
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import MigrationResult
from goaround_scribe.changelog import holds
from goaround_scribe.entry import FOLDED, entry_for, title_of
from tests.builders import (
    NOON,
    at,
    matrix,
    pending_migration,
    reverted,
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
        migration=MigrationResult(before="a1b2", after="c3d4"),
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
        "- Database: 1 migration, lossy; a1b2 -> c3d4",
        "- Verified: health of 2.4.1: passed, 1 of 2 checks passed, 1 warned",
        "- Watched: green after 15 m 00 s (60 looks)",
        "- Run r-1, 15 m 20 s from the request on",
        "- switch to 2.4.1, done in 3.2 s",
        "- the payments channel could not be reached.",
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
    assert "- Reason: errors: 4.1 % of 2300 requests against 0.1 %." in said
    assert "- Step: back to previous, done in 3.2 s" in said
    assert "- Verified: health after the rollback of 2.4.0: passed" in said
    assert "- Left behind: the cache still holds entries of 2.4.1." in said


def test_a_rollback_without_proof_says_so() -> None:
    failed = step_result("back", outcome="failed", detail="exit code 3")
    said = entry(outcome="rollback_failed", rollback=rollback_summary(matrix=None, steps=(failed,)))
    assert "ROLLBACK FAILED" in said
    assert "- Step: back, failed in 3.2 s: exit code 3" in said
    assert "- Nothing proves that 2.4.0 is well" in said


def test_an_emergency_stands_out() -> None:
    said = entry(emergency=True)
    assert "## EMERGENCY: checkout 2.4.1" in said
    assert "**EMERGENCY: it did not wait for queue, freeze or approval.**" in said


def test_what_is_not_known_is_said_to_be_unknown() -> None:
    said = entry(
        request_reason=None,
        previous_version=None,
        migration=MigrationResult(before="a1", after=None),
        migrations=(),
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
    assert "- Database: a1 -> unknown" in said.splitlines()


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
        rollback=rollback_summary(
            trigger=text,
            left=text,
            known=(text,),
            next=(text,),
            database=reverted(reason=text, difference=(text,), kept=(text,)),
        ),
        warnings=(text,),
        migrations=(
            pending_migration(
                revision=text,
                name=text,
                reasons=(text,),
                way_back_reasons=(text,),
                locks=(text,),
                point_of_no_return=text,
            ),
        ),
        migration=MigrationResult(before=text, after=text),
    )


@given(HOSTILE)
def test_no_words_of_others_forge_an_entry_or_a_section(text: str) -> None:
    said = told_with(text)
    lines = said.split("\n")
    assert len(lines) == len(told_with("x").split("\n"))
    assert [line for line in lines if line.lstrip().startswith("<!--")] == [lines[0]]
    assert [line for line in lines if line.startswith("<")] == [
        lines[0],
        "<details>",
        f"<summary>{FOLDED}</summary>",
        "</details>",
    ]
    assert not holds(said, "forged")
    assert [line for line in lines if line.lstrip().startswith("#")] == [lines[1]]
    assert not [line for line in lines if line.lstrip().startswith(("```", "~~~"))]


def test_times_are_of_utc() -> None:
    run = record_of()
    late = NOON + timedelta(hours=13)
    assert "(2026-03-05)" in entry_for(run.data, late)


def test_what_asks_for_attention_stands_before_what_folds_away() -> None:
    summary = rollback_summary(next=("goaround resume r-1 --because `ls`", "psql -c 'select 1'"))
    said = entry(outcome="rollback_failed", rollback=summary, warnings=("nobody was told",))
    shown, _, folded = said.partition("<details>")
    for line in (
        "- nobody was told.",
        "- the switch of checkout runs 2.4.0.",
        "1. `` goaround resume r-1 --because `ls` ``",
        "2. `psql -c 'select 1'`",
    ):
        assert line in shown.splitlines()
    assert "**Times**" in folded
    assert folded.endswith("\n</details>")


def test_a_migration_is_told_with_its_class_and_why() -> None:
    said = entry(
        migrations=(pending_migration(), pending_migration(revision="d4", kind="additive"))
    )
    for line in (
        "- Database: 2 migrations, 1 lossy, 1 additive; a1b2 -> c3d4; "
        "taken back, and verified to be as before",
        "- **c3d4 drop_note**: lossy",
        "  - Why: line 1: drops column orders.note with what it holds",
        "  - 2.4.0 cannot run on it",
        "  - Way back: loses data, column orders.note comes back empty",
        "  - Point of no return: line 1: alter table orders drop column note",
    ):
        assert line in said.splitlines()


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ("reverted_verified", "taken back, and verified to be as before"),
        ("kept_compatible", "kept, since 2.4.0 can live with it"),
        ("refused_lossy", "NOT taken back, since that would have lost what nobody allowed to lose"),
        ("revert_failed", "TAKING IT BACK FAILED"),
    ],
)
def test_what_became_of_the_schema_is_said_in_words(outcome: str, said: str) -> None:
    back = reverted(
        outcome=outcome, reason="why", difference=("table a lacks b",), kept=("kept.a_b",)
    )
    told = entry(outcome="rolled_back", rollback=rollback_summary(database=back)).splitlines()
    for line in (
        f"- Database: 1 migration, lossy; a1b2 -> c3d4; {said}",
        f"- Database: {said}: why.",
        "  - Differs from before: table a lacks b",
        "  - What was dropped was copied first, to: kept.a_b",
    ):
        assert line in told


def test_the_evidence_is_what_spoke_for_the_rollback_and_nothing_else() -> None:
    bad = row("smoke", category="smoke", outcome=RowOutcome.FAILED, detail="status 500, not 200")
    other = row("board", outcome=RowOutcome.FAILED, required=False)
    red = signal_summary("errors", colour="red", unit="", baseline=0.0, observed=0.04, change=None)
    muted = signal_summary("cache", colour="red", muted=True)
    said = entry(
        outcome="rolled_back",
        rollback=rollback_summary(),
        steps=(step_result("warm up", outcome="failed", detail="exit code 1"), step_result()),
        verification=(
            matrix(kind="preflight", rows=(bad,)),
            matrix(rows=(bad, other, row())),
            matrix(of="2.4.0", rows=(bad,)),
        ),
        watch=watch_summary(colour="red", signals=(red, muted, signal_summary()), logs=()),
    )
    start = said.splitlines().index("- Evidence:") + 1
    assert said.splitlines()[start : start + 4] == [
        "  - step warm up: failed, exit code 1",
        "  - check smoke (smoke): status 500, not 200",
        "  - errors: 0.04 against 0 before",
        "- Step: back to previous, done in 3.2 s",
    ]


def test_the_title_is_plain_words_for_a_commit_too() -> None:
    run = record_of(version="2_*4", emergency=True, kind="rollback").data
    assert title_of(run, NOON) == (
        "EMERGENCY: rollback of checkout 2_*4 in prod: succeeded (2026-03-04)"
    )
