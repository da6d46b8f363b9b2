"""Migrations in pre-flight: what nothing takes back needs the guide's word or a person's."""

from typing import Any

import pytest

from goaround_orchestrator.lifecycle import decide
from goaround_orchestrator.preflight import matrix_of
from goaround_orchestrator.run import Run, What
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import PendingMigration
from tests import builders as messages
from tests.orchestrator import builders as build
from tests.orchestrator.builders import at


def pending(kind: str, **changes: Any) -> PendingMigration:
    usual: dict[str, Any] = {
        "revision": "0004",
        "name": "drop_note",
        "kind": kind,
        "reasons": (f"line 1: this is {kind}",),
        "fit": "compatible",
        "way_back": "reversible",
        "way_back_reasons": (),
        "locks": (),
        "point_of_no_return": None,
    }
    return messages.pending_migration(**{**usual, **changes})


def looked(*found: PendingMigration, planned: dict[str, Any] | None = None, **changes: Any) -> Run:
    """A run in pre-flight whose other answers are in, and that hears of its migrations."""
    run = build.run(planned={"inspects": True, **(planned or {})}, allow=changes.pop("allow", ()))
    started = build.walk(run, "begin", "asked", "baseline")
    answer = build.inspected(started, pending=found, **changes)
    return decide(started, answer, at(9)).run


def rows(run: Run) -> dict[str, tuple[str, bool, str]]:
    return {
        r.name: (r.outcome.value, r.required, r.detail)
        for r in matrix_of(run, at(9)).rows
        if r.category == "migrations"
    }


def test_pre_flight_waits_for_what_the_deployer_finds() -> None:
    run = build.walk(build.run(planned={"inspects": True}), "begin", "asked", "baseline")
    assert run.phase is Phase.PREFLIGHT
    assert [p.order.what for p in run.pending] == [What.INSPECT]
    assert build.walk(run, "inspected", now=5).phase is Phase.DEPLOYING


def test_a_guide_without_migrations_asks_for_none() -> None:
    run = build.in_phase(Phase.DEPLOYING)
    assert rows(run) == {}


@pytest.mark.parametrize("kind", ["additive", "reversible"])
def test_what_can_be_taken_back_passes_and_says_why(kind: str) -> None:
    run = looked(pending(kind))
    assert run.phase is Phase.DEPLOYING
    said = f"{kind}; line 1: this is {kind}"
    assert rows(run) == {"migration 0004 drop_note": ("passed", True, said)}


@pytest.mark.parametrize(
    ("kind", "word"),
    [("lossy", "lossy"), ("irreversible", "irreversible"), ("unknown", "irreversible")],
)
def test_what_nothing_takes_back_is_refused_without_a_word_for_it(kind: str, word: str) -> None:
    run = looked(pending(kind))
    assert run.phase is Phase.REJECTED
    assert f"line 1: this is {kind}" in run.reason
    assert f"--allow {word} --reason" in run.reason
    assert not run.changed


@pytest.mark.parametrize(
    ("kind", "allowed", "phase"),
    [
        ("lossy", "lossy", Phase.DEPLOYING),
        ("lossy", "irreversible", Phase.DEPLOYING),
        ("irreversible", "irreversible", Phase.DEPLOYING),
        ("irreversible", "lossy", Phase.REJECTED),
        ("unknown", "irreversible", Phase.DEPLOYING),
        ("unknown", "lossy", Phase.REJECTED),
    ],
)
def test_the_guide_or_a_person_may_allow_it(kind: str, allowed: str, phase: Phase) -> None:
    assert looked(pending(kind), planned={"allow": (allowed,)}).phase is phase
    assert looked(pending(kind), allow=(allowed,)).phase is phase


def test_whoever_allowed_it_is_named() -> None:
    by_guide = rows(looked(pending("lossy"), planned={"allow": ("lossy",)}))
    assert "allowed by the guide" in by_guide["migration 0004 drop_note"][2]
    by_ada = rows(looked(pending("lossy"), allow=("lossy",)))
    assert "allowed by ada" in by_ada["migration 0004 drop_note"][2]


def test_a_warning_is_given_of_locks_of_no_way_back_and_of_what_the_old_version_cannot_bear() -> (
    None
):
    run = looked(
        pending(
            "reversible",
            fit="contract",
            way_back="none",
            locks=("line 2: rewrites orders, which nobody can read meanwhile",),
            point_of_no_return="line 3: truncate orders",
        )
    )
    said = rows(run)
    assert run.phase is Phase.DEPLOYING
    assert said["migration 0004 drop_note: way back"][0] == "warned"
    assert "1.0.0 cannot live with it" in said["migration 0004 drop_note: both versions"][2]
    assert "rewrites orders" in said["migration 0004 drop_note: locks"][2]
    assert said["point of no return"][2] == "0004 drop_note, line 3: truncate orders"


def test_a_schema_that_a_rollback_keeps_needs_no_way_back() -> None:
    run = looked(pending("additive", way_back="none"), planned={"keeps_schema": True})
    assert set(rows(run)) == {"migration 0004 drop_note"}


def test_what_could_not_be_told_is_asked_again_and_then_refused() -> None:
    run = build.walk(build.run(planned={"inspects": True}), "begin", "asked", "baseline")
    for tries in (1, 2):
        run = build.walk(run, "not inspected", now=5 + tries)
        assert [p.order.attempt for p in run.pending] == [tries + 1]
    run = build.walk(run, "not inspected", now=9)
    assert run.phase is Phase.REJECTED
    assert "no route to the database" in run.reason


def test_migrations_that_nobody_can_judge_are_a_warning() -> None:
    run = looked(judged=False)
    assert run.phase is Phase.DEPLOYING
    (said,) = rows(run).values()
    assert said[:2] == ("warned", False)
    assert "add alembic, files or sql" in said[2]


def test_a_rehearsal_that_failed_is_a_no_and_one_that_passed_is_remembered() -> None:
    planned = {"rehearses": True}
    bad = messages.rehearsal(outcome="failed", reason="the way back left an index", at=at(8))
    refused = looked(pending("additive"), planned=planned, rehearsal=bad)
    assert refused.phase is Phase.REJECTED
    assert "the way back left an index" in refused.reason
    assert refused.last_rehearsal is None
    good = looked(pending("additive"), planned=planned, rehearsal=messages.rehearsal(at=at(8)))
    assert good.phase is Phase.DEPLOYING
    assert good.last_rehearsal == at(8)


def test_a_rehearsal_that_the_guide_wants_and_nobody_made_is_no_pass() -> None:
    assert looked(pending("additive"), planned={"rehearses": True}).phase is Phase.REJECTED
