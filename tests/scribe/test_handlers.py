"""Every command is answered, whatever becomes of the writing."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from goaround_chassis.testing import RecordingPublisher
from goaround_schemas.envelope import Message as Said
from goaround_schemas.envelope import derived_id
from goaround_schemas.guide import Record
from goaround_schemas.recording import DeployRecorded, WorkRecord
from goaround_scribe.commit import Commits, Message
from goaround_scribe.handlers import Desk, on_dead, on_record, on_records
from goaround_scribe.page import Pages
from tests.builders import deploy_requested
from tests.scribe.builders import entry_of, outcomes, record, record_of, workspace


async def answered(
    pages: Pages, within_s: float = 10.0, commits: Commits | None = None
) -> DeployRecorded:
    publisher = RecordingPublisher()
    await on_record(record_of(id="c-1"), Desk(pages, publisher, within_s, commits))
    (said,) = publisher.of(DeployRecorded)
    return said


async def test_a_command_is_answered_under_an_id_that_follows_from_it(tmp_path: Path) -> None:
    said, command = await answered(workspace(tmp_path)), record_of(id="c-1")
    assert said.id == derived_id("c-1", "deploy.recorded")
    assert (said.source, said.causationid, said.subject) == ("scribe", "c-1", "r-2026-0042")
    assert (said.correlationid, said.traceparent) == (command.correlationid, command.traceparent)
    assert outcomes(said.data)["changelog"] == "written"


class Asked:
    """Knows what it was asked to commit, and says the same of every file."""

    def __init__(self, word: str) -> None:
        self.word = word
        self.names: tuple[str, ...] = ()

    def commit(self, names: Iterable[str], message: Message) -> dict[str, str]:
        self.names = tuple(names)
        return dict.fromkeys(self.names, self.word)


async def test_what_became_of_each_file_in_git_stands_in_its_detail(tmp_path: Path) -> None:
    asked = Asked("committed as 1a2b3c4")
    said = await answered(workspace(tmp_path), commits=asked)
    assert asked.names == ("CHANGELOG.md", "CHANGELOG.jsonl", "docs/checkout.md")
    details = {e.what: e.detail for e in said.data.entries if e.what != "corrections"}
    assert set(details.values()) == {"committed as 1a2b3c4"}
    assert set(details) == {"changelog", "journal", "docs"}


async def test_what_was_not_written_is_not_committed(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_bytes(b"\xff")
    asked = Asked("not committed: a merge is under way")
    said = await answered(workspace(tmp_path), commits=asked)
    assert "CHANGELOG.md" not in asked.names
    assert entry_of(said.data, "journal").outcome == "written"
    assert entry_of(said.data, "journal").detail == "not committed: a merge is under way"


class HangingPages:
    """A disk that does not answer."""

    def __init__(self) -> None:
        self.end = threading.Event()

    def amend(self, name: str, change: Callable[[str], str]) -> bool:
        return self.end.wait(10)

    def extend(self, name: str, addition: Callable[[bytes], bytes | None]) -> bool:
        return self.end.wait(10)

    def read(self, name: str) -> bytes | None:
        return None


async def test_a_disk_that_hangs_holds_up_no_run() -> None:
    pages = HangingPages()
    asked = Asked("committed")
    try:
        said = await answered(pages, within_s=0.05, commits=asked)
    finally:
        pages.end.set()
    assert set(outcomes(said.data).values()) == {"failed"}
    assert "whether the disk hangs" in said.data.entries[0].detail
    assert asked.names == ()


def wordless(number: int) -> WorkRecord:
    """A run whose guide names no file to write it to."""
    return record_of(id=f"w-{number}", run_id=f"quiet-{number}", record=Record(), docs=None)


async def test_each_of_a_list_is_answered_whether_it_is_written_somewhere_or_not(
    tmp_path: Path,
) -> None:
    publisher = RecordingPublisher()
    written = [record_of(id=f"c-{n}", run_id=f"r-{n}") for n in range(3)]
    commands = [wordless(1), *written, wordless(2)]
    await on_records(commands, Desk(workspace(tmp_path), publisher, 10.0))
    said = {answer.causationid: answer for answer in publisher.of(DeployRecorded)}
    assert {c.id: said[c.id].data.run_id for c in commands} == {
        "w-1": "quiet-1", "c-0": "r-0", "c-1": "r-1", "c-2": "r-2", "w-2": "quiet-2",
    }  # fmt: skip
    assert set(outcomes(said["w-1"].data).values()) == {"skipped", "unchanged"}
    text = (tmp_path / "CHANGELOG.md").read_text()
    assert [text.count(f"<!-- goaround:run r-{n} -->") for n in range(3)] == [1] * 3


async def test_one_of_a_list_that_cannot_be_written_keeps_no_other_from_its_place(
    tmp_path: Path,
) -> None:
    (tmp_path / "BROKEN.md").write_bytes(b"\xff")
    publisher = RecordingPublisher()
    broken = record_of(id="c-1", run_id="r-1", record=record(changelog="BROKEN.md"))
    commands = [record_of(id="c-0", run_id="r-0"), broken, record_of(id="c-2", run_id="r-2")]
    await on_records(commands, Desk(workspace(tmp_path), publisher, 10.0))
    said = {answer.data.run_id: outcomes(answer.data) for answer in publisher.of(DeployRecorded)}
    assert {run: found["changelog"] for run, found in said.items()} == {
        "r-0": "written", "r-1": "failed", "r-2": "written",
    }  # fmt: skip
    assert said["r-1"]["docs"] == "written"


async def test_a_disk_that_hangs_costs_those_of_a_list_nothing_that_touch_no_file() -> None:
    pages, publisher = HangingPages(), RecordingPublisher()
    try:
        await on_records([wordless(1), record_of(), wordless(2)], Desk(pages, publisher, 0.05))
    finally:
        pages.end.set()
    first, second, last = publisher.of(DeployRecorded)
    assert {first.data.run_id, second.data.run_id} == {"quiet-1", "quiet-2"}
    assert set(outcomes(last.data).values()) == {"failed"}


class Deaf(Exception):
    """The bus does not take it."""


class RefusingPublisher(RecordingPublisher):
    """Takes every message but the answer to one command."""

    def __init__(self, refused: str) -> None:
        super().__init__()
        self._refused = refused

    async def publish(self, message: Said) -> None:
        if message.causationid == self._refused:
            raise Deaf
        await super().publish(message)


@pytest.mark.parametrize("refused", ["c-1", "w-1"])
async def test_an_answer_that_is_not_taken_is_raised_once_all_others_are_given(
    tmp_path: Path, refused: str
) -> None:
    publisher = RefusingPublisher(refused)
    commands = [record_of(id=f"c-{n}", run_id=f"r-{n}") for n in range(3)] + [
        wordless(n) for n in range(3)
    ]
    with pytest.raises(Deaf):
        await on_records(commands, Desk(workspace(tmp_path), publisher, 10.0))
    given = {answer.causationid for answer in publisher.of(DeployRecorded)}
    assert given == {c.id for c in commands} - {refused}


async def test_a_command_that_is_put_aside_is_answered_as_failed() -> None:
    publisher = RecordingPublisher()
    await on_dead(record_of(), "killed the process", publisher)
    await on_dead(deploy_requested(), "not ours", publisher)
    (said,) = publisher.of(DeployRecorded)
    assert set(outcomes(said.data).values()) == {"failed"}
    assert "killed the process" in said.data.entries[0].detail
