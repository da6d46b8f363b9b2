"""Processes of a bench: started, asked what they use, and ended."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_READY_S = 30.0
_LOOKS = re.compile(rb'^goaround_watch_looks_total\{cause="(\w+)"\} (.+)$', re.M)


@dataclass
class Process:
    """One process; `port` is where it told us to find it."""

    name: str
    pid: int
    port: int = 0
    popen: subprocess.Popen[bytes] | None = None

    def cpu_s(self) -> float:
        """Return the processor time it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def peak_mb(self) -> float:
        """Return the most memory that was ever resident."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return round(int(line.split()[1]) / 1024, 1)
        return 0.0

    def ticks(self) -> int:
        """Return how many looks a watcher says that it has taken after each watch's first."""
        looks = self.looks()
        return looks["clock"] + looks["alarm"]

    def looks(self) -> dict[str, int]:
        """Return how many looks it has taken, by what brought them about."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=10) as page:
            found = _LOOKS.findall(page.read())
        return {by.decode(): int(float(count)) for by, count in found}

    def kill(self) -> None:
        """End it as a crash would."""
        assert self.popen is not None
        self.popen.kill()
        self.popen.wait()


@contextlib.asynccontextmanager
async def started(
    name: str, module: str, root: Path, environment: Mapping[str, str]
) -> AsyncGenerator[Process]:
    """A process of ours that has said its port, and does not outlive the block."""
    port_file, log = root / f"{name}.port", root / f"{name}.log"
    told = {"GOAROUND_PROBE_PORT_FILE": str(port_file), **environment}
    popen = _spawned(module, log, told)
    try:
        deadline = time.monotonic() + _READY_S
        while (port := _port(port_file, log)) is None:
            if popen.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{name} did not start: {log.read_text()[-2000:]}")
            await asyncio.sleep(0.05)
        yield Process(name, popen.pid, port, popen)
    finally:
        if popen.poll() is None:
            popen.terminate()
            try:
                await asyncio.to_thread(popen.wait, 30)
            except subprocess.TimeoutExpired:
                popen.kill()
                popen.wait()


def _spawned(module: str, log: Path, told: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as out:
        return subprocess.Popen(
            [sys.executable, "-m", module], env={**os.environ, **told}, stdout=out, stderr=out
        )


def _port(*said_in: Path) -> int | None:
    for place in said_in:
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(place.read_text().splitlines()[0])
    return None


def pace_ms() -> float:
    """Return what a fixed piece of work costs now: on a busy machine the same work takes longer."""
    began = time.thread_time()
    total = 0
    for number in range(200_000):
        total += number * number % 7
    return (time.thread_time() - began) * 1000
