"""What can go wrong with an embedded server, each with the next step for the person who reads it.

Never handles anything: the command line prints `str(error)` and leaves.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

# What the servers write when something outside them is in the way, and what helps. First hit wins.
_ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"could not resize shared memory segment.*No space left on device",
        "Shared memory is full: give /dev/shm more room (in a container, --shm-size=256m).",
    ),
    (
        r"no space left on device|check free disk space|disk quota exceeded|insufficient resources",
        "The disk is full: free some space on it, or choose another data directory.",
    ),
    (
        r"address already in use",
        "Another program has the port: stop that program, or choose another port.",
    ),
    (
        r"read-only file system",
        "The file system is read-only: choose a data directory that can be written.",
    ),
    (
        r"could not look up effective user ID",
        "The user id has no entry in the password database: start as a user that has one.",
    ),
    (
        r"too many open files",
        "The limit of open files is too low: raise it (ulimit -n 4096) and start again.",
    ),
    (
        r"permission denied|operation not permitted",
        "The server may not use that file: see whose it is, or choose another data directory.",
    ),
    (
        r"could not locate a valid checkpoint record|invalid checkpoint|invalid magic number",
        "The data is damaged: restore a copy, or move the data directory away to start empty.",
    ),
)
_UNKNOWN = "Read the log; if the data is of no value, move its directory away to start empty."


def advice_for(log_text: str) -> str:
    """Return what helps against the fault a server's last lines speak of."""
    for pattern, advice in _ADVICE:
        if re.search(pattern, log_text, re.IGNORECASE):
            return advice
    return _UNKNOWN


class ServerError(Exception):
    """An embedded server cannot do what was asked; the message says why and what to do."""

    def __init__(self, server: str, reason: str, advice: str) -> None:
        super().__init__(f"{server}: {reason}. {advice}")
        self.server = server
        self.reason = reason
        self.advice = advice


class BinariesMissing(ServerError):
    """The server's programs are not installed, or cannot be run."""


class OtherVersion(ServerError):
    """The data belongs to another major version than the programs."""


class DidNotStart(ServerError):
    """The server did not come up; the log's last lines are in the message."""

    def __init__(self, server: str, reason: str, log: Path, last_lines: str) -> None:
        super().__init__(server, reason, advice_for(last_lines))
        self.log = log
        self.last_lines = last_lines
        shown = "\n".join(f"  {line}" for line in last_lines.splitlines()) or "  (nothing)"
        self.args = (f"{self}\nThe end of {log}:\n{shown}",)


@contextmanager
def explained(server: str, place: Path) -> Generator[None]:
    """Turn what the system refuses (no space, no permission, no such place) into a ServerError."""
    try:
        yield
    except OSError as error:
        reason = f"{error.filename or place}: {error.strerror or error}"
        raise ServerError(server, reason, advice_for(str(error))) from error
