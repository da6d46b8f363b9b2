"""HTTP steps against a real server: done, failed, never sent, and nobody can say."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import httpx
import pytest

from goaround_deployer.runner import Attempt
from goaround_deployer.steps.http import HttpRequests
from goaround_deployer.steps.kinds import StepRunner
from goaround_deployer.steps.program import Programs
from goaround_schemas.guide.step import Step
from tests.deployer.builders import step

WORKER = {"PATH": "/usr/bin:/bin", "TOKEN": "s3cr3t-token"}


@dataclass
class Target:
    """A service that answers as it is told; no answer: it keeps the connection open."""

    url: str = ""
    answer: bytes | None = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nshipped"
    requests: list[str] = field(default_factory=list[str])
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    done: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(
            (int(v) for k, _, v in (h.partition(":") for h in head.splitlines())
             if k.lower() == "content-length"), 0,
        )  # fmt: skip
        self.requests.append(head + (await reader.readexactly(length)).decode())
        self.asked.set()
        if self.answer is None:
            await self.done.wait()
        else:
            writer.write(self.answer)
        writer.close()


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    made = Target()
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/release"
    yield made
    made.done.set()
    server.close()
    await server.wait_closed()


Do = Callable[[Step], Awaitable[Attempt]]


@pytest.fixture
async def do() -> AsyncIterator[Do]:
    async with httpx.AsyncClient(trust_env=False) as client:
        runner = StepRunner(Programs(WORKER), HttpRequests(client), WORKER)
        yield lambda made: runner.run(made, {}, asyncio.Event())


async def test_a_2xx_is_done_and_the_request_is_what_the_guide_says(target: Target, do: Do) -> None:
    done = await do(
        step("x", http={"url": target.url, "headers": {"Authorization": "Bearer ${env:TOKEN}"},
                        "body": {"version": "2.0.0"}})
    )  # fmt: skip

    assert done == Attempt("done", "status 200", "shipped")
    (request,) = target.requests
    assert request.startswith("POST /release HTTP/1.1")
    assert "Bearer s3cr3t-token" in request
    assert request.endswith('{"version":"2.0.0"}')


async def test_another_status_is_failed_and_quotes_the_answer(target: Target, do: Do) -> None:
    target.answer = b"HTTP/1.1 409 Conflict\r\nContent-Length: 19\r\n\r\nlocked s3cr3t-token"
    failed = await do(step("x", http={"url": target.url, "headers": {"X": "${env:TOKEN}"}}))

    assert failed.outcome == "failed"
    assert failed.detail == f"POST {target.url} answered 409, not 2xx: locked •••"


async def test_the_statuses_that_mean_done_are_the_guides(target: Target, do: Do) -> None:
    target.answer = b"HTTP/1.1 303 See Other\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"

    assert (await do(step("x", http={"url": target.url}))).outcome == "failed"
    assert (await do(step("x", http={"url": target.url, "status": [303]}))).outcome == "done"
    assert len(target.requests) == 2


@pytest.mark.parametrize(("idempotent", "expected"), [(False, "unknown"), (True, "errored")])
@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhal"])
async def test_no_answer_to_what_was_sent_is_unknown_unless_it_may_be_repeated(
    target: Target, do: Do, answer: bytes | None, idempotent: bool, expected: str
) -> None:
    target.answer = answer
    unsure = await do(step("x", http={"url": target.url}, timeout=0.2, idempotent=idempotent))

    assert (unsure.outcome, unsure.begun) == (expected, True)


async def test_a_refused_connection_never_began(do: Do) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    errored = await do(step("x", http={"url": f"http://127.0.0.1:{port}/"}))

    assert (errored.outcome, errored.begun) == ("errored", False)
    assert f"POST http://127.0.0.1:{port}/ was not sent" in errored.detail


@pytest.mark.parametrize(
    "http",
    [
        {"url": "ftp://127.0.0.1/"},
        {"url": "not a url"},
        {"url": "http://[::1"},
        {"url": "http://127.0.0.1:1/", "headers": {"X": "ünï"}},
        {"url": "http://127.0.0.1:1/", "headers": {"X": "a\nb"}},
        {"url": "http://127.0.0.1:1/", "headers": {"X": "${env:NOT_THERE}"}},
    ],
)
async def test_a_request_that_cannot_be_made_never_began(do: Do, http: dict[str, object]) -> None:
    errored = await do(step("x", http=http))

    assert (errored.outcome, errored.begun) == ("errored", False)


async def test_a_huge_answer_is_cut(target: Target, do: Do) -> None:
    target.answer = b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5_000_000
    done = await do(step("x", http={"url": target.url}))

    assert done.outcome == "done"
    assert len(done.output) <= 16_384


async def test_a_stop_does_not_wait_for_the_answer(target: Target) -> None:
    target.answer, stop = None, asyncio.Event()
    async with httpx.AsyncClient(trust_env=False) as client:
        runner = StepRunner(Programs(WORKER), HttpRequests(client), WORKER)
        asking = asyncio.ensure_future(runner.run(step("x", http={"url": target.url}), {}, stop))
        await target.asked.wait()
        stop.set()
        stopped = await asking

    assert stopped.outcome == "stopped"
