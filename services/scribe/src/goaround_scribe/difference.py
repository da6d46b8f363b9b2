"""What differs between two documents, setting by setting.

Pure. It compares values, not lines: order, comments and quotes are no difference. Parts of a list
that have names are held against their namesakes. A value that may not be shown never is; that it
changed is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from goaround_guidebook.planting import plant
from goaround_guidebook.scanner import Unreadable
from goaround_guidebook.tree import Mapping as Fields
from goaround_guidebook.tree import Node, Scalar, Sequence
from goaround_scribe.hidden import shown, words_shown


@dataclass(frozen=True, slots=True)
class Setting:
    """One value: as it is, to be compared, and as it may be shown."""

    value: str
    shown: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting, before and after, as shown; None where it was not, or is no longer, there."""

    path: str
    old: str | None
    new: str | None


def differences(before: str, after: str) -> tuple[Difference, ...] | None:
    """Return the settings in which two guides differ; None if they do and one is no YAML."""
    if before == after:
        return ()
    try:
        old, new = (settings(yaml_document(text)) for text in (before, after))
    except Unreadable:
        return None
    return between(old, new)


def between(was: Mapping[str, Setting], now: Mapping[str, Setting]) -> tuple[Difference, ...]:
    """Return what differs, in the order of the later ones."""
    return tuple(
        Difference(path, old.shown if old else None, new.shown if new else None)
        for path in dict.fromkeys((*now, *was))
        for old, new in ((was.get(path), now.get(path)),)
        if (old and old.value) != (new and new.value)
    )


def yaml_document(text: str) -> object:
    """Return YAML as dicts, lists and texts: a version 1.10 stays one.

    Raises:
        Unreadable: It is no YAML, or exceeds the bounds of a guide.
    """
    return _texts(plant(text, "document")[0])


def _texts(node: Node) -> object:
    match node:
        case Scalar():
            return node.text
        case Sequence():
            return [_texts(item) for item in node.items]
        case Fields():
            return {key: _texts(value) for key, value in node.values.items()}


def settings(document: object) -> dict[str, Setting]:
    """Return the settings of a document, by their paths."""
    return dict(_settings(document, "", ""))


def _settings(part: object, path: str, key: str) -> Iterator[tuple[str, Setting]]:
    if isinstance(part, dict):
        for name, value in cast("dict[Any, object]", part).items():
            yield from _settings(value, f"{path}.{name}" if path else str(name), str(name))
    elif isinstance(part, list):
        items = cast("list[object]", part)
        if items and not any(isinstance(item, dict | list) for item in items):
            # A command or a list of names reads better whole than word by word.
            words = [_text(item) for item in items]
            yield path, Setting(_listed(words), _listed(words_shown(key, words)))
            return
        names = [_name(item) for item in items]
        told_apart = None not in names and len(set(names)) == len(names)
        for i, item in enumerate(items):
            yield from _settings(item, f"{path}[{names[i] if told_apart else i}]", key)
    else:
        yield path, Setting(_text(part), shown(key, _text(part)))


def _text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)


def _listed(words: list[str] | tuple[str, ...]) -> str:
    return f"[{', '.join(words)}]"


def _name(item: object) -> str | None:
    name = cast("dict[Any, object]", item).get("name") if isinstance(item, dict) else None
    return name if isinstance(name, str) else None
