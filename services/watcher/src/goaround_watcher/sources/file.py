"""Log lines from files on the watcher's own machine."""

import asyncio

from goaround_judge import SampleState
from goaround_schemas.guide import LogSource
from goaround_watcher.sources import tail
from goaround_watcher.sources.logline import newest, records
from goaround_watcher.sources.port import Cursors, Lines, Span


class LogFiles:
    """Follows files by path or glob, through rotation and truncation."""

    async def lines(self, source: LogSource, span: Span, cursors: Cursors | None) -> Lines:
        """Return what was appended since the last look; at first the newest of what is there."""
        pattern = source.file or ""
        try:
            async with asyncio.timeout(span.timeout_s):
                found = await asyncio.to_thread(tail.read, pattern, cursors)
        except TimeoutError:
            why = f"reading {pattern} took longer than {span.timeout_s:g} s"
            return Lines((), SampleState.PROVIDER_ERROR, why, cursors)
        except (OSError, ValueError, NotImplementedError) as error:
            return Lines((), SampleState.PROVIDER_ERROR, f"{pattern}: {error}", cursors)
        if found.unreadable:
            why = "; ".join(found.unreadable[:3])
            return Lines((), SampleState.PROVIDER_ERROR, why, cursors)
        if not found.files:
            why = f"no file matches {pattern} on the watcher's machine"
            return Lines((), SampleState.NO_DATA, why, found.cursors)
        kept, left_out = newest(found.lines)
        said: list[str] = []
        if found.skipped_bytes:
            said.append(f"{found.skipped_bytes} bytes")
        if left_out and cursors is not None:
            said.append(f"{left_out} lines")
        detail = f"skipped the older {' and '.join(said)} of this look" if said else ""
        return Lines(records(kept), SampleState.OK, detail, found.cursors)
