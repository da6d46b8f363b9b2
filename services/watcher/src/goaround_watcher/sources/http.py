"""Asking a provider over HTTP: bounded in time and size, every fault in one kind of error."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import parse_qsl, urlsplit

import httpx

from goaround_secrets import Mask, Resolved
from goaround_watcher.sources.port import SourceError
from goaround_watcher.sources.wire import (
    Broken,
    NotPlain,
    TooLarge,
    Wire,
    place_of,
    request,
)

MOST_BYTES = 16 * 1024 * 1024
"""More than any metrics page or answer of ours holds; a stream without end must stop."""
_EXCERPT = 300
_MOST_EXCERPT = 4_000
"""Bytes that are looked at for a reason; a page of HTML has it early or not at all."""
_MOST_NOT_PLAIN = 1_000
"""Addresses that are remembered as not plain."""

Reveal = Callable[[str], Resolved]
"""Puts secrets in the place of references to them, and says which.

Raises:
    SourceError: A secret is not there.
"""


class Unreachable(SourceError):
    """There is nobody who could be asked."""


class Http:
    """One pool of connections for all sources; secrets are put in here, and only here.

    What is plain goes over the wire; encryption, proxies and all else that is not plain is the
    client's, which can do everything and takes its time.
    """

    def __init__(self, client: httpx.AsyncClient, reveal: Reveal, wire: Wire | None = None) -> None:
        self._client = client
        self._reveal = reveal
        self._wire = wire
        self._not_plain: set[str] = set()

    async def get(
        self,
        url: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str],
        query: str = "",
        form: bool = False,
    ) -> bytes:
        """Return the body of a 2xx answer; as a form, the query is no part of the address.

        The query is `encoded` already.

        Raises:
            SourceError: There was none in time, it was too large, or the status says no. A secret
                is no part of the detail, also where the provider repeats it.
        """
        place = shown(url)
        asked = self._reveal(url)
        told = {name: self._reveal(value) for name, value in headers.items()}
        sent = {name: value.value for name, value in told.items()}
        try:
            async with asyncio.timeout(timeout_s):
                status, body = await self._asked(asked.value, sent, query, place, form=form)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise SourceError(f"{place} did not answer within {timeout_s:.2g} s") from error
        except TooLarge as error:
            raise SourceError(f"{place} sent more than {MOST_BYTES // 2**20} MiB") from error
        except (OSError, Broken, httpx.HTTPError, httpx.InvalidURL) as error:
            why = _hidden(str(error), asked, told) or type(error).__name__
            raise Unreachable(f"{place} cannot be reached: {why}") from error
        if not 200 <= status < 300:
            said = _hidden(_reason(body), asked, told)
            raise SourceError(f"{place} answered {status}: {said}")
        return body

    async def _asked(
        self,
        url: str,
        headers: Mapping[str, str],
        query: str,
        place: str,
        *,
        form: bool,
    ) -> tuple[int, bytes]:
        plain = None if self._wire is None or place in self._not_plain else place_of(url)
        if self._wire is not None and plain is not None:
            try:
                asked = request(plain, headers, "" if form else query, query if form else "")
                reply = await self._wire.ask(plain, asked, MOST_BYTES)
            except NotPlain:
                if len(self._not_plain) >= _MOST_NOT_PLAIN:
                    self._not_plain.clear()
                self._not_plain.add(place)
            else:
                return reply.status, reply.body
        params = dict(parse_qsl(query, keep_blank_values=True))
        async with self._client.stream(
            "POST" if form else "GET",
            url,
            headers=dict(headers),
            params=None if form or not params else params,
            data=params if form else None,
            timeout=None,
        ) as answer:
            return answer.status_code, await _bounded(answer)


def _hidden(text: str, asked: Resolved, told: Mapping[str, Resolved]) -> str:
    """Return the text without the secrets of what was asked."""
    return Mask(asked.secrets.union(*(value.secrets for value in told.values()))).apply(text)


def _reason(body: bytes) -> str:
    """Return what a refusal says: its own words where it is JSON, as Prometheus and others give."""
    try:
        answer: object = json.loads(body)
    except ValueError:
        answer = None
    said = cast("dict[str, object]", answer).get("error") if isinstance(answer, dict) else None
    text = said if isinstance(said, str) else body[:_MOST_EXCERPT].decode(errors="replace")
    return text.strip()[:_EXCERPT]


async def _bounded(answer: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise TooLarge
        parts.append(part)
    return b"".join(parts)


def shown(url: str) -> str:
    """Return the address as it may be written down: without user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else url.partition("?")[0]
