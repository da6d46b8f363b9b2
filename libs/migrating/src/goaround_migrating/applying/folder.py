"""A folder of SQL files, read as one of the layouts has it. Writes nothing."""

from collections.abc import Mapping
from pathlib import Path

from goaround_migrating.tools import LAYOUTS, LayoutError, Script

MOST_BYTES = 8 * 1024 * 1024
"""Of all files together: no folder of migrations comes near, a wrong path to a dump does."""


class FolderFault(Exception):
    """A folder that cannot be read as migrations; the message says what to do about it."""

    def __init__(self, path: Path, fault: str, advice: str) -> None:
        super().__init__(f"{path}: {fault}; {advice}")
        self.path, self.fault, self.advice = path, fault, advice


def scripts_in(folder: Path, layout: str) -> tuple[Script, ...]:
    """Return the migrations of a folder, oldest first.

    Raises:
        FolderFault: it is not there, or something in it is no migration.
    """
    try:
        return LAYOUTS[layout].scripts(_texts(folder))
    except LayoutError as error:
        raise FolderFault(folder / error.file, error.fault, error.advice) from error


def _texts(folder: Path) -> Mapping[str, str]:
    if not folder.is_dir():
        advice = "name the folder with the SQL files, as seen from `dir`"
        raise FolderFault(folder, "no such folder", advice)
    texts: dict[str, str] = {}
    left = MOST_BYTES
    for path in sorted(folder.iterdir()):
        if path.suffix != ".sql":
            continue
        try:
            with path.open("rb") as file:
                raw = file.read(left + 1)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise FolderFault(path, why, "make it readable for the deployer's user") from error
        left -= len(raw)
        if left < 0:
            fault = f"more than {MOST_BYTES // 1024**2} MiB of SQL in this folder"
            raise FolderFault(path, fault, "is it the folder of the migrations?")
        texts[path.name] = _decoded(path, raw)
    return texts


def _decoded(path: Path, raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + raw.count(b"\n", 0, error.start)
        raise FolderFault(path, f"line {line} is not UTF-8", "save the file as UTF-8") from error
