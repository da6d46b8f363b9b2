"""Log lines from a command, run once a look.

The command is told the span in GOAROUND_SINCE and GOAROUND_UNTIL (RFC 3339) and best prints what
lies between, and ends. One that follows (`journalctl -f`, `kubectl logs -f`) is stopped with all
its children when the look's time is up, and what it printed is taken. That has limits: it sees
nothing between two looks, and one that begins with old lines (`tail -f`) gives those each time.
"""

import asyncio
import os
import signal
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Self

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
        async with _Pipe(MOST_BYTES) as out, _Pipe(_MOST_ERROR_BYTES) as errors:
            try:
                process = await asyncio.create_subprocess_exec(
                    *argv,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=out.writing,
                    stderr=errors.writing,
                    env={**self._environment, **_told(span)},
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                why = f"{argv[0]} cannot be run: {error}"
                return Lines((), SampleState.PROVIDER_ERROR, why)
            ended = await _finish(process, within_s, out, errors)
        return _lines(argv[0], process, ended, within_s, bytes(out.text), bytes(errors.text))


class _Pipe:
    """One output of the command, read up to a bound.

    It is ours and not the process's, so that closing it depends on nobody: a child that has moved
    to another group may hold the other end open for as long as it likes.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._reading, self.writing = os.pipe()
        self.text = bytearray()

    async def __aenter__(self) -> Self:
        reader = asyncio.StreamReader()
        self._transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(self._reading, "rb")
        )
        self._filling = asyncio.create_task(self._fill(reader))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._let_go()
        self._filling.cancel()
        await asyncio.gather(self._filling, return_exceptions=True)
        self._transport.close()

    async def _fill(self, reader: asyncio.StreamReader) -> None:
        while len(self.text) < self._most and (data := await reader.read(65_536)):
            self.text += data[: self._most - len(self.text)]

    async def ended(self) -> None:
        """Return when all is read that there is room for."""
        self._let_go()
        await asyncio.shield(self._filling)

    @property
    def is_full(self) -> bool:
        """Whether there may be more than there was room for."""
        return len(self.text) >= self._most

    def _let_go(self) -> None:
        """Close our own copy of the end that the command writes to: else it would never end."""
        if self.writing >= 0:
            os.close(self.writing)
            self.writing = -1


async def _finish(process: Process, within_s: float, out: _Pipe, errors: _Pipe) -> bool:
    """Wait until the command ends, or its time or room is up; tell whether it ended by itself."""
    try:
        async with asyncio.timeout(within_s):
            await out.ended()
            if out.is_full:
                return False
            await process.wait()
            await errors.ended()
    except TimeoutError:
        return False
    else:
        return True
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


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
