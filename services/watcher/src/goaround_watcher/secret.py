"""Opens references to secrets in addresses, headers and options, just before they are used."""

from collections.abc import Mapping
from typing import cast

from goaround_secrets import Mask, ReferenceMalformed, Resolved, SecretMissing, resolve, resolve_all
from goaround_watcher.sources.http import Reveal
from goaround_watcher.sources.plugins import Open, Opened, Options
from goaround_watcher.sources.port import SourceError


def opened_from(environ: Mapping[str, str]) -> Reveal:
    """Return what replaces references, with the environment's secrets or those in files."""

    def reveal(text: str) -> Resolved:
        if "${" not in text:
            return Resolved(text, frozenset())
        try:
            return resolve(text, environ)
        except (ReferenceMalformed, SecretMissing) as error:
            raise SourceError(str(error)) from error

    return reveal


def options_from(environ: Mapping[str, str]) -> Open:
    """Return the same for the options of plug-ins, whose secrets are hidden in what they say."""

    def opens(options: Options) -> Opened:
        try:
            tree = resolve_all(options, environ)
        except (ReferenceMalformed, SecretMissing) as error:
            raise SourceError(str(error)) from error
        return Opened(cast("Options", tree.value), Mask(tree.secrets).apply)

    return opens
