"""Watchers as processes of their own, on a real bus, at a service that lives and suffers."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from goaround.topology import WATCH_TIMERS
from goaround_chassis.bus import Bucketspec, Bus, Consumer, Stream, Topology, apply
from goaround_chassis.settings import BusSettings
from goaround_schemas.catalogue import parse
from goaround_schemas.envelope import Message, derived_id, encode
from goaround_schemas.guide import Watch
from goaround_schemas.subjects import DEAD, DEPLOY, TIMERS, WORK, filter_for, subject_of
from goaround_schemas.watching import DeployBaselined, DeployJudged, DeployObserved, WorkWatch
from tests.watcher.builders import command, plan
from tests.watcher.provider import Asked, Provider

pytestmark = pytest.mark.system

TOPOLOGY = Topology(
    streams=(
        Stream(WORK, ("work.>",), retention="workqueue"),
        Stream(DEPLOY, ("deploy.>",)),
        Stream(TIMERS, ("timer.>",), retention="workqueue", schedules=True),
        Stream(DEAD, ("dead.>",)),
    ),
    consumers=(
        Consumer(WORK, "watcher", (filter_for(WorkWatch),), ack_wait_s=1.0),
        *(
            Consumer(TIMERS, consumer, (f"timer.fired.{alarm}.>",), ack_wait_s=1.0)
            for consumer, alarm in WATCH_TIMERS.items()
        ),
    ),
    buckets=(Bucketspec("watches"),),
)
WITHIN_S = 20.0


class Shop:
    """A service under steady traffic that can be made to suffer; its metrics are of the clock."""

    def __init__(self, log: Path) -> None:
        self._began = time.monotonic()
        self._worse_since: float | None = None
        self._log = log
        log.write_text("INFO shop started\n")

    def degrade(self) -> None:
        self._worse_since = time.monotonic()
        with self._log.open("a") as handle:
            handle.writelines(f"ERROR payment {i} failed\n" for i in range(500))

    def page(self, asked: Asked) -> bytes:
        now = time.monotonic()
        bad = int(200 * (now - self._worse_since)) if self._worse_since else 0
        good = 10_000 + int(400 * (now - self._began))
        low, high = 0.6 * good, good
        return (
            f'http_requests_total{{code="200"}} {good}\n'
            f'http_requests_total{{code="500"}} {bad}\n'
            f'latency_bucket{{le="0.01"}} {low:.0f}\nlatency_bucket{{le="0.05"}} {high}\n'
            f'latency_bucket{{le="1"}} {good + bad}\nlatency_bucket{{le="+Inf"}} {good + bad}\n'
        ).encode()


@pytest.fixture
async def bus(fresh_nats_url: str) -> AsyncGenerator[Bus]:
    settings = BusSettings(nats_url=fresh_nats_url, shutdown_grace_s=2)
    async with await Bus.connect(settings, "tester") as bus:
        await apply(bus, TOPOLOGY)
        yield bus


@pytest.fixture
def shop(server: Provider, tmp_path: Path) -> Shop:
    shop = Shop(tmp_path / "shop.log")
    server.body = shop.page
    return shop


def guide(server: Provider, folder: Path, **fields: Any) -> Watch:
    url = f"{server.url}/metrics"
    requests = {"metric": "http_requests_total"}
    signals: list[dict[str, Any]] = [
        {
            "name": "p90",
            "kind": "latency",
            "unit": "s",
            "scrape": {"url": url, "histogram": "latency", "quantile": 0.9},
        },
        {
            "name": "errors",
            "kind": "errors",
            "errors": {
                "scrape": {
                    "url": url,
                    "increase": "http_requests_total",
                    "where": {"code": "5.."},
                }
            },
            "requests": {"scrape": {"url": url, "increase": requests["metric"]}},
        },
    ]
    return plan(
        **{
            "period": "1600ms",
            "every": "200ms",
            "extend": {"by": "1s", "at_most": 1},
            "baseline": {"before": "1600ms"},
            "signals": signals,
            "logs": [{"name": "app", "file": str(folder / "*.log")}],
            **fields,
        }
    )


@asynccontextmanager
async def watcher(url: str, **environ: str) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "goaround_watcher",
        env={**os.environ, **environ, "GOAROUND_NATS_URL": url, "GOAROUND_SHUTDOWN_GRACE_S": "3"},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), WITHIN_S)


async def first(bus: Bus, kind: type[Message], *, most: int = 1) -> list[Message]:
    """The first messages of a kind in the stream."""
    found: list[Message] = []
    replay = await bus.events(DEPLOY, (filter_for(kind),))
    async with asyncio.timeout(WITHIN_S), aclosing(replay):
        async for received in replay:
            found.append(parse(received.body))
            if len(found) == most:
                break
    return found


async def baselined(bus: Bus) -> DeployBaselined:
    (message,) = await first(bus, DeployBaselined)
    assert isinstance(message, DeployBaselined)
    return message


async def judged(bus: Bus) -> DeployJudged:
    (message,) = await first(bus, DeployJudged)
    assert isinstance(message, DeployJudged)
    return message


async def observed(bus: Bus, count: int) -> list[DeployObserved]:
    found = await first(bus, DeployObserved, most=count)
    return [message for message in found if isinstance(message, DeployObserved)]


async def test_a_steady_service_is_baselined_watched_and_found_green(
    fresh_nats_url: str, bus: Bus, server: Provider, shop: Shop, tmp_path: Path
) -> None:
    watch = guide(server, tmp_path)
    asked = command("baseline", watch=watch)
    for delivery in ("first", "second"):
        await bus.publish_raw(
            subject_of(asked), encode(asked), stream=WORK, msg_id=f"{asked.id}-{delivery}"
        )
    async with watcher(fresh_nats_url) as process:
        before = await baselined(bus)
        await bus.publish(command("watch", watch=watch))
        verdict = await judged(bus)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), WITHIN_S) == 0
    assert before.id == derived_id(asked.id, "deploy.baselined")
    assert before.data.complete, before.data
    assert {s.name: s.answered for s in before.data.signals} == {"p90": True, "errors": True}
    summary = verdict.data.summary
    assert (summary.colour, summary.action) == ("green", "accept"), summary.reason
    assert summary.watched_s == pytest.approx(1.6, abs=0.5)
    assert [s.name for s in summary.signals] == ["p90", "errors"]
    assert [s.name for s in summary.logs] == ["app"]


async def test_a_service_that_degrades_is_red_although_a_watcher_is_killed(
    fresh_nats_url: str, bus: Bus, server: Provider, shop: Shop, tmp_path: Path
) -> None:
    watch = guide(server, tmp_path, period="30s")
    async with watcher(fresh_nats_url) as one, watcher(fresh_nats_url):
        await bus.publish(command("baseline", watch=watch))
        await baselined(bus)
        await bus.publish(command("watch", watch=watch))
        await observed(bus, 4)
        one.kill()
        await one.wait()
        shop.degrade()
        verdict = await judged(bus)
    summary = verdict.data.summary
    assert (summary.colour, summary.action) == ("red", "rollback"), summary.reason
    looks = await observed(bus, summary.ticks)
    assert [look.data.tick for look in looks] == list(range(summary.ticks))
    assert looks[-1].data.colour == "red"


async def test_a_source_of_somebody_elses_is_asked_by_the_process(
    fresh_nats_url: str, bus: Bus, tmp_path: Path
) -> None:
    now = time.time()
    rows = "".join(f"{now + i / 10},{i % 7}\n" for i in range(-100, 300))
    (tmp_path / "load.csv").write_text(f"time,elapsed\n{rows}")
    options = {"file": str(tmp_path / "load.csv"), "value": "elapsed", "each": "mean"}
    signals = [
        {"name": "load", "plugin": {"name": "csv", "options": options}},
        {"name": "lost", "plugin": {"name": "nonesuch"}},
    ]
    watch = plan(period="1600ms", every="200ms", baseline={"before": "1600ms"}, signals=signals)
    async with watcher(fresh_nats_url):
        await bus.publish(command("baseline", watch=watch))
        before = await baselined(bus)
    load, lost = before.data.signals
    assert (load.answered, load.samples) == (True, 8), load
    assert not lost.answered
    assert "no source named nonesuch is installed; installed: csv" in lost.detail


async def test_a_watch_of_no_length_is_answered_at_once(fresh_nats_url: str, bus: Bus) -> None:
    async with watcher(fresh_nats_url):
        await bus.publish(command("watch", named="warm", watch=plan(period="0s")))
        await judged(bus)
        began = time.perf_counter()
        await bus.publish(command("watch", named="then", watch=plan(period="0s")))
        (_, then) = await first(bus, DeployJudged, most=2)
        taken = time.perf_counter() - began
    assert then.id == derived_id("then", "deploy.judged")
    assert taken < 0.5
