"""What pydantic says of a guide, in the words and at the places that its author knows."""

import re
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from goaround_guidebook.fault import Fault, nearest
from goaround_guidebook.scanner import Place
from goaround_guidebook.secret_reference import names_a_secret
from goaround_guidebook.tree import Mapping, Node, Path, Scalar, Sequence, at, show_path
from goaround_schemas.guide import Guide

_WANTED = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "tuple": "a list",
    "list": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "date": "a date such as 2026-10-01",
}
"""By the first word of pydantic's name for the error: `int_type`, `int_parsing` and so on."""

_COMMANDS = frozenset({"run", "current", "apply", "revert", "command"})


def read_model(root: Node, data: Any, name: str) -> tuple[Guide | None, list[Fault]]:
    """Return the guide, or every fault that keeps the data from being one."""
    try:
        return Guide.model_validate(data, by_alias=True, by_name=False), []
    except ValidationError as exc:
        return None, list(_faults(exc, root, name))


def _faults(error: ValidationError, root: Node, name: str) -> Iterable[Fault]:
    grouped: dict[Path, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        path, _ = _located(details["loc"], root)
        grouped.setdefault((*path, "?") if details["type"] == "missing" else path, []).append(
            details
        )
    for path, group in grouped.items():
        if group[0]["type"] == "too_short" and _size(at(root, *path)) > 0:
            continue  # what it holds is wrong, and is told on its own
        got_further = any(len(p) > len(path) and p[: len(path)] == path for p in grouped)
        if got_further and all(_located(d["loc"], root)[1] for d in group):
            continue  # another branch of a union says more
        wanted = [w for d in group if (w := _wanted(d))]
        if len(wanted) == len(group):
            yield _wrong_type(path, list(dict.fromkeys(wanted)), root, name)
        else:
            yield from (_one(details, root, name) for details in group)


def _located(loc: tuple[int | str, ...], root: Node) -> tuple[Path, bool]:
    """Return the path in the text, and whether a union's branch was named on the way."""
    node: Node | None = root
    path: list[int | str] = []
    branched = False
    for part in loc:
        below = at(node, part)
        if below is None:
            branched = branched or isinstance(node, Scalar | Sequence) or len(path) < len(loc) - 1
            continue
        path.append(part)
        node = below
    return tuple(path), branched


def _one(details: ErrorDetails, root: Node, name: str) -> Fault:
    path, _ = _located(details["loc"], root)
    last = str(details["loc"][-1]) if details["loc"] else ""
    match details["type"]:
        case "extra_forbidden":
            known = fields_at(path[:-1])
            near = nearest(last, known)
            rest = "" if near else f" (known here: {', '.join(known)})"
            return _at(path, root, name, f"unknown field {last!r}{rest}", near)
        case "missing":
            where = f" in {show_path(path)}" if path else ""
            return _at(path, root, name, f"the field {last!r} is missing{where}")
        case "literal_error":
            expected = str(details.get("ctx", {}).get("expected", ""))
            known = tuple(str(k) for k in re.findall(r"'([^']*)'", expected))
            said = _shown(at(root, *path), path)
            near = nearest(said.strip("'"), known)
            what = f"{said} is not known; there is {', '.join(known)}"
            return _at(path, root, name, f"{show_path(path)}: {what}", near)
        case "value_error":
            what = details["msg"].removeprefix("Value error, ")
        case "too_short":
            least = details.get("ctx", {}).get("min_length", 1)
            what = f"is empty; at least {least} is needed"
        case _:
            what = f"{_shown(at(root, *path), path)}: {_lowered(details['msg'])}"
            if last == "[key]":
                what = f"the name {path[-1]!r}: {_lowered(details['msg'])}"
    where = show_path(path)
    return _at(path, root, name, f"{where}: {what}" if where else what)


def _wrong_type(path: Path, wanted: list[str], root: Node, name: str) -> Fault:
    node = at(root, *path)
    what = f"{_shown(node, path)} is {_kind(node)}, but {' or '.join(wanted)} is wanted"
    if "a text" in wanted and isinstance(node, Scalar) and node.text:
        what += "; put it in quotes"
    elif wanted == ["a list"] and path[-1] in _COMMANDS and isinstance(node, Scalar) and node.text:
        what += f"; write [{', '.join(node.text.split()[:8])}]"
    return _at(path, root, name, f"{show_path(path)}: {what}")


def _wanted(details: ErrorDetails) -> str | None:
    kind, _, rest = details["type"].partition("_")
    fits = rest in {"type", "parsing", "from_float", "attributes_type", "parsing_size"} or (
        kind == "date" and rest in {"from_datetime_parsing", "from_datetime_inexact"}
    )
    return _WANTED.get(kind) if fits else None


def _size(node: Node | None) -> int:
    return len(node.items) if isinstance(node, Sequence) else 0


def _lowered(message: str) -> str:
    return message.replace("Input should", "should").replace("String should", "should")


def _shown(node: Node | None, path: Path) -> str:
    if not isinstance(node, Scalar):
        return "it"
    if any(isinstance(part, str) and names_a_secret(part) for part in path):
        return "***"
    if node.value is None:
        return "it"
    said = node.text if len(node.text) <= 60 else node.text[:57] + "..."
    return repr(said) if isinstance(node.value, str) else said


def _kind(node: Node | None) -> str:
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar():
            match node.value:
                case None:
                    return "empty"
                case bool():
                    return "a yes or no"
                case int() | float():
                    return "a number"
                case _:
                    return "a text"
        case None:
            return "nothing"


def _at(path: Path, root: Node, name: str, message: str, near: str | None = None) -> Fault:
    place = place_of(root, path)
    return Fault(name, place.line, place.column, message, near)


def place_of(root: Node, path: Path) -> Place:
    """Return where a field's name stands, or an item of a list; the root's own place if none."""
    while path:
        parent = at(root, *path[:-1])
        if isinstance(parent, Mapping) and (key := parent.keys.get(str(path[-1]))) is not None:
            return key.place
        if (node := at(root, *path)) is not None:
            return node.place
        path = path[:-1]
    return root.place


def fields_at(path: Path) -> tuple[str, ...]:
    """Return the names that the guide's model knows at a path."""
    kind: Any = Guide
    for part in path:
        model = _model_in(kind)
        if isinstance(part, str) and model is not None:
            named = {_written(n, f): f for n, f in model.model_fields.items()}
            if part in named:
                kind = named[part].annotation
    model = _model_in(kind)
    if model is None:
        return ()
    return tuple(_written(n, f) for n, f in model.model_fields.items())


def _written(name: str, field: FieldInfo) -> str:
    """How a field is called in the text."""
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _model_in(kind: Any) -> type[BaseModel] | None:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    inner = (_model_in(arg) for arg in get_args(kind))
    return next((found for found in inner if found is not None), None)
