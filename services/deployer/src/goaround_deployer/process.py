"""Running one program: its own session, bounded output, and an end that is sure to come.

Never a shell unless the guide names one. What ended by itself is never killed: a step may leave
daemons behind, and those must outlive it (they should redirect their output: its pipe is closed
a moment after the program has ended). Only a timeout or a stop ends the whole process group.
"""

import asyncio
import codecs
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from goaround_chassis.lifeline import StartBy, tied, uptime_cs
from goaround_deployer.output import Tail
from goaround_deployer.runner import TooLate

TERM_GRACE_S = 5.0
# What a grandchild that inherited the pipe may still add once the program itself has ended.
DRAIN_S = 1.0
_CHUNK = 65_536
_PR_SET_PDEATHSIG = 1
_LIBC: ctypes.CDLL | None = ctypes.CDLL(None) if sys.platform == "linux" else None


class Screen(Protocol):
    """Hides secrets in what comes in pieces (`goaround_secrets.StreamMask` is one)."""

    def feed(self, chunk: bytes) -> bytes:
        """Return what can be shown by now."""
        ...

    def finish(self) -> bytes:
        """Return what was held back: nothing follows."""
        ...


@dataclass(frozen=True)
class Program:
    """What to run, where, and for how long at most."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    timeout_s: float
    dir: str | None = None
    pass_fds: tuple[int, ...] = ()
    most_output: int = 16_384
    most_stdout: int | None = None
    """Of standard output alone, where more of it is wanted than of both together."""
    term_grace_s: float = TERM_GRACE_S
    start_by: float | None = None
    """From when on, by the event loop's clock, it is not begun."""


@dataclass(frozen=True)
class Ended:
    """How a program came to its end. A negative code is the signal that killed it.

    `output` is standard output and standard error as they came; `stdout` the former alone, all of
    it unless `cut`.
    """

    how: Literal["exited", "timed_out", "stopped"]
    code: int
    output: str
    stdout: str
    cut: bool


class NotStarted(Exception):
    """The program never ran."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


async def run(program: Program, stop: asyncio.Event, screen: Callable[[], Screen]) -> Ended:
    """Run a program to its end, and return how it ended.

    Cancelled, it kills the program's whole group at once.

    Raises:
        NotStarted: With the reason and what to do.
        TooLate: It was not begun, as the time to begin it was over.
    """
    both, stdout = Tail(program.most_output), Tail(program.most_stdout or program.most_output)
    out, err = _Pipe([both, stdout], screen()), _Pipe([both], screen())
    try:
        child, start_by = await _start(program, out.write_end, err.write_end)
    except BaseException:
        out.close()
        err.close()
        raise
    try:
        out.listen()
        err.listen()
        how = await _until(child, program, stop)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                await asyncio.gather(out.ended.wait(), err.ended.wait())
    except BaseException:
        _signal(child.pid, signal.SIGKILL)
        # Reaped, unless the kernel cannot end it now (stuck in a device): nobody waits for that.
        await asyncio.wait({asyncio.ensure_future(child.wait())}, timeout=DRAIN_S)
        raise
    finally:
        out.close()
        err.close()
    if start_by is not None and child.returncode and both.text() == f"{start_by.word}\n":
        raise TooLate
    return Ended(how, child.returncode or 0, both.text(), stdout.text(), stdout.dropped > 0)


async def _start(
    program: Program, out: int, err: int
) -> tuple[asyncio.subprocess.Process, StartBy | None]:
    cwd = program.dir
    if cwd is not None and not await asyncio.to_thread(Path(cwd).is_dir):
        raise NotStarted(f"the directory {cwd!r} does not exist on this worker (dir:)")
    name = program.argv[0]
    start_by = _moment(program.start_by)
    command = None
    if start_by is not None or program.start_by is None:
        command = tied(program.argv, program.env, cwd, start_by)
    try:
        child = await asyncio.create_subprocess_exec(
            *(command or program.argv),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            cwd=cwd,
            env=dict(program.env),
            start_new_session=True,
            pass_fds=program.pass_fds,
            preexec_fn=None if command else _before_exec(os.getpid(), program.start_by),
        )
    except FileNotFoundError as error:
        where = "" if "/" in name else f" in PATH ({program.env.get('PATH', '')})"
        raise NotStarted(
            f"program {name!r} was not found{where}: install it on this worker, or correct run:"
        ) from error
    except PermissionError as error:
        raise NotStarted(
            f"program {name!r} may not be executed: chmod +x, or check dir:"
        ) from error
    except subprocess.SubprocessError as error:
        raise TooLate from error  # what `_before_exec` raised, between the fork and the program
    except (OSError, ValueError) as error:
        raise NotStarted(f"program {name!r} could not be started: {error}") from error
    return child, start_by if command else None


def _moment(start_by: float | None) -> StartBy | None:
    """Return a moment of the event loop's clock as a shell can tell it; None if none can."""
    if start_by is None or (since_cs := uptime_cs()) is None:
        return None
    return StartBy.within(start_by - asyncio.get_running_loop().time(), since_cs)


def _before_exec(parent: int, start_by: float | None) -> Callable[[], None]:
    """Have the kernel kill the program if this worker dies: nobody would be there to judge it.

    And have it not begun where this worker stood still until it was too late.
    """
    libc, now = _LIBC, asyncio.get_running_loop().time

    def before_exec() -> None:
        # In a forked process no loop is running any more, only its clock is.
        if start_by is not None and now() >= start_by:
            raise TooLate
        if libc is not None:
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent:
                os._exit(127)

    return before_exec


async def _until(
    child: asyncio.subprocess.Process, program: Program, stop: asyncio.Event
) -> Literal["exited", "timed_out", "stopped"]:
    """Wait for the end, the timeout or a stop; the latter two end the whole group."""
    ended = asyncio.ensure_future(child.wait())
    stopped = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait(
            {ended, stopped}, timeout=program.timeout_s, return_when=asyncio.FIRST_COMPLETED
        )
        if ended.done():
            return "exited"
        how: Literal["timed_out", "stopped"] = "stopped" if stopped.done() else "timed_out"
        _signal(child.pid, signal.SIGTERM)
        await asyncio.wait({ended}, timeout=program.term_grace_s)
        _signal(child.pid, signal.SIGKILL)
        await ended
        return how
    finally:
        stopped.cancel()
        ended.cancel()


def _signal(group: int, number: signal.Signals) -> None:
    """Signal a whole group; no matter if nobody is left in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


@dataclass
class _Pipe:
    """Where a program prints: read as it comes, so that it never waits for us."""

    tails: list[Tail]
    screen: Screen
    read_end: int = field(init=False)
    write_end: int = field(init=False)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _listening: bool = False

    def __post_init__(self) -> None:
        # A character may be cut by the end of a piece.
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.read_end, self.write_end = os.pipe()
        os.set_blocking(self.read_end, False)

    def listen(self) -> None:
        """Read from now on; the program alone holds the other end."""
        os.close(self.write_end)
        self.write_end = -1
        self._listening = True
        asyncio.get_running_loop().add_reader(self.read_end, self._read)

    def _read(self) -> None:
        try:
            piece = os.read(self.read_end, _CHUNK)
        except (BlockingIOError, InterruptedError):
            return
        if piece:
            self._keep(self._decoder.decode(self.screen.feed(piece)))
            return
        self._stop_reading()
        self.ended.set()

    def _keep(self, text: str) -> None:
        for tail in self.tails:
            tail.add(text)

    def _stop_reading(self) -> None:
        if self._listening:
            asyncio.get_running_loop().remove_reader(self.read_end)
            self._listening = False

    def close(self) -> None:
        """Let go of both ends, and keep what the screen held back."""
        self._stop_reading()
        for end in (self.read_end, self.write_end):
            if end >= 0:
                os.close(end)
        self.read_end = self.write_end = -1
        self._keep(self._decoder.decode(self.screen.finish(), final=True))
