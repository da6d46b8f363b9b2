"""One HTTP exchange with everything bounded: time, redirects, body.

Connections are never kept: a kept one may lead to the process that was just replaced, and the old
version's answer would pass for the new one's. The environment's proxies are not used.
"""

import asyncio
import errno
import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

MOST_REDIRECTS = 5
MOST_BODY = 1024 * 1024  # bytes
MOST_CONNECTIONS = 100
_CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back in the end."""

    status: int
    headers: httpx.Headers
    body: bytes
    cut: bool
    seconds: float
    url: str

    @property
    def text(self) -> str:
        """The body as text, in the encoding it names; what cannot be read is replaced."""
        named = _CHARSET.search(str(self.headers.get("content-type", "")))
        try:
            return self.body.decode(named[1] if named else "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: It is none, or there is more of it than was read.
        """
        if self.cut:
            raise ValueError(f"it is longer than the {len(self.body)} bytes that are read")
        try:
            return json.loads(self.body)
        except RecursionError as error:
            raise ValueError("it is nested too deeply") from error


class NoAnswer(Exception):
    """No answer came, so nothing can be told from it."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class NothingListens(NoAnswer):
    """The connection was refused: the machine is there and the port is closed."""


class RedirectedTooOften(NoAnswer):
    """Each answer led to another place; a definite answer, and not a useful one."""


class BadRequest(NoAnswer):
    """The request cannot even be made: a person must correct it."""


def trust(ca_file: Path | None = None) -> ssl.SSLContext:
    """Whose certificates are believed: the machine's, the public ones, and those of the file."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def new_client(verify: ssl.SSLContext) -> httpx.AsyncClient:
    """The one client of a process, shared by all checks."""
    return httpx.AsyncClient(
        trust_env=False,
        verify=verify,
        timeout=None,  # each exchange has one limit for all of it
        limits=httpx.Limits(max_connections=MOST_CONNECTIONS, max_keepalive_connections=0),
        headers={"user-agent": "goaround-verifier", "accept-encoding": "identity"},
    )


@dataclass(frozen=True, slots=True)
class Request:
    """What to send. `headers` go to the named host alone, whatever redirects say."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None = None
    follow: bool = True
    most_body: int = MOST_BODY


async def exchange(client: httpx.AsyncClient, request: Request, timeout_s: float) -> Answer:
    """Return the final answer; a body is read up to `most_body`.

    Raises:
        NothingListens: The connection was refused.
        RedirectedTooOften: More redirects than are followed.
        BadRequest: The URL or a header is none.
        NoAnswer: Anything else: the name, the time, the connection, the certificate.
    """
    started = time.monotonic()
    try:
        async with asyncio.timeout(timeout_s):
            return await _follow(client, request, started)
    except TimeoutError as error:
        raise NoAnswer(f"no complete answer within {timeout_s:g} s") from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as error:
        raise BadRequest(f"the request cannot be made: {error}") from error
    except httpx.HTTPError as error:
        if refused(error):
            raise NothingListens(f"nothing listens at {where(request.url)}") from error
        raise NoAnswer(_why(error)) from error
    except ValueError as error:
        raise BadRequest(f"the request cannot be made: {error}") from error


async def _follow(client: httpx.AsyncClient, wanted: Request, started: float) -> Answer:
    request = client.build_request(
        wanted.method, wanted.url, headers=dict(wanted.headers), content=wanted.content
    )
    for _ in range(MOST_REDIRECTS + 1):
        _refuse_impossible(request)
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            if not wanted.follow or response.next_request is None:
                body, cut = await _read(response, wanted.most_body)
                took_s = time.monotonic() - started
                return Answer(
                    response.status_code, response.headers, body, cut, took_s, str(request.url)
                )
            request = redirected(request, response.next_request, wanted.headers)
        finally:
            await response.aclose()
    raise RedirectedTooOften(f"redirected more than {MOST_REDIRECTS} times, last to {request.url}")


def _refuse_impossible(request: httpx.Request) -> None:
    """Find what only shows once connected, or breaks the connecting itself."""
    if not 0 < (request.url.port or 80) < 65536:
        raise BadRequest(f"the request cannot be made: {request.url.port} is no port")
    for name, value in request.headers.items():
        if any(c in value for c in "\r\n\0"):
            raise BadRequest(f"the request cannot be made: header {name} has a line break")


def redirected(
    last: httpx.Request, following: httpx.Request, own: Mapping[str, str]
) -> httpx.Request:
    """The next request; elsewhere, or suddenly in the clear, without the guide's headers."""
    here, there = last.url, following.url
    same = (here.scheme, here.host, here.port) == (there.scheme, there.host, there.port)
    upgraded = here.host == there.host and (here.scheme, there.scheme) == ("http", "https")
    if not (same or upgraded):
        for name in own:
            following.headers.pop(name, None)
    return following


async def _read(response: httpx.Response, most: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > most:
            return bytes(body[:most]), True
    return bytes(body), False


def where(url: str) -> str:
    """`127.0.0.1:8080`: the host and port of a URL, without user names and passwords."""
    parts = httpx.URL(url)
    return f"{parts.host}:{parts.port or (443 if parts.scheme == 'https' else 80)}"


def refused(error: BaseException) -> bool:
    """Whether every address refused the connection: not one of them could be tried otherwise."""
    codes = [e.errno for e in _roots(error) if isinstance(e, OSError) and e.errno is not None]
    return bool(codes) and all(code == errno.ECONNREFUSED for code in codes)


def _roots(error: BaseException) -> Iterator[BaseException]:
    """The errors that an error came from, those of a group one by one."""
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
            yield from _roots(part)  # pyright: ignore[reportUnknownArgumentType]
        return
    yield error
    if (cause := error.__cause__ or error.__context__) is not None:
        yield from _roots(cause)


def _why(error: httpx.HTTPError) -> str:
    said = str(error)
    if not said:
        said = next((str(e) for e in _roots(error) if str(e)), "the connection broke")
    return f"{type(error).__name__}: {said}"
