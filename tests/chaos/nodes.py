"""NATS servers of chaos's own: one or three of them, on a disk that can be made full.

The disk is a small file system in memory that only the servers see (a mount in a namespace of
theirs, which needs no rights that a plain user lacks where the system allows such namespaces); it
is gone with the last process in it, however that went.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from goaround.embedded.account import environment
from goaround.embedded.binary import nats_program
from goaround.embedded.loopback import asked, free_port
from goaround.embedded.natsconfig import Sync, authorization, server_settings
from goaround.embedded.process import Guard, guarded, last_lines, write_private
from goaround.topology import users

_READY_S = 60.0
_HOLD = 'mount -t tmpfs -o "size=$1,mode=700" tmpfs "$2" && echo ready && exec cat'


class NotReady(Exception):
    """A server did not come up."""


class Disk:
    """A file system of so many bytes at `place`, for processes that are started in it."""

    def __init__(self, place: Path, size: int) -> None:
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        # It ends when its standard input does, which is when this process does.
        self._holder = subprocess.Popen(
            ["unshare", "-rm", "sh", "-c", _HOLD, "sh", str(size), str(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != b"ready\n":
            self.close()
            raise OSError(f"no file system of its own can be had at {place}")

    @property
    def enter(self) -> tuple[str, ...]:
        """What a command is to be preceded by, to see the disk."""
        return ("nsenter", "-t", str(self._holder.pid), "-U", "-m", "--preserve-credentials")

    @property
    def _filler(self) -> Path:
        return Path(f"/proc/{self._holder.pid}/root{self.place}/filler")

    def fill(self) -> None:
        """Leave no byte free."""
        block = b"\0" * 1024
        with self._filler.open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(block * 64)
            except OSError:
                pass

    def free(self) -> None:
        """Take the filler away."""
        self._filler.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of it; it is gone when the last server in it is."""
        if self._holder.stdin is not None:
            self._holder.stdin.close()
        if self._holder.stdout is not None:
            self._holder.stdout.close()
        self._holder.wait(10)

    @staticmethod
    def available(place: Path) -> bool:
        """Whether this machine lets us have one."""
        if sys.platform != "linux" or not (shutil.which("unshare") and shutil.which("nsenter")):
            return False
        try:
            disk = Disk(place, 1024 * 1024)
        except OSError:
            return False
        try:
            done = subprocess.run([*disk.enter, "true"], capture_output=True, check=False)
            return done.returncode == 0
        finally:
            disk.close()


@dataclass
class Node:
    """One server, which can be killed and started again on the same ports and files."""

    name: str
    root: Path
    settings: dict[str, Any]
    enter: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    _guard: Guard | None = None

    @property
    def url(self) -> str:
        """Where clients connect to."""
        return f"nats://{self.settings['listen']}"

    @property
    def healthy(self) -> bool:
        """Whether it says so itself: connected, recovered and in step with its peers."""
        return asked(self.settings["http"], "/healthz").get("status") == "ok"

    def start(self) -> None:
        """Start it; it is healthy some time later."""
        self.root.mkdir(parents=True, exist_ok=True)
        config, log = self.root / "nats.json", self.root / "nats.log"
        write_private(config, _json(self.settings))
        command = [*self.enter, nats_program(), "-c", str(config)]
        self.process, self._guard = guarded(partial(self._spawn, command, log), signal.SIGTERM)

    def _spawn(self, command: list[str], log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=self.root,
                env=environment(),
                start_new_session=True,
            )

    def end(self, how: signal.Signals) -> None:
        """Kill it, or ask it to end."""
        if self.process is not None:
            self.process.send_signal(how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None
        if self._guard is not None:
            self._guard.release()
            self._guard = None

    def said(self) -> str:
        """The end of its log."""
        return last_lines(self.root / "nats.log")


@dataclass
class Nodes:
    """One server, or a cluster of them, with the bus users and their passwords."""

    root: Path
    count: int
    passwords: dict[str, str]
    sync: Sync = "always"
    disk: Disk | None = None
    nodes: list[Node] = field(default_factory=list[Node])

    def __post_init__(self) -> None:
        routes = [f"127.0.0.1:{free_port()}" for _ in range(self.count)]
        for number, route in enumerate(routes):
            root = self.root / f"n{number + 1}"
            settings = server_settings(root, free_port(), free_port(), self.sync)
            settings |= {"authorization": authorization(users(), self.passwords)}
            settings["server_name"] = f"n{number + 1}"
            if self.disk is not None:
                settings["jetstream"]["store_dir"] = str(self.disk.place)
            if self.count > 1:
                others = [f"nats://{other}" for other in routes if other != route]
                settings["cluster"] = {"name": "chaos", "listen": route, "routes": others}
            enter = self.disk.enter if self.disk is not None else ()
            self.nodes.append(Node(f"n{number + 1}", root, settings, enter))

    @property
    def url(self) -> str:
        """All of them, without a user."""
        return ",".join(node.url for node in self.nodes)

    def start(self) -> None:
        """Return once all are healthy.

        Raises:
            NotReady: One is not, in a minute.
        """
        for node in self.nodes:
            node.start()
        self.wait_healthy()

    def wait_healthy(self) -> None:
        """Return once all are healthy.

        Raises:
            NotReady: One is not, in a minute.
        """
        deadline = time.monotonic() + _READY_S
        for node in self.nodes:
            while not node.healthy:
                if time.monotonic() > deadline:
                    raise NotReady(f"{node.name} is not healthy; its log ends with:\n{node.said()}")
                time.sleep(0.05)

    def stop(self) -> None:
        """End all of them, and let go of the disk."""
        for node in self.nodes:
            node.end(signal.SIGTERM)
        if self.disk is not None:
            self.disk.close()


def _json(settings: dict[str, Any]) -> str:
    return json.dumps(settings, indent=2) + "\n"
