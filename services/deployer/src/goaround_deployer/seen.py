"""What was seen of a schema before it was touched, packed so that a run's journal can hold it.

The fingerprint's digest says whether a way back led to where it was; the whole fingerprint says
what differs, in words. The scripts are those that were about to be applied, with their ways back:
not every tool can still tell them afterwards. Pure.
"""

import base64
import binascii
import zlib

from pydantic import BaseModel, ConfigDict, ValidationError

from goaround_migrating import Fingerprint
from goaround_migrating.tools import Script

MOST_CHARACTERS = 160_000
"""A third of what a journal may have, since it is written anew at each beat of its holder. Of 500
tables with ten columns, three indexes and two constraints each, it takes 51,000."""


class Seen(BaseModel):
    """A schema before it was touched, as far as it could be seen and there was room for it."""

    model_config = ConfigDict(frozen=True)

    fingerprint: Fingerprint | None = None
    scripts: tuple[Script, ...] = ()

    @property
    def column_types(self) -> dict[str, str]:
        """Each column's type, as far as it is known."""
        return self.fingerprint.column_types() if self.fingerprint else {}


def packed(seen: Seen) -> str | None:
    """Return it as text, without the scripts if there is no room for both; None if for neither."""
    for part in (seen, seen.model_copy(update={"scripts": ()})):
        text = base64.b64encode(zlib.compress(part.model_dump_json().encode(), 9)).decode()
        if len(text) <= MOST_CHARACTERS:
            return text
    return None


def unpacked(text: str | None) -> Seen:
    """Return what was packed; nothing seen if nothing was, or a later release did it otherwise."""
    if text is None:
        return Seen()
    try:
        return Seen.model_validate_json(zlib.decompress(base64.b64decode(text)))
    except (binascii.Error, zlib.error, ValidationError):
        return Seen()
