import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from goaround_shop.http11 import MAX_BODY_BYTES, Request, Response, Server, answer, listen, port_of


class Served:
    """A server that answers what it was asked, or waits first when asked to."""

    def __init__(self) -> None:
        self.server = Server(self._echo)
        self.waiting = asyncio.Event()
        self.go_on = asyncio.Event()
        self.port = 0

    async def start(self) -> None:
        listener = listen("127.0.0.1", 0)
        self.port = port_of(listener)
        await self.server.start(listener)

    async def _echo(self, request: Request) -> Response:
        if request.path == "/wait":
            self.waiting.set()
            await self.go_on.wait()
        said = {"path": request.path, "query": dict(request.query), "body": request.body.decode()}
        return answer(200, said)

    @asynccontextmanager
    async def connect(
        self,
    ) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    served = Served()
    await served.start()
    yield served
    await served.server.drain(idle_s=0, busy_s=0)


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str, bytes]:
    head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).decode()
    length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
    return int(head.split(" ")[1]), head, await reader.readexactly(length)


async def test_one_connection_carries_many_requests(served: Served) -> None:
    async with served.connect() as (reader, writer):
        for turn in range(3):
            writer.write(
                f"POST /a%20b?turn={turn} HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi".encode()
            )
            status, head, body = await _answer(reader)
            assert (status, "Connection: keep-alive" in head) == (200, True)
            assert json.loads(body) == {"path": "/a b", "query": {"turn": str(turn)}, "body": "hi"}


async def test_requests_sent_ahead_are_answered_in_turn(served: Served) -> None:
    async with served.connect() as (reader, writer):
        writer.write(b"GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\nConnection: close\r\n\r\n")
        assert b'"/1"' in (await _answer(reader))[2]
        assert b'"/2"' in (await _answer(reader))[2]
        assert await reader.read() == b""


async def test_head_gets_the_head_alone(served: Served) -> None:
    async with served.connect() as (reader, writer):
        writer.write(b"HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n")
        whole = await reader.read()
        assert whole.startswith(b"HTTP/1.1 200 ")
        assert whole.endswith(b"\r\n\r\n")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (f"POST / HTTP/1.1\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode(), 413),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n", 431),
    ],
)
async def test_what_is_no_request_is_refused_and_ends_the_connection(
    served: Served, sent: bytes, status: int
) -> None:
    async with served.connect() as (reader, writer):
        writer.write(sent)
        assert (await _answer(reader))[0] == status


async def test_a_client_that_leaves_in_mid_request_harms_nobody(served: Served) -> None:
    async with served.connect() as (_, leaving):
        leaving.write(b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nhalf")
    async with served.connect() as (reader, writer):
        writer.write(b"GET /x HTTP/1.1\r\n\r\n")
        assert (await _answer(reader))[0] == 200


async def test_draining_finishes_what_was_begun(served: Served) -> None:
    async with served.connect() as (reader, writer):
        writer.write(b"GET /wait HTTP/1.1\r\n\r\n")
        await served.waiting.wait()
        draining = asyncio.create_task(served.server.drain(idle_s=0))
        with pytest.raises(ConnectionError):
            await _until_refused(served)
        served.go_on.set()
        status, head, _ = await _answer(reader)
        assert (status, "Connection: close" in head) == (200, True)
        await asyncio.wait_for(draining, 5)


async def _until_refused(served: Served) -> None:
    async with asyncio.timeout(5):
        while True:
            async with served.connect():
                pass


async def test_a_request_on_its_way_while_draining_is_still_answered(served: Served) -> None:
    async with served.connect() as (reader, writer):
        writer.write(b"GET /1 HTTP/1.1\r\n\r\n")
        await _answer(reader)
        draining = asyncio.create_task(served.server.drain(idle_s=5))
        await asyncio.sleep(0)  # the drain has begun
        writer.write(b"GET /2 HTTP/1.1\r\n\r\n")
        status, head, _ = await _answer(reader)
        assert (status, "Connection: close" in head) == (200, True)
        await asyncio.wait_for(draining, 5)


async def test_a_request_that_never_ends_is_cut_off_in_time(served: Served) -> None:
    async with served.connect() as (reader, writer):
        writer.write(b"GET /wait HTTP/1.1\r\n\r\n")
        await served.waiting.wait()
        await asyncio.wait_for(served.server.drain(idle_s=0, busy_s=0.05), 5)
        assert await reader.read() == b""
