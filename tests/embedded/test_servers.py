"""Both servers together: killed, left by a killed launcher, half failed."""

# nats-py types its options as unknown.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import asyncpg
import nats
import pytest

from goaround.embedded import EmbeddedServers, ServerError
from goaround.embedded.process import is_running, wait_until

pytestmark = [pytest.mark.system, pytest.mark.xdist_group("embedded")]

LAUNCHER = """
import sys
from pathlib import Path
from goaround.embedded import EmbeddedServers
servers = EmbeddedServers(Path(sys.argv[1]), die_with_parent=sys.argv[2] == "tied")
servers.start()
print(servers.nats.pid(), servers.postgres.pid(), flush=True)
sys.stdin.read()
"""


def launched_then_killed(root: Path, tie: str) -> tuple[int, int]:
    """Start both servers in another process, kill that one, return the servers' ids."""
    with subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(root), tie],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdout
        line = launcher.stdout.readline()
        launcher.kill()
    first, second = map(int, line.split())
    return first, second


def test_servers_end_when_their_launcher_is_killed_if_they_are_tied_to_it(
    kept_root: Path,
) -> None:
    pids = launched_then_killed(kept_root, "tied")
    assert wait_until(lambda: not any(is_running(pid, str(kept_root)) for pid in pids), 10)


def test_servers_outlive_a_killed_launcher_and_the_next_one_takes_them_over(
    kept_root: Path,
) -> None:
    pids = launched_then_killed(kept_root, "free")
    servers = EmbeddedServers(kept_root)
    try:
        assert all(is_running(pid, str(kept_root)) for pid in pids)
        servers.start()
        assert (servers.nats.pid(), servers.postgres.pid()) == pids
        assert servers.nats.adopted
        assert servers.postgres.adopted
    finally:
        servers.stop()
    assert [status.running for status in servers.status()] == [False, False]


async def test_both_killed_come_back_with_what_was_acknowledged(kept_root: Path) -> None:
    with EmbeddedServers(kept_root, die_with_parent=True) as servers:
        database = await asyncpg.connect(dsn=servers.postgres.dsn())
        await database.execute("create table survivors as select generate_series(1, 500) as id")
        bus = await nats.connect(servers.nats.url, allow_reconnect=False)
        await bus.jetstream().add_stream(name="SURVIVORS", subjects=["survivors"])
        await bus.jetstream().publish("survivors", b"one")
        for status in servers.status():
            assert status.pid is not None
            os.kill(status.pid, signal.SIGKILL)
        await bus.close()
        database.terminate()

        servers.start()

        database = await asyncpg.connect(dsn=servers.postgres.dsn())
        assert await database.fetchval("select count(*) from survivors") == 500
        await database.close()
        bus = await nats.connect(servers.nats.url)
        assert (await bus.jetstream().stream_info("SURVIVORS")).state.messages == 1
        await bus.close()


def test_when_one_does_not_come_up_the_other_is_not_left_behind(kept_root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        servers = EmbeddedServers(kept_root, nats_port=taken.getsockname()[1], die_with_parent=True)
        with pytest.raises(ServerError, match=r"(?s)nats: ended.*choose another port.*nats\.log"):
            servers.start()
    assert [status.running for status in servers.status()] == [False, False]
