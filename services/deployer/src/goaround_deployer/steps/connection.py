"""One connection for each request of a step: nothing is kept open, nothing is shared.

A connection that was kept may be closed by the other side just as a request leaves, and then nobody
can say whether that was done. One that was opened for the request cannot. It also costs less: a
general pool looks through all that it keeps at each request. It knows neither proxies nor
redirects.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator

import h11
import httpx

_LAST_PORT = 65_535
_PIECE_BYTES = 65_536
_MOST_HEAD_BYTES = 100 * 1024
# A second address of a host is tried beside the first if that takes longer.
_NEXT_ADDRESS_S = 0.25


def trust() -> ssl.SSLContext:
    """Whose certificates are believed: the public ones. To be made once, it takes a while."""
    context = httpx.create_ssl_context(trust_env=False)
    context.set_alpn_protocols(["http/1.1"])
    return context


class OwnConnection(httpx.AsyncBaseTransport):
    """Carries requests, each over a connection of its own, in the clear or encrypted."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the head of the answer, whose body is read from the connection as it is asked for.

        Raises:
            httpx.LocalProtocolError, UnsupportedProtocol, ConnectError, ConnectTimeout: Nothing
                was sent.
            httpx.ReadError, RemoteProtocolError: It may have been done, and nobody can say.
        """
        talk = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD_BYTES)
        spoken = _spoken(talk, request, await request.aread())
        reader, writer = await self._connect(request)
        answer = _Answer(talk, reader, writer)
        try:
            writer.write(spoken)
            head = await answer.head()
        except BaseException:
            await answer.aclose()
            raise
        return httpx.Response(head.status_code, headers=head.headers.raw_items(), stream=answer)

    async def _connect(
        self, request: httpx.Request
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        url, patience = request.url, request.extensions.get("timeout", {})
        if url.scheme not in ("http", "https") or not url.host or (url.port or 0) > _LAST_PORT:
            raise httpx.UnsupportedProtocol("the URL is none of the form https://host:port/path")
        host, tls = url.raw_host.decode(), self._tls if url.scheme == "https" else None
        port = url.port or (80 if tls is None else 443)
        try:
            async with asyncio.timeout(patience.get("connect")):
                return await asyncio.open_connection(
                    host, port, ssl=tls, happy_eyeballs_delay=_NEXT_ADDRESS_S
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"{host}:{port} did not take the connection") from error
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError(str(error) or type(error).__name__) from error


def _spoken(talk: h11.Connection, request: httpx.Request, body: bytes) -> bytes:
    try:
        head = h11.Request(
            method=request.method, target=request.url.raw_path, headers=request.headers.raw
        )
        parts = (talk.send(head), talk.send(h11.Data(body)), talk.send(h11.EndOfMessage()))
    except h11.LocalProtocolError as error:
        raise httpx.LocalProtocolError(str(error)) from error
    return b"".join(part or b"" for part in parts)


class _Answer(httpx.AsyncByteStream):
    """What comes back over one connection."""

    def __init__(
        self, talk: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._talk = talk
        self._reader = reader
        self._writer = writer

    async def head(self) -> h11.Response:
        """Return the status and the headers."""
        while not isinstance(event := await self._next(), h11.Response):
            pass  # It says only that the answer is on its way.
        return event

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._next(), h11.Data):
            yield bytes(event.data)

    async def aclose(self) -> None:
        """Close the connection at once: nobody is told, and nothing waits for it."""
        self._writer.transport.abort()

    async def _next(self) -> h11.Event:
        try:
            while (event := self._talk.next_event()) is h11.NEED_DATA:
                piece = await self._reader.read(_PIECE_BYTES)
                if not piece and self._talk.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError("the connection was closed without an answer")
                self._talk.receive_data(piece)
        except h11.RemoteProtocolError as error:
            raise httpx.RemoteProtocolError(str(error)) from error
        except OSError as error:
            raise httpx.ReadError(str(error) or type(error).__name__) from error
        if isinstance(event, type):
            raise httpx.RemoteProtocolError("the connection was made into another kind of one")
        return event
