"""What the guides talk to: health by version, a metrics page, and a board that takes notices."""

import asyncio
import contextlib
from collections import Counter
from typing import Self

_GONE = (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError)


class Provider:
    """A small HTTP server; a version with `sick` in its name is not healthy."""

    def __init__(self) -> None:
        self.notices: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def open(self) -> Self:
        """Listen."""
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        return self

    @property
    def port(self) -> int:
        """Where it listens."""
        assert self._server is not None, "a provider is opened before it is used"
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """Stop listening, and break what is there."""
        if self._server is not None:
            self._server.close()
        for writer in list(self._open):
            writer.transport.abort()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(*_GONE):
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                fields = dict(
                    line.lower().split(": ", 1) for line in head.splitlines()[1:] if ": " in line
                )
                await reader.readexactly(int(fields.get("content-length", 0)))
                status, body = self._said(head.split(" ", 2)[1], fields)
                writer.write(
                    f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n"
                    f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
                )
        self._open.discard(writer)
        writer.transport.abort()

    def _said(self, path: str, fields: dict[str, str]) -> tuple[str, str]:
        if path.startswith("/notice"):
            self.notices[fields.get("idempotency-key", "")] += 1
            return "202 Accepted", "kept"
        if path.startswith("/metrics"):
            return "200 OK", "# TYPE load gauge\nload 0.5\n"
        return ("500 Internal Server Error", "sick") if "sick" in path else ("200 OK", "well")
