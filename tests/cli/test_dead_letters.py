"""`goaround dead`: why it was put aside, and sending it once more."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from goaround.embedded import EmbeddedNats
from goaround.reach import bus_at
from goaround.topology import topology
from goaround_chassis.bus import Received, apply
from tests.cli.command import goaround
from tests.cli.conftest import Command

pytestmark = pytest.mark.system

BODY = b'{"not": "a message"}'


@pytest.fixture
def url() -> Iterator[str]:
    """A migrated bus of the test's own, as one who may do everything."""
    with (
        TemporaryDirectory(prefix="goaround-test-") as root,
        EmbeddedNats(Path(root), sync="2m", die_with_parent=True) as server,
    ):
        yield server.url


async def _put_aside(url: str, **headers: str) -> None:
    async with bus_at(url) as bus:
        await apply(bus, topology())
        noted = {
            "goaround-reason": "malformed",
            "goaround-error": "no type",
            "goaround-stream": "WORK",
            "goaround-consumer": "verifier",
            "goaround-delivered": "1",
            "goaround-original-Nats-Msg-Id": "first",
            "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            **headers,
        }
        await bus.publish_raw(
            "dead.work.verify.prod.pay", BODY, stream="DEAD", msg_id="dead-1", headers=noted
        )


async def _kept(url: str, stream: str) -> list[Received]:
    async with bus_at(url) as bus:
        return [received async for received in bus.listed(stream)]


def test_a_letter_says_why_and_is_sent_again_as_it_was_and_only_then_removed(
    command: Command, url: str
) -> None:
    asyncio.run(_put_aside(url))
    listed = json.loads(command("dead", "list", "--json", "--url", url).stdout)
    assert [(d["sequence"], d["subject"], d["reason"]) for d in listed] == [
        (1, "work.verify.prod.pay", "malformed")
    ]
    shown = command("dead", "show", "1", "--url", url).stdout
    assert "error: no type" in shown
    assert BODY.decode() in shown
    done = command("dead", "resend", "1", "--url", url)
    assert done.returncode == 0, done.stderr
    (again,) = asyncio.run(_kept(url, "WORK"))
    assert (again.subject, again.body) == ("work.verify.prod.pay", BODY)
    assert again.header("traceparent")
    assert again.header("Nats-Msg-Id") not in (None, "first", "dead-1")
    assert not [name for name in again.headers if name.lower().startswith("goaround-")]
    assert asyncio.run(_kept(url, "DEAD")) == []
    gone = command("dead", "show", "1", "--url", url)
    assert gone.returncode == 1
    assert "goaround dead list" in gone.stderr


def test_a_letter_that_was_cut_is_not_sent_and_stays(command: Command, url: str) -> None:
    asyncio.run(_put_aside(url, **{"goaround-cut": "2000000"}))
    done = command("dead", "resend", "--all", "--url", url)
    assert done.returncode == 1
    assert "of 2000000 bytes only" in done.stderr
    assert len(asyncio.run(_kept(url, "DEAD"))) == 1
    assert asyncio.run(_kept(url, "WORK")) == []
    assert command("dead", "drop", "1", "--url", url).returncode == 0
    assert asyncio.run(_kept(url, "DEAD")) == []


def test_the_bus_is_migrated_once_and_a_dry_run_changes_nothing(url: str) -> None:
    dry = goaround("migrate", "--dry-run", "--url", url)
    assert "would create stream DEPLOY" in dry.stdout
    first = goaround("migrate", "--url", url)
    assert "create stream DEPLOY" in first.stdout
    assert "goaround-orchestrator migrate" in first.stderr
    second = goaround("migrate", "--json", "--url", url)
    assert json.loads(second.stdout)["changes"] == []
