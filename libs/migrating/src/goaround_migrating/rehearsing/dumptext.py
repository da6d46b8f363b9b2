"""What pg_dump printed, made fit for a copy: pure text.

A dump is made for psql, and for a copy that is used. This one goes through a driver, and must reach
nothing outside itself: logins at foreign servers are left out.
"""

import re
from collections.abc import Iterator, Mapping

_HEADING = re.compile(r"^--\n-- Name: .*?; Type: (?P<type>[A-Z ]+?); Schema: .*\n--$", re.MULTILINE)
_RESTRICT = re.compile(r"^\\restrict (?P<token>\w+)$", re.MULTILINE)
_SETTING = re.compile(r"^SET default_\w+ = .*;$", re.MULTILINE)
_EXTENSION = re.compile(
    r"^(?P<start>CREATE EXTENSION IF NOT EXISTS (?P<name>.+) WITH SCHEMA .+);$", re.MULTILINE
)
_ELSEWHERE = ("USER MAPPING",)
_AT_ONCE = 250
"""Entries in one transaction. Each new object is a lock until its end, and a server as it comes
bears some 6,000."""


def batches(dump: str, versions: Mapping[str, str]) -> Iterator[str]:
    """Yield the statements of a dump, in pieces to be run one after another.

    `versions` are the source's extensions: a server would bring its newest instead.
    """
    if token := _RESTRICT.search(dump):
        dump = re.sub(rf"^\\(?:un)?restrict {token['token']}$", "", dump, flags=re.MULTILINE)
    entries = list(_entries(dump, versions))
    for start in range(0, len(entries), _AT_ONCE):
        if (piece := "".join(entries[start : start + _AT_ONCE])).strip():
            yield piece


def _entries(dump: str, versions: Mapping[str, str]) -> Iterator[str]:
    # What stands above the first heading are psql's settings; ours are other ones.
    headings = list(_HEADING.finditer(dump))
    ends = [h.start() for h in headings[1:]] + [len(dump)]
    for heading, end in zip(headings, ends, strict=False):
        # With its heading: a function may hold a text like one.
        body = dump[heading.start() : end]
        match heading["type"]:
            case kind if kind in _ELSEWHERE:
                yield "".join(f"{setting}\n" for setting in _SETTING.findall(body))
            case "EXTENSION":
                yield _EXTENSION.sub(lambda found: _at_version(found, versions), body)
            case _:
                yield body


def _at_version(found: re.Match[str], versions: Mapping[str, str]) -> str:
    version = versions.get(found["name"])
    return f"{found['start']} VERSION '{version}';" if version else found[0]
