"""A signal's control: asked at the same times, kept beside it, shown to the judge."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import pytest

from goaround_judge import SampleState
from goaround_schemas.guide import Watch
from goaround_schemas.watching import DeployBaselined
from goaround_watcher import document, evidence, watch
from goaround_watcher.app import sources
from goaround_watcher.look import SourcesLookout
from goaround_watcher.looks import Looks
from goaround_watcher.settings import WatcherSettings
from goaround_watcher.state import SignalRecord, State
from tests.watcher.builders import at, command, queried, row, since_1970
from tests.watcher.builders import plan as watch_plan
from tests.watcher.provider import Asked, Provider

SETTINGS = WatcherSettings(nats_url="nats://127.0.0.1:4222")


@pytest.fixture
async def lookout() -> AsyncGenerator[SourcesLookout]:
    async with httpx.AsyncClient() as client:
        yield SourcesLookout(sources(SETTINGS, client, {}))


class Metrics:
    """A Prometheus and a metrics page; the peer's half of either can be gone."""

    def __init__(self) -> None:
        self.has_peer = True
        self.counted = 0

    def answer(self, asked: Asked) -> bytes:
        if "query" not in asked.query:
            if "peer" not in asked.path:
                return b"in_flight 7\n"
            self.counted += 10
            return f"in_flight 3\norders_total {self.counted}\n".encode()
        start, end, step = (float(asked.query[k]) for k in ("start", "end", "step"))
        is_peer = "peer" in asked.query["query"]
        number = "0.25" if is_peer else "0.5"
        count = round((end - start) / step) + 1
        values = [[start + i * step, number] for i in range(count)]
        result: list[dict[str, Any]] = [{"metric": {}, "values": values}]
        if is_peer and not self.has_peer:
            return b'{"status": "error", "errorType": "bad_data", "error": "no such peer"}'
        data: dict[str, Any] = {"resultType": "matrix", "result": result}
        return json.dumps({"status": "success", "data": data}).encode()


@pytest.fixture
def metrics(server: Provider) -> Metrics:
    it = Metrics()
    server.body = it.answer
    return it


def begun(action: str, wanted: Watch, old: State | None = None, seconds: float = 0) -> State:
    asked = command(action, watch=wanted, named=f"c-{action}")
    return watch.begun(asked, wanted, old, at(seconds), longest_baseline_s=300)


async def looked(lookout: SourcesLookout, state: State, seconds: float) -> State:
    look = await lookout.look(watch.order(state, at(seconds)))
    return watch.after(state, look, at(seconds))


def with_control(server: Provider, **fields: Any) -> Watch:
    signal = queried("p95", control={"prometheus": "avg(peer_p95)"})
    return watch_plan(**{"signals": [signal], "prometheus": {"url": server.url}, **fields})


def baselined(state: State) -> DeployBaselined:
    (said,) = state.said
    assert isinstance(said, DeployBaselined)
    return said


def times(rows: Looks) -> list[float]:
    return [r.at for r in rows]


async def test_the_history_of_a_control_is_that_of_its_signal(
    lookout: SourcesLookout, server: Provider, metrics: Metrics
) -> None:
    state = await looked(lookout, begun("baseline", with_control(server)), 0)
    record = state.signals["p95"]
    assert times(record.control_before) == times(record.before)
    assert len(record.control_before) == 12
    assert {r.value for r in record.control_before} == {0.25}
    assert baselined(state).data.complete
    assert "its control answered 12 of 12 looks" in baselined(state).data.signals[0].detail


async def test_a_watch_asks_the_control_at_each_look_and_keeps_what_was_before(
    lookout: SourcesLookout, server: Provider, metrics: Metrics
) -> None:
    wanted = with_control(server)
    before = await looked(lookout, begun("baseline", wanted), 0)
    state = begun("watch", wanted, before, seconds=1)
    for seconds in (6, 11, 31):
        state = await looked(lookout, state, seconds)
    record = state.signals["p95"]
    assert record.control_before == before.signals["p95"].control_before
    assert times(record.control_after) == times(record.after)
    assert times(record.after)[-1] == since_1970(31)
    assert len(record.after) == 6, "what a gap missed is asked of both"


async def test_the_judge_is_shown_the_control_beside_its_signal(
    lookout: SourcesLookout, server: Provider, metrics: Metrics
) -> None:
    wanted = with_control(server)
    state = await looked(lookout, begun("baseline", wanted), 0)
    state = await looked(lookout, begun("watch", wanted, state), 5)
    (shown,) = evidence.evidence_of(state, since_1970(5)).columns
    assert shown.control_baseline is not None
    assert shown.control_post is not None
    assert shown.control_baseline.at_s == shown.baseline.at_s
    assert shown.control_post.value == (0.25,) * len(shown.post.value)


async def test_a_signal_without_a_control_shows_the_judge_none(
    lookout: SourcesLookout, server: Provider, metrics: Metrics
) -> None:
    wanted = watch_plan(signals=[queried()], prometheus={"url": server.url})
    state = await looked(lookout, begun("watch", wanted), 5)
    (shown,) = evidence.evidence_of(state, since_1970(5)).columns
    assert (shown.control_baseline, shown.control_post) == (None, None)


async def test_a_control_that_fails_is_told_and_takes_nothing_from_its_signal(
    lookout: SourcesLookout, server: Provider, metrics: Metrics
) -> None:
    metrics.has_peer = False
    state = await looked(lookout, begun("baseline", with_control(server)), 0)
    record = state.signals["p95"]
    assert {r.state for r in record.before} == {SampleState.OK}
    assert {r.state for r in record.control_before} == {SampleState.PROVIDER_ERROR}
    said = baselined(state).data
    assert said.complete
    assert "its control: " in said.signals[0].detail
    assert "is it Prometheus?" in said.signals[0].detail


async def test_a_control_of_errors_has_both_counts(
    lookout: SourcesLookout, server: Provider, metrics: Metrics
) -> None:
    counts = {"errors": {"prometheus": "sum(peer_e)"}, "requests": {"prometheus": "sum(r)"}}
    wanted = watch_plan(
        signals=[{"name": "errors", "kind": "errors", **counts, "control": counts}],
        prometheus={"url": server.url},
    )
    state = await looked(lookout, begun("watch", wanted), 5)
    assert state.signals["errors"].control_after[-1][3:] == (0.25, 0.5)


async def test_the_counters_of_a_controls_page_are_remembered(
    lookout: SourcesLookout, server: Provider, metrics: Metrics
) -> None:
    page = {"url": f"{server.url}/peer", "increase": "orders_total"}
    signal = {
        "name": "in flight",
        "scrape": {"url": f"{server.url}/own", "value": "in_flight"},
        "control": {"scrape": page},
    }
    state = begun("baseline", watch_plan(signals=[signal]))
    for seconds in (0, 5, 10):
        state = await looked(lookout, state, seconds)
    states = [r.state for r in state.signals["in flight"].control_before]
    assert states == [SampleState.TOO_FEW, SampleState.OK, SampleState.OK]
    assert state.signals["in flight"].control_before[-1].value == 10


async def test_a_live_control_makes_its_signals_baseline_a_live_one(
    lookout: SourcesLookout, server: Provider, metrics: Metrics
) -> None:
    page = {"url": f"{server.url}/peer", "value": "in_flight"}
    wanted = watch_plan(signals=[queried(control={"scrape": page})], prometheus={"url": server.url})
    state = await looked(lookout, begun("baseline", wanted), 0)
    assert state.runs
    state = await looked(lookout, state, 5)
    record = state.signals["p95"]
    assert (len(record.before), len(record.control_before)) == (13, 2)
    assert times(record.before) == sorted(set(times(record.before)))
    assert times(record.before)[-1] == times(record.control_before)[-1]


def test_looks_of_which_there_are_none_are_no_part_of_the_document() -> None:
    state = begun("watch", watch_plan()).model_copy(
        update={"signals": {"p95": SignalRecord(before=Looks.of([row(-5, 1.0)]))}}
    )
    old = json.loads(state.model_dump_json())
    assert list(old["signals"]["p95"]) == ["before", "detail"]
    assert document.read(json.dumps(old).encode()) == state


def test_a_control_is_thinned_as_its_signal_is() -> None:
    numbers = Looks.of(row(-i, 0.123456789 + i) for i in range(3000, 0, -1))
    record = SignalRecord(before=numbers, control_before=numbers, control_after=numbers)
    state = begun("watch", watch_plan()).model_copy(update={"signals": {"p95": record}})
    kept = document.bounded(state, document.Bounds(rows=400))
    thinned = kept.signals["p95"]
    assert len(thinned.control_before) <= 400
    assert times(thinned.control_before) == times(thinned.before)
    assert thinned.control_after[-5:] == numbers[-5:]
    assert kept.thinned == 9000 - len(thinned.before) * 3
