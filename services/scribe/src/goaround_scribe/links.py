"""Where a reader of the record can look further: what was deployed, and the guide's dashboards.

Pure. Only addresses that stand in the guide as they are become links: a template has another value
in each environment, and a secret has no place in a page.
"""

from collections.abc import Iterator
from functools import lru_cache

from goaround_guidebook.planting import plant
from goaround_guidebook.scanner import Unreadable
from goaround_guidebook.tree import Node, Scalar, Sequence, at
from goaround_scribe.hidden import masked
from goaround_scribe.markdown import link

MOST_DASHBOARDS = 10


def artifact(name: str) -> str:
    """Return what was deployed, as a link where it is an address of the web."""
    return _link(name, name)


@lru_cache(maxsize=64)  # the change log and the service's page both show them
def dashboards(guide_text: str) -> tuple[str, ...]:
    """Return links to the dashboards that pre-flight looks at, by their names."""
    try:
        guide, _ = plant(guide_text, "guide")
    except Unreadable:
        return ()
    found = at(guide, "preflight", "dashboards")
    checks = found.items if isinstance(found, Sequence) else []
    return tuple(_dashboards(checks))[:MOST_DASHBOARDS]


def _dashboards(checks: list[Node]) -> Iterator[str]:
    for check in checks:
        url, name = at(check, "http", "url"), at(check, "name")
        if not isinstance(url, Scalar) or "{" in url.text:
            continue
        if (shown := _link(name.text if isinstance(name, Scalar) else url.text, url.text)) and (
            shown.startswith("[")
        ):
            yield shown


def _link(name: str, url: str) -> str:
    """A link, or the words where the address holds what may not be shown."""
    hidden = masked(url) != url
    return link(masked(name), "" if hidden else url)
