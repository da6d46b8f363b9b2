"""References replaced by what they refer to, where it is used and nowhere else.

Reads nothing itself: the environment and the reader of files are given. A secret's value is never
part of an error, nor of a representation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from goaround_secrets.reference import SecretReference, parts

MAX_SECRET_BYTES = 64 * 1024  # a key with its chain of certificates fits; a wrong path to a log not
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
ReadFile = Callable[[str], bytes]


class SecretMissing(LookupError):
    """A secret is not where its reference says; the message says where to put it."""

    def __init__(self, reference: SecretReference, why: str, advice: str) -> None:
        super().__init__(f"{reference}: {why}. {advice}")
        self.reference = reference


@dataclass(frozen=True)
class Resolved:
    """Text with its secrets in it, and those secrets, to be masked; neither is ever shown."""

    value: str = field(repr=False)
    secrets: frozenset[str] = field(repr=False)


@dataclass(frozen=True)
class ResolvedTree:
    """A JSON-like structure with its secrets in it, and those secrets."""

    value: Json = field(repr=False)
    secrets: frozenset[str] = field(repr=False)


def read_secret_file(path: str) -> bytes:
    """Return a file's first bytes, one more than a secret may have."""
    with Path(path).open("rb") as file:
        return file.read(MAX_SECRET_BYTES + 1)


def resolve(
    text: str, environ: Mapping[str, str], read_file: ReadFile = read_secret_file
) -> Resolved:
    """Replace every reference by its secret. What a secret contains is not looked into again.

    Raises:
        ReferenceMalformed: a `${` that is no reference.
        SecretMissing: a secret that is not there, empty, too long or not text.
    """
    found: dict[SecretReference, str] = {}
    pieces: list[str] = []
    # All of the text is read before the first secret is: a typo is told without opening a file.
    for part in list(parts(text)):
        if isinstance(part, str):
            pieces.append(part)
            continue
        if part not in found:
            found[part] = _secret(part, environ, read_file)
        pieces.append(found[part])
    return Resolved("".join(pieces), frozenset(found.values()))


def resolve_all(
    tree: Json, environ: Mapping[str, str], read_file: ReadFile = read_secret_file
) -> ResolvedTree:
    """Replace every reference in every string of a structure; the keys of objects stay as they are.

    Raises:
        ReferenceMalformed: a `${` that is no reference.
        SecretMissing: a secret that is not there, empty, too long or not text.
    """
    match tree:
        case str():
            resolved = resolve(tree, environ, read_file)
            return ResolvedTree(resolved.value, resolved.secrets)
        case list() | tuple():
            items = [resolve_all(item, environ, read_file) for item in tree]
            return ResolvedTree([item.value for item in items], _union(items))
        case Mapping():
            fields = {key: resolve_all(item, environ, read_file) for key, item in tree.items()}
            values = {key: item.value for key, item in fields.items()}
            return ResolvedTree(values, _union(fields.values()))
        case _:
            return ResolvedTree(tree, frozenset())


def _union(trees: Iterable[ResolvedTree]) -> frozenset[str]:
    return frozenset[str]().union(*(tree.secrets for tree in trees))


def _secret(reference: SecretReference, environ: Mapping[str, str], read_file: ReadFile) -> str:
    if reference.kind == "env":
        value = environ.get(reference.target)
        advice = f"Set {reference.target} in the environment of the service that runs this."
        if value is None:
            raise SecretMissing(reference, "the variable is not set", advice)
    else:
        value = _read(reference, read_file)
        advice = f"Write the secret to {reference.target} where the service that runs this runs."
    if not value:
        raise SecretMissing(reference, "it is empty", advice)
    if len(value.encode(errors="surrogatepass")) > MAX_SECRET_BYTES:
        raise SecretMissing(
            reference,
            f"it is longer than {MAX_SECRET_BYTES // 1024} KB",
            "See whether it names the right place.",
        )
    return value


def _read(reference: SecretReference, read_file: ReadFile) -> str:
    try:
        content = read_file(reference.target)
    except OSError as error:
        raise SecretMissing(
            reference,
            f"the file cannot be read ({error.strerror or type(error).__name__})",
            f"Put the secret in {reference.target} where the service that runs this runs, "
            "readable for its user.",
        ) from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        # Without the cause: that holds the bytes.
        raise SecretMissing(
            reference, "the file is not UTF-8 text", "Write it as text (base64, if it is not)."
        ) from None
    # What an editor or `echo` adds; more than one newline is meant.
    return text.removesuffix("\n").removesuffix("\r")
