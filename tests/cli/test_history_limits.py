"""`goaround migrate` and how much of the history the bus keeps: as told once, until told anew."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from goaround.embedded import EmbeddedNats
from goaround.reach import bus_at
from tests.cli.conftest import Command

pytestmark = pytest.mark.system

DAY_NS = 86_400 * 10**9
GIB = 1024**3


@pytest.fixture
def url() -> Iterator[str]:
    """An empty bus of the test's own, as one who may do everything."""
    with (
        TemporaryDirectory(prefix="goaround-test-") as root,
        EmbeddedNats(Path(root), sync="2m", die_with_parent=True) as server,
    ):
        yield server.url


def kept(url: str) -> tuple[int, int]:
    """Days and GiB that DEPLOY keeps."""

    async def asked() -> tuple[int, int]:
        async with bus_at(url) as bus:
            config = json.loads(await bus.api("STREAM.INFO.DEPLOY"))["config"]
            return config["max_age"] // DAY_NS, config["max_bytes"] // GIB

    return asyncio.run(asked())


def test_what_the_history_was_told_to_keep_stays_until_it_is_told_anew(
    command: Command, url: str
) -> None:
    def migrate(*words: str) -> list[str]:
        done = command("migrate", "--json", "--url", url, *words)
        assert done.returncode == 0, done.stderr
        # In this process, what is logged of each change stands before the document.
        document = "{\n" + done.stdout.partition("{\n")[2]
        changes: list[str] = json.loads(document)["changes"]
        return changes

    assert "create stream DEPLOY" in migrate()
    assert kept(url) == (365, 4)
    assert migrate("--history-gib", "2") == ["update stream DEPLOY (max_bytes)"]
    assert kept(url) == (365, 2)
    assert migrate() == []
    assert migrate("--history-days", "30", "--dry-run") == ["update stream DEPLOY (max_age)"]
    assert kept(url) == (365, 2)
    assert migrate("--history-days", "30") == ["update stream DEPLOY (max_age)"]
    assert migrate() == []
    assert kept(url) == (30, 2)
    assert migrate("--history-days", "365", "--history-gib", "4")
    assert kept(url) == (365, 4)


@pytest.mark.parametrize("words", [("--history-gib", "0"), ("--history-days", "-1")])
def test_no_history_at_all_is_wrong_usage(command: Command, words: tuple[str, str]) -> None:
    assert command("migrate", "--url", "nats://127.0.0.1:1", *words).returncode == 2
