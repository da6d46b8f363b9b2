"""How git is asked: without prompts, with nothing of ours in its environment, within its time.

It knows the program, not what is committed. A hook is a program of others: it gets no password of
the bus, and when it hangs it is ended together with git.
"""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MOST_BYTES = 1 << 20  # of what git prints; a thousand lines of a log are a tenth of it
_GRACE_S = 2.0
"""On SIGTERM git removes its lock files; on SIGKILL it cannot."""
_PASSED = (
    *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LD_LIBRARY_PATH"),
    *("XDG_CONFIG_HOME", "GNUPGHOME", "SSH_AUTH_SOCK", "GIT_EXEC_PATH"),
)
_PASSED_BEGINNING = "GIT_CONFIG_"
_QUIET = {
    "LC_ALL": "C.UTF-8",  # its words are looked at
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "true",
    "SSH_ASKPASS": "true",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": ":",
    "GIT_PAGER": "cat",
}


class NoGit(Exception):
    """There is no such program, or it may not be run."""


class GitHung(Exception):
    """It did not end within its time, and was ended."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How git ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """What it said last, on either stream."""
        return (self.err.strip() or self.out.strip())[-2000:]


class Git:
    """Git in one folder, until a moment of the monotonic clock."""

    def __init__(self, folder: Path, until: float, more: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.until = until
        self._environment = environment(os.environ) | dict(more or {})

    @property
    def left_s(self) -> float:
        """How much of the time is left."""
        return self.until - time.monotonic()

    def ask(self, *words: str, told: str = "") -> Answer:
        """Return git's answer; `told` is what it reads.

        Raises:
            NoGit: It cannot be started.
            GitHung: It did not end in time.
        """
        quiet = ("--no-pager", "-c", "core.fsmonitor=false")
        # Files, not pipes: a hook's child that outlives it would keep a pipe open for ever.
        with (
            tempfile.TemporaryFile() as read,
            tempfile.TemporaryFile() as out,
            tempfile.TemporaryFile() as err,
        ):
            read.write(told.encode())
            read.seek(0)
            try:
                process = subprocess.Popen(
                    ("git", *quiet, *words),
                    cwd=self.folder,
                    env=self._environment,
                    stdin=read,
                    stdout=out,
                    stderr=err,
                    start_new_session=True,
                )
            except (FileNotFoundError, PermissionError) as error:
                raise NoGit(error.strerror) from error
            try:
                code = process.wait(max(self.left_s, 0.001))
            except subprocess.TimeoutExpired:
                _end(process)
                raise GitHung from None
            found: list[str] = []
            for file in (out, err):
                file.seek(0)
                found.append(file.read(_MOST_BYTES).decode(errors="replace"))
            return Answer(code, *found)


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return what git gets of an environment: what it needs, and no secret of the service."""
    kept = {
        name: value
        for name, value in given.items()
        if name in _PASSED or name.startswith(_PASSED_BEGINNING)
    }
    return kept | _QUIET


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and all that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    # What hangs in a disk dies when the disk lets it: nobody waits for that.
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE_S)
