"""Where the prose of a Markdown page is, so that nothing quoted is taken for the page's own.

Pure. It knows front matter, fenced code and comments over several lines, and nothing else. A line
ends at a newline only, as for every tool that counts lines.
"""

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from itertools import islice

_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)")


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, its place in the text, and what it says, stripped."""

    number: int
    start: int
    end: int
    said: str


@dataclass(frozen=True, slots=True)
class Outline:
    """The lines of prose; `open_at` is where code or a comment begins that never ends."""

    prose: tuple[Line, ...]
    open_at: int | None = None


def lines_of(text: str) -> Iterator[Line]:
    """Yield every line, reading no further than was asked for; `end` is after its newline."""
    start, number = 0, 1
    while (newline := text.find("\n", start)) >= 0:
        yield Line(number, start, newline + 1, text[start:newline])
        start, number = newline + 1, number + 1
    yield Line(number, start, len(text), text[start:])


def prose(text: str) -> Generator[Line, None, int | None]:
    """Yield the lines that are neither code nor comment nor front matter, as they are asked for.

    A change log grows with every run, and what is looked for mostly stands at its top. It returns
    where code or a comment begins that never ends.
    """
    fence, opened = "", 0
    in_comment = False
    for line in islice(lines_of(text), _front_matter(text), None):
        if fence:
            if _closes(line.said, fence):
                fence = ""
            continue
        if in_comment:
            in_comment = "-->" not in line.said
            continue
        if (begun := _FENCE.match(line.said)) and not (
            begun["fence"][0] == "`" and "`" in begun["info"]
        ):
            fence, opened = begun["fence"], line.start
            continue
        if line.said.lstrip().startswith("<!--") and "-->" not in line.said:
            in_comment, opened = True, line.start
            continue
        yield line
    return opened if fence or in_comment else None


def outline(text: str) -> Outline:
    """Return all of a page's prose."""
    lines, found = prose(text), list[Line]()
    while True:
        try:
            found.append(next(lines))
        except StopIteration as end:
            return Outline(tuple(found), end.value)


def newline_of(text: str) -> str:
    """Return the line end that the page uses."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def _closes(said: str, fence: str) -> bool:
    bare = said.strip()
    return len(bare) >= len(fence) and set(bare) == {fence[0]}


def _front_matter(text: str) -> int:
    """Return how many lines of front matter a page begins with."""
    lines = lines_of(text)
    if next(lines).said.lstrip("\ufeff").rstrip() != "---":
        return 0
    for line in lines:
        if line.said.rstrip() == "---":
            return line.number
        if line.said.lstrip().startswith("<!--"):
            return 0  # no YAML: the first line was a rule
    return 0
