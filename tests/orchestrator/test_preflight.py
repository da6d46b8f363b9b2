"""The pre-flight matrix: a row for each line of the runbook, in each of its outcomes."""

from datetime import date, timedelta
from typing import Any

import pytest

from goaround_orchestrator.preflight import matrix_of, previous_of, same_version
from goaround_orchestrator.run import Run, Told
from goaround_schemas.guide import RollbackKnowledge
from goaround_schemas.matrix import MatrixRow
from goaround_schemas.watching import SignalBaseline
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at


def looked(**changes: Any) -> Run:
    """Return a run whose answers are all in, under the plan that is given."""
    usual: dict[str, Any] = {"previous_version": "1.0.0", "asked_rows": (), "baseline": ()}
    return build.run(**{**usual, **changes})


def row(run: Run, name: str) -> tuple[str, bool, str]:
    (found,) = [r for r in matrix_of(run, at()).rows if r.name == name]
    return str(found.outcome), found.required, found.detail


def running(value: str | None, outcome: str = "passed") -> tuple[MatrixRow, ...]:
    said = {"category": "running", "value": value, "required": False, "detail": "status 503"}
    return (build.row("version", outcome, **said),)


def test_every_line_of_the_runbook_has_a_row() -> None:
    matrix = matrix_of(looked(baseline=(signal(),)), at())
    lines = {"guide", "ci", "rollback", "dashboards", "signals", "stakeholders"}
    assert {r.category for r in matrix.rows} == lines


def signal(**changes: Any) -> SignalBaseline:
    usual = {"name": "p95", "answered": True, "detail": "0.2 s", "samples": 60}
    return SignalBaseline.model_validate({**usual, **changes})


def test_the_guide_is_named_with_its_digest() -> None:
    said = row(looked(), "deployment guide loaded")
    assert said == ("passed", True, "checkout.yaml, sha256:" + "ab" * 6)


@pytest.mark.parametrize(
    ("category", "name"), [("ci", "CI passed"), ("dashboards", "dashboards reachable")]
)
def test_a_guide_without_the_question_is_warned_of(category: str, name: str) -> None:
    outcome, required, detail = row(looked(), name)
    assert (outcome, required) == ("warned", False)
    assert f"add preflight.{category}" in detail
    asked = looked(planned={category: True}, asked_rows=(build.row("x", category=category),))
    assert name not in {r.name for r in matrix_of(asked, at()).rows}
    assert row(asked, "x") == ("passed", True, "x said passed")


@pytest.mark.parametrize("outcome", ["failed", "errored"])
def test_a_required_row_decides_the_whole(outcome: str) -> None:
    assert matrix_of(looked(asked_rows=(build.row("ci", outcome),)), at()).outcome == outcome
    optional = build.row("ci", outcome, required=False)
    assert matrix_of(looked(asked_rows=(optional,)), at()).outcome == "passed"


def test_a_definite_no_outweighs_a_could_not_tell() -> None:
    rows = (build.row("a", "errored"), build.row("b", "failed"))
    assert matrix_of(looked(asked_rows=rows), at()).outcome == "failed"


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "passed"),
        ({"previous_version": None, "planned": {"has_first": True}}, "passed"),
        ({"previous_version": None}, "warned"),
    ],
)
def test_whether_there_is_a_way_back(changes: dict[str, Any], outcome: str) -> None:
    assert row(looked(**changes), "rollback procedure is complete")[0] == outcome


@pytest.mark.parametrize(
    ("record", "asked", "outcome", "detail", "previous"),
    [
        ("1.0.0", (), "passed", "1.0.0, by the record", "1.0.0"),
        (None, (), "warned", "none: this is a first deployment", None),
        ("1.0.0", running("1.0.0"), "passed", "1.0.0, by the service and by the record", "1.0.0"),
        (None, running("1.0.0"), "warned", "1.0.0, by the service itself; nothing was", "1.0.0"),
        ("1.0.0", running("1.5.0"), "warned", "the service says 1.5.0, the record says", "1.5.0"),
        ("1.0.0", running(None, "warned"), "warned", "the service did not say (status", "1.0.0"),
        ("1.0.0", running("1.5.0", "warned"), "warned", "the service did not say", "1.0.0"),
        (
            None,
            running(None, "errored"),
            "warned",
            "the service did not say (status 503); no",
            None,
        ),
    ],
)
def test_the_version_before_is_held_against_the_record(
    record: str | None,
    asked: tuple[MatrixRow, ...],
    outcome: str,
    detail: str,
    previous: str | None,
) -> None:
    run = looked(previous_version=record, asked_rows=asked)
    said = row(run, "previous version is known")
    assert said[0] == outcome
    assert said[2].startswith(detail)
    assert previous_of(run) == previous


def test_no_previous_version_where_one_is_needed_is_a_no_that_says_what_to_do() -> None:
    run = looked(previous_version=None, planned={"needs_previous": True})
    outcome, required, detail = row(run, "previous version is known")
    assert (outcome, required) == ("failed", True)
    assert "goaround adopt checkout VERSION --env prod" in detail
    assert matrix_of(run, at()).outcome == "failed"


@pytest.mark.parametrize(
    ("read_on", "outcome", "detail"),
    [
        (date(2026, 3, 1), "passed", "3 days ago"),
        (date(2025, 9, 5), "passed", "180 days ago"),
        (date(2025, 9, 4), "failed", "181 days ago; it counts for 4320h: read it again"),
        (date(2026, 3, 5), "failed", "which is still to come"),
    ],
)
def test_having_read_the_procedure_counts_for_its_time(
    read_on: date, outcome: str, detail: str
) -> None:
    known = RollbackKnowledge(understood_by="team-payments", understood_on=read_on)
    said = row(looked(planned={"knowledge": known}), "rollback procedure is understood")
    assert said[:2] == (outcome, True)
    assert said[2].endswith(detail)


def test_nobody_having_read_the_procedure_is_warned_of() -> None:
    assert row(looked(), "rollback procedure is understood")[:2] == ("warned", False)


@pytest.mark.parametrize(
    ("proof", "within", "outcome", "detail"),
    [
        (None, None, "skipped", "never proven here; the guide asks for none"),
        (-86400, None, "skipped", "last proven 2026-03-03; the guide asks for none"),
        (
            None,
            90,
            "warned",
            "no proven rollback and no rehearsal is on record; the guide wants one within 2160h: "
            "goaround rehearse checkout 2.0.0 --env prod",
        ),
        (-86400 * 89, 90, "passed", "last proven 89 days ago; the guide wants 2160h"),
        (-86400 * 91, 90, "warned", "last proven 91 days ago; the guide wants 2160h"),
    ],
)
def test_a_rollback_rehearsed_lately(
    proof: float | None, within: int | None, outcome: str, detail: str
) -> None:
    known = RollbackKnowledge(
        understood_by="x",
        understood_on=date(2026, 3, 1),
        rehearsed_within=None if within is None else timedelta(days=within),
    )
    run = looked(last_proof=None if proof is None else at(proof), planned={"knowledge": known})
    assert row(run, "rollback was done lately") == (outcome, False, detail)


def test_every_watch_signal_has_its_row() -> None:
    run = looked(baseline=(signal(), signal(name="errors", answered=False, detail="no data")))
    assert row(run, "signal p95 answers") == ("passed", True, "0.2 s")
    assert row(run, "signal errors answers") == ("failed", True, "no data")
    unwatched = looked(planned={"watched": False})
    assert row(unwatched, "watch signals answer")[0] == "warned"


@pytest.mark.parametrize(
    ("told", "outcome"),
    [(None, "errored"), ("delivered", "passed"), ("failed", "warned"), ("given_up", "warned")],
)
def test_stakeholders_told_are_shown_and_never_decide(told: Any, outcome: str) -> None:
    heard = () if told is None else (Told(moment="started", name="team", outcome=told, detail="x"),)
    run = looked(told=heard, planned={"recipients": (build.recipient(),)})
    assert row(run, "team told")[:2] == (outcome, False)
    assert matrix_of(run, at()).outcome == "passed"
    assert row(looked(), "stakeholders told")[0] == "warned"


@pytest.mark.parametrize(
    ("changes", "pointless"),
    [
        ({"previous_version": "2.0.0"}, True),
        ({"previous_version": "2.0.0", "redeploy": True}, False),
        ({"previous_version": "2.0.0", "kind": "rollback"}, False),
        ({"previous_version": "1.0.0"}, False),
        ({"previous_version": "1.0.0", "asked_rows": running("2.0.0")}, True),
        ({"previous_version": "2.0.0", "asked_rows": running("1.0.0")}, False),
        ({"previous_version": "1.0.0", "asked_rows": running("2.0.0", "warned")}, False),
    ],
)
def test_a_run_to_the_version_that_runs_is_pointless(
    changes: dict[str, Any], pointless: bool
) -> None:
    assert (same_version(looked(**changes)) is not None) == pointless
