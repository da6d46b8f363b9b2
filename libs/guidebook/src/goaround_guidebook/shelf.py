"""Guides in files: one file a service, in a directory or a git checkout.

It only reads. A guide that is broken stands in nobody's way but its own service's.
"""

import math
import os
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from goaround_guidebook.fault import Fault, GuideInvalid, nearest
from goaround_guidebook.planting import MAX_BYTES, plant
from goaround_guidebook.reading import examine
from goaround_guidebook.scanner import Unreadable, place_at
from goaround_guidebook.tree import Scalar, at
from goaround_schemas.guide import Guide

LOOK_AROUND_S = 1.0
"""Seconds for which nobody looks at a thousand files to find one."""
_SUFFIXES = (".yaml", ".yml")
_GUIDE = re.compile(r"^['\"]?guide['\"]?[ \t]*:", re.MULTILINE)
_SERVICE = re.compile(r"^['\"]?service['\"]?[ \t]*:[ \t]+(['\"]?)([^\s'\"#]+)\1", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LoadedGuide:
    """A guide, the very text it was read from, and the digest that pins it."""

    guide: Guide
    text: str
    digest: str
    """`sha256:` and the hexadecimal digest of the file's bytes."""
    name: str
    warnings: tuple[str, ...] = ()


class NoGuide(LookupError):
    """No guide in the directory is for this service."""

    def __init__(self, service: str, directory: Path, there: Iterable[str]) -> None:
        self.service = service
        self.directory = directory
        self.there = tuple(there)
        self.nearest = nearest(service, self.there)
        if not directory.is_dir():
            has = "that is no directory"
        elif self.there:
            has = f"it has {', '.join(self.there)}"
        else:
            has = "it has none at all"
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        super().__init__(f"no guide for {service!r} in {directory}; {has}{hint}")


class TwoGuides(LookupError):
    """More than one file claims the service: which one counts is for a person to say."""

    def __init__(self, service: str, directory: Path, files: Iterable[Path]) -> None:
        self.service = service
        self.directory = directory
        self.files = tuple(files)
        named = " and ".join(str(f) for f in self.files)
        super().__init__(f"more than one guide for {service!r}: {named}; keep one")


def load(path: Path) -> LoadedGuide:
    """Return the guide in a file.

    Raises:
        GuideInvalid: It holds none; every fault is told.
        OSError: The file cannot be read.
    """
    name = str(path)
    with path.open("rb") as file:
        raw = file.read(MAX_BYTES + 1)
    if len(raw) > MAX_BYTES:
        size = path.stat().st_size
        what = f"{size} bytes are too many: a guide has at most {MAX_BYTES // 1024} KiB"
        raise GuideInvalid([Fault(name, 1, 1, what)])
    try:
        text = raw.decode()
    except UnicodeDecodeError as exc:
        place = place_at(raw[: exc.start].decode(), exc.start)
        what = f"the byte 0x{raw[exc.start]:02x} is not UTF-8; save the file as UTF-8"
        column = len(raw[: exc.start].decode().rpartition("\n")[2]) + 1
        raise GuideInvalid([Fault(name, place.line, column, what)]) from exc
    found = examine(text, name)
    digest = "sha256:" + sha256(raw).hexdigest()
    return LoadedGuide(found.guide, text, digest, name, found.warnings)


@dataclass(frozen=True, slots=True)
class _Stamp:
    """When a file has it, the file has not changed since it was read."""

    modified_ns: int
    size: int
    inode: int


class Shelf:
    """The guides of one directory. Reads a file again only when it has changed.

    A guide is always as its file is now. That *another* file has come to claim the same service
    is seen at once where a file came or went, and within `LOOK_AROUND_S` where one was edited.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._folders: dict[Path, int] = {}
        self._places: dict[str, list[Path]] = {}
        self._looked_around = -math.inf
        self._claims: dict[Path, tuple[_Stamp, str | None]] = {}
        self._loaded: dict[Path, tuple[_Stamp, LoadedGuide]] = {}

    def names(self) -> tuple[str, ...]:
        """Return the services that have a guide here, sound or not, in order."""
        return tuple(sorted(self._by_service()))

    def find(self, service: str) -> LoadedGuide:
        """Return the guide of a service, as the file is now.

        Raises:
            NoGuide: No file is for it; the message says which services have one.
            TwoGuides: More than one file is for it.
            GuideInvalid: Its file holds no sound guide.
            OSError: Its file cannot be read.
        """
        if (place := self._known_place(service)) is not None:
            loaded = self._load(place)
            if loaded.guide.service == service:
                return loaded
        there = self._by_service()
        files = there.get(service, [])
        if not files:
            raise NoGuide(service, self.directory, sorted(there))
        if len(files) > 1:
            raise TwoGuides(service, self.directory, files)
        return self._load(files[0])

    def _known_place(self, service: str) -> Path | None:
        """The file of the service, where nothing speaks for looking at every file again."""
        if time.monotonic() - self._looked_around > LOOK_AROUND_S:
            return None
        places = self._places.get(service, [])
        if len(places) != 1 or _stamp(places[0]) is None:
            return None
        if any(_changed_ns(folder) != at for folder, at in self._folders.items()):
            return None
        return places[0]

    def _load(self, path: Path) -> LoadedGuide:
        stamp = _stamp(path)
        known = self._loaded.get(path)
        if known is None or stamp is None or known[0] != stamp:
            loaded = replace(load(path), name=path.relative_to(self.directory).as_posix())
            if stamp is None:
                return loaded
            known = self._loaded[path] = (stamp, loaded)
        return known[1]

    def _by_service(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        claims: dict[Path, tuple[_Stamp, str | None]] = {}
        self._looked_around = time.monotonic()
        self._folders = {}
        for path in _files(self.directory, self._folders):
            if (stamp := _stamp(path)) is None:
                continue
            known = self._claims.get(path)
            claim = known if known and known[0] == stamp else (stamp, _claimed(path))
            claims[path] = claim
            if claim[1] is not None:
                found.setdefault(claim[1], []).append(path)
        self._claims = claims
        self._loaded = {p: kept for p, kept in self._loaded.items() if p in claims}
        self._places = found
        return found


def _files(directory: Path, folders: dict[Path, int]) -> Iterator[Path]:
    """Yield the YAML files, in order; each folder once, whatever links lead to it.

    `folders` gets every folder with the time of its last change.
    """
    seen: set[tuple[int, int]] = set()
    waiting = [directory]
    while waiting:
        folder = waiting.pop()
        try:
            stat = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda e: e.name)
        except OSError:
            continue
        if (stat.st_dev, stat.st_ino) in seen:
            continue
        seen.add((stat.st_dev, stat.st_ino))
        folders[folder] = stat.st_mtime_ns
        for entry in entries:
            if entry.name.startswith("."):
                continue
            # A link in a circle is neither, and says so by an error.
            with suppress(OSError):
                if entry.is_dir():
                    waiting.append(folder / entry.name)
                elif entry.name.endswith(_SUFFIXES) and entry.is_file():
                    yield folder / entry.name


def _stamp(path: Path) -> _Stamp | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return _Stamp(stat.st_mtime_ns, stat.st_size, stat.st_ino)


def _changed_ns(folder: Path) -> int | None:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return None


def _claimed(path: Path) -> str | None:
    """Return the service that a file says it is for, without asking whether it is sound."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode(errors="replace")
    except OSError:
        return None
    if not text.lstrip().startswith("{"):
        service = _SERVICE.search(text)
        return service[2] if service and _GUIDE.search(text) else None
    try:
        root, _ = plant(text, str(path))
    except Unreadable:
        return None
    node = at(root, "service") if at(root, "guide") else None
    return node.text if isinstance(node, Scalar) else None
