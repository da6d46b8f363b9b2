"""Numbers from a CSV file on the watcher's machine.

A guide asks it with

    plugin:
      name: csv
      options: {file: /var/lib/load/results.csv, time: timeStamp, value: elapsed, each: median}

`each` says what is made of the rows of one look, and `where` chooses rows by the text of a column.
"""

import asyncio
import io
from pathlib import Path

from goaround_source_csv.table import Unreadable, Wanted, points
from goaround_watcher.plugin import Answer, Point, Question, SampleState, Span

MOST_BYTES = 4 * 1024 * 1024
"""What is read of a file: its head with the columns' names, and its end."""


class CsvSource:
    """Reads the file anew at each look, so it follows one that grows or is replaced."""

    tells_of_the_past = True

    async def sample(self, question: Question) -> Answer:
        """Return the numbers of the span, one for each look in which there are rows."""
        span = question.span
        try:
            wanted = Wanted.of(question.options)
            async with asyncio.timeout(span.timeout_s):
                found = await asyncio.to_thread(_read, wanted, span)
        except TimeoutError:
            return _failure(f"the file takes longer than {span.timeout_s:g} s to read")
        except OSError as error:
            return _failure(f"{error.filename}: {error.strerror}")
        except Unreadable as error:
            return _failure(str(error))
        if not found:
            since = f"the {span.until - span.since:g} s up to now"
            return Answer((), SampleState.NO_DATA, f"{wanted.file} has no row of {since}")
        return Answer(found)


def _read(wanted: Wanted, span: Span) -> tuple[Point, ...]:
    with Path(wanted.file).open("rb") as file:
        head = file.readline()
        size = file.seek(0, io.SEEK_END)
        begin = max(len(head), size - MOST_BYTES)
        # One byte earlier: whether the first line is whole can only be told by what precedes it.
        file.seek(begin - 1 if begin > len(head) else begin)
        rows = file.read(MOST_BYTES + 1)
    if begin > len(head):
        rows = rows.partition(b"\n")[2]
    # A row in the making is left for the next look.
    whole = rows[: rows.rfind(b"\n") + 1]
    text = (head + whole).decode("utf-8-sig", errors="replace")
    return points(io.StringIO(text, newline=""), wanted, span)


def _failure(why: str) -> Answer:
    return Answer((), SampleState.PROVIDER_ERROR, why)
