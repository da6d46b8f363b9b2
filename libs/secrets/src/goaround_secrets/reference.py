"""References to secrets in text: `${env:NAME}` and `${file:PATH}`; `$${` is a plain `${`.

Pure. Knows where a secret is said to be, never what it is.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, cast, get_args

Kind = Literal["env", "file"]

_KINDS: tuple[str, ...] = get_args(Kind)
_OPENING = re.compile(r"\$\$\{|\$\{")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SHOWN = 60  # characters of a faulty reference in a message


@dataclass(frozen=True)
class SecretReference:
    """Where a secret is to be found: an environment variable, or a file."""

    kind: Kind
    target: str

    def __str__(self) -> str:
        """Return the reference as it is written."""
        return f"${{{self.kind}:{self.target}}}"


class ReferenceMalformed(ValueError):
    """Text opens a reference with `${` and is none; the message has the nearest valid form."""

    def __init__(self, written: str, why: str, nearest: str) -> None:
        shown = written if len(written) <= _SHOWN else written[: _SHOWN - 1] + "…"
        super().__init__(f"{shown}: {why}; write {nearest}, or $${{ for a plain ${{")
        self.written = written
        self.nearest = nearest


def references(text: str) -> list[SecretReference]:
    """Return the references in order of their place, each as often as it is written.

    Raises:
        ReferenceMalformed: a `${` that is no reference.
    """
    return [part for part in parts(text) if isinstance(part, SecretReference)]


def parts(text: str) -> Iterator[str | SecretReference]:
    """Cut text into plain pieces, `$${` already undone, and references.

    Raises:
        ReferenceMalformed: a `${` that is no reference.
    """
    at = 0
    while opening := _OPENING.search(text, at):
        yield text[at : opening.start()]
        at = opening.end()
        if opening[0] == "$${":
            yield "${"
            continue
        end = text.find("}", at)
        if end < 0:
            written = text[opening.start() :]
            raise ReferenceMalformed(written, "it is never closed", _nearest(text[at:]))
        yield _reference(text[at:end])
        at = end + 1
    yield text[at:]


def _reference(inside: str) -> SecretReference:
    kind, colon, target = inside.partition(":")
    written = f"${{{inside}}}"
    if not colon or kind not in _KINDS:
        known = " and ".join(f"${{{name}:…}}" for name in _KINDS)
        raise ReferenceMalformed(written, f"only {known} are known", _nearest(inside))
    if kind == "env" and not _ENV_NAME.fullmatch(target):
        why = "a variable's name is letters, digits and '_', no digit first"
        raise ReferenceMalformed(written, why, _nearest(inside))
    if not target or target != target.strip() or not target.isprintable():
        raise ReferenceMalformed(written, "that is no path", _nearest(inside))
    return SecretReference(cast("Kind", kind), target)


def _nearest(inside: str) -> str:
    """Return the valid reference that looks most like what was written."""
    said, colon, target = inside.partition(":")
    if not colon:
        said, target = "", inside
    close = difflib.get_close_matches(said.strip().lower(), _KINDS, n=1, cutoff=0.4)
    target = next(iter(target.split()), "")
    kind = close[0] if close else ("file" if "/" in target else "env")
    if kind == "env":
        target = re.sub(r"\W", "_", target, flags=re.ASCII).lstrip("0123456789")
    return f"${{{kind}:{target or ('NAME' if kind == 'env' else '/PATH')}}}"
