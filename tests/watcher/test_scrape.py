"""Numbers from a metrics page: its format, counters that start anew, quantiles, a page at fault."""

from __future__ import annotations

import math
import socket
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from goaround_judge import SampleState
from goaround_schemas.guide import ScrapeSource, Source
from goaround_watcher.sources import exposition, readings
from goaround_watcher.sources.http import Http
from goaround_watcher.sources.port import Answer, Counters
from goaround_watcher.sources.readings import Page
from goaround_watcher.sources.scrape import Scrape
from tests.watcher.builders import span
from tests.watcher.provider import Provider

PAGE = """\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{code="200",path="/"} 100
http_requests_total{code="500",path="/"} 3 1700000000000
http_requests_total{code="503",path="/a \\"b\\" {c}"} 2.0e0 # {trace_id="x"} 0.5
http_requests_totals 9
in_flight 7
temperature NaN
"""


def source(**fields: Any) -> ScrapeSource:
    return ScrapeSource.model_validate({"url": "http://shop/metrics", **fields})


def page(at: float, text: str) -> Page:
    wanted = {line.partition("{")[0].partition(" ")[0] for line in text.splitlines()}
    return Page(at, tuple(exposition.series(text, wanted - {"#"})))


def read(given: ScrapeSource, text: str, before: Counters | None = None, at: float = 10) -> Answer:
    return readings.read(given, page(at, text), before)


def value(answer: Answer) -> float:
    assert answer.state is SampleState.OK, answer.detail
    (point,) = answer.points
    return point.value


def test_only_wanted_series_are_read_whatever_stands_in_their_labels() -> None:
    found = exposition.series(PAGE, {"http_requests_total"})
    assert [s.value for s in found] == [100, 3, 2]
    assert found[2].labels == {"code": "503", "path": '/a "b" {c}'}


def test_the_page_is_read_as_the_reference_parser_reads_it() -> None:
    registry = CollectorRegistry()
    counter = Counter("c", "h", ["a", "b"], registry=registry)
    for i, odd in enumerate(['"', "\\", "\n", "}", "{", ",", "=", "é", 'x="y"', " "]):
        counter.labels(odd, str(i)).inc(i + 0.5)
    Gauge("g", "h", registry=registry).set(-math.inf)
    Histogram("h", "h", registry=registry).observe(0.3)
    text = generate_latest(registry).decode()
    for family in text_string_to_metric_families(text):
        for name in {sample.name for sample in family.samples}:
            ours = exposition.series(text, {name})
            theirs = [s for s in family.samples if s.name == name]
            assert [(s.labels, s.value) for s in ours] == [(s.labels, s.value) for s in theirs]


def test_two_thousand_lines_are_read_in_a_few_milliseconds() -> None:
    lines = [f'other_{i % 50}_total{{path="/p{i}",code="200"}} {i}' for i in range(1900)]
    text = "\n".join(lines + [f'wanted_total{{path="/p{i}"}} {i}' for i in range(100)])
    began = time.perf_counter()
    for _ in range(10):
        assert len(exposition.series(text, {"wanted_total"})) == 100
    assert (time.perf_counter() - began) / 10 < 0.02


def test_a_gauge_is_the_sum_of_its_series() -> None:
    text = 'in_flight{pod="a"} 3\nin_flight{pod="b"} 4\n'
    assert value(read(source(value="in_flight"), text)) == 7
    assert value(read(source(value="in_flight", where={"pod": "a|c"}), text)) == 3


def test_a_label_must_match_from_its_start_to_its_end() -> None:
    text = 'x{code="1500"} 1\nx{code="500"} 2\n'
    assert value(read(source(value="x", where={"code": "5.."}), text)) == 2


def test_a_bad_expression_is_the_sources_fault_and_says_where() -> None:
    answer = read(source(value="x", where={"code": "("}), 'x{code="1"} 1')
    assert answer.state is SampleState.PROVIDER_ERROR
    assert "where code" in answer.detail


def test_a_counter_says_nothing_before_its_second_look() -> None:
    assert read(source(rate="x_total"), "x_total 5").state is SampleState.TOO_FEW


def test_a_rate_is_the_growth_a_second() -> None:
    before = page(10, "x_total 5").counters()
    assert value(read(source(rate="x_total"), "x_total 25", before, at=20)) == 2
    assert value(read(source(increase="x"), "x_total 25", before, at=20)) == 20


def test_a_series_that_is_new_counts_in_full() -> None:
    before = page(10, 'x_total{code="200"} 50').counters()
    now = 'x_total{code="200"} 60\nx_total{code="500"} 4'
    assert value(read(source(increase="x_total"), now, before)) == 14


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-Inf"])
def test_what_is_no_number_is_not_kept_for_the_next_look(text: str) -> None:
    kept = page(10, f"x_total {text}\ny_total 5\nprocess_start_time_seconds {text}").counters()
    assert Counters.model_validate_json(kept.model_dump_json()) == kept
    assert list(kept.values.values()) == [5]
    assert kept.started is None


def test_a_counter_below_its_last_value_counts_from_nought() -> None:
    before = page(10, "x_total 500").counters()
    assert value(read(source(increase="x_total"), "x_total 30", before)) == 30


def test_a_process_started_since_counts_from_nought_even_where_it_counts_higher() -> None:
    before = page(10, "x_total 20\nprocess_start_time_seconds 1").counters()
    now = "x_total 30\nprocess_start_time_seconds 9"
    assert value(read(source(increase="x_total"), now, before)) == 30


def test_a_ratio_whose_whole_did_not_grow_has_no_data() -> None:
    ratio = {"of": {"metric": "x_total", "where": {"code": "5.."}}, "to": {"metric": "x_total"}}
    before = page(10, 'x_total{code="200"} 50').counters()
    same = read(source(ratio=ratio), 'x_total{code="200"} 50', before)
    assert same.state is SampleState.NO_DATA
    grown = 'x_total{code="200"} 59\nx_total{code="500"} 1'
    assert value(read(source(ratio=ratio), grown, before)) == 0.1
    assert value(read(source(ratio=ratio), 'x_total{code="200"} 59', before)) == 0


def test_an_absent_metric_has_no_data_and_says_its_name() -> None:
    for wanted in (source(value="y"), source(rate="y"), source(histogram="y")):
        answer = read(wanted, "x 1", Counters(at=1))
        assert answer.state is SampleState.NO_DATA
        assert "y" in answer.detail


def test_a_histogram_without_observations_in_the_window_has_no_data() -> None:
    text = 'h_bucket{le="1"} 3\nh_bucket{le="+Inf"} 4'
    before = page(1, text).counters()
    assert read(source(histogram="h"), text, before).state is SampleState.NO_DATA


def test_a_quantile_is_of_the_window_and_over_all_series() -> None:
    was = 'h_bucket{p="a",le="0.1"} 100\nh_bucket{p="a",le="1"} 100\nh_bucket{p="a",le="+Inf"} 100'
    now = (
        'h_bucket{p="a",le="0.1"} 100\nh_bucket{p="a",le="1"} 110\nh_bucket{p="a",le="+Inf"} 110\n'
        'h_bucket{p="b",le="0.1"} 0\nh_bucket{p="b",le="1"} 10\nh_bucket{p="b",le="+Inf"} 10'
    )
    answer = read(source(histogram="h", quantile=0.5), now, page(1, was).counters())
    assert value(answer) == pytest.approx(0.55)


def naive_growth(counts: list[float]) -> float:
    return sum(b if b < a else b - a for a, b in pairwise(counts))


@given(st.lists(st.integers(0, 1000).map(float), min_size=2, max_size=30))
def test_growth_over_any_restarts_is_that_of_each_step(counts: list[float]) -> None:
    before = page(0, f"x_total {counts[0]}").counters()
    total = 0.0
    for at, count in enumerate(counts[1:], start=1):
        total += value(read(source(increase="x_total"), f"x_total {count}", before, at=at))
        before = page(at, f"x_total {count}").counters()
    assert total == naive_growth(counts)


def naive_quantile(q: float, bounds: list[float], counts: list[int]) -> float:
    """Walk through the buckets one by one, as the words of Prometheus' manual say."""
    rank, below, low = q * sum(counts), 0, 0.0
    for bound, count in zip(bounds, counts, strict=True):
        if below + count >= rank and count:
            if bound == math.inf:
                return low
            return low + (bound - low) * (rank - below) / count
        below += count
        low = bound if bound != math.inf else low
    return math.nan


@given(
    st.floats(0.01, 0.99),
    st.lists(st.integers(0, 50), min_size=2, max_size=12).filter(lambda counts: sum(counts) > 0),
)
def test_a_quantile_is_what_the_manual_says(q: float, counts: list[int]) -> None:
    bounds = [0.1 * (i + 1) for i in range(len(counts) - 1)] + [math.inf]
    cumulative = {bound: float(sum(counts[: i + 1])) for i, bound in enumerate(bounds)}
    expected = naive_quantile(q, bounds, counts)
    assert readings.quantile(q, cumulative) == pytest.approx(expected)


async def test_one_request_serves_all_signals_of_a_page(http: Http, server: Provider) -> None:
    server.says(PAGE)
    sources = [
        Source(scrape=source(url=f"{server.url}/metrics", value="in_flight")),
        Source(scrape=source(url=f"{server.url}/metrics", rate="http_requests_total")),
    ]
    first = await Scrape(http).sample(sources, span(0, 5), {})
    assert [a.state for a in first.answers] == [SampleState.OK, SampleState.TOO_FEW]
    assert len(server.asked) == 1
    server.says(PAGE.replace(" 100", " 150"))
    then = await Scrape(http).sample(sources, span(5, 10), first.memory)
    assert value(then.answers[1]) == 10


async def test_a_page_at_fault_keeps_the_counters_for_the_next_look(
    http: Http, server: Provider
) -> None:
    asked = [Source(scrape=source(url=f"{server.url}/metrics", increase="x_total"))]
    server.says("x_total 5")
    first = await Scrape(http).sample(asked, span(0, 5), {})
    server.says("gone", status=503)
    then = await Scrape(http).sample(asked, span(5, 10), first.memory)
    assert then.answers[0].state is SampleState.PROVIDER_ERROR
    assert "503" in then.answers[0].detail
    server.says("x_total 9")
    last = await Scrape(http).sample(asked, span(10, 15), then.memory)
    assert value(last.answers[0]) == 4


async def test_text_in_place_of_a_number_is_the_pages_fault(http: Http, server: Provider) -> None:
    server.says("x warm\n")
    asked = [Source(scrape=source(url=server.url, value="x"))]
    answer = (await Scrape(http).sample(asked, span(0, 5), {})).answers[0]
    assert answer.state is SampleState.PROVIDER_ERROR
    assert "'x warm' holds no number" in answer.detail


async def test_too_many_series_are_refused(http: Http, server: Provider) -> None:
    server.says("\n".join(f'x_total{{i="{i}"}} 1' for i in range(5001)))
    asked = [Source(scrape=source(url=server.url, rate="x_total"))]
    answer = (await Scrape(http).sample(asked, span(0, 5), {})).answers[0]
    assert answer.state is SampleState.PROVIDER_ERROR
    assert "fewer labels" in answer.detail


async def test_a_page_that_hangs_costs_its_timeout_and_no_other_page(
    http: Http, server: Provider
) -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        server.says("x 1")
        asked = [
            Source(scrape=source(url=f"http://127.0.0.1:{deaf.getsockname()[1]}/", value="x")),
            Source(scrape=source(url=server.url, value="x")),
        ]
        sampled = await Scrape(http).sample(asked, span(0, 5, timeout_s=0.3), {})
    assert sampled.answers[0].state is SampleState.PROVIDER_ERROR
    assert "did not answer within 0.3 s" in sampled.answers[0].detail
    assert value(sampled.answers[1]) == 1


async def test_a_page_nobody_serves_is_unreachable(http: Http) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
    asked = [Source(scrape=source(url=url, value="x"))]
    answer = (await Scrape(http).sample(asked, span(0, 5), {})).answers[0]
    assert answer.state is SampleState.PROVIDER_ERROR
    assert "cannot be reached" in answer.detail


async def test_secrets_reach_the_page_and_no_message(http: Http, server: Provider) -> None:
    server.says("no", status=401)
    headers = {"Authorization": "Bearer ${env:TOKEN}"}
    asked = [Source(scrape=source(url=server.url, value="x", headers=headers))]
    answer = (await Scrape(http).sample(asked, span(0, 5), {})).answers[0]
    assert server.asked[0].headers["authorization"] == "Bearer s3cret"
    assert "s3cret" not in answer.detail
