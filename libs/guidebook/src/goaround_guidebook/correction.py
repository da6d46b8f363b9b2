"""One value of a guide changed in its text, with every other byte as it was.

It works on the text at the place where the value stands, so comments, order and quotes survive,
then reads both texts and holds them against each other: what would change anything else is refused.
"""

import json
import re
from dataclasses import dataclass
from difflib import unified_diff
from functools import lru_cache
from typing import Any

from goaround_guidebook.planting import plant
from goaround_guidebook.scanner import Place, Unreadable
from goaround_guidebook.tree import Mapping, Node, Path, Scalar, Sequence, at, plain, show_path

_PLAIN = re.compile(r"[A-Za-z0-9_./+-](?:[A-Za-z0-9 _./:%+@=~-]*[A-Za-z0-9_./%+@=~-])?")
_NOWHERE = Place(0, 0, 1, 1)
_LINE_END = re.compile(r"\r\n|\n|\r|$")


@dataclass(frozen=True, slots=True)
class Corrected:
    """The text with one value changed, and the change as a unified diff."""

    text: str
    diff: str


class NotCorrectable(ValueError):
    """This value cannot be changed without touching others; a person has to."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{show_path(path)} cannot be corrected by itself: {why}")
        self.path = path
        self.why = why


def correct(text: str, path: Path, value: str, name: str = "guide.yaml") -> Corrected:
    """Return the text with one value changed, or added at the end of its mapping.

    `value` is written without quotes where YAML then reads the same kind of value as before.

    Raises:
        NotCorrectable: The path leads to no such place, or the change would touch more.
    """
    before = _read(text, path)
    parent, last = at(before, *path[:-1]), path[-1] if path else ""
    node = at(before, *path)
    if isinstance(node, Scalar):
        after = _replaced(text, node, path, value)
    elif node is None and isinstance(parent, Mapping) and isinstance(last, str):
        after = _added(text, parent, path, last, value)
    else:
        raise NotCorrectable(path, "there is no single value")
    _prove(before, after, path, value)
    return Corrected(after, _diff(text, after, name))


def line_of(text: str, path: Path) -> int | None:
    """Return the line, from 1, on which the thing at the end of a path begins.

    Where it is not written, as a default is not, the line of what it would belong to; None where
    the text cannot be read.
    """
    try:
        root = _read(text, path)
    except NotCorrectable:
        return None
    for end in range(len(path), 0, -1):
        parent = at(root, *path[: end - 1])
        if isinstance(parent, Mapping) and (key := parent.keys.get(str(path[end - 1]))):
            return key.place.line
        if (node := at(root, *path[:end])) is not None:
            return node.place.line
    return None


def _read(text: str, path: Path) -> Node:
    root, fault = _planted(text)
    if root is None or fault:
        raise NotCorrectable(path, fault)
    return root


@lru_cache(maxsize=2)  # a guide is corrected in several places, each time from the same text
def _planted(text: str) -> tuple[Node | None, str]:
    try:
        root, faults = plant(text, "guide")
    except Unreadable as exc:
        return None, str(exc.fault)
    return root, str(faults[0]) if faults else ""


def _replaced(text: str, node: Scalar, path: Path, value: str) -> str:
    if node.style in ("|", ">"):
        raise NotCorrectable(path, "it is a block of text")
    said = _written(value, node)
    start, end = node.place.start, node.place.end
    if start == end:  # nothing is written here, as in `key:`
        said = said if text[start - 1 : start].isspace() else f" {said}"
    return text[:start] + said + text[end:]


def _added(text: str, parent: Mapping, path: Path, key: str, value: str) -> str:
    entry = f"{_written(key, None)}: {_written(value, None)}"
    if parent.flow:
        end = parent.place.end - 1
        while text[end - 1].isspace():
            end -= 1
        comma = "" if not parent.keys or text[end - 1] == "," else ","
        space = "" if text[end - 1] == "{" else " "
        return f"{text[:end]}{comma}{space}{entry}{text[end:]}"
    if not parent.keys:
        raise NotCorrectable(path, "the mapping is empty")
    first = next(iter(parent.keys.values()))
    end = _end(parent)
    if text[end - 1 : end] in ("\n", "\r"):  # a block of text ends after its last line
        end = len(text[:end].rstrip())
    found = _LINE_END.search(text, end)
    line_end = found.start() if found else len(text)
    newline = "\r\n" if "\r\n" in text else "\n"
    indent = " " * (first.place.column - 1)
    return f"{text[:line_end]}{newline}{indent}{entry}{text[line_end:]}"


def _end(node: Node) -> int:
    """Where the last thing of a node ends: a block's own end is where the next thing begins."""
    match node:
        case Mapping(flow=False) if node.values:
            key, value = list(node.values.items())[-1]
            return max(node.keys[key].place.end, _end(value))
        case Sequence(flow=False) if node.items:
            return _end(node.items[-1])
        case _:
            return node.place.end


def _written(value: str, old: Scalar | None) -> str:
    """Return a value in the quotes of the old one, or in none where none are needed."""
    if old is not None and old.style == "'" and "\n" not in value:
        return "'" + value.replace("'", "''") + "'"
    if old is not None and old.style is not None:
        return json.dumps(value, ensure_ascii=False)
    simple = _PLAIN.fullmatch(value) is not None and ": " not in value and value[0] != "-"
    was_text = old is not None and isinstance(old.value, str)
    if simple and not (was_text and not isinstance(Scalar(_NOWHERE, value, None).value, str)):
        return value
    return json.dumps(value, ensure_ascii=False)


def _prove(before: Node, after: str, path: Path, value: str) -> None:
    wanted: Any = plain(before)
    root = _read(after, path)
    node = at(root, *path)
    if not isinstance(node, Scalar) or node.text != value:
        raise NotCorrectable(path, "the new value would be read as another")
    _set(wanted, path, node.value)
    if plain(root) != wanted:
        raise NotCorrectable(path, "the change would touch other values")


def _set(data: Any, path: Path, value: Any) -> None:
    for part in path[:-1]:
        data = data[part]
    data[path[-1]] = value


def _diff(before: str, after: str, name: str) -> str:
    lines = unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{name}",
        f"b/{name}",
    )
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )
