"""Plain HTTP/1.1 over connections of our own, kept open: a general client costs a look a tenfold.

It speaks of nothing but a request and its answer, in the clear. Whatever is not plain (encryption,
a proxy, a compressed body, an answer that is no HTTP) is not for it, and it says so: `NotPlain`.
"""

import asyncio
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, cast
from urllib.parse import quote_plus, urlsplit

MOST_CONNECTIONS = 200
"""In use at a time; who comes beyond that waits, within its own patience."""
MOST_IDLE = MOST_CONNECTIONS
"""Kept for later: as many as one server may need at once, where it is asked by all watches."""
IDLE_S = 5.0
"""A connection unused for longer may be dead without either end knowing."""
_MOST_HEAD = 64 * 1024
_PLACE = re.compile(r"([A-Za-z0-9.-]+)(?::(\d{1,5}))?")
_TARGET = re.compile(r"[!-~]*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_HEADER_VALUE = re.compile(r"[\t -~]*")
_STATUS = re.compile(rb"HTTP/1\.([01]) (\d{3})[ \r]")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n")
_CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding:[ \t]*chunked[ \t]*\r\n")
_ENCODED = re.compile(rb"(?i)\r\n(?:transfer|content)-encoding:")
_CLOSES = re.compile(rb"(?i)\r\nconnection:[ \t]*close[ \t]*\r\n")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[^\r\n]*\r\n")


Server = tuple[str, int]
"""A host and a port."""


class NotPlain(Exception):
    """This is not for us: another client must ask."""


class TooLarge(Exception):
    """The answer has more bytes than it may."""


class Broken(Exception):
    """The connection ended before the answer did."""

    def __init__(self, *, unheard: bool = False) -> None:
        super().__init__("the connection was closed before the answer was whole")
        self.unheard = unheard
        """Whether not a byte of an answer had come."""


class Place(NamedTuple):
    """A server, and what of it is asked for."""

    host: str
    port: int
    target: str


class Reply(NamedTuple):
    """What a server answered."""

    status: int
    body: bytes


@lru_cache(maxsize=4096)
def place_of(url: str) -> Place | None:
    """Return where the address leads; None where it is not plain."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    found = _PLACE.fullmatch(parts.netloc)
    target = parts.path or "/"
    plain = parts.scheme == "http" and not (parts.query or parts.fragment)
    if not plain or found is None or not _TARGET.fullmatch(target):
        return None
    return Place(found[1], int(found[2] or 80), target)


@lru_cache(maxsize=4096)
def _is_sendable(name: str, value: str) -> bool:
    return bool(_HEADER_NAME.fullmatch(name)) and bool(_HEADER_VALUE.fullmatch(value))


_AS_THEY_ARE = "!$'()*,/:?@"
"""Signs that mean nothing in a query (RFC 3986); expressions are full of some of them."""
_ESCAPED = tuple(
    (chr(code), quote_plus(chr(code), safe=_AS_THEY_ARE))
    # The percent sign first, as all others become one.
    for code in sorted(range(128), key=lambda code: code != ord("%"))
    if quote_plus(chr(code), safe=_AS_THEY_ARE) != chr(code) and chr(code) not in " +"
)


def encoded(params: Mapping[str, str]) -> str:
    """Return the parameters as a form has them; as `urlencode`, which takes ten times as long."""
    return "&".join(f"{_escaped(name)}={_escaped(value)}" for name, value in params.items())


def _escaped(text: str) -> str:
    if not text.isascii():
        return quote_plus(text, safe=_AS_THEY_ARE)
    for sign, escaped in _ESCAPED:
        if sign in text:
            text = text.replace(sign, escaped)
    return text.replace("+", "%2B").replace(" ", "+")


def request(place: Place, headers: Mapping[str, str], query: str, form: str) -> bytes:
    """Return the bytes of a GET, or of a POST where there is a form.

    Raises:
        NotPlain: A header cannot be sent as it is.
    """
    target = f"{place.target}?{query}" if query else place.target
    host = place.host if place.port == 80 else f"{place.host}:{place.port}"
    told = {"host": host, "accept": "*/*", "user-agent": "goaround-watcher"}
    for name, value in headers.items():
        if not _is_sendable(name, value):
            raise NotPlain(f"the header {name}")
        told[name.lower()] = value
    if form:
        told["content-type"] = "application/x-www-form-urlencoded"
        told["content-length"] = str(len(form))
    lines = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{'POST' if form else 'GET'} {target} HTTP/1.1\r\n{lines}\r\n{form}".encode()


class _Connection(asyncio.Protocol):
    """One connection; a request at a time."""

    def __init__(self) -> None:
        self.is_open = False
        self.free_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._most = 0
        self._answer: asyncio.Future[Reply] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A loop may have transports of a kind of its own.
        self._transport, self.is_open = cast("asyncio.Transport", transport), True

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._answer is not None and not self._answer.done():
            try:
                reply = _read(self._received, ended=True)
            except NotPlain as error:
                self._answer.set_exception(error)
            else:
                broken = Broken(unheard=not self._received)
                if reply is None:
                    self._answer.set_exception(broken)
                else:
                    self._answer.set_result(reply[0])

    async def ask(self, asked: bytes, most: int) -> Reply:
        """Return the answer; closes where it does not come to one."""
        assert self._transport is not None
        self._received.clear()
        self._most = most
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(asked)
        try:
            return await self._answer
        except BaseException:
            self.close()
            raise

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # Nobody has asked: what comes next would be taken for another's answer.
            return
        self._received += data
        try:
            found = _read(self._received, ended=False)
        except NotPlain as error:
            self._answer.set_exception(error)
            return
        if found is None:
            if len(self._received) > self._most:
                self._answer.set_exception(TooLarge())
            return
        reply, keeps = found
        if not keeps:
            self.close()
        self._answer.set_result(reply)

    def close(self) -> None:
        """Be of no more use."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()


def _read(received: bytearray, *, ended: bool) -> tuple[Reply, bool] | None:
    """Return the answer and whether another may follow; None where it is not whole yet.

    Raises:
        NotPlain: It is none that we understand.
    """
    end = received.find(b"\r\n\r\n")
    if end < 0:
        if len(received) > _MOST_HEAD or not b"HTTP/1.".startswith(received[:7]):
            raise NotPlain("an answer that is no HTTP/1")
        return None
    head = bytes(received[: end + 2])
    said = _STATUS.match(head)
    if said is None:
        raise NotPlain("an answer that is no HTTP/1")
    status = int(said[2])
    if status < 200:
        # It is on its way only.
        del received[: end + 4]
        return _read(received, ended=ended)
    keeps = said[1] == b"1" and _CLOSES.search(head) is None
    body = _body(received, end + 4, head, status, ended=ended)
    if body is None:
        return None
    content, bounded = body
    return Reply(status, content), keeps and bounded


def _body(
    received: bytearray, start: int, head: bytes, status: int, *, ended: bool
) -> tuple[bytes, bool] | None:
    """Return the body and whether its end was told, not only the connection's."""
    if status in (204, 304):
        return b"", True
    if _ENCODED.search(head):
        if _CHUNKED.search(head) is None or len(_ENCODED.findall(head)) > 1:
            raise NotPlain("an encoded answer")
        return _unchunked(received, start)
    length = _LENGTH.search(head)
    if length is None:
        return (bytes(received[start:]), False) if ended else None
    end = start + int(length[1])
    # More than was told is of nobody's question: such a connection is not used again.
    return (bytes(received[start:end]), len(received) == end) if len(received) >= end else None


def _unchunked(received: bytearray, at: int) -> tuple[bytes, bool] | None:
    if not received.endswith(b"\r\n\r\n"):
        return None
    parts: list[bytes] = []
    while (found := _CHUNK.match(received, at)) is not None:
        size, at = int(found[1], 16), found.end()
        if size == 0:
            return b"".join(parts), at + 2 == len(received)
        if len(received) < at + size + 2:
            return None
        parts.append(bytes(received[at : at + size]))
        at += size + 2
    if at < len(received):
        raise NotPlain("an answer in strange chunks")
    return None


class Wire:
    """Connections to all servers that are asked."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)
        self._free: dict[Server, list[_Connection]] = {}
        self._idle: dict[_Connection, Server] = {}
        """Those that are free, in the order in which they became so."""

    async def ask(self, place: Place, asked: bytes, most: int) -> Reply:
        """Return the answer.

        Raises:
            NotPlain: Another client must ask.
            TooLarge: It has more bytes than that.
            Broken: The connection ended in the midst of it.
            OSError: The server cannot be reached.
        """
        server = place.host, place.port
        async with self._room:
            connection = self._last_used(server)
            if connection is not None:
                try:
                    return await self._over(connection, server, asked, most)
                except Broken as broken:
                    # The server had closed it for being idle, as the question was under way.
                    if not broken.unheard:
                        raise
            _, connection = await asyncio.get_running_loop().create_connection(
                _Connection, place.host, place.port
            )
            return await self._over(connection, server, asked, most)

    async def aclose(self) -> None:
        """Close all connections that are not in use."""
        for connection in [*self._idle]:
            self._drop(connection)

    async def _over(
        self, connection: _Connection, server: Server, asked: bytes, most: int
    ) -> Reply:
        reply = await connection.ask(asked, most)
        if connection.is_open:
            connection.free_since = asyncio.get_running_loop().time()
            self._free.setdefault(server, []).append(connection)
            self._idle[connection] = server
            if len(self._idle) > MOST_IDLE:
                self._drop(next(iter(self._idle)))
        return reply

    def _last_used(self, server: Server) -> _Connection | None:
        """Take the connection that was used last, if it is still good; let go what is not."""
        oldest = asyncio.get_running_loop().time() - IDLE_S
        while free := self._free.get(server):
            connection = free[-1]
            is_good = connection.is_open and connection.free_since > oldest
            self._drop(connection, close=not is_good)
            if is_good:
                return connection
        return None

    def _drop(self, connection: _Connection, *, close: bool = True) -> None:
        server = self._idle.pop(connection)
        free = self._free[server]
        free.remove(connection)
        if not free:
            del self._free[server]
        if close:
            connection.close()
