from typing import Any

import pytest

from goaround_verifier.checks.prometheus import PrometheusProbe
from goaround_verifier.finding import Again, Finding
from tests.verifier.builders import ask, check, client
from tests.verifier.server import Reply, closed_port, http_server


def vector(*samples: tuple[dict[str, str], str]) -> Reply:
    result = [{"metric": m, "value": [1435781451.781, v]} for m, v in samples]
    return success("vector", result)


def success(kind: str, result: Any) -> Reply:
    return Reply(200, {"status": "success", "data": {"resultType": kind, "result": result}})


async def told(reply: Reply, **bounds: float) -> Finding:
    async with http_server(reply) as server, client() as shared:
        asked = check(prometheus={"query": "up", "url": server.url, **(bounds or {"below": 0.5})})
        return await ask(PrometheusProbe(shared, None), asked)


@pytest.mark.parametrize(
    ("reply", "bounds", "outcome", "says"),
    [
        (vector(({}, "0.2")), {"below": 0.5}, "passed", "up is 0.2, wanted below 0.5"),
        (vector(({}, "0.5")), {"below": 0.5}, "failed", "up is 0.5, wanted below 0.5"),
        (vector(({}, "3")), {"above": 1, "below": 5}, "passed", "above 1 and below 5"),
        (vector(({}, "1")), {"above": 1, "below": 5}, "failed", "is 1, wanted above 1"),
        (success("scalar", [1435781451.781, "7"]), {"above": 5}, "passed", "is 7"),
        (vector(), {"below": 0.5}, "errored", "gave nothing: no series matches"),
        (vector(({}, "NaN")), {"below": 0.5}, "errored", "up is NaN"),
        (vector(({}, "+Inf")), {"below": 0.5}, "failed", "up is +Inf"),
        (vector(({}, "+Inf")), {"above": 0.5}, "errored", "up is +Inf"),
        (vector(({}, "many")), {"below": 0.5}, "errored", "that is no number"),
        (success("string", [1435781451.781, "7"]), {}, "errored", "gave the text '7'"),
        (success("matrix", [{"metric": {}, "values": [[1, "1"]]}]), {}, "errored", "a matrix"),
        (
            vector(({"__name__": "up", "pod": "a"}, "1"), ({"__name__": "up", "pod": "b"}, "1")),
            {},
            "errored",
            'gave 2 series, wanted one: up{pod="a"}, up{pod="b"}; aggregate them',
        ),
        (
            Reply(400, {"status": "error", "errorType": "bad_data", "error": "parse error"}),
            {},
            "errored",
            "bad_data: parse error",
        ),
        (Reply(502, "<html>bad gateway"), {}, "errored", "answered 502 and no Prometheus answer"),
        (Reply(200, [1, 2]), {}, "errored", "no Prometheus answer"),
        (Reply(200, {"status": "success", "data": {}}), {}, "errored", "wanted one number"),
    ],
)
async def test_a_query_is_judged_by_its_bounds(
    reply: Reply, bounds: dict[str, float], outcome: str, says: str
) -> None:
    finding = await told(reply, **bounds)
    assert finding.outcome == outcome, finding.detail
    assert says in finding.detail


async def test_the_number_is_the_rows_value() -> None:
    assert (await told(vector(({}, "0.2")))).value == "0.2"
    assert (await told(vector(({}, "0.9")))).value == "0.9"


async def test_the_query_is_asked_as_documented() -> None:
    async with http_server(vector(({}, "1"))) as server, client() as shared:
        query = 'sum(rate(x{code=~"5.."}[1m])) & #'
        headers = {"authorization": "Bearer t"}
        asked = check(prometheus={"query": query, "below": 2, "headers": headers})
        finding = await ask(PrometheusProbe(shared, f"{server.url}/prom/"), asked)
    assert finding.outcome == "passed"
    assert server.asked[0].path == "/prom/api/v1/query"
    assert server.asked[0].query == {"query": query}
    assert server.asked[0].headers["authorization"] == "Bearer t"


async def test_a_server_that_is_away_tells_nothing() -> None:
    async with client() as shared:
        url = f"http://127.0.0.1:{closed_port()}"
        asked = check(prometheus={"query": "up", "below": 2, "url": url})
        finding = await ask(PrometheusProbe(shared, None), asked)
    assert (finding.outcome, finding.again) == ("errored", Again.RETRY)


async def test_without_a_server_it_is_said_where_to_name_one() -> None:
    async with client() as shared:
        asked = check(prometheus={"query": "up", "below": 2})
        finding = await ask(PrometheusProbe(shared, None), asked)
    assert (finding.outcome, finding.again) == ("errored", Again.NEVER)
    assert "GOAROUND_PROMETHEUS_URL" in finding.detail
