"""A whole record: what is written, what a repeat changes, what a crash leaves."""

import json
from pathlib import Path
from typing import Any

import pytest

from goaround_guidebook import read
from goaround_schemas.recording import WorkRecord
from goaround_scribe.disk import LOCK, LocalDisk
from goaround_scribe.scribe import given_up, record
from goaround_scribe.section import find
from goaround_scribe.workspace import Workspace
from tests.builders import at, rollback_summary, step_result
from tests.scribe import builders
from tests.scribe.builders import GUIDE, entry_of, outcomes, record_of, workspace


def run(n: int = 1, **changes: Any) -> WorkRecord:
    usual: dict[str, Any] = {
        "id": f"c-{n}",
        "run_id": f"r-{n}",
        "time": at(60 * n),
        "record": builders.record(configuration=("app.toml",)),
    }
    return record_of(**{**usual, **changes})


def files(root: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(root)): p.read_bytes()
        for p in sorted(root.rglob("*"))
        if p.is_file() and p.name != LOCK
    }


def test_a_run_is_written_in_all_its_places(tmp_path: Path) -> None:
    (tmp_path / "app.toml").write_text("a = 1\n")
    recorded = record(run(), workspace(tmp_path))
    assert outcomes(recorded) == {
        "changelog": "written",
        "journal": "written",
        "docs": "written",
        "corrections": "unchanged",
    }
    assert [e.where for e in recorded.entries] == [
        "CHANGELOG.md",
        "CHANGELOG.jsonl",
        "docs/checkout.md",
        "checkout.yaml",
    ]
    assert "## checkout 2.4.1 in prod: succeeded" in (tmp_path / "CHANGELOG.md").read_text()
    (line,) = (tmp_path / "CHANGELOG.jsonl").read_text().splitlines()
    assert json.loads(line)["run_id"] == "r-1"
    page = (tmp_path / "docs/checkout.md").read_text()
    assert page.startswith("# checkout\n")
    assert "- app.toml: on record from now on" in page
    assert r"- deploy.steps\[switch to {version}\].timeout: 60s -> 120s" in page


def test_a_repeat_writes_nothing(tmp_path: Path) -> None:
    pages = workspace(tmp_path)
    record(run(), pages)
    before = files(tmp_path)
    recorded = record(run(), pages)
    assert set(outcomes(recorded).values()) == {"unchanged"}
    assert files(tmp_path) == before


def test_runs_follow_one_another_newest_first(tmp_path: Path) -> None:
    pages = workspace(tmp_path)
    (tmp_path / "app.toml").write_text("a = 1\n")
    record(run(1), pages)
    (tmp_path / "app.toml").write_text("a = 2\n")
    record(run(2, version="2.5.0", previous_version="2.4.1"), pages)
    text = (tmp_path / "CHANGELOG.md").read_text()
    assert text.index("checkout 2.5.0") < text.index("checkout 2.4.1")
    page = (tmp_path / "docs/checkout.md").read_text()
    assert "| prod | 2.5.0 |" in page
    assert "  - app.toml: a: 1 -> 2" in page


def test_a_rolled_back_run_leaves_the_page_at_what_runs(tmp_path: Path) -> None:
    pages = workspace(tmp_path)
    record(run(1, version="2.4.0", previous_version="2.3.0"), pages)
    record(run(2, outcome="rolled_back", rollback=rollback_summary()), pages)
    found = find((tmp_path / "docs/checkout.md").read_text())
    assert found is not None
    row = found.state.environments["prod"]
    assert (row.version, row.run) == ("2.4.0", "r-1")
    record(run(3, kind="rollback", version="2.4.0", previous_version="2.3.0",
               outcome="rolled_back", rollback=rollback_summary()), pages)  # fmt: skip
    found = find((tmp_path / "docs/checkout.md").read_text())
    assert found is not None
    row = found.state.environments["prod"]
    assert (row.version, row.run) == ("2.3.0", "r-3")


def test_where_a_rollback_failed_the_page_says_that_nobody_knows_what_runs(tmp_path: Path) -> None:
    pages = workspace(tmp_path)
    record(run(1, version="2.4.0", previous_version="2.3.0"), pages)
    record(run(2, outcome="rollback_failed", rollback=rollback_summary(matrix=None)), pages)
    page = (tmp_path / "docs/checkout.md").read_text()
    assert "| prod | 2.4.0 (IN DOUBT: the way back of run r-2 failed) |" in page
    assert "**2.4.1 in prod: ROLLBACK FAILED on the way to 2.4.0 (" in page
    assert "  - `goaround resume r-2026-0042`" in page
    record(run(3), pages)
    assert "| prod | 2.4.1 | " in (tmp_path / "docs/checkout.md").read_text()


def test_a_first_deployment_that_was_undone_leaves_nothing_running(tmp_path: Path) -> None:
    undone = run(outcome="rolled_back", previous_version=None, rollback=rollback_summary())
    record(undone, workspace(tmp_path))
    page = (tmp_path / "docs/checkout.md").read_text()
    assert "No version is known to run anywhere." in page
    assert "| prod | 2.4.1 | rolled back | ada | faster checkout | r-1 |" in page


@pytest.mark.parametrize(
    ("changes", "what", "said"),
    [
        ({"record": builders.record(changelog=None)}, "changelog", "names no change log"),
        ({"record": builders.record(changelog=None)}, "journal", "names none"),
        ({"docs": None}, "docs", "names no page"),
    ],
)
def test_what_is_not_asked_for_is_skipped_with_a_word(
    tmp_path: Path, changes: dict[str, Any], what: str, said: str
) -> None:
    entry = entry_of(record(run(**changes), workspace(tmp_path)), what)
    assert entry.outcome == "skipped"
    assert said in entry.detail


def test_one_that_fails_keeps_no_other_from_its_place(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_bytes(b"\xff\xfe")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/checkout.md").write_text("x\n<!-- goaround:deployment:end -->\n")
    recorded = record(run(guide_text="guide: goaround/v1\n"), workspace(tmp_path))
    assert outcomes(recorded) == {
        "changelog": "failed",
        "journal": "written",
        "docs": "failed",
        "corrections": "failed",
    }
    assert "not UTF-8" in entry_of(recorded, "changelog").detail
    assert "docs/checkout.md, line 2: " in entry_of(recorded, "docs").detail
    assert "checkout.yaml:1:" in entry_of(recorded, "corrections").detail
    assert (tmp_path / "CHANGELOG.md").read_bytes() == b"\xff\xfe"


def test_a_configuration_file_outside_the_workspace_is_never_read(tmp_path: Path) -> None:
    outside = builders.record(configuration=("/etc/passwd",))
    recorded = record(run(record=outside), workspace(tmp_path))
    assert entry_of(recorded, "docs").outcome == "failed"
    assert "outside the workspace" in entry_of(recorded, "docs").detail


def test_corrections_are_proposed_with_the_record(tmp_path: Path) -> None:
    slow = step_result("switch to 2.4.1", seconds=104)
    recorded = record(run(steps=(slow,)), workspace(tmp_path))
    assert [c.field for c in recorded.corrections] == ["deploy.steps[switch to {version}].timeout"]
    assert entry_of(recorded, "corrections").outcome == "written"


@pytest.mark.parametrize(
    ("changelog", "beside"),
    [("NEWS", "NEWS.jsonl"), ("docs/C.md", "docs/C.jsonl"), ("log.jsonl", "log.jsonl.jsonl")],
)
def test_the_journal_stands_beside_the_change_log(
    tmp_path: Path, changelog: str, beside: str
) -> None:
    recorded = record(run(record=builders.record(changelog=changelog)), workspace(tmp_path))
    assert entry_of(recorded, "journal").where == beside
    assert (tmp_path / beside).exists()


class Killed(BaseException):
    """The end of the process, as the code sees it."""


class DyingDisk(LocalDisk):
    """Dies at the nth write, before it or after it."""

    def __init__(self, at_write: int, *, after: bool) -> None:
        self._left = at_write
        self._after = after

    def replace(self, path: Path, content: bytes) -> None:
        self._die(self._after)
        super().replace(path, content)
        self._die(not self._after)

    def append(self, path: Path, content: bytes) -> None:
        self._die(self._after)
        super().append(path, content)
        self._die(not self._after)

    def _die(self, not_now: bool) -> None:
        if not_now:
            return
        self._left -= 1
        if self._left == 0:
            raise Killed


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_scribe_that_is_killed_between_any_two_writes_is_completed_by_the_next(
    tmp_path: Path, nth: int, after: bool
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    for root in (whole, broken):
        root.mkdir()
        (root / "CHANGELOG.md").write_text("# Ours\n\n## 1.0\n\nby hand\n")
    record(run(), workspace(whole))
    (broken / "docs").mkdir()
    with pytest.raises(Killed):
        record(run(), Workspace(broken, DyingDisk(nth, after=after), 5.0))
    recorded = record(run(), workspace(broken))
    assert "failed" not in outcomes(recorded).values()
    assert files(broken) == files(whole)


def test_a_line_that_a_crash_cut_off_is_written_anew(tmp_path: Path) -> None:
    pages = workspace(tmp_path)
    (tmp_path / "CHANGELOG.jsonl").write_bytes(b'{"run_id":"r-1","servi')
    record(run(), pages)
    cut, line = (tmp_path / "CHANGELOG.jsonl").read_text().splitlines()
    assert cut == '{"run_id":"r-1","servi'
    assert json.loads(line)["run_id"] == "r-1"


def test_what_was_given_up_is_an_entry_for_each_thing() -> None:
    recorded = given_up(run(), "why")
    assert set(outcomes(recorded).values()) == {"failed"}
    assert {e.detail for e in recorded.entries} == {"why"}


def test_the_guide_of_these_tests_is_one() -> None:
    assert read(GUIDE, "x").service == "checkout"
