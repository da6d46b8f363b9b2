"""Secrets as a guide refers to them, found in this worker's environment and files."""

import os
from collections.abc import Mapping
from typing import cast

from pydantic import ValidationError

from goaround_schemas.guide import Check
from goaround_secrets import Mask, ReferenceMalformed, SecretMissing, resolve_all
from goaround_verifier.secret import Missing, Opened


class ReferencedSecrets:
    """Opens `${env:NAME}` and `${file:PATH}`."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    def open(self, check: Check) -> Opened:
        """Return the check with every reference replaced.

        Raises:
            Missing: One leads to nothing, or the check is none with it in place.
        """
        if not _refers(check.model_dump(mode="json", exclude_defaults=True)):
            return Opened(check, _as_it_is)
        try:
            resolved = resolve_all(check.model_dump(mode="json"), self._environ)
        except (SecretMissing, ReferenceMalformed) as error:
            raise Missing(str(error)) from error
        try:
            opened = Check.model_validate(resolved.value)
        except ValidationError:
            # Without the cause: that repeats what it was given.
            raise Missing("the check is not valid with its secrets in place") from None
        return Opened(opened, Mask(resolved.secrets).apply)


def _refers(part: object) -> bool:
    """Tell whether there is anything in a check that may be a reference, or is written as one."""
    match part:
        case str():
            return "${" in part
        case dict():
            return any(map(_refers, cast("dict[str, object]", part).values()))
        case list():
            return any(map(_refers, cast("list[object]", part)))
        case _:
            return False


def _as_it_is(text: str) -> str:
    return text
