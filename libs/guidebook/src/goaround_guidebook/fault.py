"""What is wrong with a guide, and where: every fault has a place that an editor can jump to."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong at one place. Lines and columns count from 1."""

    path: str
    line: int
    column: int
    message: str
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.path}:{self.line}:{self.column}: {self.message}{hint}"


class GuideInvalid(ValueError):
    """The text is no guide. Holds every fault found, in the order of the text."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(dict.fromkeys(sorted(faults, key=lambda f: (f.line, f.column))))
        super().__init__("\n".join(str(f) for f in self.faults))


def nearest(said: str, known: Iterable[str]) -> str | None:
    """Return the known name that was most likely meant, or None if none is near."""
    names = list(known)
    by_case = [n for n in names if n.casefold() == said.casefold()]
    found = by_case or get_close_matches(said, names, n=1, cutoff=0.6)
    return found[0] if found else None
