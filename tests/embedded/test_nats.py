"""EmbeddedNats against the real program."""

# nats-py types its options as unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client

from goaround.embedded import BinariesMissing, EmbeddedNats, NatsUser, ServerError
from goaround.embedded.process import is_running, wait_until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("embedded")]

ALPHA = NatsUser("alpha", publish_allow=("a.>", "_INBOX.>"), subscribe_allow=("a.>", "_INBOX.>"))
SILENT = NatsUser("silent")
ANSWERER = NatsUser("answerer", subscribe_allow=("a.question",), allow_responses=True)


@asynccontextmanager
async def connected(
    server: EmbeddedNats, user: str | None = None, refusals: asyncio.Queue[str] | None = None
) -> AsyncGenerator[Client, None]:
    async def note(error: Exception) -> None:
        if refusals is not None:
            await refusals.put(str(error).lower())

    name, password = server.credentials(user) if user else (None, None)
    client = await nats.connect(
        server.url, user=name, password=password, error_cb=note, allow_reconnect=False
    )
    try:
        yield client
    finally:
        await client.close()


async def test_a_user_says_and_hears_its_own_subjects_only(tmp_path: Path) -> None:
    with EmbeddedNats(tmp_path, users=[ALPHA, SILENT], die_with_parent=True) as server:
        refusals = asyncio.Queue[str]()
        async with connected(server, "alpha", refusals) as alpha:
            heard = await alpha.subscribe("a.>")
            await alpha.publish("b.command", b"forbidden")
            await alpha.subscribe("b.>")
            await alpha.publish("a.event", b"allowed")
            assert (await heard.next_msg(timeout=5)).data == b"allowed"
            said = [await asyncio.wait_for(refusals.get(), 5) for _ in range(2)]
        assert 'permissions violation for publish to "b.command"' in said[0]
        assert 'permissions violation for subscription to "b.>"' in said[1]


async def test_a_user_without_subjects_may_do_nothing(tmp_path: Path) -> None:
    with EmbeddedNats(tmp_path, users=[SILENT], die_with_parent=True) as server:
        refusals = asyncio.Queue[str]()
        async with connected(server, "silent", refusals) as silent:
            await silent.publish("a.event", b"x")
            await silent.subscribe("a.event")
            said = [await asyncio.wait_for(refusals.get(), 5) for _ in range(2)]
        assert all("permissions violation" in refusal for refusal in said)


async def test_a_user_may_answer_what_it_was_asked(tmp_path: Path) -> None:
    with EmbeddedNats(tmp_path, users=[ALPHA, ANSWERER], die_with_parent=True) as server:
        async with connected(server, "alpha") as alpha, connected(server, "answerer") as answerer:
            questions = await answerer.subscribe("a.question")
            await answerer.flush()
            asked = asyncio.create_task(alpha.request("a.question", b"?", timeout=5))
            await (await questions.next_msg(timeout=5)).respond(b"!")
            assert (await asked).data == b"!"


def test_with_users_a_stranger_is_refused(tmp_path: Path) -> None:
    with EmbeddedNats(tmp_path, users=[ALPHA], die_with_parent=True) as server:
        port = int(server.url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=5) as stranger:
            stranger.sendall(b"CONNECT {}\r\nPING\r\n")
            said = b"".join(iter(lambda: stranger.recv(4096), b""))
    assert b"-ERR 'Authorization Violation'" in said


def test_passwords_are_made_once_and_are_for_our_eyes_only(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path / "n", users=[ALPHA], die_with_parent=True)
    with server:
        _, first = server.credentials("alpha")
    with server:
        assert server.credentials("alpha") == ("alpha", first)
    assert len(first) >= 32
    for name in ("credentials.json", "nats.json", "nats.log"):
        assert stat.S_IMODE((tmp_path / "n" / name).stat().st_mode) == 0o600
    with pytest.raises(ServerError, match="no bus user 'beta', only alpha"):
        server.credentials("beta")


async def test_a_server_taken_over_learns_of_changed_users_without_a_restart(
    tmp_path: Path,
) -> None:
    beta = NatsUser("beta", publish_allow=("b.>", "_INBOX.>"), subscribe_allow=("b.>", "_INBOX.>"))
    with EmbeddedNats(tmp_path, users=[ALPHA], die_with_parent=True) as server:
        _, password = server.credentials("alpha")
        second = EmbeddedNats(tmp_path, users=[ALPHA, beta])
        second.start()
        assert second.adopted
        assert (second.pid(), second.url) == (server.pid(), server.url)
        assert second.credentials("alpha") == ("alpha", password)
        async with connected(second, "beta") as client:
            heard = await client.subscribe("b.>")
            await client.publish("b.event", b"here")
            assert (await heard.next_msg(timeout=5)).data == b"here"


async def test_a_killed_server_comes_back_on_its_port_with_its_messages(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path, die_with_parent=True)
    url = server.start()
    try:
        async with connected(server) as client:
            stream = client.jetstream()
            await stream.add_stream(name="KEPT", subjects=["kept.>"])
            for number in range(20):
                await stream.publish(f"kept.{number}", b"x")
        killed = server.pid()
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert server.start() == url
        assert not server.adopted
        assert server.pid() != killed
        async with connected(server) as client:
            assert (await client.jetstream().stream_info("KEPT")).state.messages == 20
    finally:
        server.stop()


def test_a_port_in_use_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = EmbeddedNats(tmp_path, port=port, die_with_parent=True)
        with pytest.raises(ServerError, match=rf"(?s)choose another port.*nats.log:.*{port}"):
            server.start()
    assert server.pid() is None


def test_a_port_of_last_time_that_is_taken_now_gives_way(tmp_path: Path) -> None:
    server = EmbeddedNats(tmp_path, die_with_parent=True)
    with server:
        last = server.url
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(last.rsplit(":", 1)[1])))
        taken.listen()
        with server:
            assert server.url != last


def test_a_running_server_does_not_move_to_another_port(tmp_path: Path) -> None:
    with (
        EmbeddedNats(tmp_path, die_with_parent=True) as server,
        pytest.raises(ServerError, match=r"already runs on 127.0.0.1:.*Stop it first"),
    ):
        EmbeddedNats(server.root, port=1).start()


def test_damaged_passwords_are_named_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text("{half")
    with pytest.raises(ServerError, match=r"credentials.json is not JSON"):
        EmbeddedNats(tmp_path, users=[ALPHA]).start()
    assert (tmp_path / "credentials.json").read_text() == "{half"


def test_a_path_with_spaces_and_quotes_is_a_path(tmp_path: Path) -> None:
    with EmbeddedNats(tmp_path / """a "b' $c""", sync="2m", die_with_parent=True) as server:
        pid = server.pid()
        assert server.status().running
    assert pid is not None
    assert wait_until(lambda: not is_running(pid, ""), 5)
    assert not server.status().running
    assert json.loads((server.root / "nats.json").read_text())["jetstream"]["sync_interval"] == "2m"


def test_a_server_never_started_has_no_url(tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="never started"):
        _ = EmbeddedNats(tmp_path).url
    assert not EmbeddedNats(tmp_path).status().running


def test_missing_programs_are_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOAROUND_NATS_BIN", str(tmp_path / "none"))
    with pytest.raises(
        BinariesMissing, match=r"none does not run: No such file.*GOAROUND_NATS_BIN"
    ):
        EmbeddedNats(tmp_path).start()
