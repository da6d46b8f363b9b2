"""Running a program with everything bounded: its time, its output, its life.

It gets a process group of its own, which is killed as a whole when the time is up, when the asker
gives up, or when something is left behind after its end; and it dies with this process. No shell.
"""

import asyncio
import contextlib
import errno
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from goaround_chassis.lifeline import tied

KEPT = 64 * 1024  # bytes of the end of each of the two outputs
LINGER_S = 0.2  # how long output may stay open after the program's end: someone else holds it
REAP_S = 2.0  # a killed process is gone at once, unless the kernel itself hangs
_LAUNCHER = str(Path(__file__).with_name("launcher.py"))


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended. `exit` is None where the time was up first, negative for a signal."""

    exit: int | None
    out: str
    err: str
    seconds: float


class NotStarted(Exception):
    """The program could not be started; the error says which and why."""

    def __init__(self, program: str, why: str) -> None:
        super().__init__(f"{program}: {why}")
        self.program = program
        self.why = why


async def execute(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    timeout_s: float,
    directory: str | None = None,
    stdin: IO[bytes] | int = asyncio.subprocess.DEVNULL,
) -> Ended:
    """Return how the program ended, in the time or killed at its end.

    Raises:
        NotStarted: There is no such program or directory, or the system did not let it run.
    """
    if directory is not None and not _is_there(directory):
        raise NotStarted(argv[0], f"its directory {directory} is not there")
    started = time.monotonic()
    readers = [_Tail(), _Tail(), _Tail()]
    out, err, status = readers
    try:
        command = tied(argv, env, directory)
        process = await asyncio.create_subprocess_exec(
            *(command or _launched(argv, status.far)),
            stdin=stdin,
            stdout=out.far,
            stderr=err.far,
            pass_fds=() if command else (status.far,),
            env=dict(env),
            cwd=directory,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        for reader in readers:
            reader.abandon()
        raise NotStarted(argv[0], str(error)) from error
    except asyncio.CancelledError:
        for reader in readers:
            reader.abandon()
        raise
    for reader in readers:
        reader.given()
    tasks = [asyncio.create_task(reader.read()) for reader in readers]
    code: int | None = None
    try:
        async with asyncio.timeout(timeout_s):
            code = await process.wait()
            await asyncio.wait(tasks, timeout=LINGER_S)
    except TimeoutError:
        code = None
    finally:
        await _end(process, tasks)
    if status.text:
        raise NotStarted(argv[0], _why(int(status.text), env))
    return Ended(code, out.text, err.text, time.monotonic() - started)


def _launched(argv: Sequence[str], status: int) -> list[str]:
    """Return the command that becomes this program, and tells a descriptor if it cannot."""
    return [sys.executable, "-I", "-S", _LAUNCHER, str(status), str(os.getpid()), *argv]


async def _end(process: asyncio.subprocess.Process, tasks: list[asyncio.Task[None]]) -> None:
    """Kill what still lives of the group, and stop reading.

    A group that has neither its first process nor an open output may be gone, and its number
    somebody else's: that one is left alone.
    """
    if process.returncode is None or any(not task.done() for task in tasks):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REAP_S):
                await process.wait()
        await asyncio.wait(tasks, timeout=LINGER_S)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class _Tail:
    """A pipe of which the end of what comes is kept. `far` is the end to give away."""

    def __init__(self) -> None:
        self._near, self.far = os.pipe()
        self._kept = bytearray()

    @property
    def text(self) -> str:
        return bytes(self._kept[-KEPT:]).decode("utf-8", "replace")

    def given(self) -> None:
        """Close our copy of the far end, so that the pipe ends with its last writer."""
        os.close(self.far)

    async def read(self) -> None:
        """Read until nobody writes any more."""
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._near, "rb", 0)
        )
        try:
            while chunk := await reader.read(KEPT):
                self._kept += chunk
                if len(self._kept) > 2 * KEPT:
                    del self._kept[:-KEPT]
        finally:
            transport.close()

    def abandon(self) -> None:
        """Close both ends of a pipe that was given to nobody."""
        os.close(self._near)
        os.close(self.far)


def _is_there(directory: str) -> bool:
    return Path(directory).is_dir()


def _why(code: int, env: Mapping[str, str]) -> str:
    if code == errno.ENOENT:
        return f"no such program (PATH is {env.get('PATH') or 'not set'})"
    return os.strerror(code)
