"""Every command is answered, whatever becomes of the writing."""

import threading
from collections.abc import Callable
from pathlib import Path

from goaround_chassis.testing import RecordingPublisher
from goaround_schemas.envelope import derived_id
from goaround_schemas.recording import DeployRecorded
from goaround_scribe.handlers import Desk, on_dead, on_record
from goaround_scribe.page import Pages
from tests.builders import deploy_requested
from tests.scribe.builders import outcomes, record_of, workspace


async def answered(pages: Pages, within_s: float = 10.0) -> DeployRecorded:
    publisher = RecordingPublisher()
    await on_record(record_of(id="c-1"), Desk(pages, publisher, within_s))
    (said,) = publisher.of(DeployRecorded)
    return said


async def test_a_command_is_answered_under_an_id_that_follows_from_it(tmp_path: Path) -> None:
    said, command = await answered(workspace(tmp_path)), record_of(id="c-1")
    assert said.id == derived_id("c-1", "deploy.recorded")
    assert (said.source, said.causationid, said.subject) == ("scribe", "c-1", "r-2026-0042")
    assert (said.correlationid, said.traceparent) == (command.correlationid, command.traceparent)
    assert outcomes(said.data)["changelog"] == "written"


class HangingPages:
    """A disk that does not answer."""

    def __init__(self) -> None:
        self.end = threading.Event()

    def amend(self, name: str, change: Callable[[str], str]) -> bool:
        return self.end.wait(10)

    def extend(self, name: str, addition: Callable[[bytes], bytes | None]) -> bool:
        return self.end.wait(10)

    def digest(self, name: str) -> str | None:
        return None


async def test_a_disk_that_hangs_holds_up_no_run() -> None:
    pages = HangingPages()
    try:
        said = await answered(pages, within_s=0.05)
    finally:
        pages.end.set()
    assert set(outcomes(said.data).values()) == {"failed"}
    assert "whether the disk hangs" in said.data.entries[0].detail


async def test_a_command_that_is_put_aside_is_answered_as_failed() -> None:
    publisher = RecordingPublisher()
    await on_dead(record_of(), "killed the process", publisher)
    await on_dead(deploy_requested(), "not ours", publisher)
    (said,) = publisher.of(DeployRecorded)
    assert set(outcomes(said.data).values()) == {"failed"}
    assert "killed the process" in said.data.entries[0].detail
