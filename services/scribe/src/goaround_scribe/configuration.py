"""What changed in a service's configuration with a run, as lines of its page.

Pure. The guide is compared by its settings, a file by its settings where they are known, else by
its digest. What stayed as it was has no line.
"""

from collections.abc import Mapping

from goaround_scribe.configfile import LONGEST_VALUE, MISSING, ConfigFile
from goaround_scribe.difference import Difference, Setting, between, differences
from goaround_scribe.hidden import HIDDEN
from goaround_scribe.markdown import inline

MOST_CHANGES = 20


def changes(
    before: str | None,
    after: str,
    was: Mapping[str, ConfigFile] | None,
    now: Mapping[str, ConfigFile],
) -> tuple[str, ...]:
    """Return a line for each setting that changed, at most so many of the guide and of each file.

    `was` is None where no file was on record.
    """
    files = [
        line for name, file in now.items() for line in _file(name, (was or {}).get(name), file)
    ]
    return (*_guide(before, after), *files)


def _guide(before: str | None, after: str) -> list[str]:
    if before is None:
        return []
    found = differences(before, after)
    if found is None:
        return ["the guide: changed, in a way that cannot be told (it is no YAML)"]
    return _lines(found, "", "of the guide")


def _file(name: str, was: ConfigFile | None, now: ConfigFile) -> list[str]:
    called = inline(name, 200)
    if now.digest == MISSING:
        said = "missing" if was is None else "still missing"
        return [f"{called}: {said if was is None or was.digest == MISSING else 'is missing now'}"]
    if was is None or was.digest == MISSING:
        return [f"{called}: on record from now on"]
    if was.digest == now.digest:
        return []
    if was.settings is None or now.settings is None:
        return [f"{called}: changed"]
    found = between(_as_shown(was.settings), _as_shown(now.settings))
    # A comment, or a secret: its digest tells of it, and no more is known.
    return _lines(found, f"{called}: ", f"of {called}") or [
        f"{called}: changed, in no value that is shown"
    ]


def _as_shown(settings: Mapping[str, str]) -> dict[str, Setting]:
    return {path: Setting(value, value) for path, value in settings.items()}


def _lines(found: tuple[Difference, ...], head: str, of: str) -> list[str]:
    lines = [head + _line(difference) for difference in found[:MOST_CHANGES]]
    more = len(found) - MOST_CHANGES
    return [*lines, f"and {more} more settings {of}"] if more > 0 else lines


def _line(difference: Difference) -> str:
    path = inline(difference.path, 200)
    old, new = (
        inline(v, LONGEST_VALUE) if v is not None else None
        for v in (difference.old, difference.new)
    )
    if old is None:
        return f"{path}: added, {new or 'empty'}"
    if new is None:
        return f"{path}: removed, was {old or 'empty'}"
    if old == new:  # hidden, or both cut to the same beginning
        return f"{path}: changed, not shown" if HIDDEN in old else f"{path}: changed"
    return f"{path}: {old or 'empty'} -> {new or 'empty'}"
