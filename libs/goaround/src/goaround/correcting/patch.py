"""A unified diff of one text, carried out exactly or not at all. Pure.

Line numbers are only believed of the very text that the diff was made from. In any other one each
part must fit in one place alone: a guide repeats itself, and the right line of the wrong check is
the wrong line.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_HEAD = re.compile(r"@@ -(?P<old>\d+)(?:,(?P<count>\d+))? \+\d+(?:,\d+)? @@")
_NO_NEWLINE = "\\ No newline at end of file"


class DoesNotFit(ValueError):
    """The text is another than the one that the diff was made for; nothing is changed."""


@dataclass(frozen=True, slots=True)
class Patched:
    """The text after the diff."""

    text: str
    already: bool = False
    """The text said so before: nothing was to be changed."""


@dataclass(frozen=True, slots=True)
class _Part:
    """What stands there, and what is to stand there."""

    line: int
    old: tuple[str, ...]
    new: tuple[str, ...]


def patched(text: str, diff: str, *, same: bool = False) -> Patched:
    """Return the text with a unified diff of it carried out.

    `same` says that the diff was made from this very text.

    Raises:
        DoesNotFit: It does not fit, or in more than one place; the message says where.
    """
    lines = text.splitlines(keepends=True)
    parts = _parts(diff)
    if not parts:
        raise DoesNotFit("the correction's diff changes nothing")
    if not same and all(_is_done(lines, part) for part in parts):
        return Patched(text, already=True)
    done: list[str] = []
    end = 0
    for part in parts:
        at = _place(lines, part, end, same=same)
        done += (*lines[end:at], *part.new)
        end = at + len(part.old)
    return Patched("".join((*done, *lines[end:])))


def _place(lines: Sequence[str], part: _Part, after: int, *, same: bool) -> int:
    """Where a part belongs, counted from 0."""
    found = [at for at in _places(lines, part.old) if at >= after]
    if same and part.line in found:
        return part.line
    if len(found) == 1 and not _places(lines, part.new):
        return found[0]
    if found:
        places = sorted({*found, *_places(lines, part.new)})
        where = ", ".join(str(at + 1) for at in places[:5])
        raise DoesNotFit(
            "the text has changed since, and more than one place looks like the one that is meant "
            f"(lines {where}): correct the right one by hand"
        )
    wanted = next((line for line in part.old if line not in part.new), "")
    raise DoesNotFit(
        f"the text has changed since: near line {part.line + 1} there was {wanted.strip()!r}, with "
        "the lines around it as the diff has them"
    )


def _is_done(lines: Sequence[str], part: _Part) -> bool:
    """Whether it stands there already. What is added to may still be there, in what it became."""
    new = _places(lines, part.new)
    return bool(new) and all(
        any(n <= at and at + len(part.old) <= n + len(part.new) for n in new)
        for at in _places(lines, part.old)
    )


def _places(lines: Sequence[str], block: Sequence[str]) -> list[int]:
    if not block:
        return [] if lines else [0]
    last = len(lines) - len(block)
    return [i for i in range(last + 1) if tuple(lines[i : i + len(block)]) == tuple(block)]


def _parts(diff: str) -> list[_Part]:
    parts: list[_Part] = []
    old: list[str] = []
    new: list[str] = []
    line: int | None = None
    # By line feeds alone, and not as `splitlines` has it: a diff's lines may hold other line ends.
    written = diff.split("\n")
    if written and not written[-1]:
        written.pop()
    for n, said in enumerate(written):
        head = _HEAD.match(said)
        if head is not None:
            if line is not None:
                parts.append(_Part(line, tuple(old), tuple(new)))
            old, new, line = [], [], max(0, int(head["old"]) - 1)
            continue
        if line is None or said == _NO_NEWLINE:
            continue
        ends = n + 1 < len(written) and written[n + 1] == _NO_NEWLINE
        body = said[1:] if ends else said[1:] + "\n"
        match said[:1]:
            case " ":
                old.append(body)
                new.append(body)
            case "-":
                old.append(body)
            case "+":
                new.append(body)
            case _:
                raise DoesNotFit(f"line {n + 1} of the correction's diff is no line of a diff")
    if line is not None:
        parts.append(_Part(line, tuple(old), tuple(new)))
    return [part for part in parts if part.old != part.new]
