"""What GitHub and GitLab have in common as places that are asked: how they refuse, and what then.

A forge that refuses to answer says nothing about the pipeline: that is never a no.
"""

import re
import time
from typing import Any

import httpx

from goaround_verifier.checks.exchange import Answer, BadRequest, NoAnswer, Request, exchange
from goaround_verifier.checks.probe import Mask, quote
from goaround_verifier.finding import Finding, errored, hopeless

MOST_BODY = 8 * 1024 * 1024  # bytes: a hundred check runs are a few hundred thousand
_COMMIT = re.compile(r"[0-9a-fA-F]{40}")


class Refusal(Exception):
    """The forge did not tell; the finding says why and what to do."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.detail)
        self.finding = finding


def is_commit(ref: str) -> bool:
    """Whether a ref is a full commit id, rather than the name of a branch or tag."""
    return _COMMIT.fullmatch(ref) is not None


async def fetch(
    client: httpx.AsyncClient,
    url: str,
    headers: dict[str, str],
    timeout_s: float,
    *,
    what: str,
    missing: str,
    mask: Mask,
) -> Any:
    """Return the JSON that the forge answers; `missing` says what a 404 may mean.

    Raises:
        Refusal: It did not answer, or not with that.
    """
    request = Request("GET", url, headers, most_body=MOST_BODY)
    try:
        answer = await exchange(client, request, timeout_s)
    except BadRequest as error:
        raise Refusal(hopeless(f"{what}: {quote(error.why, mask)}")) from error
    except NoAnswer as error:
        raise Refusal(errored(f"{what}: {error.why}")) from error
    if answer.status != 200:
        raise Refusal(errored(f"{what}: {explain(answer, missing, mask, time.time())}"))
    try:
        return answer.json()
    except ValueError as error:
        raise Refusal(errored(f"{what}: the answer is no JSON: {error}")) from error


def explain(answer: Answer, missing: str, mask: Mask, now: float) -> str:
    """Say what a refusal means and what to do about it. Pure."""
    told = quote(answer.text, mask)
    if answer.status == 429 or (answer.status == 403 and _is_rate_limited(answer)):
        wait_s = _wait_s(answer, now)
        until = f"; it may be asked again in {wait_s:.0f} s" if wait_s is not None else ""
        return f"{answer.status}, too many requests{until}: give a token, or ask less often"
    match answer.status:
        case 401:
            return f"401, the token is not accepted: give a valid one as token: ({told})"
        case 403:
            return f"403, the token may not read this: it needs read access to CI ({told})"
        case 404:
            return f"404, {missing} ({told})"
        case status:
            return f"{status}, wanted 200: {told}"


def _is_rate_limited(answer: Answer) -> bool:
    return (
        answer.headers.get("x-ratelimit-remaining") == "0"
        or "retry-after" in answer.headers
        or "rate limit" in answer.text.lower()
    )


def _wait_s(answer: Answer, now: float) -> float | None:
    for name, since in (("retry-after", 0.0), ("x-ratelimit-reset", now), ("ratelimit-reset", now)):
        value = answer.headers.get(name, "")
        if value.isdecimal():
            return max(float(value) - since, 0.0)
    return None
