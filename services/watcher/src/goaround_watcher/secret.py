"""Opens references to secrets in addresses and headers, just before they are used."""

from collections.abc import Mapping

from goaround_secrets import ReferenceMalformed, SecretMissing, resolve
from goaround_watcher.sources.http import Reveal
from goaround_watcher.sources.port import SourceError


def opened_from(environ: Mapping[str, str]) -> Reveal:
    """Return what replaces references, with the environment's secrets or those in files."""

    def reveal(text: str) -> str:
        if "${" not in text:
            return text
        try:
            return resolve(text, environ).value
        except (ReferenceMalformed, SecretMissing) as error:
            raise SourceError(str(error)) from error

    return reveal
