"""YAML as a tree in which every node knows its place, and how to find one's way in it.

It knows YAML 1.2's plain values: `on` and `no` are texts, and so is a date. It never knows what
a guide is.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from goaround_guidebook.scanner import Place

Path = tuple[str | int, ...]

_NULL = re.compile(r"~|null|Null|NULL|")
_BOOL = re.compile(r"(?P<yes>true|True|TRUE)|false|False|FALSE")
_INT = re.compile(r"[-+]?[0-9]{1,40}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(slots=True)
class Scalar:
    """One value as it is written."""

    place: Place
    text: str
    style: str | None
    """None for a plain one; else the quote, or `|` or `>`."""
    size: int = 1
    depth: int = 0

    @property
    def value(self) -> str | int | float | bool | None:
        """What it means in YAML 1.2's core schema; numbers that no computer holds stay texts."""
        if self.style is not None:
            return self.text
        if _NULL.fullmatch(self.text):
            return None
        if found := _BOOL.fullmatch(self.text):
            return found["yes"] is not None
        if _INT.fullmatch(self.text):
            return int(self.text)
        if _FLOAT.fullmatch(self.text) and math.isfinite(number := float(self.text)):
            return number
        return self.text


@dataclass(slots=True)
class Sequence:
    """A list."""

    place: Place
    flow: bool
    items: list["Node"] = field(default_factory=list["Node"])
    size: int = 1
    depth: int = 1


@dataclass(slots=True)
class Mapping:
    """Fields and their values, in the order of the text."""

    place: Place
    flow: bool
    keys: dict[str, Scalar] = field(default_factory=dict[str, Scalar])
    values: dict[str, "Node"] = field(default_factory=dict[str, "Node"])
    size: int = 1
    depth: int = 1


Node = Scalar | Sequence | Mapping


def plain(node: Node) -> Any:
    """Return the tree as dicts, lists and values."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key: plain(value) for key, value in node.values.items()}


def scalars(node: Node, path: Path = ()) -> Iterator[tuple[Path, Scalar]]:
    """Yield every value of the tree with the path that leads to it; keys are not values."""
    match node:
        case Scalar():
            yield path, node
        case Sequence():
            for i, item in enumerate(node.items):
                yield from scalars(item, (*path, i))
        case Mapping():
            for key, value in node.values.items():
                yield from scalars(value, (*path, key))


def at(node: Node | None, *path: str | int) -> Node | None:
    """Return the node that a path leads to, or None if it leads nowhere."""
    for part in path:
        match node, part:
            case Mapping(), str():
                node = node.values.get(part)
            case Sequence(), int() if 0 <= part < len(node.items):
                node = node.items[part]
            case _:
                return None
    return node


def show_path(path: Path) -> str:
    """`deploy.steps[0].run`, as people write it."""
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return shown.removeprefix(".")
