"""Asking a provider over HTTP: bounded in time and size, every fault in one kind of error."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import urlsplit

import httpx

from goaround_secrets import Mask, Resolved
from goaround_watcher.sources.port import SourceError

MOST_BYTES = 16 * 1024 * 1024
"""More than any metrics page or answer of ours holds; a stream without end must stop."""
_EXCERPT = 300
_MOST_EXCERPT = 4_000
"""Bytes that are looked at for a reason; a page of HTML has it early or not at all."""

Reveal = Callable[[str], Resolved]
"""Puts secrets in the place of references to them, and says which.

Raises:
    SourceError: A secret is not there.
"""


class Http:
    """One connection pool for all sources; secrets are put in here, and only here."""

    def __init__(self, client: httpx.AsyncClient, reveal: Reveal) -> None:
        self._client = client
        self._reveal = reveal

    async def get(
        self,
        url: str,
        *,
        timeout_s: float,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the body of a 2xx answer.

        Raises:
            SourceError: There was none in time, it was too large, or the status says no. A secret
                is no part of the detail, also where the provider repeats it.
        """
        place = shown(url)
        asked = self._reveal(url)
        told = {name: self._reveal(value) for name, value in headers.items()}
        hide = Mask(asked.secrets.union(*(value.secrets for value in told.values()))).apply
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._client.stream(
                    "GET",
                    asked.value,
                    headers={name: value.value for name, value in told.items()},
                    params=None if params is None else dict(params),
                    timeout=timeout_s,
                ) as answer,
            ):
                body = await _bounded(answer, place)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise SourceError(f"{place} did not answer within {timeout_s:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = hide(str(error)) or type(error).__name__
            raise SourceError(f"{place} cannot be reached: {why}") from error
        if not answer.is_success:
            said = hide(_reason(body))
            raise SourceError(f"{place} answered {answer.status_code}: {said}")
        return body


def _reason(body: bytes) -> str:
    """Return what a refusal says: its own words where it is JSON, as Prometheus and others give."""
    try:
        answer: object = json.loads(body)
    except ValueError:
        answer = None
    said = cast("dict[str, object]", answer).get("error") if isinstance(answer, dict) else None
    text = said if isinstance(said, str) else body[:_MOST_EXCERPT].decode(errors="replace")
    return text.strip()[:_EXCERPT]


async def _bounded(answer: httpx.Response, place: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in answer.aiter_bytes():
        size += len(part)
        if size > MOST_BYTES:
            raise SourceError(f"{place} sent more than {MOST_BYTES // 2**20} MiB")
        parts.append(part)
    return b"".join(parts)


def shown(url: str) -> str:
    """Return the address as it may be written down: without user, password and query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else url.partition("?")[0]
