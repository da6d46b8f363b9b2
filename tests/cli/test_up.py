"""`goaround up`: a whole system by one command, and none of it left when it ends."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from goaround import upfile
from goaround.embedded import EmbeddedServers
from tests.cli.command import GOAROUND, clean_environment, goaround

pytestmark = pytest.mark.system

WITHIN_S = 60.0


class _Up:
    """One `goaround up` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / ".goaround"
        self.said = folder / "said"

    def start(self) -> subprocess.Popen[bytes]:
        with self.said.open("wb") as out:
            process = subprocess.Popen(
                [*GOAROUND, "up"],
                cwd=self.folder,
                env=clean_environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.until(lambda: "Ctrl-C stops it" in self.said.read_text() or process.poll() is not None)
        assert process.poll() is None, self.said.read_text()
        return process

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + WITHIN_S
        while not true():
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.02)

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(goaround("status", "--json", cwd=self.folder).stdout)
        return found

    def alive(self) -> list[str]:
        left = upfile.read(self.root)
        servers = [s.server for s in EmbeddedServers(self.root).status() if s.running]
        return servers + [p.name for p in (left.processes if left else ()) if p.is_alive]


@pytest.fixture
def up() -> Iterator[_Up]:
    with TemporaryDirectory(prefix="goaround-test-") as folder:
        Path(folder).chmod(0o711)
        (Path(folder) / "guides").mkdir()
        up = _Up(Path(folder))
        try:
            yield up
        finally:
            goaround("down", cwd=up.folder)
            EmbeddedServers(up.root).erase()


def test_it_comes_up_heals_refuses_a_second_and_is_cleared_away_after_a_kill(up: _Up) -> None:
    process = up.start()
    status = up.status()
    assert status["ready"]
    assert status["up"] == process.pid
    assert len(status["parts"]) == 8

    second = goaround("up", cwd=up.folder)
    assert second.returncode == 1
    assert f"(pid {process.pid})" in second.stderr

    victim = next(p for p in status["parts"] if p["part"] == "notifier")
    os.kill(int(victim["pid"]), signal.SIGKILL)
    up.until(lambda: "notifier was killed by signal 9; started again" in up.said.read_text())

    def is_another() -> bool:
        left = upfile.read(up.root)
        return any(
            p.name == "notifier" and str(p.pid) != victim["pid"] and p.is_alive
            for p in (left.processes if left else ())
        )

    up.until(is_another)

    process.kill()
    process.wait()
    assert len(up.alive()) == 8
    down = goaround("down", cwd=up.folder)
    assert down.returncode == 0, down.stderr
    assert re.match(r"stopped .*orchestrator.* nats, postgres", down.stdout)
    assert up.alive() == []
    assert "nothing runs" in goaround("down", cwd=up.folder).stdout


def test_a_word_to_stop_ends_every_part_and_leaves_with_0(up: _Up) -> None:
    process = up.start()
    process.send_signal(signal.SIGTERM)
    assert process.wait(WITHIN_S) == 0
    assert up.alive() == []
    assert up.said.read_text().endswith("stopping\nstopped\n")
