"""Text to statements, by PostgreSQL's own grammar: each with its line, and its tree or a reason.

Never raises on a text, whatever it holds. What the grammar does not read keeps its place as a
piece without a tree: one strange statement does not hide its neighbours.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pglast import Error, ast
from pglast.parser import ParseError, Token, parse_sql, scan

_COPY = re.compile(r"^COPY\b[^;]*\bFROM\s+STDIN\b[^;]*;[^\n]*\n", re.IGNORECASE | re.MULTILINE)
_COPY_END = re.compile(r"^\\\.[^\S\n]*$", re.MULTILINE)
_BACKSLASH, _SEMICOLON = "ASCII_92", "ASCII_59"
_COMMENTS = ("SQL_COMMENT", "C_COMMENT")
_DEPTHS = {"ASCII_40": 1, "ASCII_41": -1, "ATOMIC": 1, "CASE": 1, "END_P": -1}
"""Brackets, and the bodies of SQL routines with the CASEs in them."""


@dataclass(frozen=True)
class Piece:
    """One statement of a text."""

    line: int
    sql: str
    tree: ast.Node | None
    problem: str = ""
    """Why there is no tree."""


def pieces(text: str) -> tuple[Piece, ...]:
    """Return every statement of a text, in order; nothing for a text of comments alone."""
    if strange := _strange(text):
        return (Piece(1, text, None, strange),)
    try:
        return tuple(_parsed(text))
    except (Error, RecursionError):
        return _piecewise(text)


def _strange(text: str) -> str:
    """Say what in the text no PostgreSQL could be sent; empty where there is nothing."""
    if "\0" in text:
        return f"a NUL byte at character {text.index(chr(0)) + 1}: what follows would be cut off"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"character {error.start + 1} is no Unicode text"
    return ""


def _parsed(text: str, line: int = 1) -> Iterator[Piece]:
    """Parse all of it at once. Raises where any part cannot be."""
    for raw in parse_sql(text):
        start: int = raw.stmt_location or 0
        sql = text[start : start + raw.stmt_len] if raw.stmt_len else text[start:]
        assert raw.stmt is not None
        yield Piece(line + text.count("\n", 0, start), sql.strip(), raw.stmt)


def _piecewise(text: str) -> tuple[Piece, ...]:
    """Take the text apart first, so that what can be parsed is."""
    bare, found = _without_psql(text)
    try:
        parts = list(_parts(scan(bare)))
    except (Error, RecursionError) as error:
        found.append(_unparsed(bare, 0, len(bare), error))
        return tuple(sorted(found, key=lambda piece: piece.line))
    for start, end in parts:
        try:
            found += _parsed(bare[start:end], 1 + bare.count("\n", 0, start))
        except (Error, RecursionError) as error:
            found.append(_unparsed(bare, start, end, error))
    return tuple(sorted(found, key=lambda piece: piece.line))


def _parts(tokens: list[Token]) -> Iterator[tuple[int, int]]:
    """Yield where each statement begins and ends: at a semicolon that is in no bracket or body."""
    start, end, depth = -1, 0, 0
    for token in tokens:
        if token.name in _COMMENTS:
            continue
        if token.name == _SEMICOLON and depth == 0:
            if start >= 0:
                yield start, end
            start = -1
            continue
        depth = max(0, depth + _DEPTHS.get(token.name, 0))
        start = token.start if start < 0 else start
        end = token.end + 1
    if start >= 0:
        yield start, end


def _without_psql(text: str) -> tuple[str, list[Piece]]:
    r"""Blank what is meant for psql alone (`\connect`, the rows of a COPY), keeping every place."""
    bare, found = list(text), list[Piece]()
    for copy in _COPY.finditer(text):
        if rows := _COPY_END.search(text, copy.end()):
            _blank(bare, copy.end(), rows.end())
    for start in _backslashes("".join(bare)):
        if bare[start] != "\\":
            continue
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        told = text[start:end].strip()
        reason = f"{told.split()[0]} is a command of psql, not SQL: what it does is not known here"
        found.append(Piece(1 + text.count("\n", 0, start), told, None, reason))
        _blank(bare, start, end)
    return "".join(bare), found


def _backslashes(text: str) -> Iterator[int]:
    """Where a backslash stands that is in no string and no comment."""
    try:
        tokens = scan(text)
    except (Error, RecursionError):
        return
    yield from (token.start for token in tokens if token.name == _BACKSLASH)


def _blank(letters: list[str], start: int, end: int) -> None:
    letters[start:end] = [c if c == "\n" else " " for c in letters[start:end]]


def _unparsed(text: str, start: int, end: int, error: Exception) -> Piece:
    said = "nested too deeply"
    at = start
    if isinstance(error, ParseError):
        message, where = (*error.args, 0)[:2]
        said = re.sub(r", at index \d+$", "", str(message))
        at = start + (where if isinstance(where, int) else 0)
    sql = text[start:end]
    line = 1 + text.count("\n", 0, start + len(sql) - len(sql.lstrip()))
    here = 1 + text.count("\n", 0, min(at, end))
    return Piece(line, sql.strip(), None, f"PostgreSQL does not read it: {said} (line {here})")


def walk(tree: object) -> Iterator[ast.Node]:
    """Yield every node of a tree, the root first."""
    waiting: list[object] = [tree]
    while waiting:
        now = waiting.pop()
        if isinstance(now, ast.Node):
            yield now
            waiting.extend(getattr(now, name) for name in now)
        elif isinstance(now, tuple):
            waiting.extend(now)  # pyright: ignore[reportUnknownArgumentType]
