"""A database's URL: another database of its server, and no word of its password. Pure."""

import re
from urllib.parse import parse_qsl, quote, unquote, urlencode

_URL = re.compile(
    r"(?P<scheme>postgres(?:ql)?)://(?:(?P<who>[^/?#]*)@)?(?P<where>[^@/?#]*)"
    r"(?:/(?P<database>[^?#]*))?(?:\?(?P<query>[^#]*))?"
)
_UNREADABLE = (
    "the URL cannot be read: write postgresql://user:password@host:5432/database, "
    "with / ? # @ in the password as %2F %3F %23 %40"
)
_LONGEST = 400
"""Letters of what a server or a program said that a sentence can bear."""


class UnreadableURL(ValueError):
    """The text is no URL of a PostgreSQL database. Its words hold nothing of the text."""

    def __init__(self) -> None:
        super().__init__(_UNREADABLE)


def at(url: str, database: str) -> str:
    """Return the URL of another database of the same server.

    Raises:
        UnreadableURL: it is none.
    """
    found = _read(url)
    kept = [(k, v) for k, v in _query(found) if k not in ("dbname", "database")]
    who = f"{found['who']}@" if found["who"] else ""
    return f"{found['scheme']}://{who}{found['where']}/{quote(database, safe='')}{_asked(kept)}"


def without_password(url: str) -> tuple[str, str | None]:
    """Return the URL as it may be shown to everyone on the machine, and the password apart.

    Raises:
        UnreadableURL: it is none.
    """
    found = _read(url)
    user, colon, password = (found["who"] or "").partition(":")
    query = _query(found)
    asked = next((v for k, v in query if k == "password"), None)
    kept = [(k, v) for k, v in query if k != "password"]
    who = f"{user}@" if user else ""
    told = f"{found['scheme']}://{who}{found['where']}/{found['database'] or ''}{_asked(kept)}"
    return told, unquote(password) if colon else asked


def masked(text: str, *urls: str) -> str:
    """Return what a server or a program said as one line, of bounded length, without passwords."""
    for url in urls:
        if found := _URL.fullmatch(url):
            written = (found["who"] or "").partition(":")[2]
            for secret in (written, without_password(url)[1]):
                text = text.replace(secret, "***") if secret else text
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 4]} ..."


def _read(url: str) -> re.Match[str]:
    found = _URL.fullmatch(url)
    if found is None:
        raise UnreadableURL
    return found


def _query(found: re.Match[str]) -> list[tuple[str, str]]:
    return parse_qsl(found["query"] or "", keep_blank_values=True)


def _asked(query: list[tuple[str, str]]) -> str:
    # quote, not quote_plus: libpq takes a plus for a plus.
    return f"?{urlencode(query, quote_via=quote, safe='/')}" if query else ""
