"""A provider on loopback that answers as it is told to, and keeps what it was asked."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx

from goaround_secrets import Resolved
from goaround_watcher.sources.http import Http
from goaround_watcher.sources.wire import Wire


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Provider:
    """What to answer; `answer` may be replaced at any time."""

    url: str = ""
    status: int = 200
    body: Callable[[Asked], bytes] = lambda asked: b""
    hangs: bool = False
    asked: list[Asked] = field(default_factory=list[Asked])

    def says(self, text: str | bytes, status: int = 200) -> None:
        body = text.encode() if isinstance(text, str) else text
        self.body, self.status = (lambda asked: body), status

    def says_json(self, value: object, status: int = 200) -> None:
        self.says(json.dumps(value), status)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                target = line.decode().split(" ")[1]
                headers: dict[str, str] = {}
                while (header := (await reader.readline()).decode().strip()) != "":
                    name, _, value = header.partition(":")
                    headers[name.lower()] = value.strip()
                await reader.readexactly(int(headers.get("content-length", 0)))
                url = urlsplit(target)
                query = {k: v[0] for k, v in parse_qs(url.query).items()}
                asked = Asked(url.path, query, headers)
                self.asked.append(asked)
                if self.hangs:
                    await reader.read()
                    return
                body = self.body(asked)
                head = f"HTTP/1.1 {self.status} X\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def provider() -> AsyncGenerator[Provider]:
    """A provider that listens."""
    it = Provider()
    server = await asyncio.start_server(it.serve, "127.0.0.1", 0)
    async with server:
        port: int = server.sockets[0].getsockname()[1]
        it.url = f"http://127.0.0.1:{port}"
        yield it


@asynccontextmanager
async def web(secret: str = "s3cret") -> AsyncGenerator[Http]:
    """What the sources ask through; its one secret is `${env:TOKEN}`."""

    def reveal(text: str) -> Resolved:
        return Resolved(text.replace("${env:TOKEN}", secret), frozenset({secret}))

    wire = Wire()
    async with httpx.AsyncClient() as client:
        yield Http(client, reveal, wire)
    await wire.aclose()
