"""Reads what was appended to files since the last look, whatever became of them meanwhile.

A file is known by its device and inode and by a digest of its head. So one that was renamed is
read to its end, one that was truncated or replaced is read from its start, and none is read twice,
nor is the copy that was made of it before.
What cannot be had: text truncated away unread and not copied, and a file that was made and renamed
to what the pattern does not match, both between two looks.
Blocking; keeps nothing between two calls but what it returns.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from os import stat_result
from pathlib import Path
from stat import S_ISREG

from goaround_watcher.sources.logline import MOST_BYTES
from goaround_watcher.sources.port import Cursor, Cursors

MOST_FILES = 200
"""Files of one pattern that are followed, the last written first."""
MOST_ROTATED = 16
"""Files that no longer match and may still be written to by who has them open."""
HEAD_BYTES = 256
_COMPRESSED = frozenset({".gz", ".bz2", ".xz", ".zst"})


@dataclass(frozen=True, slots=True)
class Appended:
    """The new text of all files, the file last written to last."""

    lines: list[str]
    cursors: Cursors
    skipped_bytes: int = 0
    files: int = 0
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _File:
    key: str
    path: Path
    size: int
    written: float
    rotated: bool = False


def read(pattern: str, cursors: Cursors | None) -> Appended:
    """Return what came after `cursors`; the last of what is there where there are none."""
    found = _matching(pattern)
    files = sorted([*_rotated(found, cursors or {}), *found], key=lambda f: f.written)
    starts = {f.key: _start(f, (cursors or {}).get(f.key)) for f in files}
    starts |= _copies(files, cursors or {})
    busy = sum(1 for f in files if starts[f.key] < f.size)
    share = MOST_BYTES // max(busy, 1)
    lines: list[str] = []
    kept: Cursors = {}
    skipped = 0
    unreadable: list[str] = []
    for file in files:
        try:
            text, offset, lost = _take(file, starts[file.key], share)
        except OSError as error:
            unreadable.append(f"{file.path}: {error.strerror}")
            if cursors and file.key in cursors:
                kept[file.key] = cursors[file.key]
            continue
        lines += text
        # What precedes the first look is history: that it is cut short is no loss.
        skipped += lost if cursors is not None else 0
        kept[file.key] = _cursor(file, offset)
    return Appended(lines, kept, skipped, len(found), tuple(unreadable))


def _matching(pattern: str) -> list[_File]:
    path = Path(pattern)
    root = Path(path.anchor) if path.is_absolute() else Path()
    found = [f for p in root.glob(str(path.relative_to(path.anchor))) if (f := _seen(p))]
    by_key = {f.key: f for f in sorted(found, key=lambda f: f.written)}
    return list(by_key.values())[-MOST_FILES:]


def _rotated(found: Iterable[_File], cursors: Cursors) -> list[_File]:
    """Find again, beside their old place, known files that the pattern does not match any more."""
    missing = {k: c for k, c in cursors.items() if k not in {f.key for f in found}}
    if not missing:
        return []
    again: dict[str, _File] = {}
    for directory in {Path(c.path).parent for c in missing.values()}:
        try:
            beside = list(directory.iterdir())
        except OSError:
            continue
        for path in beside:
            file = _seen(path, rotated=True)
            if file and file.key in missing and _same(file, missing[file.key]):
                again[file.key] = file
    return sorted(again.values(), key=lambda f: f.written)[-MOST_ROTATED:]


def _seen(path: Path, rotated: bool = False) -> _File | None:
    try:
        stat: stat_result = path.stat()
    except OSError:
        return None
    if not S_ISREG(stat.st_mode) or path.suffix in _COMPRESSED:
        return None
    key = f"{stat.st_dev:x}:{stat.st_ino:x}"
    return _File(key, path, stat.st_size, stat.st_mtime, rotated)


def _start(file: _File, cursor: Cursor | None) -> int:
    if cursor is None or cursor.offset > file.size or not _same(file, cursor):
        return 0
    return cursor.offset


def _copies(files: Iterable[_File], cursors: Cursors) -> dict[str, int]:
    """Return where to read on in files that are new, and copies of what was truncated since.

    Rotation by copy and truncation leaves what was read in the copy, and what was not as well.
    """
    by_key = {f.key: f for f in files}
    cut = [
        cursor
        for key, cursor in cursors.items()
        if cursor.offset and key in by_key and _start(by_key[key], cursor) == 0
    ]
    fresh = [f for key, f in by_key.items() if key not in cursors]
    return {
        f.key: cursor.offset
        for f in fresh
        for cursor in cut
        if cursor.offset <= f.size and _is_known(f, cursor)
    }


def _is_known(file: _File, cursor: Cursor) -> bool:
    try:
        return _head(file.path, cursor.head_bytes) == cursor.head
    except OSError:
        return False


def _same(file: _File, cursor: Cursor) -> bool:
    """Whether the file still begins as it did: an inode is given to new files again."""
    try:
        return _head(file.path, cursor.head_bytes) == cursor.head
    except OSError:
        return True


def _take(file: _File, start: int, most: int) -> tuple[list[str], int, int]:
    """Return the whole lines from `start`, where they end, and how many bytes were left out."""
    if start >= file.size:
        return [], start, 0
    begin = max(start, file.size - most)
    with file.path.open("rb") as handle:
        # One byte earlier: whether the first line is whole can only be told by what precedes it.
        handle.seek(max(begin - 1, start) if begin > start else begin)
        data = handle.read(file.size - handle.tell())
    if begin > start:
        cut = data.find(b"\n") + 1
        data = data[cut:] if cut else b""
    lost = file.size - start - len(data)
    end = data.rfind(b"\n") + 1
    # A line in the making is left for the next look, but not for ever.
    if file.rotated or (end == 0 and len(data) >= most):
        end = len(data)
    text = data[:end].decode(errors="replace").removesuffix("\n")
    return (text.split("\n") if end else []), start + lost + end, lost


def _cursor(file: _File, offset: int) -> Cursor:
    known = min(HEAD_BYTES, offset)
    return Cursor(
        path=str(file.path), offset=offset, head=_head(file.path, known), head_bytes=known
    )


def _head(path: Path, count: int) -> str:
    if count == 0:
        return ""
    with path.open("rb") as handle:
        return blake2b(handle.read(count), digest_size=8).hexdigest()
