"""Where the prose of a Markdown page is, so that nothing quoted is taken for the page's own.

Pure. It knows front matter, fenced code and comments over several lines, and nothing else. A line
ends at a newline only, as for every tool that counts lines.
"""

import re
from dataclasses import dataclass

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


def lines_of(text: str) -> list[Line]:
    """Return every line; `end` is after its newline."""
    found: list[Line] = []
    start = 0
    for number, said in enumerate(text.split("\n"), 1):
        end = min(start + len(said) + 1, len(text))
        found.append(Line(number, start, end, said))
        start = end
    return found


def outline(text: str) -> Outline:
    """Return the lines that are neither code nor comment nor front matter."""
    lines = lines_of(text)
    prose: list[Line] = []
    fence, opened, i = "", 0, _after_front_matter(lines)
    in_comment = False
    for line in lines[i:]:
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
        prose.append(line)
    return Outline(tuple(prose), opened if fence or in_comment else None)


def newline_of(text: str) -> str:
    """Return the line end that the page uses."""
    first, found, _ = text.partition("\n")
    return "\r\n" if found and first.endswith("\r") else "\n"


def _closes(said: str, fence: str) -> bool:
    bare = said.strip()
    return len(bare) >= len(fence) and set(bare) == {fence[0]}


def _after_front_matter(lines: list[Line]) -> int:
    if lines[0].said.lstrip("\ufeff").rstrip() != "---":
        return 0
    for i, line in enumerate(lines[1:], 1):
        if line.said.rstrip() == "---":
            return i + 1
        if line.said.lstrip().startswith("<!--"):
            return 0  # no YAML: the first line was a rule
    return 0
