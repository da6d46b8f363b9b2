"""One look at everything a guide may name, through the sources as the service wires them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx
import pytest

from goaround_judge import SampleState
from goaround_schemas.guide import Watch
from goaround_schemas.watching import DeployObserved
from goaround_watcher import plan, watch
from goaround_watcher.app import sources
from goaround_watcher.look import Look, SourcesLookout
from goaround_watcher.settings import WatcherSettings
from goaround_watcher.state import State
from tests.watcher.builders import at, command, queried, since_1970
from tests.watcher.builders import plan as watch_plan
from tests.watcher.provider import Asked, Provider

SETTINGS = WatcherSettings(nats_url="nats://127.0.0.1:4222")


@pytest.fixture
async def lookout() -> AsyncGenerator[SourcesLookout]:
    async with httpx.AsyncClient() as client:
        yield SourcesLookout(sources(SETTINGS, client, {"TOKEN": "s3cret", "PATH": "/bin"}))


def every_point(asked: Asked) -> bytes:
    """Answer as Prometheus does, with a number for each step; none for what failed."""
    start, end, step = (float(asked.query[k]) for k in ("start", "end", "step"))
    count = round((end - start) / step) + 1
    values = [[start + i * step, "0.5"] for i in range(count)]
    series: dict[str, Any] = {"metric": {}, "values": values}
    result = [] if "failed" in asked.query["query"] else [series]
    data: dict[str, Any] = {"resultType": "matrix", "result": result}
    return json.dumps({"status": "success", "data": data}).encode()


def begun(action: str, wanted: Watch, old: State | None = None) -> State:
    asked = command(action, watch=wanted, named=f"c-{action}")
    return watch.begun(asked, wanted, old, at(0), longest_baseline_s=300)


async def looked(lookout: SourcesLookout, state: State, seconds: float) -> tuple[Look, State]:
    look = await lookout.look(watch.order(state, at(seconds)))
    return look, watch.after(state, look, at(seconds))


async def test_history_is_asked_for_once_and_a_like_time_with_it(
    lookout: SourcesLookout, server: Provider
) -> None:
    server.body = every_point
    wanted = watch_plan(
        signals=[queried()],
        prometheus={"url": server.url, "headers": {"X": "${env:TOKEN}"}},
        baseline={"before": "1m", "also": "same-hour-yesterday"},
    )
    look, state = await looked(lookout, begun("baseline", wanted), 0)
    record = state.signals["p95"]
    assert len(look.signals["p95"].rows) == len(record.before) == 12
    assert len(record.reference) == 12
    assert record.reference[-1].at == pytest.approx(since_1970(-86400 + 60))
    assert [a.headers["x"] for a in server.asked] == ["s3cret", "s3cret"]


async def test_one_look_brings_every_kind_of_source(
    lookout: SourcesLookout, server: Provider, tmp_path: Path
) -> None:
    def answer(asked: Asked) -> bytes:
        return every_point(asked) if "query" in asked.query else b"in_flight 7\nx_total 9\n"

    server.body = answer
    (tmp_path / "app.log").write_text("ERROR old\n")
    page = f"{server.url}/metrics"
    signals: list[dict[str, Any]] = [
        queried("p95"),
        {"name": "in flight", "scrape": {"url": page, "value": "in_flight"}},
        {
            "name": "errors",
            "kind": "errors",
            "errors": {"prometheus": "sum(failed)"},
            "requests": {"scrape": {"url": page, "value": "in_flight"}},
        },
    ]
    wanted = watch_plan(
        signals=signals,
        prometheus={"url": server.url},
        logs=[
            {"name": "files", "file": str(tmp_path / "*.log")},
            {"name": "said", "command": ["/bin/echo", "ERROR said"]},
        ],
    )
    look, state = await looked(lookout, begun("baseline", wanted), 0)
    assert len(look.signals["p95"].rows) == 12
    assert look.signals["in flight"].rows[0].value == 7
    assert look.signals["errors"].rows[0][3:] == (0, 7), "mixed sources are looked at as live ones"
    assert state.runs
    look, state = await looked(lookout, state, 5)
    assert set(look.signals) == {"in flight", "errors"}, "history is not asked for again"
    assert state.logs["said"].before[-1].counts == {0: 1}
    look, state = await looked(lookout, begun("watch", wanted, state), 60)
    (said,) = state.said
    assert isinstance(said, DeployObserved)
    assert [o.name for o in said.data.observations] == [
        "p95",
        "in flight",
        "errors",
        "files",
        "said",
    ]


async def test_a_secret_that_is_not_there_is_a_provider_error_that_names_it(
    lookout: SourcesLookout, server: Provider
) -> None:
    headers = {"Authorization": "${env:NONESUCH}"}
    wanted = watch_plan(signals=[queried()], prometheus={"url": server.url, "headers": headers})
    look, _ = await looked(lookout, begun("baseline", wanted), 0)
    assert look.signals["p95"].rows[0].state is SampleState.PROVIDER_ERROR
    assert "NONESUCH" in look.signals["p95"].detail
    assert not server.asked


async def test_no_outage_makes_a_look_fail(lookout: SourcesLookout) -> None:
    dead = "http://127.0.0.1:9/metrics"
    wanted = watch_plan(
        signals=[queried(), {"name": "x", "scrape": {"url": dead, "value": "x"}}],
        prometheus={"url": "http://127.0.0.1:9"},
        logs=[{"loki": {"url": "http://127.0.0.1:9", "query": "{}"}}],
    )
    look, _ = await looked(lookout, begun("watch", wanted), 5)
    states = [s.rows[-1].state for s in look.signals.values()]
    states += [lines.state for lines in look.logs.values()]
    assert set(states) == {SampleState.PROVIDER_ERROR}


def test_patience_suits_the_interval() -> None:
    fast, slow = watch_plan(every="100ms"), watch_plan(every="30s", period="10m")
    assert plan.span(fast, 0, 1).timeout_s == 1
    assert plan.span(slow, 0, 1).timeout_s == 5
