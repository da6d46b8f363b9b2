"""Putting a step's secrets in, on the worker that runs it, for as long as it runs.

A script's text is left alone: `${...}` is the shell's own there, and its secrets come by `env`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import unquote, urlsplit

from goaround_deployer.process import Screen
from goaround_schemas.guide.step import HttpStep, Step
from goaround_secrets import Json, Mask, ReferenceMalformed, SecretMissing, StreamMask, resolve_all


class Unresolved(Exception):
    """A secret is not there, so the step was not begun."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True)
class Revealed:
    """A step with its secrets in it, and what hides them again."""

    step: Step = field(repr=False)
    mask: Callable[[str], str]
    screen: Callable[[], Screen]


def reveal(step: Step, worker: Mapping[str, str]) -> Revealed:
    """Return the step as it is to be run.

    Raises:
        Unresolved: With the reference and where to put the secret.
    """
    written: dict[str, Json] = {
        "run": list(step.run) if step.run is not None else None,
        "env": dict(step.env),
        "http": step.http.model_dump(mode="json") if step.http is not None else None,
    }
    try:
        tree = resolve_all(written, worker)
    except (ReferenceMalformed, SecretMissing) as error:
        raise Unresolved(str(error)) from error
    if not tree.secrets and tree.value == written:
        return Revealed(step, _as_it_is, lambda: StreamMask(_NOTHING))
    found = cast("dict[str, Json]", tree.value)
    run, http = found["run"], found["http"]
    mask = mask_of(tree.secrets)
    plain = step.model_copy(
        update={
            "run": tuple(cast("list[str]", run)) if run is not None else None,
            "env": found["env"],
            "http": HttpStep.model_validate(http) if http is not None else None,
        }
    )
    return Revealed(plain, mask.apply, lambda: StreamMask(mask))


_NOTHING = Mask(frozenset())


def _as_it_is(text: str) -> str:
    return text


def mask_of(secrets: frozenset[str]) -> Mask:
    """Return what hides secrets; of one that is a URL, the password by itself too."""
    return Mask(secrets | {p for secret in secrets for p in _passwords(secret)})


def _passwords(secret: str) -> tuple[str, ...]:
    """Return the password of a URL, as it is written and as it is meant."""
    try:
        written = urlsplit(secret).password if "://" in secret else None
    except ValueError:
        return ()
    return (written, unquote(written)) if written else ()
