"""prometheus: one instant query gives one number, and it is within its bounds."""

import math
from typing import Any
from urllib.parse import urlencode

import httpx
from pydantic import BaseModel, ValidationError

from goaround_schemas.guide import Check, PrometheusCheck
from goaround_verifier.checks.exchange import BadRequest, NoAnswer, Request, exchange
from goaround_verifier.checks.probe import Mask, quote
from goaround_verifier.finding import Finding, errored, failed, hopeless, passed

_SHOWN_SERIES = 3


class _Said(BaseModel):
    """The envelope of Prometheus' HTTP API."""

    status: str
    error: str = ""
    errorType: str = ""  # noqa: N815 - the API's own name
    data: dict[str, Any] = {}


class PrometheusProbe:
    """Asks the server that the check names, else the worker's own."""

    def __init__(self, client: httpx.AsyncClient, default_url: str | None) -> None:
        self._client = client
        self._default_url = default_url

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        """Return what was found within the time."""
        assert check.prometheus is not None
        asked = check.prometheus
        base = (asked.url or self._default_url or "").rstrip("/")
        what = f"prometheus {quote(asked.query, mask)}"
        if not base:
            return hopeless(
                f"{what}: no server is named; give url in the check, "
                "or set GOAROUND_PROMETHEUS_URL for the verifier"
            )
        url = f"{base}/api/v1/query?{urlencode({'query': asked.query})}"
        try:
            answer = await exchange(self._client, Request("GET", url, asked.headers), timeout_s)
        except BadRequest as error:
            return hopeless(f"{what}: {quote(error.why, mask)}")
        except NoAnswer as error:
            return errored(f"{what}: {quote(base, mask)}: {error.why}")
        try:
            said = _Said.model_validate(answer.json())
        except (ValueError, ValidationError):
            told = quote(answer.text, mask)
            return errored(
                f"{what}: {quote(base, mask)} answered {answer.status} and no Prometheus answer:"
                f" {told}"
            )
        if said.status != "success":
            return errored(f"{what}: {said.errorType}: {quote(said.error, mask)}")
        return judge(said.data, asked, what, mask)


def judge(data: dict[str, Any], asked: PrometheusCheck, what: str, mask: Mask) -> Finding:
    """Say whether the result is one number within the bounds. Pure."""
    match data:
        case {"resultType": "vector", "result": []}:
            return errored(f"{what} gave nothing: no series matches, wanted {_bounds(asked)}")
        case {"resultType": "vector", "result": [{"value": [_, str(text)]}]}:
            return _judge_number(text, asked, what, mask)
        case {"resultType": "scalar", "result": [_, str(text)]}:
            return _judge_number(text, asked, what, mask)
        case {"resultType": "vector", "result": [_, _, *_]}:
            series: list[Any] = data["result"]
            shown = ", ".join(_labels(s.get("metric", {})) for s in series[:_SHOWN_SERIES])
            more = ", ..." if len(series) > _SHOWN_SERIES else ""
            return errored(
                f"{what} gave {len(series)} series, wanted one:"
                f" {quote(shown, mask)}{more}; aggregate them, with sum() or max()"
            )
        case {"resultType": "string", "result": [_, text]}:
            return errored(f"{what} gave the text {quote(str(text), mask)!r}, wanted a number")
        case _:
            kind = data.get("resultType", "nothing that is known")
            return errored(f"{what} gave a {kind}, wanted one number: make it an instant query")


def _judge_number(text: str, asked: PrometheusCheck, what: str, mask: Mask) -> Finding:
    said = f"{what} is {quote(text, mask)}, wanted {_bounds(asked)}"
    try:
        number = float(text)
    except ValueError:
        return errored(f"{said}: that is no number")
    if math.isnan(number):
        return errored(said)
    inside = (asked.below is None or number < asked.below) and (
        asked.above is None or number > asked.above
    )
    if not inside:
        return failed(said, text)
    if math.isinf(number):  # a division by zero must not pass for a good value
        return errored(said, text)
    return passed(said, text)


def _bounds(asked: PrometheusCheck) -> str:
    parts = [
        f"{name} {bound:g}"
        for name, bound in (("above", asked.above), ("below", asked.below))
        if bound is not None
    ]
    return " and ".join(parts)


def _labels(metric: dict[str, str]) -> str:
    name = metric.get("__name__", "")
    inside = ", ".join(f'{k}="{v}"' for k, v in metric.items() if k != "__name__")
    return f"{name}{{{inside}}}"
