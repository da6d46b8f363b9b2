"""A stretch of network between one process and the bus, which can be cut or stalled.

Cut: connections break and none can be made. Stalled: they stand, and nothing passes, as when a
cable is drawn; what was sent meanwhile arrives late.
"""

import asyncio
import contextlib
from typing import Self


class Link:
    """Listens on a port of its own and passes on what comes, both ways."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._passing = asyncio.Event()
        self._whole = True
        self._carrying: set[asyncio.Task[None]] = set()

    async def open(self) -> Self:
        """Listen."""
        self._passing.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    @property
    def url(self) -> str:
        """What the process is told that the bus is."""
        assert self._server is not None, "a link is opened before it is used"
        return f"nats://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def cut(self, seconds: float) -> None:
        """Break every connection, and let none through for so long."""
        self._whole = False
        self._break()
        await asyncio.sleep(seconds)
        self._whole = True

    async def stall(self, seconds: float) -> None:
        """Let nothing pass for so long; then all that was sent meanwhile."""
        self._passing.clear()
        await asyncio.sleep(seconds)
        self._passing.set()

    async def close(self) -> None:
        """Stop listening, and break what is there."""
        if self._server is not None:
            self._server.close()
        self._break()
        for task in list(self._carrying):
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)

    def _break(self) -> None:
        for writer in list(self._open):
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not self._whole:
                raise ConnectionRefusedError
            far_reader, far_writer = await asyncio.open_connection(*self._to)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, far_writer}
        both = (self._carry(reader, far_writer), self._carry(far_reader, writer))
        tasks = [asyncio.ensure_future(one) for one in both]
        self._carrying |= set(tasks)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, far_writer):
            end.transport.abort()
            self._open.discard(end)
        await asyncio.gather(*tasks, return_exceptions=True)
        self._carrying -= set(tasks)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65_536):
                await self._passing.wait()
                writer.write(piece)
                await writer.drain()
