"""Words of others put into Markdown, so that they stay words.

Pure. A reason, a name or a check's detail may hold anything: whatever it holds, it stays on its
line, opens no element, and cannot be taken for one of our markers.
"""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

LONGEST = 600  # characters of one text: a change log is read by people

_SPECIAL = re.compile(r"[\\`*\[\]|~$#]")
_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# What would begin a list, a rule or a heading where a text begins its line.
_BEGINNING = re.compile(r"\A(?:(?=[-+=])|\d{1,9}(?=[.)](?:\s|\Z)))")
_TICKS = re.compile(r"`+")
_LONGEST_URL = 2000
_IN_URLS = ":/?#@!$&'+,;=%.~-_"  # what an address may hold and Markdown leaves alone
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def plain(text: str, most: int = LONGEST) -> str:
    """Return a text as one line, cut after so many characters; not yet fit for Markdown.

    Control characters, line ends and those that turn the direction of writing become spaces.
    """
    # Cut before it is looked at too: a text may be a megabyte.
    seen = text[: 4 * most]
    clean = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in seen)
    words = " ".join(clean.split())
    if len(words) > most or len(text) > len(seen):
        words = words[: most - 1].rstrip() + "…"
    return words


def inline(text: str, most: int = LONGEST) -> str:
    """Return a text as one line of plain words, cut after so many characters."""
    words = plain(text, most)
    escaped = _UNDERSCORE.sub(r"\\_", _SPECIAL.sub(r"\\\g<0>", words))
    escaped = _BEGINNING.sub(lambda found: f"{found[0]}\\", escaped, count=1)
    return escaped.translate(_ENTITIES)


def code(text: str, most: int = LONGEST) -> str:
    """Return a text to be copied, a command say: as `plain` does, in a code span."""
    words = plain(text, most)
    longest = max((len(run) for run in _TICKS.findall(words)), default=0)
    fence, gap = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{gap}{words}{gap}{fence}" if words else ""


def link(text: str, url: str) -> str:
    """Return a link, where the address is one of the web that shows no password; else the words."""
    if (target := _target(url)) is None:
        return inline(text, 300)
    return f"[{inline(text, 300)}]({target})"


def sentence(text: str) -> str:
    """Return a text as `inline` does, with an end."""
    said = inline(text)
    # A bare number with a full stop would begin a list.
    ended = said.endswith((".", "!", "?", "…")) or said.isdigit()
    return said if ended else f"{said}."


def _target(url: str) -> str | None:
    """The address with all escaped that could end it."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc:
        return None
    if len(url) > _LONGEST_URL or any(unicodedata.category(c)[0] in "CZ" for c in url):
        return None
    return quote(url, safe=_IN_URLS)


def number(value: float | None, unit: str = "") -> str:
    """Return a reading with four digits that count; a dash where there is none."""
    if value is None:
        return "–"
    said = f"{value:.4g}"
    return f"{said} {inline(unit, 20)}" if unit else said


def change(share: float | None) -> str:
    """Return a change as a percentage: 0.019 is `+1.9 %`."""
    return "–" if share is None else f"{share * 100:+.3g} %"


def length(span: timedelta | float) -> str:
    """Return a length of time as people say it: `3.2 s`, `2 m 05 s`, `1 h 10 m`."""
    seconds = span.total_seconds() if isinstance(span, timedelta) else span
    if seconds < 60:
        return f"{seconds:.3g} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} m {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} m"


def moment(at: datetime) -> str:
    """Return a moment to the second, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def day(at: datetime) -> str:
    """Return the day, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d}"


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Return a table line by line; its cells must have been through `inline`."""
    lines = [head, tuple("---" for _ in head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]
