"""Log lines from a command, run once a look.

The command is told the span in GOAROUND_SINCE and GOAROUND_UNTIL (RFC 3339) and best prints what
lies between, and ends. One that follows (`journalctl -f`, `kubectl logs -f`) is stopped with all
its children when the look's time is up, and what it printed is taken. That has limits: it sees
nothing between two looks, and one that begins with old lines (`tail -f`) gives those each time.
"""

import asyncio
import os
import signal
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

from goaround_judge import SampleState
from goaround_schemas.guide import LogSource
from goaround_watcher.sources.logline import MOST_BYTES, newest, records
from goaround_watcher.sources.port import Cursors, Lines, Span

SHARE_OF_INTERVAL = 0.8
"""A follower takes all the time it is given; the rest of the interval is for everything else."""
_MOST_ERROR_BYTES = 2_000


class LogCommand:
    """Runs a command without a shell, in a process group of its own."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    async def lines(self, source: LogSource, span: Span, cursors: Cursors | None) -> Lines:
        """Return what the command prints about the span."""
        argv = list(source.command or [""])
        within_s = min(span.timeout_s, SHARE_OF_INTERVAL * span.step_s)
        try:
            process = await asyncio.create_subprocess_exec(
                *argv,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=PIPE,
                stderr=PIPE,
                env={**self._environment, **_told(span)},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return Lines((), SampleState.PROVIDER_ERROR, f"{argv[0]} cannot be run: {error}")
        out, errors = bytearray(), bytearray()
        ended = await _collect(process, within_s, out, errors)
        return _lines(argv[0], process, ended, within_s, bytes(out), bytes(errors))


async def _collect(process: Process, within_s: float, out: bytearray, errors: bytearray) -> bool:
    """Fill the two until the command ends, or its time or room is up; tell whether it ended."""
    assert process.stdout is not None
    assert process.stderr is not None
    reading = [
        asyncio.create_task(_drain(process.stdout, out, MOST_BYTES)),
        asyncio.create_task(_drain(process.stderr, errors, _MOST_ERROR_BYTES)),
    ]
    try:
        async with asyncio.timeout(within_s):
            await reading[0]
            if len(out) < MOST_BYTES:
                await process.wait()
                return True
    except TimeoutError:
        pass
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
    return False


async def _drain(stream: asyncio.StreamReader, into: bytearray, most: int) -> None:
    while data := await stream.read(65_536):
        into += data[: most - len(into)]
        if len(into) >= most:
            return


def _lines(
    name: str, process: Process, ended: bool, within_s: float, out: bytes, errors: bytes
) -> Lines:
    said = errors.decode(errors="replace").strip()
    if ended and process.returncode != 0:
        why = f"{name} ended with {process.returncode}: {said[-200:] or 'it said nothing'}"
        return Lines((), SampleState.PROVIDER_ERROR, why)
    if not ended and not out:
        why = f"{name} printed nothing in {within_s:g} s and was stopped"
        return Lines((), SampleState.NO_DATA, why)
    text = out.decode(errors="replace")
    whole = text if ended else text[: text.rfind("\n") + 1]
    kept, skipped = newest(whole.splitlines())
    detail = f"skipped the older {skipped} lines of this look" if skipped else ""
    if len(out) >= MOST_BYTES:
        detail = f"{name} printed more than {MOST_BYTES // 2**20} MiB and was stopped"
    return Lines(records(kept), SampleState.OK, detail)


def _told(span: Span) -> dict[str, str]:
    return {
        name: datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
        for name, at in (("GOAROUND_SINCE", span.since), ("GOAROUND_UNTIL", span.until))
    }
