"""A service in a process of its own, as a test sees it."""

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.chassis.lane import Lane, until

ROOT = Path(__file__).parents[2]


class Process:
    """The worker of `tests.chassis.worker` on one lane."""

    def __init__(self, lane: Lane, url: str, folder: Path, **env: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._log = (folder / "log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chassis.worker"],
            cwd=ROOT,
            stderr=self._log,
            env={
                **os.environ,
                "GOAROUND_NATS_URL": url,
                "GOAROUND_STREAM": lane.stream,
                "GOAROUND_CONSUMER": lane.consumer,
                "GOAROUND_FOLDER": str(folder),
                "GOAROUND_PROBE_PORT_FILE": str(folder / "port"),
                **env,
            },
        )

    @property
    def log(self) -> list[dict[str, object]]:
        """The log, line by line. Every line of a service is JSON, or this fails."""
        return [json.loads(line) for line in (self.folder / "log").read_text().splitlines()]

    @property
    def journal(self) -> list[str]:
        """What the handlers noted."""
        file = self.folder / "journal"
        return file.read_text().splitlines() if file.exists() else []

    def probe(self, path: str) -> tuple[int, str]:
        port = (self.folder / "port").read_text().strip()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    async def ready(self) -> None:
        async def is_so() -> bool:
            assert self._process.poll() is None, self.log
            return (self.folder / "port").exists() and self.probe("/ready")[0] == 200

        await until(is_so)

    async def noted(self, line: str) -> None:
        async def is_so() -> bool:
            return line in self.journal

        await until(is_so)

    async def logged(self, event: str) -> dict[str, object]:
        """The first line of that event, as soon as there is one."""
        found: list[dict[str, object]] = []

        async def is_so() -> bool:
            found.extend(line for line in self.log if line["event"] == event)
            return bool(found)

        await until(is_so)
        return found[0]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    async def ended(self, within_s: float = 10) -> int:
        async def is_so() -> bool:
            return self._process.poll() is not None

        await until(is_so, within_s)
        return self._process.returncode

    def close(self) -> None:
        if self._process.poll() is None:
            self.kill()
        self._log.close()
