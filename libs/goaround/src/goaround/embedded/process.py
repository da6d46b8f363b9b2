"""Server processes: started, found again after their launcher died, watched, stopped.

Knows nothing of any one server. A process is ours only when its command line says so: after a
kill -9 or a reboot, the number in a pid file may be someone else's.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from goaround.embedded.account import Account
from goaround.embedded.errors import ServerError

POLL_S = 0.01
_LOG_LIMIT_BYTES = 10 * 1024 * 1024  # a log of this size is put aside at the next start
_LOCK_WAIT_S = 120.0  # longer than the longest start or stop under the lock
_GUARD = Path(__file__).with_name("guard.py")


def is_running(pid: int, marker: str) -> bool:
    """Whether the process lives and its command line holds the marker."""
    if not Path("/proc/self/stat").exists():
        return marker in _asked_of_ps(pid)
    process = Path(f"/proc/{pid}")
    try:
        state = (process / "stat").read_text().rsplit(")", 1)[1].split()[0]
        command = (process / "cmdline").read_bytes().replace(b"\0", b" ")
        # The first thread of a process may be gone while another still holds its files and ports.
        ended = state in "ZX" and len(list((process / "task").iterdir())) <= 1
    except OSError:
        return False
    # A process on its way out has no command line any more.
    return not ended and (not command or marker in os.fsdecode(command))


def _asked_of_ps(pid: int) -> str:
    asked = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return asked.stdout


def wait_until(condition: Callable[[], bool], timeout_s: float) -> bool:
    """Return True as soon as the condition holds, False when it does not within the time."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    return True


@contextmanager
def one_launcher(lock: Path) -> Generator[None, None, None]:
    """Hold the lock file, so that two launchers at once do one thing after the other.

    Raises:
        ServerError: another launcher has held it for two minutes.
    """
    descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:

        def taken() -> bool:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        if not wait_until(taken, _LOCK_WAIT_S):
            raise ServerError(
                lock.parent.name,
                f"another launcher has held {lock} for {_LOCK_WAIT_S:.0f} s",
                f"See who it is (fuser {lock}) and end it.",
            )
        yield
    finally:
        os.close(descriptor)


class _Server(subprocess.Popen[bytes]):
    """A child that may outlive us, so that forgetting it is no mistake to warn about."""

    def __del__(self) -> None:
        """Leave the process alone."""


# A child that ended stays in the process table until it is asked, and looks alive to others there.
_children: dict[int, subprocess.Popen[bytes]] = {}


def reap() -> None:
    """Let go of the servers started by this process that have ended."""
    for pid, child in list(_children.items()):
        if child.poll() is not None:
            _children.pop(pid, None)


def spawn(
    command: list[str],
    *,
    log: Path,
    cwd: Path,
    environment: Mapping[str, str],
    account: Account | None = None,
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, its output appended to the log."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    descriptor = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    try:
        server = _Server(
            command,
            stdin=subprocess.DEVNULL,
            stdout=descriptor,
            stderr=descriptor,
            cwd=cwd,
            env=dict(environment),
            start_new_session=True,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        _children[server.pid] = server
        return server
    finally:
        os.close(descriptor)


def last_lines(log: Path, since_byte: int = 0, count: int = 12) -> str:
    """Return the log's last lines, at most 4 KB, none from before the given byte."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - 4096, min(since_byte, size)))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-count:])
    except OSError as error:
        return f"(cannot be read: {error})"


def size_of(log: Path) -> int:
    """Return the log's length in bytes, 0 where there is none or the next start puts it aside."""
    size = log.stat().st_size if log.exists() else 0
    return 0 if size > _LOG_LIMIT_BYTES else size


def stop(pid: int, marker: str, gentle: signal.Signals, timeout_s: float) -> None:
    """End a server of ours: asked first, killed when it has not gone in time. Gone is fine."""
    with suppress(ProcessLookupError):
        if is_running(pid, marker):
            os.kill(pid, gentle)
        if not wait_until(lambda: _is_gone(pid, marker), timeout_s):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: _is_gone(pid, marker), timeout_s)


def _is_gone(pid: int, marker: str) -> bool:
    child = _children.get(pid)
    return child.poll() is not None if child else not is_running(pid, marker)


class Guard:
    """Ends a server when this process is gone, however it went: a watcher behind a pipe.

    The kernel's parent-death signal will not do: it follows the *thread* that started the child,
    and it skips the clean shutdown on systems other than Linux by not existing there.
    """

    def __init__(self) -> None:
        read_end, self._pipe = os.pipe()
        try:
            self._process = _Server(
                [sys.executable, "-I", "-S", str(_GUARD)],
                stdin=read_end,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
            )
        finally:
            os.close(read_end)

    def watch(self, pid: int, gentle: signal.Signals) -> None:
        """Name the server to end. Called right after it started."""
        os.write(self._pipe, f"{pid} {int(gentle)}\n".encode())

    def release(self) -> None:
        """Let the watcher go; a server still alive is ended with it."""
        os.close(self._pipe)
        self._process.wait(timeout=30)


def guarded(
    start: Callable[[], subprocess.Popen[bytes]], gentle: signal.Signals
) -> tuple[subprocess.Popen[bytes], Guard]:
    """Start a server with its guard; the guard is up first, so that the gap is microseconds."""
    guard = Guard()
    try:
        process = start()
        guard.watch(process.pid, gentle)
    except BaseException:
        guard.release()
        raise
    return process, guard


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, whole or not at all."""
    written = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(written, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        written.replace(path)
    except BaseException:
        written.unlink(missing_ok=True)
        raise
