"""Steps that send one HTTP request.

Once a request may have left, only an answer says whether it was done. A connection that never
came about is the one failure after which it surely was not.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx

from goaround_deployer.output import last_lines
from goaround_deployer.runner import Attempt, ensure_in_time
from goaround_schemas.guide.step import HttpStep, Step

_MOST_BODY_BYTES = 16_384
_CONNECT_S = 10.0
_LAST_PORT = 65_535
_ABOUT_TO_SEND = ".send_request_headers.started"
"""What the library calls the moment between the connection and the request."""
# What a guide's own headers may replace.
_HEADERS = {
    "accept": "*/*",
    "accept-encoding": "identity",
    "connection": "close",
    "user-agent": "goaround-deployer",
}
# Before a byte of the request was sent.
_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
    httpx.LocalProtocolError,
)


def one_connection_each(tls: ssl.SSLContext) -> httpx.AsyncBaseTransport:
    """Return what carries requests, each over a connection of its own; it knows no proxy.

    A connection that was kept may be closed by the other side just as a request leaves, and then
    nobody can say whether that was done. One that was opened for the request cannot; and a pool
    that keeps none has none to look through at each request.
    """
    none_kept = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    return httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=none_kept)


def trust() -> ssl.SSLContext:
    """Whose certificates are believed: the public ones. To be made once, it takes a while."""
    return httpx.create_ssl_context(trust_env=False)


@dataclass(frozen=True)
class HttpRequests:
    """Sends requests; a redirect is an answer like another, and is not followed."""

    transport: httpx.AsyncBaseTransport

    async def send(
        self, step: Step, http: HttpStep, stop: asyncio.Event, start_by: float | None = None
    ) -> Attempt:
        """Send the request, and read from the answer's status whether it was done.

        Raises:
            TooLate: It was not sent.
        """
        asking = asyncio.ensure_future(self._within(step, http, start_by))
        stopped = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({asking, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                return Attempt("stopped", "stopped while it waited for the answer")
            return asking.result()
        finally:
            for task in (asking, stopped):
                task.cancel()
            await asyncio.gather(asking, stopped, return_exceptions=True)

    async def _within(self, step: Step, http: HttpStep, start_by: float | None) -> Attempt:
        timeout_s = step.timeout.total_seconds()
        what = f"{http.method} {http.url}"
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(http, what, timeout_s, start_by)
        except TimeoutError:
            return _unsure(step, f"{what}: no answer within {timeout_s:g} s")
        except (*_NEVER_SENT, ValueError) as error:
            why = str(error) or type(error).__name__
            return Attempt("errored", f"{what} was not sent: {why}", begun=False)
        except httpx.HTTPError as error:
            return _unsure(step, f"{what}: {str(error) or type(error).__name__}")

    async def _ask(
        self, http: HttpStep, what: str, timeout_s: float, start_by: float | None
    ) -> Attempt:
        request = _request(http, timeout_s)
        if start_by is not None:
            request.extensions["trace"] = _unless_late(start_by)
        answer = await self.transport.handle_async_request(request)
        try:
            body = await _start_of(answer)
        finally:
            await answer.aclose()
        if answer.status_code in http.status or (not http.status and answer.is_success):
            return Attempt("done", f"status {answer.status_code}", body)
        wanted = ", ".join(map(str, http.status)) or "2xx"
        said = last_lines(body)
        why = f"{what} answered {answer.status_code}, not {wanted}"
        return Attempt("failed", f"{why}: {said}" if said else why, body)


def _request(http: HttpStep, timeout_s: float) -> httpx.Request:
    text = http.body if isinstance(http.body, str) else None
    json = None if isinstance(http.body, str) else http.body
    # Connecting is given up first: then it is known that nothing was sent.
    patience = {"connect": min(_CONNECT_S, timeout_s * 0.9)}
    headers = httpx.Headers(_HEADERS)
    headers.update(http.headers)
    request = httpx.Request(
        http.method,
        http.url,
        headers=headers,
        content=text,
        json=json,
        extensions={"timeout": patience},
    )
    url = request.url
    if (url.port or 0) > _LAST_PORT:
        # The library would ask the system, which raises what nobody expects of a request.
        raise httpx.InvalidURL(f"there is no port {url.port}")
    if url.userinfo:
        # A name and a password in front of the host are credentials, not a part of the address.
        request = next(httpx.BasicAuth(url.username, url.password).auth_flow(request))
    return request


def _unless_late(start_by: float) -> Callable[[str, object], Awaitable[None]]:
    """Return what stops a request just before its first byte, once it is too late to send it."""

    async def look(event: str, _: object) -> None:
        if event.endswith(_ABOUT_TO_SEND):
            ensure_in_time(start_by)

    return look


async def _start_of(answer: httpx.Response) -> str:
    """Return so much of the body as is of use; the rest is not waited for."""
    kept = b""
    async for piece in answer.aiter_bytes():
        kept += piece
        if len(kept) >= _MOST_BODY_BYTES:
            break
    return kept[:_MOST_BODY_BYTES].decode(errors="replace")


def _unsure(step: Step, why: str) -> Attempt:
    if step.idempotent:
        return Attempt("errored", why)
    said = "it may have been done, and is not idempotent: nobody can say"
    return Attempt("unknown", f"{why}; {said}")
