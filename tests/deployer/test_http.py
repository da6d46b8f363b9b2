"""HTTP steps against a real server: done, failed, never sent, and nobody can say."""

from __future__ import annotations

import asyncio
import base64
import gzip
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from goaround_deployer.runner import Attempt, TooLate
from goaround_deployer.steps.http import HttpRequests, one_connection_each
from goaround_deployer.steps.kinds import StepRunner
from goaround_deployer.steps.program import Programs
from goaround_schemas.guide.step import Step
from tests.deployer.builders import step
from tests.deployer.connecting import requests

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
def do() -> Do:
    runner = StepRunner(Programs(WORKER), requests(), WORKER)
    return lambda made: runner.run(made, {}, asyncio.Event())


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
        {"url": "http:///release"},
        {"url": "http://no such host/"},
        {"url": "http://127.0.0.1:99999/"},
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
    runner = StepRunner(Programs(WORKER), requests(), WORKER)
    asking = asyncio.ensure_future(runner.run(step("x", http={"url": target.url}), {}, stop))
    await target.asked.wait()
    stop.set()
    stopped = await asking

    assert stopped.outcome == "stopped"


async def test_a_request_says_what_a_general_client_would(target: Target, do: Do) -> None:
    await do(step("x", http={"url": f"{target.url}?to=2%2E0&also=a b", "method": "PUT"}))
    await do(step("x", http={"url": target.url, "body": "as it is", "headers": {"Accept": "x/y"}}))

    bare, text = target.requests
    host = target.url.split("/")[2]
    assert bare.startswith("PUT /release?to=2%2E0&also=a%20b HTTP/1.1\r\n")
    assert f"Host: {host}\r\n" in bare
    assert "Content-Length: 0\r\n" in bare
    assert "accept: */*\r\n" in bare
    assert "accept: x/y\r\n" in text.lower()
    assert "accept: */*" not in text
    assert text.endswith("\r\n\r\nas it is")


async def test_a_name_and_password_before_the_host_are_credentials(target: Target, do: Do) -> None:
    await do(step("x", http={"url": target.url.replace("://", "://me:${env:TOKEN}@")}))

    (request,) = target.requests
    assert base64.b64encode(b"me:s3cr3t-token").decode() in request
    assert "me:" not in request


async def test_steps_share_neither_connections_nor_cookies(target: Target, do: Do) -> None:
    target.answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"
    for _ in range(2):
        assert (await do(step("x", http={"url": target.url}))).outcome == "done"

    assert len(target.requests) == 2
    assert all("cookie" not in request.lower() for request in target.requests)
    assert all("connection: close" in request.lower() for request in target.requests)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nshipped",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nship\r\n3\r\nped\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\nshipped",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"shipped"),
    ],
    ids=["continue", "chunks", "until closed", "packed"],
)
async def test_an_answer_is_read_however_it_is_sent(target: Target, do: Do, answer: bytes) -> None:
    target.answer = answer
    assert await do(step("x", http={"url": target.url})) == Attempt("done", "status 200", "shipped")


@pytest.mark.parametrize(
    "answer",
    [b"220 a mail server\r\n", b"HTTP/1.1 101 Changed\r\nUpgrade: x\r\n\r\n", b"\r\n" * 100_000],
)
async def test_an_answer_that_is_none_tells_nothing(target: Target, do: Do, answer: bytes) -> None:
    target.answer = answer
    unsure = await do(step("x", http={"url": target.url}, timeout=5))
    assert (unsure.outcome, unsure.begun) == ("unknown", True)


@pytest.fixture
async def encrypted(target: Target, tmp_path: Path) -> AsyncIterator[tuple[str, Path]]:
    """The same service with a certificate of its own making; its URL, and that certificate."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", str(key), "-out", str(certificate))
    make = ("openssl", "req", "-x509", *curve, *files, "-days", "2", *subject)
    await asyncio.to_thread(subprocess.run, make, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = await asyncio.start_server(target.serve, "127.0.0.1", 0, ssl=context)
    yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/release", certificate
    server.close()
    await server.wait_closed()


async def test_over_an_encrypted_connection_it_is_the_same(
    target: Target, encrypted: tuple[str, Path]
) -> None:
    url, certificate = encrypted
    own = HttpRequests(one_connection_each(ssl.create_default_context(cafile=certificate)))
    runner = StepRunner(Programs(WORKER), own, WORKER)
    done = await runner.run(step("x", http={"url": url, "body": "now"}), {}, asyncio.Event())

    assert done == Attempt("done", "status 200", "shipped")
    assert target.requests[0].endswith("\r\n\r\nnow")


async def test_to_one_whose_certificate_nobody_vouches_for_nothing_is_sent(
    target: Target, encrypted: tuple[str, Path], do: Do
) -> None:
    errored = await do(step("x", http={"url": encrypted[0]}))

    assert (errored.outcome, errored.begun) == ("errored", False)
    assert "CERTIFICATE_VERIFY_FAILED" in errored.detail
    assert target.requests == []


async def test_a_request_is_sent_in_time_or_not_at_all(target: Target) -> None:
    runner = StepRunner(Programs(WORKER), requests(), WORKER)
    made = step("x", http={"url": target.url, "body": "now"})
    now = asyncio.get_running_loop().time()
    with pytest.raises(TooLate):
        await runner.run(made, {}, asyncio.Event(), start_by=now)
    done = await runner.run(made, {}, asyncio.Event(), start_by=now + 60)
    assert done.outcome == "done"
    assert len(target.requests) == 1
