"""Requests over our own connections, and over the client where that is not for them."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_secrets import Resolved
from goaround_watcher.sources.http import MOST_BYTES, Http, Unreachable
from goaround_watcher.sources.port import SourceError
from goaround_watcher.sources.wire import Wire, encoded, place_of

WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Server:
    """Answers the nth request with the nth text, then with the last; may hang up after one."""

    def __init__(self, *texts: bytes, hangs_up: bool = False) -> None:
        self.texts = list(texts)
        self.hangs_up = hangs_up
        self.asked: list[bytes] = []
        self.connections = 0
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.lower().partition(b"content-length: ")[2].split(b"\r")[0] or 0)
                self.asked.append(head + await reader.readexactly(length))
                text = self.texts.pop(0) if len(self.texts) > 1 else self.texts[0]
                # In pieces, as a network may bring it.
                for start in range(0, len(text), 7 if len(text) < 1000 else 1 << 20):
                    writer.write(text[start : start + (7 if len(text) < 1000 else 1 << 20)])
                    await writer.drain()
                    await asyncio.sleep(0)
                if self.hangs_up:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(server: Server) -> AsyncGenerator[Http]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    wire = Wire()
    async with listening, httpx.AsyncClient() as client:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/page"
        yield Http(client, lambda text: Resolved(text, frozenset()), wire)
        await wire.aclose()


async def get(http: Http, server: Server, **params: str) -> bytes:
    return await http.get(server.url, timeout_s=2, headers={"X-Scope": "a"}, query=encoded(params))


CHUNKS = b"5;x=y\r\nhello\r\n6\r\n\r\n\r\n,!\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (WHOLE, b"hello"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE, b"hello"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS, b"hello\r\n\r\n,!"),
        (b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH:0\r\n\r\n", b""),
    ],
)
async def test_every_form_of_an_answer_is_read_over_one_connection(
    said: bytes, expected: bytes
) -> None:
    server = Server(said)
    async with serving(server) as http:
        for _ in range(3):
            assert await get(http, server, query="sum(a) + b") == expected
    assert server.connections == 1
    assert server.asked[0].startswith(b"GET /page?query=sum(a)+%2B+b HTTP/1.1\r\n")
    assert b"\r\nx-scope: a\r\n" in server.asked[0]


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
async def test_an_answer_that_ends_with_its_connection_is_read_too(said: bytes) -> None:
    server = Server(said, hangs_up=True)
    async with serving(server) as http:
        assert await get(http, server) == await get(http, server) == b"hello"
    assert server.connections == 2


async def test_a_form_is_no_part_of_the_address() -> None:
    server = Server(WHOLE)
    async with serving(server) as http:
        await http.get(
            server.url, timeout_s=2, headers={}, query=encoded({"query": "é"}), form=True
        )
    assert server.asked[0].startswith(b"POST /page HTTP/1.1\r\n")
    assert server.asked[0].endswith(b"\r\n\r\nquery=%C3%A9")


async def test_a_connection_that_the_server_closed_meanwhile_costs_a_new_one_and_no_answer() -> (
    None
):
    server = Server(WHOLE, hangs_up=True)
    async with serving(server) as http:
        assert await get(http, server) == b"hello"
        assert await get(http, server) == b"hello"
    assert server.connections == 2


async def test_more_than_was_told_is_never_taken_for_the_next_answer() -> None:
    server = Server(WHOLE + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", WHOLE)
    async with serving(server) as http:
        assert await get(http, server) == b"hello"
        assert await get(http, server) == b"hello"
    assert server.connections == 2


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"",
    ],
)
async def test_an_answer_that_breaks_off_is_none(said: bytes) -> None:
    server = Server(said, hangs_up=True)
    async with serving(server) as http:
        with pytest.raises(Unreachable, match="cannot be reached: the connection was closed"):
            await get(http, server)


async def test_what_is_not_plain_is_asked_by_the_client_from_then_on() -> None:
    packed = gzip.compress(b"hello")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    server = Server(head + packed)
    async with serving(server) as http:
        assert await get(http, server) == await get(http, server) == b"hello"
    assert [b"user-agent: goaround" in asked.lower() for asked in server.asked] == [
        True,
        False,
        False,
    ]


async def test_what_speaks_no_http_is_a_fault_of_the_source() -> None:
    server = Server(b"SSH-2.0-OpenSSH_9.2\r\n", hangs_up=True)
    async with serving(server) as http:
        with pytest.raises(SourceError, match="cannot be reached"):
            await get(http, server)


async def test_an_answer_without_end_stops() -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * (MOST_BYTES + 1))
    async with serving(server) as http:
        with pytest.raises(SourceError, match="more than 16 MiB"):
            await get(http, server)


async def test_many_questions_at_a_time_share_few_connections_afterwards() -> None:
    server = Server(WHOLE)
    async with serving(server) as http:
        for _ in range(3):
            said = await asyncio.gather(*(get(http, server, n=str(n)) for n in range(20)))
            assert set(said) == {b"hello"}
    assert server.connections == 20


@pytest.mark.parametrize(
    "url",
    [
        "https://host/x",
        "http://user:pass@host/x",
        "http://[::1]/x",
        "http://host/x?a=b",
        "http://host/ü",
        "http://host:port/x",
        "host/x",
    ],
)
def test_an_address_that_is_not_plain_is_the_clients(url: str) -> None:
    assert place_of(url) is None


async def test_a_header_that_would_be_two_is_never_sent() -> None:
    server = Server(WHOLE)
    async with serving(server) as http:
        with pytest.raises(SourceError):
            await http.get(server.url, timeout_s=2, headers={"A": "b\r\nEvil: c"})
    assert not server.asked


_TEXT = st.text(max_size=20)


@given(st.dictionaries(_TEXT, _TEXT, max_size=3))
def test_parameters_are_encoded_as_everybody_does(params: dict[str, str]) -> None:
    assert encoded(params) == urlencode(params, safe="!$'()*,/:?@")
    assert (
        dict(parse_qsl(encoded(params), keep_blank_values=True, strict_parsing=bool(params)))
        == params
    )
