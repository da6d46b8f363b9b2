"""Every command is answered, whatever becomes of the writing."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from goaround_chassis.testing import RecordingPublisher
from goaround_schemas.envelope import derived_id
from goaround_schemas.recording import DeployRecorded
from goaround_scribe.commit import Commits, Message
from goaround_scribe.handlers import Desk, on_dead, on_record
from goaround_scribe.page import Pages
from tests.builders import deploy_requested
from tests.scribe.builders import entry_of, outcomes, record_of, workspace


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


async def test_a_command_that_is_put_aside_is_answered_as_failed() -> None:
    publisher = RecordingPublisher()
    await on_dead(record_of(), "killed the process", publisher)
    await on_dead(deploy_requested(), "not ours", publisher)
    (said,) = publisher.of(DeployRecorded)
    assert set(outcomes(said.data).values()) == {"failed"}
    assert "killed the process" in said.data.entries[0].detail
