"""What changed in a service's configuration with a run, as lines of its page.

Pure. The guide is compared by its settings, files by their digests.
"""

from collections.abc import Mapping

from goaround_scribe.difference import LONGEST_VALUE, Difference, differences
from goaround_scribe.markdown import inline

MOST_CHANGES = 20
MISSING = "missing"


def changes(
    before: str | None, after: str, was: Mapping[str, str] | None, now: Mapping[str, str]
) -> tuple[str, ...]:
    """Return a line for each setting of the guide and each file, at most so many.

    `was` and `now` are digests by file name, or `missing`; `was` is None where none are known.
    """
    return (*_guide(before, after), *_files(was, now))


def _guide(before: str | None, after: str) -> list[str]:
    if before is None:
        return []
    found = differences(before, after)
    if found is None:
        return ["the guide: changed, in a way that cannot be told (it is no YAML)"]
    lines = [_line(difference) for difference in found[:MOST_CHANGES]]
    if more := len(found) - MOST_CHANGES:
        lines += [f"and {more} more settings of the guide"] if more > 0 else []
    return lines


def _line(difference: Difference) -> str:
    path = inline(difference.path, 200)
    old, new = (
        inline(v, LONGEST_VALUE) if v is not None else None
        for v in (difference.old, difference.new)
    )
    if old is None:
        return f"{path}: added, {new}"
    if new is None:
        return f"{path}: removed, was {old}"
    # Both may be cut to the same beginning, or hidden.
    return f"{path}: {old} -> {new}" if old != new else f"{path}: changed"


def _files(was: Mapping[str, str] | None, now: Mapping[str, str]) -> list[str]:
    return [f"{inline(name, 200)}: {_file((was or {}).get(name), d)}" for name, d in now.items()]


def _file(was: str | None, now: str) -> str:
    if was is None:
        return "missing" if now == MISSING else "on record from now on"
    if was == now:
        return "still missing" if now == MISSING else "unchanged"
    return "is missing now" if now == MISSING else "changed"
