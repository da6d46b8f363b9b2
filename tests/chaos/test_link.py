"""A link passes on what comes, both ways, until it is cut or stalled."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from tests.chaos.link import Link

Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def _linked() -> AsyncGenerator[Link]:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(line)
        writer.close()

    far = await asyncio.start_server(echo, "127.0.0.1", 0)
    link = await Link("127.0.0.1", far.sockets[0].getsockname()[1]).open()
    try:
        yield link
    finally:
        await link.close()
        far.close()


async def _connect(link: Link) -> Ends:
    return await asyncio.open_connection("127.0.0.1", urlsplit(link.url).port)


async def _said(ends: Ends, text: bytes) -> bytes:
    ends[1].write(text)
    return await asyncio.wait_for(ends[0].readline(), 5)


async def test_a_link_passes_on_what_comes() -> None:
    async with _linked() as link:
        ends = await _connect(link)
        assert await _said(ends, b"hello\n") == b"hello\n"
        ends[1].close()


async def test_a_cut_link_breaks_what_is_there_and_lets_nobody_through() -> None:
    async with _linked() as link:
        ends = await _connect(link)
        await _said(ends, b"hello\n")
        cutting = asyncio.create_task(link.cut(0.3))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(ends[0].readexactly(1), 5)
        late = await _connect(link)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(late[0].readexactly(1), 5)
        await cutting
        again = await _connect(link)
        assert await _said(again, b"again\n") == b"again\n"
        for writer in (ends[1], late[1], again[1]):
            writer.close()


async def test_what_is_sent_over_a_stalled_link_comes_late() -> None:
    async with _linked() as link:
        ends = await _connect(link)
        await _said(ends, b"hello\n")
        stalling = asyncio.create_task(link.stall(0.3))
        await asyncio.sleep(0)
        ends[1].write(b"late\n")
        line = asyncio.create_task(ends[0].readline())
        done, _ = await asyncio.wait({line, stalling}, return_when=asyncio.FIRST_COMPLETED)
        assert done == {stalling}
        assert await asyncio.wait_for(line, 5) == b"late\n"
        ends[1].close()
