"""Range queries: against a server that answers in the documented form, and a real one if there."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from goaround_judge import SampleState
from goaround_schemas.guide import PrometheusServer, Source
from goaround_watcher import rows
from goaround_watcher.sources.http import Http
from goaround_watcher.sources.port import Answer, Point, Span
from goaround_watcher.sources.prometheus import Prometheus
from tests.watcher.builders import since_1970, span
from tests.watcher.provider import Asked, Provider, provider, web


def matrix(*series: list[tuple[float, Any]]) -> dict[str, Any]:
    result: list[dict[str, Any]] = [
        {"metric": {}, "values": [[since_1970(at), str(v)] for at, v in one]} for one in series
    ]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


HISTOGRAMS: dict[str, Any] = {
    "status": "success",
    "data": {
        "resultType": "matrix",
        "result": [{"metric": {}, "histograms": [[1, {"count": "1", "sum": "1"}]]}],
    },
}


async def ask(http: Http, server: Provider, about: Span | None = None) -> Answer:
    source = Prometheus(http, PrometheusServer(url=server.url))
    sampled = await source.sample([Source(prometheus="up")], about or span(0, 5), {})
    return sampled.answers[0]


async def test_a_look_in_time_asks_for_one_point(http: Http, server: Provider) -> None:
    server.says_json(matrix([(5, 2)]))
    answer = await ask(http, server)
    assert answer.points == (Point(since_1970(5), 2.0),)
    (asked,) = server.asked
    assert asked.path == "/api/v1/query_range"
    assert float(asked.query["step"]) == 5
    assert float(asked.query["start"]) == float(asked.query["end"]) == since_1970(5)


async def test_where_there_is_no_point_the_time_before_is_asked_for_at_once_from_then_on(
    http: Http, server: Provider
) -> None:
    source = Prometheus(http, PrometheusServer(url=server.url))
    server.body = lambda asked: json.dumps(
        matrix([(-60, 1)]) if asked.query["start"] != asked.query["end"] else matrix()
    ).encode()
    for questions in (2, 3):
        sampled = await source.sample([Source(prometheus="up")], span(0, 5), {})
        assert sampled.answers[0].state is SampleState.STALE
        assert len(server.asked) == questions
    assert since_1970(0) - float(server.asked[-1].query["start"]) > 200


async def test_a_look_after_a_gap_gets_what_was_missed(http: Http, server: Provider) -> None:
    server.says_json(matrix([(at, at) for at in range(0, 35, 5)]))
    answer = await ask(http, server, span(10.2, 30))
    assert [p.value for p in answer.points] == [15, 20, 25, 30]


async def test_a_long_history_is_bounded_at_its_old_end(http: Http, server: Provider) -> None:
    server.says_json(matrix([]))
    await ask(http, server, span(0, 3600, step_s=0.1))
    asked = server.asked[0].query
    assert (float(asked["end"]) - float(asked["start"])) / 0.1 < 11_000


@pytest.mark.parametrize(
    ("said", "state", "words"),
    [
        (matrix(), SampleState.NO_DATA, "returned nothing"),
        (matrix([(5, 1)], [(5, 2)], [(5, 3)]), SampleState.PROVIDER_ERROR, "returned 3 series"),
        (matrix([(5, "warm")]), SampleState.PROVIDER_ERROR, "not numbers"),
        (matrix([(-60, 1)]), SampleState.STALE, "65 s old"),
        (matrix([(-5, 1)]), SampleState.NO_DATA, "nothing new"),
        (
            {"status": "success", "data": {"resultType": "string", "result": [1, "x"]}},
            SampleState.PROVIDER_ERROR,
            "gives a string",
        ),
        (HISTOGRAMS, SampleState.PROVIDER_ERROR, "not numbers"),
        (
            {**matrix(), "warnings": ["store a: timeout"]},
            SampleState.NO_DATA,
            "store a: timeout",
        ),
        ({"hello": "world"}, SampleState.PROVIDER_ERROR, "is it Prometheus?"),
        ([1], SampleState.PROVIDER_ERROR, "is it Prometheus?"),
    ],
)
async def test_what_is_no_single_series_of_numbers_says_why(
    http: Http, server: Provider, said: object, state: SampleState, words: str
) -> None:
    server.says_json(said)
    answer = await ask(http, server)
    assert (answer.state, answer.points) == (state, ())
    assert words in answer.detail


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (400, '{"status":"error","error":"1:5: parse error"}', "answered 400: 1:5: parse error"),
        (422, '{"status":"error","error":"too many points"}', "answered 422: too many points"),
        (502, "<html>bad gateway", "answered 502: <html>bad gateway"),
        (500, '{"error": 7}', 'answered 500: {"error": 7}'),
    ],
)
async def test_a_refusal_is_told_with_the_servers_words(
    http: Http, server: Provider, status: int, body: str, words: str
) -> None:
    server.says(body, status=status)
    answer = await ask(http, server)
    assert answer.state is SampleState.PROVIDER_ERROR
    assert answer.detail.endswith(words)


async def test_a_server_that_hangs_is_a_provider_error(http: Http, server: Provider) -> None:
    server.hangs = True
    answer = await ask(http, server, span(0, 5, timeout_s=0.2))
    assert answer.state is SampleState.PROVIDER_ERROR
    assert "did not answer within 0.2 s" in answer.detail


async def test_without_a_server_the_answer_says_where_to_name_one(http: Http) -> None:
    sampled = await Prometheus(http, None).sample([Source(prometheus="up")], span(0, 5), {})
    assert sampled.answers[0].state is SampleState.PROVIDER_ERROR
    assert "watch.prometheus.url" in sampled.answers[0].detail


@pytest.mark.parametrize("odd", ["NaN", "+Inf", "-Inf"])
async def test_what_is_no_number_is_a_sample_of_its_own(
    http: Http, server: Provider, odd: str
) -> None:
    server.says_json(matrix([(5, odd)]))
    answer = await ask(http, server)
    (row,) = rows.of_value(answer, span(0, 5))
    assert (row.state, row.value) == (SampleState.NAN, None)


def counted(errors: Answer, requests: Answer) -> list[tuple[Any, ...]]:
    made = rows.of_counts(errors, requests, span(0, 10))
    return [(r.at - since_1970(0), r.state.value, r.errors, r.requests) for r in made]


def points(*pairs: tuple[float, float]) -> Answer:
    return Answer(tuple(Point(since_1970(at), value) for at, value in pairs))


NOTHING = Answer((), SampleState.NO_DATA, "nothing")
BROKEN = Answer((), SampleState.PROVIDER_ERROR, "broken")


@pytest.mark.parametrize(
    ("errors", "requests", "expected"),
    [
        (points((5, 1), (10, 2)), points((5, 50), (10, 60)), [(5, "ok", 1, 50), (10, "ok", 2, 60)]),
        (NOTHING, points((5, 50)), [(5, "ok", 0, 50)]),
        (points((10, 2)), points((5, 50), (10, 60)), [(5, "ok", 0, 50), (10, "ok", 2, 60)]),
        (NOTHING, NOTHING, [(10, "no_data", None, None)]),
        (points((5, 1)), NOTHING, [(10, "no_data", None, None)]),
        (BROKEN, points((5, 50)), [(10, "provider_error", None, None)]),
        (points((5, 1)), BROKEN, [(10, "provider_error", None, None)]),
        (BROKEN, NOTHING, [(10, "provider_error", None, None)]),
        (points((5, float("nan"))), points((5, 50)), [(5, "nan", None, None)]),
    ],
)
def test_no_series_of_errors_beside_one_of_requests_means_that_nothing_failed(
    errors: Answer, requests: Answer, expected: list[tuple[Any, ...]]
) -> None:
    assert counted(errors, requests) == expected


async def test_what_the_server_doubts_is_told_beside_the_number(
    http: Http, server: Provider
) -> None:
    server.says_json({**matrix([(5, 2)]), "warnings": ["store a: timeout", "store b: timeout"]})
    answer = await ask(http, server)
    assert [p.value for p in answer.points] == [2]
    made = rows.of_value(answer, span(0, 5))
    assert rows.detail_of([answer], made) == ("the server warns: store a: timeout (and 1 more)")


class Shop:
    """A page for a real server to scrape: orders that are counted from nought after a restart."""

    def __init__(self) -> None:
        self.orders = 0
        self.is_there = True

    def page(self, asked: Asked) -> bytes:
        self.orders += 10
        page = f'orders_total{{pod="a"}} {self.orders}\norders_total{{pod="b"}} 1\nodd NaN\n'
        return page.encode() if self.is_there else b"this is no page"


class Server:
    """A real Prometheus that scrapes the shop five times a second."""

    def __init__(self, url: str, http: Http, shop: Shop) -> None:
        self.url = url
        self.shop = shop
        self._http = http
        self._source = Prometheus(http, PrometheusServer(url=url))

    async def ask(self, query: str, *, ahead_s: float = 0, back_s: float = 1) -> Answer:
        until = time.time() + ahead_s
        about = Span(until - back_s, until, 0.5, 2)
        return (await self._source.sample([Source(prometheus=query)], about, {})).answers[0]

    async def sample(self, queries: Sequence[str], about: Span) -> tuple[Answer, ...]:
        """Ask for all, with nothing learnt before."""
        source = Prometheus(self._http, PrometheusServer(url=self.url))
        return (await source.sample([Source(prometheus=q) for q in queries], about, {})).answers

    async def questions(self, queries: Sequence[str], about: Span) -> int:
        """Return how many questions the server counted for this."""
        counted = 'prometheus_http_requests_total{code="200",handler="/api/v1/query_range"} '

        async def count() -> float:
            page = await self._http.get(f"{self.url}/metrics", timeout_s=2, headers={})
            lines = page.decode().splitlines()
            return next(float(s.removeprefix(counted)) for s in lines if s.startswith(counted))

        before = await count()
        await self.sample(queries, about)
        return int(await count() - before)

    async def until(self, query: str, so: Callable[[Answer], bool], **when: float) -> Answer:
        """Ask until the answer is so."""
        deadline = time.monotonic() + 20
        while not so(answer := await self.ask(query, **when)):
            assert time.monotonic() < deadline, answer
            await asyncio.sleep(0.1)
        return answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def real(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """One server for all tests: it takes five seconds before it scrapes anything."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("no prometheus on the path: its answers are tested in their documented form")
    shop = Shop()
    folder = tmp_path_factory.mktemp("prometheus")
    async with provider() as page:
        page.body = shop.page
        async with (
            prometheus(program, folder, page.url.removeprefix("http://")) as url,
            web() as http,
        ):
            it = Server(url, http, shop)
            await it.until(
                "sum(orders_total)", lambda a: bool(a.points) and a.points[-1].value > 100
            )
            yield it


@asynccontextmanager
async def prometheus(program: str, folder: Path, target: str) -> AsyncGenerator[str]:
    """A server that scrapes the target."""
    config = folder / "prometheus.yml"
    config.write_text(
        "scrape_configs: [{job_name: shop, scrape_interval: 200ms, scrape_timeout: 200ms,"
        f" static_configs: [{{targets: ['{target}']}}]}}]\n"
    )
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        program,
        f"--config.file={config}",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{port}",
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 10)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.system
@pytest.mark.asyncio(loop_scope="module")
async def test_what_a_real_server_refuses_or_has_not_is_told(real: Server) -> None:
    refused = await real.ask("sum(")
    assert refused.state is SampleState.PROVIDER_ERROR
    assert "answered 400: 1:5: parse error: unclosed left parenthesis" in refused.detail
    unknown = await real.ask("sum(nonesuch)")
    assert (unknown.state, unknown.points) == (SampleState.NO_DATA, ())
    several = await real.ask("rate(orders_total[1s])")
    assert "returned 2 series; aggregate with sum()" in several.detail
    text = await real.ask('"text"')
    assert text.state is SampleState.PROVIDER_ERROR
    odd = await real.ask("odd")
    assert [r.state for r in rows.of_value(odd, span(0, 5))][-1] is SampleState.NAN
    scalar = await real.ask("scalar(count(orders_total))")
    assert scalar.points[-1].value == 2


@pytest.mark.system
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_server_counts_over_a_restart_of_the_service(real: Server) -> None:
    real.shop.orders = 0
    await real.until("sum(resets(orders_total[5s]))", lambda a: a.points[-1].value == 1)
    grown = await real.ask("sum(increase(orders_total[1s]))", back_s=5)
    values = [p.value for p in grown.points]
    assert max(values) > 0
    assert min(values) >= 0, "a restart is no negative growth"
    raw = [p.value for p in (await real.ask('orders_total{pod="a"}', back_s=5)).points]
    assert raw != sorted(raw), "there was no restart to count over"


@pytest.mark.system
@pytest.mark.asyncio(loop_scope="module")
async def test_a_series_that_has_ended_on_a_real_server_is_stale(real: Server) -> None:
    still = await real.ask("sum(orders_total)", ahead_s=20)
    assert still.state is SampleState.OK, "a server repeats its last value for five minutes"
    real.shop.is_there = False
    gone = await real.until(
        "sum(orders_total)", lambda a: a.state is not SampleState.OK, ahead_s=20
    )
    assert gone.state is SampleState.STALE
    assert "s old" in gone.detail
    assert (await real.ask("sum(up)")).points[-1].value == 0, "the server itself is well"
    real.shop.is_there = True


@pytest.mark.system
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_server_answers_a_joined_question_as_each_alone(real: Server) -> None:
    asked = (
        "sum(orders_total)",
        'orders_total{pod="a"} # of one',
        "rate(orders_total[1s])",
        "odd",
        "sum(nonesuch)",
        "max(orders_total) > 3 or vector(1)",
        "scalar(count(orders_total))",
        "sum(",
        "1",
    )
    until = time.time() - 1
    for about in (Span(until - 0.5, until, 0.5, 2), Span(until - 3, until, 0.5, 2)):
        together = await real.sample(asked, about)
        alone = [(await real.sample((query,), about))[0] for query in asked]
        for query, one, other in zip(asked, together, alone, strict=True):
            assert (one.state, one.detail) == (other.state, other.detail), query
            assert repr(one.points) == repr(other.points), query
    good = [query for query in asked[:6] if query != "sum(nonesuch)"]
    assert await real.questions(good, about) == 1
    assert await real.questions(asked, about) > 1


@pytest.mark.system
@pytest.mark.asyncio(loop_scope="module")
async def test_a_real_server_takes_a_long_question_as_a_form(real: Server) -> None:
    padded = [f"sum(orders_total) + {place} # {'x' * 900}" for place in range(4)]
    until = time.time() - 1
    answers = await real.sample(padded, Span(until - 0.5, until, 0.5, 2))
    assert [a.points[-1].value - answers[0].points[-1].value for a in answers] == [0, 1, 2, 3]
