"""Templates: `{version}` in a guide's texts becomes the version of the run.

A value that is put in is never looked at again, so no version, however it is spelled, can bring
in another template. Braces that hold no name (PromQL, JSON, `${env:NAME}`) are left alone, and
so is a step's `script`: values reach it as environment variables only.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from goaround_schemas.catalogue import faults
from goaround_schemas.guide import Environment, Step, TcpCheck

M = TypeVar("M", bound=BaseModel)

_NAME = r"[a-z_][a-z0-9_]*(?:\.[A-Za-z0-9_-]+)*"
_TEMPLATE = re.compile(rf"\{{\{{(?P<escaped>{_NAME})\}}\}}|\{{(?P<name>{_NAME})\}}")

MIGRATION_BEFORE = "migration.before"
NAMES = (
    "version",
    "previous.version",
    "environment",
    "run.id",
    "stage.name",
    "stage.weight",
    MIGRATION_BEFORE,
)
"""Every template there is, but `vars.<name>` for the environment's own."""

_NONE: frozenset[str] = frozenset()

_ESCAPED = "{{}}"
_MOST_PARTS = 20_000
_WRITTEN: dict[int, tuple[BaseModel, frozenset[str]]] = {}


@dataclass(frozen=True, slots=True)
class Context:
    """What the templates of one stage of one run stand for."""

    version: str
    previous_version: str | None
    environment: str
    run_id: str
    stage_name: str
    stage_weight: int
    vars: Mapping[str, str | int | float | bool] = field(
        default_factory=dict[str, str | int | float | bool]
    )
    migration_before: str | None = None


class Unresolved(ValueError):
    """A template has no value here, or one that does not fit where it stands."""

    def __init__(self, name: str, why: str) -> None:
        super().__init__(f"{{{name}}}: {why}")
        self.name = name
        self.why = why

    def __reduce__(self) -> tuple[type["Unresolved"], tuple[str, str]]:
        return (Unresolved, (self.name, self.why))


def names_in(text: str) -> tuple[str, ...]:
    """Return the templates of one text, in their order; what is escaped is none."""
    return tuple(m["name"] for m in _TEMPLATE.finditer(text) if m["name"])


def uses(model: BaseModel) -> frozenset[str]:
    """Return the names of all templates that `render` would replace in this part of a guide."""
    return _written_in(model) - {_ESCAPED}


def render(model: M, context: Context, keep: frozenset[str] = _NONE) -> M:
    """Return the same part of a guide with its templates replaced; those in `keep` still stand.

    Raises:
        Unresolved: A template has no value in this context, is unknown, or its value is not
            allowed where it stands.
    """
    try:
        return _model(model, _Fill(lambda name: _value(name, context), None, keep))
    except ValidationError as exc:
        names = sorted(uses(model) - keep)
        name = ", ".join(names) or "no template"
        raise Unresolved(name, f"put in, it is not allowed here: {faults(exc)}") from exc


def render_kept(model: M, kept: Mapping[str, str]) -> M:
    """Return the part with the templates that an earlier `render` kept replaced, and only those.

    Raises:
        Unresolved: A value is not allowed where it stands.
    """
    try:
        return _model(model, _Fill(kept.get, frozenset(kept)))
    except ValidationError as exc:
        raise Unresolved(", ".join(sorted(kept)), f"put in, not allowed: {faults(exc)}") from exc


def values(context: Context) -> dict[str, str]:
    """Return what a script gets as environment variables; empty where there is no value."""
    return {
        "GOAROUND_VERSION": context.version,
        "GOAROUND_PREVIOUS_VERSION": context.previous_version or "",
        "GOAROUND_ENVIRONMENT": context.environment,
        "GOAROUND_RUN_ID": context.run_id,
        "GOAROUND_STAGE_NAME": context.stage_name,
        "GOAROUND_STAGE_WEIGHT": str(context.stage_weight),
    } | {variable_of(name): show(value) for name, value in context.vars.items()}


def variable_of(name: str) -> str:
    """`GOAROUND_VARS_BASE_URL` for the environment's own `base-url`."""
    return "GOAROUND_VARS_" + re.sub(r"[^A-Za-z0-9_]", "_", name).upper()


def show(value: str | int | float | bool) -> str:
    """Return a value as YAML writes it: `true`, not `True`."""
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, slots=True)
class _Fill:
    """Which templates are replaced, by what, and which still stand afterwards."""

    value: Callable[[str], str | None]
    only: frozenset[str] | None = None
    keep: frozenset[str] = _NONE

    def text(self, text: str) -> str:
        """Return the text filled in. What is not kept can never be taken for what is."""
        done: list[str] = []
        literal = ""
        end = 0
        for found in _TEMPLATE.finditer(text):
            literal += text[end : found.start()]
            end = found.end()
            name = found["name"] or found["escaped"]
            if self.only is not None and name not in self.only:
                literal += found[0]
            elif found["escaped"]:
                literal += f"{{{name}}}"
            elif name in self.keep:
                done += (self._guarded(literal), found[0])
                literal = ""
            else:
                literal += self.value(name) or ""
        return "".join((*done, self._guarded(literal + text[end:])))

    def _guarded(self, literal: str) -> str:
        for name in self.keep:
            literal = literal.replace(f"{{{name}}}", f"{{{{{name}}}}}")
        return literal


def _value(name: str, context: Context) -> str:
    match name:
        case "version":
            return context.version
        case "previous.version":
            return _known(name, context.previous_version, "there is no version before this one")
        case "environment":
            return context.environment
        case "run.id":
            return context.run_id
        case "stage.name":
            return context.stage_name
        case "stage.weight":
            return str(context.stage_weight)
        case "migration.before":
            return _known(name, context.migration_before, "where the schema was is not on record")
        case _ if (own := name.removeprefix("vars.")) != name:
            if own not in context.vars:
                raise Unresolved(name, f"not among the vars of {context.environment}")
            return show(context.vars[own])
        case _:
            raise Unresolved(name, "no such template")


def _known(name: str, value: str | None, why: str) -> str:
    if value is None:
        raise Unresolved(name, why)
    return value


def _model(model: M, fill: _Fill) -> M:
    if not _written_in(model):
        return model
    fields: dict[str, Any] = {}
    for name in type(model).model_fields:
        if name not in model.model_fields_set:
            continue
        value = getattr(model, name)
        fields[name] = value if _is_script(model, name) else _any(value, fill)
    if isinstance(model, TcpCheck):
        fields["port"] = _port(model.port, fields["port"])
    return type(model).model_validate(fields, by_name=True)


def _any(value: Any, fill: _Fill) -> Any:
    match value:
        case BaseModel():
            return _model(value, fill)
        case str():
            return fill.text(value)
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {key: _any(item, fill) for key, item in items}
        case tuple() | list():
            return [_any(item, fill) for item in cast("Sequence[Any]", value)]
        case _:
            return value


def _port(template: int | str, port: int | str) -> int | str:
    if isinstance(template, int) or isinstance(port, int) or port == template:
        return port
    if not (port.isascii() and port.isdecimal() and 0 < int(port[:9]) < 65536):
        name = ", ".join(names_in(template))
        raise Unresolved(name, f"gives {port!r}, and a port is a number from 1 to 65535")
    return int(port)


def _is_script(model: BaseModel, name: str) -> bool:
    return isinstance(model, Step) and name == "script"


def _written_in(part: BaseModel) -> frozenset[str]:
    """What templates stand in a part of a guide; `_ESCAPED` for any that is escaped.

    Guides are pinned and asked about again and again; their parts never change.
    """
    known = _WRITTEN.get(id(part))
    if known is not None:
        return known[1]
    if len(_WRITTEN) >= _MOST_PARTS:
        _WRITTEN.clear()
    found = frozenset(_in_fields(part))
    # The part is kept along: while it lives, its identity is nobody else's.
    _WRITTEN[id(part)] = part, found
    return found


def _in_fields(part: BaseModel) -> Iterator[str]:
    if isinstance(part, Environment):
        return
    for name in type(part).model_fields:
        if not _is_script(part, name):
            yield from _in_value(getattr(part, name))


def _in_value(value: Any) -> Iterator[str]:
    match value:
        case BaseModel():
            yield from _written_in(value)
        case str():
            for found in _TEMPLATE.finditer(value):
                yield found["name"] or _ESCAPED
        case dict():
            for item in cast("dict[str, Any]", value).values():
                yield from _in_value(item)
        case tuple() | list():
            for item in cast("Sequence[Any]", value):
                yield from _in_value(item)
        case _:
            return
