"""One migration as its tool keeps it, and which of them a database still lacks.

Pure: whoever calls reads the files, asks the database what it has, and runs what is to be run.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import pairwise
from typing import Protocol

from pydantic import BaseModel, ConfigDict


class Script(BaseModel):
    """A migration with its way back."""

    model_config = ConfigDict(frozen=True)

    version: str
    """As the tool writes it down: `0003`, `20260102030405`, `1.2`, `ae1027a6acf`."""
    name: str = ""
    up: str
    down: str | None = None
    """None where the tool has no way back for it."""
    down_untold: str = ""
    """Why nobody knows whether it has a way back; empty where `down` tells."""
    source: str = ""
    """The file that `up` comes from."""
    down_source: str = ""
    """The file that `down` comes from: often the same."""


class Pending(BaseModel):
    """What a database lacks, in the order in which it is applied."""

    model_config = ConfigDict(frozen=True)

    scripts: tuple[Script, ...]
    late: tuple[str, ...] = ()
    """Versions among them that are older than the newest that is applied: tools differ on them."""
    strange: tuple[str, ...] = ()
    """Versions that are applied, and that no file here is of: their way back is elsewhere."""


class Layout(Protocol):
    """How a tool lays out its migrations in files."""

    @property
    def name(self) -> str:
        """The tool's name, as its users write it."""
        ...

    def scripts(self, files: Mapping[str, str]) -> tuple[Script, ...]:
        """Return the migrations in the files of one folder (bare name to text), oldest first.

        Files that do not end in `.sql` are not looked at.

        Raises:
            LayoutError: a file cannot be told from its name or its marks.
        """
        ...


class LayoutError(ValueError):
    """A file of a migrations folder that its tool would not understand either."""

    def __init__(self, file: str, fault: str, advice: str) -> None:
        super().__init__(f"{file}: {fault}; {advice}")
        self.file, self.fault, self.advice = file, fault, advice


def pending(scripts: Iterable[Script], applied: Collection[str]) -> Pending:
    """Return what is not applied yet. `003` and `3` are one version."""
    ordered = sorted(scripts, key=lambda s: order_of(s.version))
    done = {order_of(version) for version in applied}
    newest = max(done, default=())
    lacking = tuple(s for s in ordered if order_of(s.version) not in done)
    here = {order_of(s.version) for s in ordered}
    return Pending(
        scripts=lacking,
        late=tuple(s.version for s in lacking if order_of(s.version) < newest),
        strange=tuple(sorted((v for v in applied if order_of(v) not in here), key=order_of)),
    )


def up_to(scripts: Iterable[Script], version: str | None) -> tuple[str, ...]:
    """Return what is applied where a tool notes only the version that it is at."""
    if version is None:
        return ()
    last = order_of(version)
    older = (s.version for s in scripts if order_of(s.version) < last)
    return (*older, version)


def way_back(found: Iterable[Script]) -> str | None:
    """Return the SQL that takes several migrations back, newest first; None where one has none."""
    downs = [script.down for script in found]
    if any(down is None for down in downs):
        return None
    return "\n".join(down for down in reversed(downs) if down is not None)


def is_version(word: str) -> bool:
    """Say whether a word can be the version of a file; `base` and `none` are not."""
    return bool(order_of(word))


def order_of(version: str) -> tuple[int, ...]:
    """Return a version's place in the order: `1.10` is after `1.9`, and `1.0` is `1`."""
    numbers = [int(part) for part in re.findall(r"[0-9]+", version)]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def unlike(scripts: Iterable[Script]) -> tuple[Script, ...]:
    """Return the scripts, oldest first; no two may be of one version.

    Raises:
        LayoutError: two files are of the same version.
    """
    ordered = sorted(scripts, key=lambda s: order_of(s.version))
    for one, other in pairwise(ordered):
        if order_of(one.version) == order_of(other.version):
            fault = f"version {other.version} is that of {one.source} too"
            raise LayoutError(other.source, fault, "give one of them another version")
    return tuple(ordered)
