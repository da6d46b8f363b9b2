"""Real files below a folder, and all the ways in which they may not be written."""

import errno
import os
import resource
import signal
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from goaround_scribe.disk import LOCK, LocalDisk, locked
from goaround_scribe.page import NotWritten
from goaround_scribe.workspace import MOST_BYTES, Workspace
from tests.scribe.builders import workspace


def add(text: str) -> str:
    return text + "more\n"


def refusal(pages: Workspace, name: str) -> str:
    with pytest.raises(NotWritten) as caught:
        pages.amend(name, add)
    return caught.value.why


def test_a_page_is_made_amended_and_left_alone(tmp_path: Path) -> None:
    pages = workspace(tmp_path)
    assert pages.amend("a.md", add)
    assert pages.amend("a.md", add)
    assert not pages.amend("a.md", lambda text: text)
    assert (tmp_path / "a.md").read_bytes() == b"more\nmore\n"
    assert sorted(p.name for p in tmp_path.iterdir()) == [LOCK, "a.md", "docs"]


def test_mode_and_line_ends_stay(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_bytes(b"one\r\ntwo\r\n")
    page.chmod(0o664)
    workspace(tmp_path).amend("a.md", add)
    assert page.read_bytes() == b"one\r\ntwo\r\nmore\n"
    assert stat.S_IMODE(page.stat().st_mode) == 0o664


def test_a_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/real.md").write_text("one\n")
    (tmp_path / "a.md").symlink_to("docs/real.md")
    workspace(tmp_path).amend("a.md", add)
    assert (tmp_path / "a.md").is_symlink()
    assert (tmp_path / "docs/real.md").read_text() == "one\nmore\n"


def test_an_absolute_path_below_the_workspace_is_taken(tmp_path: Path) -> None:
    pages = workspace(tmp_path)
    assert pages.amend(str(tmp_path / "docs/a.md"), add)
    assert pages.amend("docs/../docs/a.md", add)
    assert (tmp_path / "docs/a.md").read_text() == "more\nmore\n"


@pytest.mark.parametrize(
    "name",
    ["../out.md", "/proc/goaround-test.md", "docs/../../out.md", "", ".", "out", "loop", "a\0b"],
)
def test_nothing_outside_the_workspace_is_written(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "out.md").write_text("theirs")
    (root / "out").symlink_to(tmp_path / "out.md")
    (root / "loop").symlink_to("loop")
    refusal(workspace(root), name)
    assert (tmp_path / "out.md").read_text() == "theirs"


def not_utf8(page: Path) -> None:
    page.write_bytes(b"one\ntwo \xff\n")


def read_only(page: Path) -> None:
    page.write_text("one\n")
    page.chmod(0o444)


def folder(page: Path) -> None:
    page.mkdir()


def pipe(page: Path) -> None:
    os.mkfifo(page)


def huge(page: Path) -> None:
    with page.open("wb") as file:
        file.truncate(MOST_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (not_utf8, "line 2 is not UTF-8"),
        (read_only, "chmod u+w"),
        (folder, "no file"),
        (pipe, "no file"),
        (huge, "move its older half"),
    ],
)
def test_a_page_that_cannot_be_amended_is_refused_with_what_to_do(
    tmp_path: Path, make: Callable[[Path], None], said: str
) -> None:
    make(tmp_path / "a.md")
    before = (tmp_path / "a.md").stat()
    why = refusal(workspace(tmp_path), "a.md")
    assert why.startswith("a.md: ")
    assert said in why
    assert (tmp_path / "a.md").stat().st_ino == before.st_ino


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    assert "there is no folder nowhere; create it" in refusal(workspace(tmp_path), "nowhere/a.md")


class FullDisk(LocalDisk):
    def __init__(self, number: int) -> None:
        self._number = number

    def replace(self, path: Path, content: bytes) -> None:
        raise OSError(self._number, os.strerror(self._number))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "free some space"),
        (errno.EROFS, "let user"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_what_the_disk_refuses_is_put_in_words(tmp_path: Path, number: int, said: str) -> None:
    assert said in refusal(Workspace(tmp_path, FullDisk(number), 1.0), "a.md")


def test_another_scribe_is_waited_for_but_not_for_ever(tmp_path: Path) -> None:
    with locked(tmp_path, 1.0):
        assert "another scribe" in refusal(workspace(tmp_path, lock_within_s=0.05), "a.md")
    assert workspace(tmp_path).amend("a.md", add)


def one_line(pages: Workspace, line: str) -> None:
    pages.amend("a.md", lambda text: text + line)
    pages.extend("a.jsonl", lambda _: line.encode())


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    barrier = threading.Barrier(4)

    def write(who: int) -> None:
        pages = workspace(tmp_path)
        barrier.wait()
        for n in range(10):
            one_line(pages, f"{who}.{n}\n")

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wanted = sorted(f"{who}.{n}" for who in range(4) for n in range(10))
    assert sorted((tmp_path / "a.md").read_text().split()) == wanted
    assert sorted((tmp_path / "a.jsonl").read_text().split()) == wanted


def test_what_a_killed_scribe_left_is_cleared_away(tmp_path: Path) -> None:
    left = tmp_path / ".a.md.x1y2.goaround-tmp"
    left.write_text("half")
    others = tmp_path / ".b.md.x1y2.goaround-tmp"
    others.write_text("theirs")
    workspace(tmp_path).amend("a.md", add)
    assert not left.exists()
    assert others.exists()


def test_a_file_is_read_as_it_is_and_never_from_outside(tmp_path: Path) -> None:
    pages = workspace(tmp_path)
    assert pages.read("app.toml") is None
    (tmp_path / "app.toml").write_bytes(b"\xff")
    assert pages.read("app.toml") == b"\xff"
    with pytest.raises(NotWritten):
        pages.read("../app.toml")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(NotWritten, match="no file"):
        pages.read("pipe")


def test_an_append_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    page = tmp_path / "a.jsonl"
    page.write_bytes(b"one\n")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    was = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, old[1]))
        with pytest.raises(NotWritten, match="disk is full"):
            workspace(tmp_path).extend("a.jsonl", lambda _: b"x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, was)
    assert page.read_bytes() == b"one\n"
