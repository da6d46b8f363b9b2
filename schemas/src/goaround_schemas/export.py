"""The JSON Schemas that third parties rely on, written from the models.

`python -m goaround_schemas.export schemas/json` writes one file a message and one for the guide.
Within one version a schema may only grow: what breaks a writer or a reader of that version is
refused, with nothing written for that type, because it needs a new version.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from goaround_schemas.catalogue import TYPES
from goaround_schemas.guide import Guide

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_SAME = (
    "type",
    "enum",
    "const",
    "format",
    "$ref",
    "anyOf",
    "oneOf",
    "allOf",
    "pattern",
    "prefixItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
)
"""What must not change at all: to narrow it breaks writers, to widen it breaks old readers."""

_GUIDE = "guide.v1"
_FOR_PEOPLE = frozenset({"title", "description", "default", "examples"})
_BELOW = ("items", "additionalProperties", "propertyNames")


def schemas() -> dict[str, dict[str, Any]]:
    """Return every published schema by its file's name without the ending, in order."""
    models: dict[str, type[BaseModel]] = {**TYPES, _GUIDE: Guide}
    found = {n: {"$schema": DIALECT, **models[n].model_json_schema()} for n in sorted(models)}
    return {
        n: _as_people_write(schema) if n == _GUIDE else opened(schema)
        for n, schema in found.items()
    }


def _as_people_write(guide: dict[str, Any]) -> dict[str, Any]:
    """Return the guide's schema without asking for what a named tool stands in for."""
    migrations = {**guide["$defs"]["Migrations"]}
    del migrations["required"]
    return {**guide, "$defs": {**guide["$defs"], "Migrations": migrations}}


def opened(schema: Any) -> Any:
    """Return a message's schema with room for fields of later releases, guide parts included."""
    if isinstance(schema, list):
        return [opened(item) for item in cast("Sequence[Any]", schema)]
    if isinstance(schema, dict):
        fields = cast("dict[str, Any]", schema).items()
        return {k: opened(v) for k, v in fields if (k, v) != ("additionalProperties", False)}
    return schema


def breaks(old: dict[str, Any], new: dict[str, Any], *, read: bool = True) -> list[str]:
    """Say what in the new schema breaks those who rely on the old one; nothing if it only grew.

    `read`: old releases read what new ones write, and miss what is no longer there.
    """
    found = list(_breaks(old, new, "$", read=read))
    for name, was in old.get("$defs", {}).items():
        now = new.get("$defs", {}).get(name)
        found += [f"$defs.{name}: removed"] if now is None else _breaks(was, now, name, read=read)
    return found


def _breaks(old: Any, new: Any, where: str, *, read: bool) -> Iterator[str]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        if old != new:
            yield f"{where}: {_short(old)} became {_short(new)}"
        return
    was, now = cast("dict[str, Any]", old), cast("dict[str, Any]", new)
    for key in _SAME:
        before, after = _comparable(key, was.get(key)), _comparable(key, now.get(key))
        if before != after:
            yield f"{where}: {key} {_short(was.get(key))} became {_short(now.get(key))}"
    for key in _BELOW:
        if key in was or key in now:
            yield from _breaks(was.get(key), now.get(key), f"{where}.{key}", read=read)
    fields: dict[str, Any] = now.get("properties", {})
    for name, field in was.get("properties", {}).items():
        if name in fields:
            yield from _breaks(field, fields[name], f"{where}.{name}", read=read)
        else:
            yield f"{where}.{name}: removed"
    needed, needed_before = set(now.get("required", ())), set(was.get("required", ()))
    for name in sorted(needed - needed_before):
        yield f"{where}.{name}: newly required"
    for name in sorted((needed_before - needed) & set(fields)) if read else ():
        yield f"{where}.{name}: no longer required, but old readers need it"


def _comparable(key: str, value: Any) -> Any:
    """Return a value without what only people read, and without an order that means nothing."""
    stripped = _stripped(value)
    if key in ("enum", "anyOf", "oneOf", "allOf") and isinstance(stripped, list):
        return sorted(cast("Sequence[Any]", stripped), key=lambda v: json.dumps(v, sort_keys=True))
    return stripped


def _stripped(value: Any) -> Any:
    if isinstance(value, list):
        return [_stripped(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value).items()
        return {k: _stripped(v) for k, v in fields if k not in _FOR_PEOPLE}
    return value


def _short(value: Any) -> str:
    text = "absent" if value is None else json.dumps(value, sort_keys=True)
    return text if len(text) <= 80 else text[:77] + "..."


def write(directory: Path) -> list[str]:
    """Write what has changed, and return every break; a type with a break stays as it was."""
    directory.mkdir(parents=True, exist_ok=True)
    refused: list[str] = []
    for name, schema in schemas().items():
        path = directory / f"{name}.json"
        if path.exists():
            # A guide is written by people, and read by this release alone.
            found = breaks(json.loads(path.read_bytes()), schema, read=name != _GUIDE)
            refused += [f"{path}: {what}" for what in found]
            if found:
                continue
        path.write_text(show(schema), encoding="utf-8")
    return refused


def show(schema: dict[str, Any]) -> str:
    """Return a schema as it is published: the same model always gives the same text."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the schemas to the directory named; 1 if a break was refused."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m goaround_schemas.export DIRECTORY\n")
        return 2
    refused = write(Path(arguments[0]))
    for line in refused:
        sys.stderr.write(f"{line}; a break needs a new version of the message\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
