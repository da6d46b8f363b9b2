"""The shop as its operators have it: its commands as processes, with a database of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import httpx

from goaround_shop import migrate
from goaround_shop.process import birth_of
from goaround_shop.smoke import SmokeFailed, smoke

PATIENCE_S = 20.0
# One for all: making one costs more than a request. It keeps no connection a drain would wait for.
CLIENT = httpx.Client(
    verify=False, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
)


def until(happened: Callable[[], bool], what: str) -> None:
    """Return once it happened; fail saying what did not."""
    give_up = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < give_up, f"never happened: {what}"
        time.sleep(0.01)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    """Run one command of the shop to its end."""
    return subprocess.run(
        [sys.executable, "-m", "goaround_shop", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


def start(*words: object) -> subprocess.Popen[str]:
    """Start one command of the shop; it goes when these tests go."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "goaround_shop",
            *map(str, words),
            "--die-with-pid",
            str(os.getpid()),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    """Return what a command said, once it ended by itself and well."""
    said, _ = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    return said


def ends(pid: int) -> None:
    """Return once no process of that id is left."""
    until(lambda: birth_of(pid) is None, f"process {pid} ended")


class LiveShop:
    """One service: a state directory, a database, and the commands on both."""

    def __init__(self, state: Path, database: str) -> None:
        self.state = state
        self.database = database
        self.url = ""

    def migrate(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `migrate` in this process, which is the quicker."""
        told, failed = StringIO(), StringIO()
        argv = ("migrate", *words, "--database", self.database)
        with redirect_stdout(told), redirect_stderr(failed):
            code = migrate.main(argv)
        return subprocess.CompletedProcess(argv, code, told.getvalue(), failed.getvalue())

    def release(self, version: str, *words: object) -> str:
        """Put a version in place as a guide would, its migrations first; return what was said."""
        self.upgrade(version)
        return self.switch(version, *words)

    def upgrade(self, version: str) -> None:
        """Bring the schema as far as a release knows."""
        migrated = self.migrate("upgrade", "--release", version)
        assert migrated.returncode == 0, migrated.stderr

    def switch(self, version: str, *words: object) -> str:
        port_file = self.state.parent / "port"
        own = ("--die-with-pid", os.getpid(), "--port-file", port_file)
        database = ("--database", self.database)
        said = run("release", version, "--state", self.state, *own, *database, *words)
        assert said.returncode == 0, said.stderr
        self.url = f"http://127.0.0.1:{port_file.read_text().strip()}"
        return said.stdout

    def ask(self, method: str, path: str, **sent: Any) -> httpx.Response:
        return CLIENT.request(method, self.url + path, **sent)

    def get(self, path: str) -> httpx.Response:
        return self.ask("GET", path)

    def smoke(self) -> str:
        """Return what the smoke test saw, or what it failed for."""
        with httpx.Client(base_url=self.url, verify=False, trust_env=False) as client:
            try:
                return smoke(client)
            except SmokeFailed as failure:
                return f"failed: {failure}"

    def log(self) -> str:
        return (self.state / "shop.log").read_text()

    def pids(self) -> list[int]:
        return [int(file.stem) for file in (self.state / "run").glob("*.json")]
