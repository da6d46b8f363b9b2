"""The demo's runs keep every promise that `deploy.finished` makes: no field is left empty."""

import asyncio
import itertools
import json
from collections.abc import Generator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from goaround.demo import ACTS, Played, Scene, play, staged
from goaround.handle import RunHandle
from goaround_schemas.matrix import RowOutcome
from goaround_schemas.outcome import DeployFinishedData
from goaround_schemas.phase import Phase

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("demo")]

P = Phase


async def _follow(handle: RunHandle) -> DeployFinishedData:
    return (await handle.finished(120)).data


@pytest.fixture(scope="module")
def stage() -> Generator[tuple[Scene, Path, dict[str, Played]]]:
    """The four deployments, played once for all the tests of this file."""
    with TemporaryDirectory(prefix="goaround-demo-") as folder:
        root = Path(folder)
        with staged(root) as (system, scene):
            played = asyncio.run(play(system, scene, lambda _: None, _follow))
            yield scene, root / "workspace", {p.act.version: p for p in played}


Stage = tuple[Scene, Path, dict[str, Played]]


LANDED_OR_WENT_AROUND = [act.version for act in ACTS if act.outcome != "rejected"]


def test_every_deployment_ends_as_its_story_says(stage: Stage) -> None:
    _, _, played = stage
    assert {v: (p.data.outcome, p.faults) for v, p in played.items()} == {
        act.version: (act.outcome, ()) for act in ACTS
    }


@pytest.mark.parametrize("version", LANDED_OR_WENT_AROUND)
def test_who_what_where_and_why_are_filled(stage: Stage, version: str) -> None:
    data = stage[2][version].data
    assert (data.service, data.environment, data.version) == ("shop", "prod", version)
    assert data.run_id
    assert data.previous_version == ("1.0.0" if version == "1.1.0" else "1.1.0")
    assert data.requested_by
    assert any(c.isdigit() for c in data.reason), "a reason holds numbers"
    assert data.guide is not None
    assert data.guide.digest.startswith("sha256:")
    assert any("CHANGELOG.md" in where for where in data.record)


@pytest.mark.parametrize("version", LANDED_OR_WENT_AROUND)
def test_the_timeline_has_no_gap(stage: Stage, version: str) -> None:
    spans = stage[2][version].data.timeline
    assert [s.phase for s in spans[:4]] == [P.REQUESTED, P.PREFLIGHT, P.DEPLOYING, P.VERIFYING]
    assert spans[-1].phase == P.RECORDING
    assert all(a.to == b.from_ for a, b in itertools.pairwise(spans))
    assert all(s.from_ <= s.to for s in spans)


@pytest.mark.parametrize("version", LANDED_OR_WENT_AROUND)
def test_the_preflight_matrix_has_a_row_for_each_line_of_the_runbook(
    stage: Stage, version: str
) -> None:
    (preflight,) = [m for m in stage[2][version].data.verification if m.kind == "preflight"]
    assert preflight.outcome == "passed"
    categories = {r.category for r in preflight.rows}
    assert {"guide", "ci", "rollback", "dashboards", "signals", "stakeholders"} <= categories
    assert {r.outcome for r in preflight.rows if r.required} == {RowOutcome.PASSED}
    signals = [r for r in preflight.rows if r.category == "signals"]
    assert len(signals) == 4
    (told,) = [r for r in preflight.rows if r.category == "stakeholders"]
    assert told.outcome == RowOutcome.PASSED


def test_the_health_matrix_has_its_four_kinds(stage: Stage) -> None:
    for version in LANDED_OR_WENT_AROUND:
        played = stage[2][version]
        (health,) = [m for m in played.data.verification if m.kind == "health"]
        assert {r.category for r in health.rows} == {
            "liveness",
            "readiness",
            "dependency",
            "smoke",
        }


def test_a_failed_smoke_test_is_rolled_back_straight_from_verify(stage: Stage) -> None:
    data = stage[2]["1.2.0"].data
    assert data.watch is None
    assert P.WATCHING not in {s.phase for s in data.timeline}
    (health,) = [m for m in data.verification if m.kind == "health"]
    (failed,) = [r for r in health.rows if r.outcome == RowOutcome.FAILED]
    assert failed.category == "smoke"
    assert "total_cents" in failed.detail
    assert failed.detail in data.reason


def test_the_good_upgrade_was_watched_and_every_signal_has_its_numbers(stage: Stage) -> None:
    watch = stage[2]["1.1.0"].data.watch
    assert watch is not None
    assert (watch.colour, watch.action) == ("green", "accept")
    assert watch.ticks > 10
    assert watch.watched_s >= 8
    assert watch.reason
    assert watch.judge_version
    for signal in watch.signals:
        assert signal.baseline is not None, signal.name
        assert signal.observed is not None, signal.name
        assert signal.verdict
        assert signal.reason
        assert signal.samples["ok"] >= 5
    assert {s.name for s in watch.signals} == {"p95 latency", "errors", "throughput"}
    assert {s.name for s in watch.logs} == {"application log"}


def test_the_degrader_is_red_for_a_named_signal_and_its_migration_is_reverted(
    stage: Stage,
) -> None:
    data = stage[2]["1.3.0"].data
    assert data.watch is not None
    assert (data.watch.colour, data.watch.action) == ("red", "rollback")
    assert data.watch.deciding in {"p95 latency", "errors", "application log"}
    assert data.watch.would_be_green
    assert data.rollback is not None
    assert data.rollback.trigger == data.watch.reason
    reverted = data.rollback.steps[0]
    assert (reverted.kind, reverted.outcome) == ("migration", "done")
    assert "0003 back to 0002" in reverted.detail
    database = data.rollback.database
    assert database is not None
    assert database.outcome == "reverted_verified", database
    assert [t for t in database.kept if "express" in t], "what was ordered express is kept aside"


def test_a_lossy_migration_is_refused_before_anything_changes(stage: Stage) -> None:
    data = stage[2]["2.0.0"].data
    assert data.outcome == "rejected"
    assert "drops column orders.note" in data.reason
    assert "--allow lossy --reason" in data.reason
    assert [m.kind for m in data.migrations] == ["lossy"]
    assert data.rollback is None


def test_what_was_tight_comes_back_as_a_diff_of_the_guide(stage: Stage) -> None:
    scene, _, played = stage
    used = played["1.1.0"].data.guide
    assert used is not None
    (correction,) = [c for c in used.corrections if "warm" in c.field]
    assert (correction.was, correction.proposed) == ("5s", "10s")
    assert "\n-      timeout: 5s " in correction.diff
    assert "\n+      timeout: 10s " in correction.diff
    assert "timeout: 5s" in (scene.guides / "shop.yaml").read_text(), "proposed, not done"


@pytest.mark.parametrize("version", ["1.2.0", "1.3.0"])
def test_what_is_rolled_back_was_proven_healthy(stage: Stage, version: str) -> None:
    data = stage[2][version].data
    assert data.rollback is not None
    assert data.rollback.matrix is not None
    assert (data.rollback.matrix.kind, data.rollback.matrix.of) == ("rollback_health", "1.1.0")
    assert data.rollback.matrix.outcome == "passed"
    assert all(s.outcome == "done" for s in data.rollback.steps)
    assert data.rollback.left is None


def test_a_broken_way_back_says_what_was_left_and_pages(stage: Stage) -> None:
    scene, _, played = stage
    data = played["1.4.0"].data
    assert data.rollback is not None
    assert data.rollback.left is not None
    assert "0004" in data.rollback.left
    assert data.rollback.known
    assert data.rollback.next[-1] == f"goaround resume {data.run_id}"
    assert data.rollback.matrix is None
    pages = [n for n in scene.told() if n["moment"] == "page"]
    assert [p["run_id"] for p in pages] == [data.run_id]
    assert pages[0]["urgent"]


def test_each_notice_was_told_once(stage: Stage) -> None:
    scene, _, played = stage
    told = [(n["run_id"], n["moment"]) for n in scene.told()]
    assert len(told) == len(set(told))
    for p in played.values():
        assert {"started", "finished"} <= {m for r, m in told if r == p.data.run_id}, p.act


def test_the_change_log_and_the_page_tell_what_runs(stage: Stage) -> None:
    _, workspace, played = stage
    text = (workspace / "CHANGELOG.md").read_text()
    order = [text.index(f"shop {v} in prod") for v in ("1.4.0", "1.3.0", "1.2.0", "1.1.0")]
    assert order == sorted(order), "newest first"
    lines = [json.loads(x) for x in (workspace / "CHANGELOG.jsonl").read_text().splitlines()]
    ended = {played[v].data.run_id for v in LANDED_OR_WENT_AROUND}
    assert {x["run_id"] for x in lines} == ended
    page = (workspace / "docs" / "shop.md").read_text()
    assert "| prod | 1.1.0 |" in page
