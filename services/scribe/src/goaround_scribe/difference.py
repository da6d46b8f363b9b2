"""What differs between two guides, setting by setting.

Pure. It reads YAML, not lines: order, comments and quotes are no difference. Parts of a list that
have names are held against their namesakes. A value that looks like a secret is never shown.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from goaround_guidebook.planting import plant
from goaround_guidebook.scanner import Unreadable
from goaround_guidebook.secret_reference import is_literal_secret
from goaround_guidebook.tree import Mapping, Node, Scalar, Sequence, at

LONGEST_VALUE = 80
_HIDDEN = "•••"


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting, before and after; None where it was not, or is no longer, there."""

    path: str
    old: str | None
    new: str | None


def differences(before: str, after: str) -> tuple[Difference, ...] | None:
    """Return the settings that differ, in the order of the new guide; None if one is no YAML."""
    try:
        old, _ = plant(before, "before")
        new, _ = plant(after, "after")
    except Unreadable:
        return None
    was, now = dict(_settings(old)), dict(_settings(new))
    return tuple(
        Difference(path, was.get(path), now.get(path))
        for path in dict.fromkeys((*now, *was))
        if was.get(path) != now.get(path)
    )


def _settings(node: Node, path: str = "", key: str = "") -> Iterator[tuple[str, str]]:
    match node:
        case Scalar():
            yield path, _shown(key, node.text)
        case Mapping():
            for name, value in node.values.items():
                yield from _settings(value, f"{path}.{name}" if path else name, name)
        case Sequence() if node.items and all(isinstance(i, Scalar) for i in node.items):
            # A command or a list of names reads better whole than word by word.
            words = [_shown(key, i.text) for i in node.items if isinstance(i, Scalar)]
            yield path, f"[{', '.join(words)}]"
        case Sequence():
            names = [_name(item) for item in node.items]
            told_apart = None not in names and len(set(names)) == len(names)
            for i, item in enumerate(node.items):
                yield from _settings(item, f"{path}[{names[i] if told_apart else i}]", key)


def _name(item: Node) -> str | None:
    name = at(item, "name")
    return name.text if isinstance(name, Scalar) else None


def _shown(key: str, text: str) -> str:
    return _HIDDEN if is_literal_secret(key, text) else text
