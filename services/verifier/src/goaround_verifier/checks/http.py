"""http: one request, and whether the answer is the wanted one."""

import json
import time

import httpx

from goaround_schemas.guide import Check, HttpCheck
from goaround_verifier.checks.exchange import (
    Answer,
    BadRequest,
    NoAnswer,
    NothingListens,
    RedirectedTooOften,
    Request,
    exchange,
)
from goaround_verifier.checks.expectation import Missing, as_text, judge, look_up, not_json
from goaround_verifier.checks.pattern import NotMatchable, matches
from goaround_verifier.checks.probe import LONGEST_VALUE, Mask, quote, seconds
from goaround_verifier.finding import Finding, absent, errored, failed, hopeless, passed

_LEAST_TO_MATCH_S = 0.5  # an answer that came late is still looked at


class HttpProbe:
    """Sends the request and judges the answer."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        """Return what was found within the time."""
        assert check.http is not None
        http, started = check.http, time.monotonic()
        what = f"{http.method} {quote(http.url, mask)}"
        try:
            answer = await exchange(self._client, _request(http), timeout_s)
        except NothingListens as error:
            return absent(f"{what}: {error.why}")
        except RedirectedTooOften as error:
            return failed(f"{what}: {error.why}")
        except BadRequest as error:
            return hopeless(f"{what}: {error.why}")
        except NoAnswer as error:
            return errored(f"{what}: {error.why}")
        said = f"{what} answered {answer.status} in {seconds(answer.seconds)}"
        if no := judge(answer, http.expect, said, mask):
            return no
        left_s = max(timeout_s - (time.monotonic() - started), _LEAST_TO_MATCH_S)
        if no := await _unmatched(answer, http.expect.matches, said, mask, left_s):
            return no
        return _read(answer, http.read, said, mask)


def _request(http: HttpCheck) -> Request:
    headers = dict(http.headers)
    content: bytes | None = None
    if isinstance(http.body, str):
        content = http.body.encode()
    elif http.body is not None:
        content = json.dumps(http.body).encode()
        if "content-type" not in {name.lower() for name in headers}:
            headers["content-type"] = "application/json"
    wanted = http.expect.status
    asked_for = (wanted,) if isinstance(wanted, int) else wanted or ()
    follow = not any(300 <= status < 400 for status in asked_for)
    return Request(http.method, http.url, headers, content, follow=follow)


async def _unmatched(
    answer: Answer, pattern: str | None, said: str, mask: Mask, timeout_s: float
) -> Finding | None:
    if pattern is None:
        return None
    try:
        found = await matches(pattern, answer.text, timeout_s)
    except NotMatchable as error:
        told = f"{said}: {quote(error.why, mask)}"
        return hopeless(told) if error.hopeless else errored(told)
    if found:
        return None
    if answer.cut:
        return errored(f"{said}: {pattern!r} is not in the first {len(answer.body)} bytes")
    told = quote(answer.text, mask) or "it is empty"
    return failed(f"{said}: the body does not match {quote(pattern, mask)!r}: {told}")


def _read(answer: Answer, path: str | None, said: str, mask: Mask) -> Finding:
    if path is None:
        return passed(said)
    try:
        found = look_up(answer.json(), path)
    except ValueError as error:
        return not_json(answer, said, mask, str(error))
    except Missing as missing:
        return failed(f"{said}: {quote(str(missing), mask)}")
    if found is None:
        return failed(f"{said}: {path} is null")
    value = as_text(found)
    return passed(f"{said}: {path} is {quote(value, mask)}", quote(value, mask, LONGEST_VALUE))
