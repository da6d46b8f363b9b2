"""Makes one PromQL expression of several, whose answer can be taken apart again. Pure.

Each part is given a label of its own, so that the parts never meet and an answer says whose it is.
What is true of the whole (a refusal, a warning, the time it takes) says nothing about one part.
"""

import re
from collections.abc import Hashable, Sequence

LABEL = "goaround_signal"
MOST = 64
"""Expressions of one question."""
_OPENS = {"(": ")", "[": "]", "{": "}"}
_QUOTES = "\"'`"
_SAID = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`|#[^\n]*""", re.DOTALL)
"""What is between quotes, where a backslash takes the next sign with it, or in a comment."""
_BRACKETS = re.compile(r"[()\[\]{}]")


def join(expressions: Sequence[str]) -> str:
    """Return an expression whose series carry in `LABEL` the place of their own one.

    Each must be closed (`is_closed`). A line of its own keeps a comment to its part.
    """
    return " or ".join(
        f'label_replace((\n{expression}\n), "{LABEL}", "{place}", "", "")'
        for place, expression in enumerate(expressions)
    )


def is_closed(expression: str) -> bool:
    """Whether each bracket and quote closes within it: one that does not would eat the others."""
    bare = _SAID.sub("", expression)
    if any(quote in bare for quote in _QUOTES):
        return False
    waiting: list[str] = []
    for sign in _BRACKETS.findall(bare):
        if sign in _OPENS:
            waiting.append(_OPENS[sign])
        elif not waiting or waiting.pop() != sign:
            return False
    return not waiting


class Lapsing:
    """A set that forgets: what is old, and what is oldest where there is too much."""

    def __init__(self, most: int, for_s: float) -> None:
        self._most = most
        self._for_s = for_s
        self._until: dict[Hashable, float] = {}

    def __bool__(self) -> bool:
        return bool(self._until)

    def add(self, member: Hashable, now: float) -> None:
        """Remember it from now on."""
        self._until.pop(member, None)
        self._until[member] = now + self._for_s
        if len(self._until) > self._most:
            del self._until[next(iter(self._until))]

    def has(self, member: Hashable, now: float) -> bool:
        """Whether it is remembered."""
        until = self._until.get(member)
        return until is not None and until > now
