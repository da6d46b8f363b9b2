"""What a guide's text must hold to beyond its fields: templates, secrets, names that differ.

It looks at the tree, not at the model: so it finds these faults too in a guide that has others,
and knows the place of each.
"""

import re
from collections.abc import Iterator

from goaround_guidebook.fault import Fault, nearest
from goaround_guidebook.scanner import place_at
from goaround_guidebook.secret_reference import faults_in, is_literal_secret
from goaround_guidebook.template import MIGRATION_BEFORE, NAMES, names_in, variable_of
from goaround_guidebook.tree import (
    Mapping,
    Node,
    Path,
    Scalar,
    Sequence,
    at,
    scalars,
    show_path,
)
from goaround_guidebook.validation import place_of

_MOVED = frozenset(("deploy", "migrations", key) for key in ("revert", "sql", "revert_sql"))
_NAMED: tuple[tuple[Path, str], ...] = (
    (("stages",), "stage"),
    (("deploy", "steps"), "step"),
    (("rollback", "steps"), "step"),
    (("rollback", "first"), "step"),
    (("watch", "signals"), "signal"),
)
_LOOSE = re.compile(r"(?<!\$)\{\s*(?P<name>[A-Za-z_][\w.-]*)\s*\}")


def inspect(root: Node, text: str, name: str) -> tuple[list[Fault], list[Fault]]:
    """Return the faults of a guide's texts, and what is merely worth a warning."""
    faults: list[Fault] = []
    warnings: list[Fault] = []
    vars_of = _vars(root)
    for path, leaf in scalars(root):
        if not isinstance(leaf.value, str):
            faults += _unfaithful(path, leaf, name)
            continue
        if not _is_script(path):
            faults += _secrets(leaf, text, name)
            if path[:1] != ("environments",):
                faults += _templates(path, leaf, vars_of, text, name)
                warnings += _nearly_templates(leaf, vars_of, text, name)
        if path[:1] == ("environments",):
            faults += _templates_in_vars(leaf, text, name)
        faults += _patterns(path, leaf, name)
        if _is_secret(path, leaf):
            what = f"{show_path(path)} holds a secret itself; write ${{env:NAME}} instead"
            warnings.append(Fault(name, leaf.place.line, leaf.place.column, what))
    faults += _doubled(root, name)
    faults += _variables(root, vars_of, name)
    return faults, warnings


def _vars(root: Node) -> dict[str, set[str]]:
    """Return each environment's own names."""
    environments = at(root, "environments")
    if not isinstance(environments, Mapping):
        return {}
    found: dict[str, set[str]] = {}
    for environment, below in environments.values.items():
        own = at(below, "vars")
        found[environment] = set(own.values) if isinstance(own, Mapping) else set()
    return found


def _is_script(path: Path) -> bool:
    return len(path) > 1 and path[-1] == "script" and isinstance(path[-2], int)


def _is_secret(path: Path, leaf: Scalar) -> bool:
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    return not _is_script(path) and is_literal_secret(key, leaf.text)


def _templates(
    path: Path, leaf: Scalar, vars_of: dict[str, set[str]], text: str, name: str
) -> Iterator[Fault]:
    known = (*NAMES, *(f"vars.{v}" for v in sorted(set[str]().union(*vars_of.values()))))
    for template in dict.fromkeys(names_in(leaf.text)):
        own = template.removeprefix("vars.")
        near: str | None = None
        if template == MIGRATION_BEFORE and path[:3] not in _MOVED:
            where = "deploy.migrations only: in revert, sql and revert_sql"
            what = f"{{{template}}} has a value in {where}"
        elif template in NAMES:
            continue
        elif template not in known:
            what = f"unknown template {{{template}}}"
            near = nearest(template, known)
            if near is None:
                what += f"; to have it stand as it is, write {{{{{template}}}}}"
        elif without := [e for e, names in vars_of.items() if own not in names]:
            where = ", ".join(without)
            what = f"the template {{{template}}} has no value in the environment {where}"
        else:
            continue
        yield _within(leaf, f"{{{template}}}", text, name, what, near)


def _nearly_templates(
    leaf: Scalar, vars_of: dict[str, set[str]], text: str, name: str
) -> Iterator[Fault]:
    known = {*NAMES, *(f"vars.{v}" for v in set[str]().union(*vars_of.values()))}
    exact = names_in(leaf.text)
    for found in _LOOSE.finditer(leaf.text):
        meant = found["name"]
        if meant in exact or leaf.text[: found.start()].endswith("{"):
            continue
        if (near := meant if meant in known else meant.lower()) in known and found[0] != near:
            what = f"{found[0]!r} is not replaced: a template is written {{{near}}}"
            yield _within(leaf, found[0], text, name, what)


def _templates_in_vars(leaf: Scalar, text: str, name: str) -> Iterator[Fault]:
    for template in dict.fromkeys(names_in(leaf.text)):
        if template in NAMES or template.startswith("vars."):
            what = f"{{{template}}} is not replaced here: what goes into templates holds none"
            yield _within(leaf, f"{{{template}}}", text, name, what)


def _secrets(leaf: Scalar, text: str, name: str) -> Iterator[Fault]:
    for offset, what, near in faults_in(leaf.text):
        yield _within(leaf, leaf.text[offset : offset + 3], text, name, what, near)


def _unfaithful(path: Path, leaf: Scalar, name: str) -> Iterator[Fault]:
    """A number whose spelling matters, such as a version 2.10, where any value is allowed."""
    free = (path[:1] == ("environments",) and path[2:3] == ("vars",)) or (
        "expect" in path and "json" in path
    )
    is_number = isinstance(leaf.value, int | float) and not isinstance(leaf.value, bool)
    if free and is_number and str(leaf.value) != leaf.text:
        what = f"{leaf.text} would be read as the number {leaf.value}; put it in quotes"
        where = f"{show_path(path)}: "
        yield Fault(name, leaf.place.line, leaf.place.column, where + what)


def _patterns(path: Path, leaf: Scalar, name: str) -> Iterator[Fault]:
    is_pattern = path[-1:] == ("matches",) or path[-2:-1] == ("where",)
    if not is_pattern or names_in(leaf.text):
        return
    try:
        re.compile(leaf.text)
    except re.error as exc:
        what = f"{show_path(path)}: {leaf.text!r} is no regular expression: {exc}"
        yield Fault(name, leaf.place.line, leaf.place.column, what)


def _doubled(root: Node, name: str) -> Iterator[Fault]:
    for path, what in _NAMED:
        listed = at(root, *path)
        if not isinstance(listed, Sequence):
            continue
        seen: dict[str, int] = {}
        for item in listed.items:
            own = at(item, "name")
            if not isinstance(own, Scalar):
                continue
            if own.text in seen:
                said = f"the {what} {own.text!r} stands twice; it is on line {seen[own.text]} too"
                yield Fault(name, own.place.line, own.place.column, said)
            else:
                seen[own.text] = own.place.line


def _variables(root: Node, vars_of: dict[str, set[str]], name: str) -> Iterator[Fault]:
    for environment, names in vars_of.items():
        seen: dict[str, str] = {}
        for own in sorted(names):
            path = ("environments", environment, "vars", own)
            if not names_in(f"{{vars.{own}}}"):
                what = f"the name {own!r} fits no template; use letters, digits, '_' and '-'"
            elif (first := seen.setdefault(variable_of(own), own)) != own:
                what = f"{own!r} and {first!r} would both be {variable_of(own)} in a script"
            else:
                continue
            place = place_of(root, path)
            yield Fault(name, place.line, place.column, what)


def _within(
    leaf: Scalar, part: str, text: str, name: str, message: str, near: str | None = None
) -> Fault:
    """A fault at the very part of a value, where the text shows it as it is."""
    start = text.find(part, leaf.place.start, leaf.place.end)
    place = leaf.place if start < 0 else place_at(text, start)
    return Fault(name, place.line, place.column, message, near)
