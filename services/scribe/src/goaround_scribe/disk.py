"""How bytes reach a disk so that a crash leaves the old ones or the new, never half.

It knows files, not what is in them. Leftovers of a scribe that was killed are removed by the next
that writes the same file, which holds its lock.
"""

import fcntl
import glob
import os
import stat
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

LOCK = ".goaround.lock"
_LEFT = ".goaround-tmp"
_LOOK_S = 0.01
_NEW_FILE = 0o644


class Disk(Protocol):
    """Whole reads and whole writes. Each may raise OSError."""

    def read(self, path: Path) -> bytes | None:
        """Return the bytes of a file; None if there is none."""
        ...

    def replace(self, path: Path, content: bytes) -> None:
        """Have the file hold these bytes, at once; its mode and owner stay."""
        ...

    def append(self, path: Path, content: bytes) -> None:
        """Add bytes at the end, or none of them if that fails."""
        ...


class LocalDisk:
    """The machine's own file systems."""

    def read(self, path: Path) -> bytes | None:
        """Return the bytes of a file; None if there is none."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def replace(self, path: Path, content: bytes) -> None:
        """Have the file hold these bytes, at once; its mode and owner stay."""
        prefix = f".{path.name[:100]}."
        for left in path.parent.glob(f"{glob.escape(prefix)}*{_LEFT}"):
            left.unlink(missing_ok=True)
        number, draft = tempfile.mkstemp(prefix=prefix, suffix=_LEFT, dir=path.parent)
        try:
            with os.fdopen(number, "wb") as file:
                file.write(content)
                file.flush()
                _like(file.fileno(), path)
                os.fsync(file.fileno())
            Path(draft).replace(path)
        finally:
            Path(draft).unlink(missing_ok=True)
        _sync_folder(path.parent)

    def append(self, path: Path, content: bytes) -> None:
        """Add bytes at the end, or none of them if that fails."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, _NEW_FILE), "wb", buffering=0) as file:
            before = os.fstat(file.fileno()).st_size
            try:
                left = memoryview(content)
                while left:
                    left = left[file.write(left) or 0 :]
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), before)
                raise
        _sync_folder(path.parent)


@contextmanager
def locked(folder: Path, within_s: float) -> Generator[None, None, None]:
    """Hold a folder's lock, against other processes and other threads alike.

    The lock file stays: to remove it would let two in, each with a lock of its own.

    Raises:
        TimeoutError: Someone else held it all the time.
    """
    # Reading is enough to lock: a scribe of another user must be able to.
    flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    number = os.open(folder / LOCK, flags, _NEW_FILE)
    try:
        deadline = time.monotonic() + within_s
        while True:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise TimeoutError from None
                time.sleep(_LOOK_S)
        yield
    finally:
        os.close(number)


def _like(number: int, path: Path) -> None:
    try:
        old = path.stat()
    except FileNotFoundError:
        os.fchmod(number, _NEW_FILE)
        return
    own = os.fstat(number)
    if (own.st_uid, own.st_gid) != (old.st_uid, old.st_gid):
        with suppress(PermissionError):  # only root may give files away
            os.fchown(number, old.st_uid, old.st_gid)
    os.fchmod(number, stat.S_IMODE(old.st_mode))


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # some file systems cannot; the rename is done all the same
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(number)
        finally:
            os.close(number)
