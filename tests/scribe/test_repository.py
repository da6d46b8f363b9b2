"""What is committed, with a real git, and all that can keep it from that."""

import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from goaround_chassis.testing import RecordingPublisher
from goaround_schemas.recording import DeployRecorded
from goaround_scribe.commit import Message
from goaround_scribe.disk import locked
from goaround_scribe.git import environment
from goaround_scribe.handlers import Desk, on_record
from goaround_scribe.repository import GitCommits
from goaround_scribe.scribe import record
from tests.builders import NOON
from tests.scribe.builders import record_of, workspace

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="there is no git here")

QUIET = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}


class Checkout:
    """A git repository with one commit, and files for the scribe to write."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.root.mkdir(exist_ok=True)
        self.git("init", "-q", "-b", "main")
        (root / "README.md").write_text("ours\n")
        self.git("add", "README.md")
        self.git("commit", "-q", "-m", "begin")

    def git(self, *words: str) -> str:
        author = ("-c", "user.name=ada", "-c", "user.email=ada@here")
        return subprocess.run(
            ("git", *author, *words),
            cwd=self.root,
            env={"PATH": os.environ["PATH"], **QUIET},
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def hook(self, name: str, script: str) -> None:
        path = self.root / ".git/hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def commits(self) -> list[str]:
        return self.git("log", "--format=%s").splitlines()

    def head(self) -> str:
        return self.git("rev-parse", "--short", "HEAD").strip()

    def status(self) -> list[str]:
        return self.git("status", "--porcelain", "-uall").splitlines()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Checkout:
    for name, value in QUIET.items():
        monkeypatch.setenv(name, value)
    return Checkout(tmp_path / "repo")


def message(run_id: str = "r-1", **changes: Any) -> Message:
    usual: dict[str, Any] = {
        "title": "checkout 2.4.1 in prod: succeeded (2026-03-04)",
        "body": "all well",
    }
    usual |= {"run_id": run_id, "at": NOON, **changes}
    return Message(**usual)


def commit(
    root: Path, *names: str, run_id: str = "r-1", within_s: float = 10.0, **changes: Any
) -> dict[str, str]:
    place = workspace(root).place
    commits = GitCommits(place, "goaround", "goaround@here", within_s)
    return commits.commit(names, message(run_id, **changes))


def test_the_files_are_committed_with_author_reason_and_run(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", "one\n")
    checkout.write("docs/checkout.md", "two\n")
    told = commit(checkout.root, "CHANGELOG.md", "docs/checkout.md")
    said = f"committed as {checkout.head()}"
    assert told == {"CHANGELOG.md": said, "docs/checkout.md": said}
    form = "%an <%ae>|%cn|%ad|%B"
    shown = checkout.git("show", "--no-patch", "--date=unix", f"--format={form}", "HEAD")
    who, by, when, words = shown.split("|")
    assert (who, by, when) == ("goaround <goaround@here>", "goaround", str(int(NOON.timestamp())))
    assert words.rstrip("\n") == (
        "checkout 2.4.1 in prod: succeeded (2026-03-04)\n\nall well\n\nRun: r-1"
    )
    assert checkout.git("show", "--name-only", "--format=").split() == [
        "CHANGELOG.md",
        "docs/checkout.md",
    ]


def test_what_others_staged_or_changed_is_left_as_it_was(checkout: Checkout) -> None:
    checkout.write("staged.txt", "theirs\n")
    checkout.git("add", "staged.txt")
    checkout.write("README.md", "dirty\n")
    checkout.write("unknown.txt", "theirs\n")
    before = checkout.status()
    checkout.write("CHANGELOG.md", "one\n")
    commit(checkout.root, "CHANGELOG.md")
    assert checkout.git("show", "--name-only", "--format=").split() == ["CHANGELOG.md"]
    assert checkout.status() == before


def test_a_repeat_makes_no_second_commit_and_says_the_same(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", "one\n")
    told = commit(checkout.root, "CHANGELOG.md")
    assert commit(checkout.root, "CHANGELOG.md") == told
    checkout.write("CHANGELOG.md", "one, and by hand\n")
    assert commit(checkout.root, "CHANGELOG.md") == told
    assert len(checkout.commits()) == 2


def test_a_run_that_another_run_took_along_makes_none_of_its_own(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", "one and two\n")
    told = commit(checkout.root, "CHANGELOG.md")
    assert commit(checkout.root, "CHANGELOG.md", run_id="r-2") == told
    assert len(checkout.commits()) == 2


def test_the_next_run_takes_along_what_could_not_be_committed(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", "one\n")
    checkout.git("checkout", "-q", "--detach")
    assert "HEAD is detached" in commit(checkout.root, "CHANGELOG.md")["CHANGELOG.md"]
    checkout.git("checkout", "-q", "main")
    checkout.write("CHANGELOG.md", "two\none\n")
    commit(checkout.root, "CHANGELOG.md", run_id="r-2")
    assert checkout.git("show", "HEAD:CHANGELOG.md") == "two\none\n"


def test_a_folder_within_the_workspace_can_be_a_checkout_of_its_own(tmp_path: Path) -> None:
    root = tmp_path / "workspace"
    (root / "docs").mkdir(parents=True)
    (root / "CHANGELOG.md").write_text("nowhere\n")
    checkout = Checkout(root / "docs")
    checkout.write("checkout.md", "two\n")
    told = commit(root, "CHANGELOG.md", "docs/checkout.md")
    assert told == {"docs/checkout.md": f"committed as {checkout.head()}"}


def test_a_workspace_below_a_checkout_and_a_link_are_committed_where_the_file_is(
    checkout: Checkout,
) -> None:
    checkout.write("a b/docs/real [1].md", "one\n")
    (checkout.root / "a b/link.md").symlink_to("docs/real [1].md")
    told = commit(checkout.root / "a b", "link.md")
    assert told == {"link.md": f"committed as {checkout.head()}"}
    assert checkout.git("show", "-z", "--name-only", "--format=").strip("\0") == (
        "a b/docs/real [1].md"
    )


def test_outside_of_any_checkout_no_word_is_said(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text("one\n")
    assert commit(tmp_path, "CHANGELOG.md", "../outside.md", "a\0b") == {}
    (tmp_path / ".git").mkdir()
    assert commit(tmp_path, "CHANGELOG.md") == {}


def test_the_first_commit_of_a_branch_can_be_ours(tmp_path: Path) -> None:
    subprocess.run(("git", "init", "-q", "-b", "main", tmp_path), check=True)
    (tmp_path / "CHANGELOG.md").write_text("one\n")
    told = commit(tmp_path, "CHANGELOG.md")
    assert told["CHANGELOG.md"].startswith("committed as ")
    assert commit(tmp_path, "CHANGELOG.md") == told


def test_a_file_that_git_ignores_stays_out(checkout: Checkout) -> None:
    checkout.write(".gitignore", "out/\n")
    checkout.write("out/CHANGELOG.md", "one\n")
    checkout.write("page.md", "one\n")
    told = commit(checkout.root, "out/CHANGELOG.md", "page.md")
    assert told == {
        "out/CHANGELOG.md": "not committed: git ignores it (.gitignore)",
        "page.md": f"committed as {checkout.head()}",
    }
    assert checkout.git("show", "--name-only", "--format=").split() == ["page.md"]
    assert commit(checkout.root, "out/CHANGELOG.md", "page.md") == told


def test_a_file_that_comes_after_the_commit_of_its_run_is_not_said_to_be_in_it(
    checkout: Checkout,
) -> None:
    checkout.write("CHANGELOG.md", "one\n")
    told = commit(checkout.root, "CHANGELOG.md")
    checkout.write("page.md", "one\n")
    again = commit(checkout.root, "CHANGELOG.md", "page.md")
    assert again["CHANGELOG.md"] == told["CHANGELOG.md"]
    assert "the next run's takes it along" in again["page.md"]
    commit(checkout.root, "CHANGELOG.md", "page.md", run_id="r-2")
    assert checkout.git("show", "--name-only", "--format=").split() == ["page.md"]


def merging(checkout: Checkout) -> None:
    (checkout.root / ".git/MERGE_HEAD").write_text(checkout.git("rev-parse", "HEAD"))


def rebasing(checkout: Checkout) -> None:
    (checkout.root / ".git/rebase-merge").mkdir()


def detached(checkout: Checkout) -> None:
    checkout.git("checkout", "-q", "--detach")


def held(checkout: Checkout) -> None:
    (checkout.root / ".git/index.lock").touch()


def refusing(checkout: Checkout) -> None:
    checkout.hook("pre-commit", "echo 'no ticket, no commit' >&2; exit 1")


def corrupt(checkout: Checkout) -> None:
    (checkout.root / ".git/index").write_bytes(b"no index")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (merging, "a merge is under way"),
        (rebasing, "a rebase is under way"),
        (detached, "no branch is checked out"),
        (held, "if none is, remove that file"),
        (refusing, "said: no ticket, no commit"),
        (corrupt, "git status ended with 128"),
    ],
)
def test_what_keeps_a_checkout_from_a_commit_is_put_in_words_and_undone(
    checkout: Checkout, make: Any, said: str
) -> None:
    make(checkout)
    checkout.write("CHANGELOG.md", "one\n")
    told = commit(checkout.root, "CHANGELOG.md", within_s=3)["CHANGELOG.md"]
    assert told.startswith("not committed: ")
    assert said in told
    (checkout.root / ".git/index.lock").unlink(missing_ok=True)
    if make is not corrupt:
        assert checkout.status() == ["?? CHANGELOG.md"], "it is as unknown to git as before"
    assert checkout.git("log", "--all", "--format=%s").split() == ["begin"]


def test_a_hook_that_hangs_is_ended_and_leaves_no_lock(checkout: Checkout) -> None:
    checkout.hook("pre-commit", "sleep 600")
    checkout.write("CHANGELOG.md", "one\n")
    told = commit(checkout.root, "CHANGELOG.md", within_s=1)["CHANGELOG.md"]
    assert told.startswith("not committed: git was not done within 1 s")
    assert not list((checkout.root / ".git").glob("*index*.lock"))
    assert checkout.status() == ["?? CHANGELOG.md"]


def test_a_hook_that_hangs_after_the_commit_does_not_hide_it(checkout: Checkout) -> None:
    checkout.hook("post-commit", "sleep 600")
    checkout.write("CHANGELOG.md", "one\n")
    told = commit(checkout.root, "CHANGELOG.md", within_s=1)
    assert told == {"CHANGELOG.md": f"committed as {checkout.head()}"}
    assert checkout.status() == []


def test_a_hook_gets_no_password_and_no_terminal(checkout: Checkout) -> None:
    checkout.hook("pre-commit", "env > hooked.txt; cat >> hooked.txt")
    os.environ["GOAROUND_NATS_PASSWORD"] = "hunter2"
    try:
        checkout.write("CHANGELOG.md", "one\n")
        commit(checkout.root, "CHANGELOG.md")
    finally:
        del os.environ["GOAROUND_NATS_PASSWORD"]
    seen = (checkout.root / "hooked.txt").read_text()
    assert "GIT_TERMINAL_PROMPT=0" in seen
    assert "hunter2" not in seen


def test_git_is_not_led_astray_by_what_it_inherits() -> None:
    given = {"GIT_DIR": "/x", "GIT_INDEX_FILE": "/y", "HOME": "/h", "GIT_CONFIG_COUNT": "0"}
    kept = environment(given)
    assert not {"GIT_DIR", "GIT_INDEX_FILE"} & set(kept)
    assert (kept["HOME"], kept["GIT_CONFIG_COUNT"]) == ("/h", "0")


def test_without_git_the_reason_is_said(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(checkout.root))
    checkout.write("CHANGELOG.md", "one\n")
    told = commit(checkout.root, "CHANGELOG.md")["CHANGELOG.md"]
    assert told.startswith("not committed: git cannot be run (No such file or directory)")


def test_another_scribe_at_the_same_checkout_is_waited_for(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", "one\n")
    with locked(checkout.root / ".git", 1.0):
        told = commit(checkout.root, "CHANGELOG.md", within_s=0.5)["CHANGELOG.md"]
    assert told == "not committed: another scribe was at it for 0.5 s"
    assert "committed as" in commit(checkout.root, "CHANGELOG.md")["CHANGELOG.md"]


def test_a_checkout_of_another_user_is_refused_with_what_to_do(checkout: Checkout) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    checkout.write("CHANGELOG.md", "one\n")
    for path in (checkout.root, checkout.root / ".git"):
        os.chown(path, 12345, 12345)
    told = commit(checkout.root, "CHANGELOG.md")["CHANGELOG.md"]
    assert "belongs to another user" in told
    assert f"safe.directory {checkout.root}" in told


def test_the_words_of_others_stay_words_of_the_message(checkout: Checkout) -> None:
    checkout.write("CHANGELOG.md", "one\n")
    commit(checkout.root, "CHANGELOG.md", title="# --amend", body="Run: r-2")
    assert checkout.commits() == ["# --amend", "begin"]
    checkout.write("CHANGELOG.md", "two\n")
    commit(checkout.root, "CHANGELOG.md", run_id="r-2")
    assert len(checkout.commits()) == 3, "a body that names another run is no record of it"


async def test_a_scribe_killed_before_its_commit_is_completed_by_the_next(
    checkout: Checkout,
) -> None:
    pages = workspace(checkout.root)
    command = record_of(run_id="r-1")
    record(command, pages)
    publisher = RecordingPublisher()
    commits = GitCommits(pages.place, "goaround", "goaround@here", 10)
    for _ in range(2):
        await on_record(command, Desk(pages, publisher, 10, commits))
    for said in publisher.of(DeployRecorded):
        entries = [e for e in said.data.entries if e.what != "corrections"]
        assert {e.outcome for e in entries} == {"unchanged"}
        assert {e.detail for e in entries} == {f"committed as {checkout.head()}"}
    assert checkout.commits() == ["checkout 2.4.1 in prod: succeeded (2026-03-04)", "begin"]
    body = checkout.git("show", "--no-patch", "--format=%b")
    assert "every check passed, and p95 latency stayed at 0.21 s" in body
    assert "Asked for by ada: faster checkout" in body
