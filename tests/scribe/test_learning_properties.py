"""What holds of every history: nothing bad is learned from, and every diff is a guide's."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from goaround_guidebook import read
from goaround_schemas.matrix import RowOutcome
from goaround_schemas.recording import WorkRecord
from goaround_scribe.learning.lesson import MOST_CORRECTIONS
from tests.builders import matrix, rollback_summary, row, step_result, watch_summary
from tests.scribe.learned import GUIDE, applied, empty, lesson, run, strayed, watched

OUTCOMES = st.sampled_from(
    ["succeeded", "succeeded", "succeeded", "rolled_back", "rollback_failed"]
)
STEP_ENDS = st.sampled_from(
    [
        ("done", "exit code 0"),
        ("done", "exit code 0"),
        ("failed", "exit code 3"),
        ("failed", "did not end within 1800 s; stopped"),
        ("unknown", "did not end within 50 s; stopped"),
    ]
)
ROWS = (("smoke", "buys"), ("dependency", "bank"), ("liveness", "alive"))


@st.composite
def runs(draw: st.DrawFn, n: int) -> WorkRecord:
    """The nth run of any service that there could be."""
    step, detail = draw(STEP_ENDS)
    back, why = draw(STEP_ENDS)
    seconds = st.sampled_from([0.01, 9, 170, 1000, 1500, 1799])
    version = f"2.{n}.0"
    rows = tuple(
        row(
            name,
            category=category,
            outcome=draw(st.sampled_from(RowOutcome)),
            attempts=draw(st.integers(1, 4)),
            required=name != "bank",
        )
        for category, name in ROWS
    )
    changes: dict[str, Any] = {
        "environment": draw(st.sampled_from(["staging", "prod"])),
        "outcome": draw(OUTCOMES),
        "steps": (
            step_result(f"switch to {version}", outcome=step, detail=detail, seconds=draw(seconds)),
            step_result("warm up", attempts=draw(st.integers(1, 4)), seconds=draw(seconds)),
        ),
        "verification": (
            matrix(kind="readiness", of=version, rows=(
                row("ready", category="readiness", seconds=draw(seconds), attempts=30),)),
            matrix(kind="health", of=version, rows=rows),
        ),
        "watch": watch_summary(
            colour=draw(st.sampled_from(["green", "yellow", "red"])),
            signals=(
                strayed(draw(st.sampled_from([-0.3, -0.12, 0.0, 0.12, 0.3, 2.0])),
                        colour=draw(st.sampled_from(["green", "red"]))),
                empty(samples={draw(st.sampled_from(["no_data", "no_data", "ok"])): 3}),
            ),
        ),
    }  # fmt: skip
    if changes["outcome"] != "succeeded":
        steps = (step_result(f"back to 2.{n - 1}.0", outcome=back, detail=why, seconds=40),)
        changes["rollback"] = rollback_summary(steps=steps)
    return run(n, **changes)


def histories() -> st.SearchStrategy[list[WorkRecord]]:
    lengths = st.integers(1, 14)
    return lengths.flatmap(lambda n: st.tuples(*(runs(i) for i in range(n))).map(list))


@settings(max_examples=40)
@given(histories())
def test_of_any_history_only_what_went_well_moves_the_guide(history: list[WorkRecord]) -> None:
    found = lesson(history)
    by_id = {one.data.run_id: one.data for one in history}
    last = history[-1].data.run_id
    assert len(found.corrections) <= MOST_CORRECTIONS
    assert len({c.id for c in found.corrections}) == len(found.corrections)
    for correction in found.corrections:
        assert correction.evidence
        assert correction.effect
        assert correction.runs
        assert len(correction.runs) <= 10
        if not correction.diff:
            continue
        read(applied(GUIDE, correction.diff), "corrected.yaml")
        if correction.field.startswith("rollback."):
            continue  # the way back is made in bad runs, and in no others
        for run_id in correction.runs:
            data = by_id[run_id]
            assert data.outcome == "succeeded", correction
            assert data.watch is not None
            assert data.watch.colour != "red", correction
        was_cut_off = "was cut off" in correction.evidence
        assert not was_cut_off or last in correction.runs


@settings(max_examples=15)
@given(histories())
def test_of_any_history_the_same_is_learned_twice(history: list[WorkRecord]) -> None:
    assert lesson(history) == lesson(history)


CHANGES = st.floats(-0.6, 0.6).filter(lambda change: abs(change) > 0.001)


@settings(max_examples=60)
@given(st.lists(CHANGES, min_size=5, max_size=10), st.lists(CHANGES, max_size=2))
def test_a_wider_band_never_lets_pass_what_was_stopped_for_it(
    good: list[float], stopped: list[float]
) -> None:
    caught = [
        watched(90 + n, strayed(change, colour="red"), colour="red", outcome="rolled_back")
        for n, change in enumerate(stopped)
    ]
    history = [*caught, *(watched(n, strayed(change)) for n, change in enumerate(good))]
    for correction in lesson(history).corrections:
        assert correction.field == "watch.signals[p95].matters_from"
        if not correction.diff:
            continue
        share = float(correction.proposed.rstrip("%")) / 100
        assert 0.1 < share <= 0.5
        assert all(abs(change) > share for change in stopped)
        assert all(abs(change) <= share for change in good)
        assert {change > 0 for change in good if abs(change) > 0.1} == {True, False}
