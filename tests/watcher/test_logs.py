"""Log lines: files through rotation and truncation, commands that hang or follow."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goaround_judge import SampleState
from goaround_schemas.guide import LogSource
from goaround_watcher.sources import tail
from goaround_watcher.sources.command import LogCommand
from goaround_watcher.sources.file import LogFiles
from goaround_watcher.sources.logline import MOST_BYTES, MOST_LINES, records, written_at
from goaround_watcher.sources.port import Cursors, Lines
from tests.watcher.builders import span


class Log:
    """A log file, and a reader that follows it."""

    def __init__(self, folder: Path, pattern: str = "app.log") -> None:
        self.path = folder / "app.log"
        self.pattern = str(folder / pattern)
        self.cursors: Cursors | None = None

    def write(self, text: str) -> None:
        with self.path.open("a") as handle:
            handle.write(text)

    def look(self) -> list[str]:
        found = tail.read(self.pattern, self.cursors)
        self.cursors = found.cursors
        return found.lines


@pytest.fixture
def log(tmp_path: Path) -> Log:
    it = Log(tmp_path)
    it.write("old\n")
    return it


def test_the_first_look_is_at_what_is_there_and_the_next_at_what_came_since(log: Log) -> None:
    assert log.look() == ["old"]
    assert log.look() == []
    log.write("new\n")
    assert log.look() == ["new"]


def test_a_line_in_the_making_is_left_until_it_is_whole(log: Log) -> None:
    log.look()
    log.write("half")
    assert log.look() == []
    log.write(" and half\n")
    assert log.look() == ["half and half"]


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(log: Log) -> None:
    log.look()
    log.write("before\n")
    log.path.rename(log.path.with_name("app.log.1"))
    log.write("after\n")
    os.utime(log.path.with_name("app.log.1"), (1, 1))
    assert log.look() == ["before", "after"]
    with log.path.with_name("app.log.1").open("a") as still_open:
        still_open.write("late\n")
    assert log.look() == ["late"]


def test_a_truncated_file_is_read_from_its_start(log: Log) -> None:
    log.write("a long line that was there before\n")
    log.look()
    log.path.write_text("short\n")
    assert log.look() == ["short"]


def test_a_file_replaced_by_a_longer_one_on_the_same_inode_is_told_by_its_head(log: Log) -> None:
    log.look()
    log.path.write_text("quite another beginning\nand more\n")
    assert log.look() == ["quite another beginning", "and more"]


@pytest.mark.parametrize("pattern", ["app.log", "app.log*"])
def test_rotation_by_copy_and_truncation_doubles_nothing(tmp_path: Path, pattern: str) -> None:
    log = Log(tmp_path, pattern)
    log.write("INFO one\nINFO two\n")
    assert log.look() == ["INFO one", "INFO two"]
    shutil.copy2(log.path, tmp_path / "app.log.1")
    os.truncate(log.path, 0)
    log.write("INFO three\n")
    assert log.look() == ["INFO three"]
    log.write("INFO four\n")
    assert log.look() == ["INFO four"]


def test_what_was_unread_before_a_truncation_is_read_in_the_copy(tmp_path: Path) -> None:
    log = Log(tmp_path, "app.log*")
    log.write("INFO one\n")
    log.look()
    log.write("INFO unread\n")
    shutil.copy2(log.path, tmp_path / "app.log.1")
    log.path.write_text("INFO anew\n")
    assert log.look() == ["INFO unread", "INFO anew"]
    assert log.look() == []


def test_another_file_with_the_same_first_lines_is_no_copy(tmp_path: Path) -> None:
    log = Log(tmp_path, "*.log")
    log.write("# banner\nINFO one\n")
    log.look()
    (tmp_path / "other.log").write_text("# banner\nINFO one\nINFO other\n")
    assert log.look() == ["# banner", "INFO one", "INFO other"]


def test_a_file_that_appears_later_is_read_from_its_start(tmp_path: Path) -> None:
    log = Log(tmp_path, "*.log")
    assert log.look() == []
    log.write("INFO first\n")
    assert log.look() == ["INFO first"]


def test_a_file_that_cannot_be_opened_is_told_and_read_on_later(log: Log) -> None:
    log.look()
    log.write("ERROR meanwhile\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # As who may read every file sees no refusal: there is no room for one more open file.
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        found = tail.read(log.pattern, log.cursors)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found.unreadable == (f"{log.path}: Too many open files",)
    log.cursors = found.cursors
    assert log.look() == ["ERROR meanwhile"]


def test_compressed_files_are_left_alone(tmp_path: Path) -> None:
    log = Log(tmp_path, "app.log*")
    log.write("old\n")
    log.look()
    (tmp_path / "app.log.1.gz").write_bytes(b"\x1f\x8b binary\n")
    assert log.look() == []


def test_more_than_one_look_takes_is_sampled_by_its_newest(log: Log) -> None:
    log.look()
    log.write("x" * 99 + "\n")
    log.write(("y" * 99 + "\n") * (MOST_BYTES // 100 + 1000))
    found = tail.read(log.pattern, log.cursors)
    assert found.skipped_bytes > 0
    assert len(found.lines) * 100 + found.skipped_bytes == log.path.stat().st_size - 4
    assert set(found.lines) == {"y" * 99}
    log.cursors = found.cursors
    log.write("next\n")
    assert log.look() == ["next"]


moves = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 5)),
        st.tuples(st.just("half"), st.just(0)),
        st.tuples(st.just("rotate"), st.just(0)),
        st.tuples(st.just("truncate"), st.just(0)),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=30,
)


@settings(max_examples=80, deadline=None)
@given(moves=moves, pattern=st.sampled_from(["app.log", "app.log*"]))
def test_any_rotations_and_truncations_lose_and_double_nothing(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int]], pattern: str
) -> None:
    log = Log(tmp_path_factory.mktemp("log"), pattern)
    log.write("first\n")
    log.look()
    written: list[str] = []
    read: list[str] = []
    pending = ""
    rotations = 0
    for number, (move, count) in enumerate([*moves, ("write", 1), ("look", 0)]):
        if move == "write":
            fresh = [f"{number}.{i} {'z' * (number * 7 % 50)}" for i in range(count)]
            log.write("\n".join(fresh) + "\n")
            written += [pending + fresh[0], *fresh[1:]]
            pending = ""
        elif move == "half" and not pending:
            pending = f"half {number} "
            log.write(pending)
        elif move == "rotate" and not pending and rotations < tail.MOST_ROTATED:
            if pattern == "app.log":
                # A file that comes and goes between two looks was never seen under the pattern.
                read += log.look()
            rotations += 1
            log.path.rename(log.path.with_name(f"app.log.{rotations}"))
            log.path.touch()
        elif move == "truncate" and not pending:
            # What nobody has read by then is gone for everyone: a look comes first.
            read += log.look()
            os.truncate(log.path, 0)
        elif move == "look":
            read += log.look()
    assert sorted(read) == sorted(written)


async def test_no_file_is_told_with_the_pattern(tmp_path: Path) -> None:
    source = LogSource(file=str(tmp_path / "nonesuch-*.log"))
    said = await LogFiles().lines(source, span(0, 5), None)
    assert said.state is SampleState.NO_DATA
    assert "nonesuch-*.log" in said.detail


async def test_too_many_lines_are_counted_as_skipped(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    path.write_text("old\n")
    source = LogSource(file=str(path))
    first = await LogFiles().lines(source, span(0, 5), None)
    path.write_text("old\n" + "x\n" * (MOST_LINES + 7))
    then = await LogFiles().lines(source, span(5, 10), first.cursors)
    assert len(then.lines) == MOST_LINES
    assert "older 7 lines" in then.detail


def test_a_trace_belongs_to_the_line_before_it() -> None:
    lines = [
        "ERROR pay failed",
        "Traceback (most recent call last):",
        '  File "a.py", line 1',
        "ValueError: no",
        "INFO ok",
        "ERROR java",
        "java.lang.X: boom",
        "\tat a.b.C(C.java:1)",
        "Caused by: y",
        "... 3 more",
    ]
    assert [r.split("\n")[0] for r in records(lines)] == [
        "ERROR pay failed",
        "INFO ok",
        "ERROR java",
        "java.lang.X: boom",
    ]
    assert records(["x" * 5000])[0] == "x" * 1000


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1970-01-01T00:01:00Z hello", 60.0),
        ('{"time": "1970-01-01T01:01:00.250+01:00"}', 60.25),
        ("1970-01-01 00:01:00,500Z", 60.5),
        ("1970-01-01 00:01:00 whose hour is this", None),
        ("1970-13-01T00:01:00Z no such month", None),
        ("no time", None),
    ],
)
def test_a_line_says_when_it_was_written_only_with_its_zone(
    line: str, expected: float | None
) -> None:
    assert written_at(line) == expected


async def ran(*argv: str, step_s: float = 5.0) -> Lines:
    source = LogSource(command=argv)
    about = span(0, 5, step_s=step_s)
    return await LogCommand({"PATH": os.environ["PATH"]}).lines(source, about, {})


async def test_a_command_is_told_the_span_and_nothing_of_ours() -> None:
    script = "import os; print(*sorted(k+'='+v for k, v in os.environ.items()), sep='\\n')"
    said = await ran(sys.executable, "-c", script)
    assert said.state is SampleState.OK
    ours = [line for line in said.lines if line.startswith("GOAROUND_")]
    assert ours == [
        "GOAROUND_SINCE=2026-01-01T00:00:00.000+00:00",
        "GOAROUND_UNTIL=2026-01-01T00:00:05.000+00:00",
    ]


async def test_a_follower_is_stopped_with_its_children_and_what_it_said_is_taken(
    tmp_path: Path,
) -> None:
    pids = tmp_path / "pids"
    script = f"echo $$ > {pids}; echo one; echo two; sleep 60 & echo $! >> {pids}; wait"
    said = await ran("/bin/sh", "-c", script, step_s=0.6)
    assert (said.state, said.lines) == (SampleState.OK, ("one", "two"))
    child = int(pids.read_text().split()[1])
    deadline = asyncio.get_running_loop().time() + 5
    while alive(child):
        assert asyncio.get_running_loop().time() < deadline, "the child was left running"
        await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_command_that_floods_is_stopped_at_its_room() -> None:
    said = await ran("/bin/sh", "-c", "yes 'a line of some length that repeats'")
    assert said.state is SampleState.OK
    assert len(said.lines) == MOST_LINES
    assert "more than 1 MiB" in said.detail


async def test_a_command_that_is_silent_and_hangs_is_unreadable() -> None:
    said = await ran("/bin/sleep", "60", step_s=0.2)
    assert said.state is SampleState.NO_DATA
    assert "was stopped" in said.detail


async def test_a_command_that_fails_says_why() -> None:
    said = await ran("/bin/sh", "-c", "echo no such pod >&2; exit 3")
    assert said.state is SampleState.PROVIDER_ERROR
    assert "ended with 3: no such pod" in said.detail


async def test_a_command_that_is_not_there_says_so() -> None:
    said = await ran("/nonesuch/program")
    assert said.state is SampleState.PROVIDER_ERROR
    assert "/nonesuch/program cannot be run" in said.detail
