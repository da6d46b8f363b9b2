"""Makes records of raw log text: joins what belongs together, cuts what is too long. Pure."""

import re
from datetime import UTC, datetime

MOST_CHARS = 1_000
"""Characters kept of a record: what it says comes early."""
MOST_BYTES = 1024 * 1024
"""Bytes taken of one log in one look; a log that writes more is sampled by its newest."""
MOST_LINES = 20_000
"""Lines taken of one log in one look."""

_CONTINUED = re.compile(r"\s|Traceback \(most recent|Caused by\b|at [\w$.<]|\.\.\. \d+ more")
_EXCEPTION = re.compile(r"[\w.]+(?:Error|Exception|Warning|Exit|Interrupt)\b")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?\s?(Z|[+-]\d\d:?\d\d)")
_STAMP_WITHIN = 100


def records(lines: list[str]) -> tuple[str, ...]:
    """Return the records: the lines of a stack trace go to the line that they follow."""
    joined: list[str] = []
    in_trace = False
    for line in lines:
        if not line.strip():
            continue
        continued = _CONTINUED.match(line) is not None
        ends_trace = in_trace and _EXCEPTION.match(line) is not None
        if joined and (continued or ends_trace):
            if len(joined[-1]) < MOST_CHARS:
                joined[-1] = f"{joined[-1]}\n{line}"[:MOST_CHARS]
        else:
            joined.append(line[:MOST_CHARS])
        in_trace = continued
    return tuple(joined)


def newest(lines: list[str]) -> tuple[list[str], int]:
    """Return the newest lines, as many as one look takes, and how many were skipped."""
    skipped = max(len(lines) - MOST_LINES, 0)
    return lines[skipped:], skipped


def written_at(line: str) -> float | None:
    """Return when the line says that it was written (seconds since 1970), if it says so exactly.

    A time without its zone could mean any hour of the day, and counts as none.
    """
    found = _STAMP.search(line, 0, _STAMP_WITHIN)
    if found is None:
        return None
    day, time, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{time}{'+00:00' if zone == 'Z' else zone}")
    except ValueError:
        return None
    return moment.astimezone(UTC).timestamp() + float(f"0.{fraction or 0}")
