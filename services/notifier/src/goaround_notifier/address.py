"""Addresses of recipients: what kind they are, and how they may be spoken of.

Pure. An address usually is a secret, or holds one: what is shown of it is the reference that leads
to it, or its scheme, and for a webhook the host. Never a path, a query, a user or a token.
"""

import re
from typing import Literal
from urllib.parse import urlsplit

HIDDEN = "•••"
_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]{0,39})://")
_REFERENCE = re.compile(r"\s*(\$\{(?:env|file):[^}]*\})")
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}")


def scheme_of(address: str) -> str | None:
    """`https` of `https://...`; None where there is none."""
    found = _SCHEME.match(address)
    return found[1].lower() if found else None


def kind_of(address: str) -> Literal["webhook", "apprise"]:
    """Which channel takes an address whose references are resolved."""
    return "webhook" if scheme_of(address) in ("http", "https") else "apprise"


def shown(written: str) -> str:
    """How an address, as the guide writes it, may appear in a log or an answer."""
    if found := _REFERENCE.match(written):
        return found[1]
    scheme = scheme_of(written)
    if scheme not in ("http", "https"):
        return f"{scheme}://{HIDDEN}" if scheme else HIDDEN
    try:
        host = urlsplit(written.strip()).hostname or ""
    except ValueError:
        host = ""
    return f"{scheme}://{host}/{HIDDEN}" if _HOST.fullmatch(host) else f"{scheme}://{HIDDEN}"
