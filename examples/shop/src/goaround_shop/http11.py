"""A small HTTP/1.1 server on asyncio: keep-alive, bounded input, and an end that loses no request.

It knows bytes, requests and answers. It never knows what is asked for, and never logs.
"""

import asyncio
import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

MAX_HEAD_BYTES = 16 * 1024
MAX_BODY_BYTES = 256 * 1024
IDLE_S = 75.0
"""A connection that says nothing for so long is closed."""
SLOWEST_BODY_S = 10.0


@dataclass(frozen=True)
class Request:
    """One request, read to its end."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True)
class Response:
    """One answer."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Handler = Callable[[Request], Awaitable[Response]]


def answer(status: int, value: object) -> Response:
    """Return `value` as a JSON answer."""
    return Response(status, json.dumps(value, separators=(",", ":")).encode() + b"\n")


class Malformed(Exception):
    """What came is not a request this server reads; the connection ends with `status`."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class Server:
    """Answers every connection of one listening socket with one handler."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._server: asyncio.Server | None = None
        self._draining = False
        self._idle: set[asyncio.StreamWriter] = set()
        self._connections: set[asyncio.Task[None]] = set()

    async def start(self, listener: socket.socket) -> None:
        """Accept on `listener` from now on; it is ours to close."""
        self._server = await asyncio.start_server(
            self._connected, sock=listener, limit=MAX_HEAD_BYTES, backlog=1024
        )

    async def drain(self, idle_s: float = 0.5, busy_s: float = 5.0) -> None:
        """Accept no more, finish what was begun, and end every connection.

        Kept-alive connections get `idle_s` to bring a request already under way (answered with
        `Connection: close`), requests in hand `busy_s`. Another process that holds the same
        listening socket goes on accepting from the same queue.
        """
        if self._server is None:
            return
        self._draining = True
        self._server.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=idle_s)
        for writer in tuple(self._idle):
            writer.close()
        if self._connections:
            await asyncio.wait(self._connections, timeout=busy_s)
        for task in tuple(self._connections):
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the other side left; there is nobody to tell
        except asyncio.CancelledError:
            pass  # drained out of time: the connection ends below, the task ends well
        finally:
            self._connections.discard(task)
            self._idle.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError, TimeoutError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        keep = True
        while keep:
            try:
                request = await self._read(reader, writer)
            except Malformed as error:
                refusal = answer(error.status, {"error": str(error)})
                writer.write(_bytes_of(refusal, keep=False, with_body=True))
                await writer.drain()
                return
            response = await self._handler(request)
            asked_to_close = request.headers.get("connection", "").lower() == "close"
            keep = not (self._draining or asked_to_close)
            writer.write(_bytes_of(response, keep=keep, with_body=request.method != "HEAD"))
            await writer.drain()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Request:
        self._idle.add(writer)
        try:
            async with asyncio.timeout(IDLE_S):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            raise Malformed(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"head over {MAX_HEAD_BYTES} bytes"
            ) from None
        finally:
            self._idle.discard(writer)
        method, target, headers = _parse_head(head)
        length = _body_length(headers)
        body = b""
        if length:
            if headers.get("expect", "").lower() == "100-continue":
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            async with asyncio.timeout(SLOWEST_BODY_S):
                body = await reader.readexactly(length)
        url = urlsplit(target)
        return Request(method, unquote(url.path), dict(parse_qsl(url.query)), headers, body)


def _parse_head(head: bytes) -> tuple[str, str, dict[str, str]]:
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    match first.split(" "):
        case [method, target, "HTTP/1.1" | "HTTP/1.0" as protocol] if target.startswith("/"):
            pass
        case _:
            raise Malformed(HTTPStatus.BAD_REQUEST, f"not an HTTP/1.1 request line: {first[:80]!r}")
    headers = {"connection": "close"} if protocol == "HTTP/1.0" else {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise Malformed(HTTPStatus.BAD_REQUEST, f"not a header: {line[:80]!r}")
        headers[name.lower()] = value.strip()
    return method, target, headers


def _body_length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Malformed(HTTPStatus.LENGTH_REQUIRED, "send a Content-Length, not chunks")
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise Malformed(HTTPStatus.BAD_REQUEST, f"Content-Length is {text[:40]!r}, not a number")
    # Compared as text first: a number of a thousand digits is not worth converting.
    if len(text) > 12 or int(text) > MAX_BODY_BYTES:
        raise Malformed(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body over {MAX_BODY_BYTES} bytes")
    return int(text)


def _bytes_of(response: Response, *, keep: bool, with_body: bool) -> bytes:
    phrase = HTTPStatus(response.status).phrase
    extra = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
    head = (
        f"HTTP/1.1 {response.status} {phrase}\r\n"
        f"Content-Type: {response.content_type}\r\n"
        f"Content-Length: {len(response.body)}\r\n"
        f"{extra}Connection: {'keep-alive' if keep else 'close'}\r\n\r\n"
    )
    return head.encode("latin-1") + (response.body if with_body else b"")


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 lets the system choose.

    Raises:
        OSError: the port is taken, or not ours to take.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port a listening socket has."""
    return int(listener.getsockname()[1])
