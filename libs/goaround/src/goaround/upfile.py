"""What `goaround up` leaves on disk about itself, so that others find it and `down` can clear up.

One lock, held as long as it lives, and one file that names its processes. The lock, not the file,
says whether it lives: a number in a file may be anybody's after a reboot.
"""

import fcntl
import json
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from goaround.embedded.process import is_running, write_private


@dataclass(frozen=True, slots=True)
class Process:
    """One service's process."""

    name: str
    service: str
    pid: int

    @property
    def is_alive(self) -> bool:
        """Whether it lives and is still what it was."""
        return is_running(self.pid, f"goaround_{self.service}")


@dataclass(frozen=True, slots=True)
class Up:
    """One `goaround up` and what it has started."""

    pid: int
    guides: str
    workspace: str
    processes: tuple[Process, ...] = field(default=())


class OneRuns(Exception):
    """Another `goaround up` holds this folder."""

    def __init__(self, root: Path, up: Up | None) -> None:
        who = f"pid {up.pid}" if up else "just starting"
        super().__init__(
            f"a local system runs in {root} already ({who}); see it: goaround status; stop it: "
            "goaround down"
        )
        self.up = up


def read(root: Path) -> Up | None:
    """Return what the last `up` wrote; None if there is nothing that can be read."""
    try:
        found: dict[str, Any] = json.loads((root / "up.json").read_text(encoding="utf-8"))
        processes = tuple(Process(**p) for p in found.pop("processes"))
        return Up(**found, processes=processes)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def write(root: Path, up: Up) -> None:
    """Keep it, whole or not at all."""
    write_private(root / "up.json", json.dumps(asdict(up), indent=2) + "\n")


def forget(root: Path) -> None:
    """Remove it: nothing is left behind."""
    (root / "up.json").unlink(missing_ok=True)


def is_held(root: Path) -> bool:
    """Whether a `goaround up` lives in this folder."""
    try:
        descriptor = os.open(root / "up.lock", os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


@contextmanager
def held(root: Path) -> Generator[None]:
    """Be the one `up` of this folder.

    Raises:
        OneRuns: Another one is.
    """
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root / "up.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OneRuns(root, read(root)) from error
        yield
    finally:
        os.close(descriptor)
