"""The folder in which guides' file names mean something. Nothing outside it is touched.

A name is followed to the file that it really is, through links too, and that file must lie below
the root. Every way in which a disk can refuse becomes `NotWritten`, with what to do about it.
"""

import errno
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from goaround_scribe.disk import Disk, locked
from goaround_scribe.page import NotWritten

MOST_BYTES = 32 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


class Workspace:
    """Pages below one folder, each amended by one scribe at a time."""

    def __init__(self, root: Path, disk: Disk, lock_within_s: float) -> None:
        self._root = root.resolve()
        self._disk = disk
        self._lock_within_s = lock_within_s

    def amend(self, name: str, change: Callable[[str], str]) -> bool:
        """Replace a page by what `change` makes of it. False: it stayed as it was.

        Raises:
            NotWritten: It could not be; whatever `change` raises passes.
        """
        with self._open(name) as path:
            old = self._disk.read(path)
            text = _text(name, old or b"")
            new = change(text)
            if new == text:
                return False
            self._disk.replace(path, new.encode())
            return True

    def extend(self, name: str, addition: Callable[[bytes], bytes | None]) -> bool:
        """Append what `addition` makes of what is there. False: it was nothing.

        Raises:
            NotWritten: It could not be.
        """
        with self._open(name) as path:
            more = addition(self._disk.read(path) or b"")
            if more is None:
                return False
            self._disk.append(path, more)
            return True

    def read(self, name: str) -> bytes | None:
        """Return what a file holds; None if it is not there.

        Raises:
            NotWritten: It may not, or cannot, be read.
        """
        with _told(name):
            path = self.place(name)
            return self._disk.read(path) if _is_file(name, path) else None

    @contextmanager
    def _open(self, name: str) -> Generator[Path, None, None]:
        with _told(name):
            path = self.place(name)
            if not path.parent.is_dir():
                folder = path.parent.relative_to(self._root)
                why = f"there is no folder {folder}; create it, or correct the name in the guide"
                raise NotWritten(f"{name}: {why}")
            if _is_file(name, path):
                _writable(name, path)
            try:
                with locked(path.parent, self._lock_within_s):
                    yield path
            except TimeoutError:
                why = f"another scribe has held its lock for {self._lock_within_s:g} s"
                raise NotWritten(f"{name}: {why}; see which process writes there") from None

    def place(self, name: str) -> Path:
        """Return the file that a name means, links followed.

        Raises:
            NotWritten: It lies outside the workspace, or is no path at all.
        """
        try:
            path = (self._root / name).resolve()
        except (RuntimeError, ValueError):
            raise NotWritten(f"{name!r}: that is no path to a file; correct it") from None
        if self._root not in path.parents:
            why = f"it lies outside the workspace {self._root}; name a file below it"
            raise NotWritten(f"{name}: {why}")
        return path


def _is_file(name: str, path: Path) -> bool:
    """Tell whether there is a file, rather than nothing.

    Raises:
        NotWritten: There is something else, that must not be opened: a pipe would never answer.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(found.st_mode):
        raise NotWritten(f"{name}: it is no file; correct the name in the guide")
    if found.st_size > MOST_BYTES:
        size = found.st_size // (1024 * 1024)
        why = f"it has {size} MB, and {MOST_BYTES // (1024 * 1024)} MB are the most"
        raise NotWritten(f"{name}: {why}; move its older half to another file")
    return True


def _writable(name: str, path: Path) -> None:
    # Replacing needs no leave of the file itself. Who made it read-only meant it all the same,
    # and the mode says so to root too.
    if not path.stat().st_mode & 0o222 or not os.access(path, os.W_OK):
        raise NotWritten(f"{name}: it is read-only; make it writable (chmod u+w) for the scribe")


def _text(name: str, content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        why = f"line {line} is not UTF-8 text; convert the file (iconv -t UTF-8)"
        raise NotWritten(f"{name}: {why}") from None


@contextmanager
def _told(name: str) -> Generator[None, None, None]:
    """Turn what the system says into what a person can do."""
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        if error.errno in _FULL:
            why = f"the disk is full ({why}); free some space, nothing was changed"
        elif error.errno in _FORBIDDEN:
            why = f"not allowed ({why}); let user {os.geteuid()} write the file and its folder"
        raise NotWritten(f"{name}: {why}") from error
