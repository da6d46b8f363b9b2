"""Processes as the shop's commands know them: identified beyond their number, and ended surely.

A process id alone proves nothing: numbers are used again. A process here is its id and its birth.
"""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.02
OWNER_POLL_S = 0.2


@dataclass(frozen=True)
class Birth:
    """A process that cannot be mistaken for a later one with the same id."""

    pid: int
    born: str

    def is_alive(self) -> bool:
        """Is this very process still running?"""
        return birth_of(self.pid) == self


def birth_of(pid: int) -> Birth | None:
    """Return the living process with this id; None if there is none, or only its remains."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return _birth_by_ps(pid) if not Path("/proc/self/stat").exists() else None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold anything
    return None if fields[0] in {"Z", "X"} else Birth(pid, fields[19])


def _birth_by_ps(pid: int) -> Birth | None:
    """Where there is no /proc, ps knows the second a process started in."""
    told = subprocess.run(
        ["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return Birth(pid, " ".join(told[1:])) if told and not told[0].startswith("Z") else None


def end(process: Birth, *, within_s: float) -> bool:
    """Ask the process to end and see to it: True if it left by itself, False if it was killed."""
    if _signalled(process, signal.SIGTERM, within_s):
        return True
    _signalled(process, signal.SIGKILL, within_s)
    return False


def _signalled(process: Birth, number: signal.Signals, within_s: float) -> bool:
    if not process.is_alive():
        return True
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, number)
    give_up = time.monotonic() + within_s
    while process.is_alive():
        if time.monotonic() > give_up:
            return False
        time.sleep(POLL_S)
    return True


def write_whole(path: Path, text: str) -> None:
    """Replace the file in one step, readable by its owner alone: nobody ever sees half of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    with open(partial, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(text)
    partial.replace(path)


def say_port(port_file: Path | None, port: int) -> None:
    """Write the port where whoever asked for a free one looks for it."""
    if port_file is not None:
        write_whole(port_file, f"{port}\n")


async def until_told(die_with_pid: int | None) -> str:
    """Wait for SIGTERM, SIGINT or the end of the process `die_with_pid`; return which it was."""
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def tell(why: str) -> None:
        if not told.done():
            told.set_result(why)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell, number.name)
    owner = birth_of(die_with_pid) if die_with_pid is not None else None
    if die_with_pid is not None and owner is None:
        return f"process {die_with_pid} is gone"
    while not told.done():
        if owner is not None and not owner.is_alive():
            return f"process {owner.pid} is gone"
        await asyncio.wait({told}, timeout=OWNER_POLL_S if owner is not None else None)
    return told.result()


async def until_told_or(work: Callable[[], Awaitable[None]], die_with_pid: int | None) -> None:
    """Do `work` to its end, or to the moment we are told to stop."""
    doing = asyncio.ensure_future(work())
    told = asyncio.ensure_future(until_told(die_with_pid))
    await asyncio.wait({doing, told}, return_when=asyncio.FIRST_COMPLETED)
    for task in (doing, told):
        task.cancel()
    for result in await asyncio.gather(doing, told, return_exceptions=True):
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


def read_birth(path: Path) -> Birth | None:
    """Return the process a pid file speaks of; None if there is no such file or it is not one."""
    try:
        told = json.loads(path.read_text())
        return Birth(int(told["pid"]), str(told["born"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
