"""Reads the few series that are wanted from a page in Prometheus' text format. Pure.

A page may hold thousands of lines of which a watch needs a handful, so every other line costs one
comparison of its start.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b

_LINE = re.compile(
    r"(?P<name>[a-zA-Z_:][\w:]*)"
    r"(?:\{(?P<labels>(?:[^\"}]|\"(?:[^\"\\]|\\.)*\")*)\})?"
    r"\s+(?P<value>\S+)"
)
_LABEL = re.compile(r"([a-zA-Z_]\w*)\s*=\s*\"((?:[^\"\\]|\\.)*)\"")
_ESCAPE = re.compile(r"\\(.)")
_ESCAPES = {"n": "\n", "\\": "\\", '"': '"'}


@dataclass(frozen=True, slots=True)
class Series:
    """One line of the page."""

    name: str
    labels: Mapping[str, str]
    value: float

    @property
    def key(self) -> str:
        """A short digest of its name and labels, the same in whatever order they stand."""
        text = self.name + "".join(f"\x1f{k}\x1e{v}" for k, v in sorted(self.labels.items()))
        return blake2b(text.encode(), digest_size=8).hexdigest()


class NotANumber(ValueError):
    """A wanted line holds something else than a number."""

    def __init__(self, line: str) -> None:
        super().__init__(f"the line {line[:120]!r} holds no number")
        self.line = line


def series(text: str, names: Collection[str]) -> list[Series]:
    """Return the series with one of these names, as they stand on the page.

    Raises:
        NotANumber: One of them has a value that is no number.
    """
    wanted = frozenset(names)
    starts = tuple(wanted)
    found: list[Series] = []
    for line in text.splitlines():
        if not line.startswith(starts):
            continue
        match = _LINE.match(line)
        if match is None or match["name"] not in wanted:
            continue
        try:
            value = float(match["value"])
        except ValueError:
            raise NotANumber(line) from None
        found.append(Series(match["name"], _labels(match["labels"]), value))
    return found


def _labels(text: str | None) -> dict[str, str]:
    if not text:
        return {}
    pairs = _LABEL.findall(text)
    return {name: _plain(value) if "\\" in value else value for name, value in pairs}


def _plain(value: str) -> str:
    return _ESCAPE.sub(lambda found: _ESCAPES.get(found[1], found[0]), value)
