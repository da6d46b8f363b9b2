"""How many watches one machine holds: ticks in time, none lost, every verdict, what it costs.

A NATS server with its durable defaults (every write synced), a stand-in for Prometheus, and
watchers as processes of their own. No orchestrator: the commands are published here, baselines
first, then the watches, spread evenly. In mid-watch another watcher joins, and is killed (-9).

Lateness is from the moment at which a look was due to that at which its `deploy.observed` reached a
subscriber: the alarm, the look, the judgement, the document and the message are all in it.

    python -m tests.bench.watches [--watches 10000] [--every 15] [--seconds 300] [--watchers 1]
"""

import argparse
import asyncio
import contextlib
import json
import statistics
import sys
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from goaround.embedded import EmbeddedNats
from goaround.topology import ACK_WAIT_S, topology
from goaround_chassis.bus import Bus, apply
from goaround_chassis.settings import BusSettings
from goaround_schemas.envelope import encode
from goaround_schemas.guide import Watch
from goaround_schemas.subjects import WORK, subject_of
from goaround_schemas.watching import WorkWatch, WorkWatchData
from tests.bench.processes import Process, pace_ms, started
from tests.bench.tally import Tally

PATIENCE_S = 120.0
FAIR_FROM = 0.8
"""A share of the ticks, of the watcher that joined, that is near enough to its part of them."""


@dataclass(frozen=True)
class Load:
    """What is to be held."""

    watches: int = 10_000
    every_s: float = 15.0
    seconds: float = 300.0
    watchers: int = 1
    """How many there are at the start."""

    @property
    def baseline_s(self) -> float:
        """The time before, of twenty looks: five minutes."""
        return 20 * self.every_s

    @property
    def spread_s(self) -> float:
        """Over what time the watches begin: eight intervals.

        To begin costs two or three times as much as a tick. In two intervals there was twice as
        much to do as when all are there; who began late then ticks late, and with many others.
        """
        return 8 * self.every_s


def guide(load: Load, number: int) -> Watch:
    """Return what a watch looks at: five signals, of which one has two counts."""
    of = f'{{service="shop-{number}"}}'
    latency = f"sum by (le) (rate(http_request_duration_seconds_bucket{of}[1m]))"
    return Watch.model_validate_json(
        json.dumps(
            {
                "period": load.seconds,
                "every": load.every_s,
                "baseline": {"before": load.baseline_s},
                "signals": [
                    {
                        "name": "p95 latency",
                        "kind": "latency",
                        "unit": "s",
                        "prometheus": f"histogram_quantile(0.95, {latency})",
                    },
                    {
                        "name": "p50 latency",
                        "kind": "latency",
                        "unit": "s",
                        "prometheus": f"histogram_quantile(0.5, {latency})",
                    },
                    {
                        "name": "errors",
                        "kind": "errors",
                        "errors": {"prometheus": f"sum(increase(http_errors_total{of}[15s]))"},
                        "requests": {"prometheus": f"sum(increase(http_requests_total{of}[15s]))"},
                    },
                    {
                        "name": "throughput",
                        "kind": "throughput",
                        "unit": "1/s",
                        "prometheus": f"sum(rate(http_requests_total{of}[1m]))",
                    },
                    {
                        "name": "cpu",
                        "kind": "saturation",
                        "prometheus": f"sum(rate(process_cpu_seconds_total{of}[1m]))",
                    },
                ],
            }
        )
    )


def command(load: Load, number: int, action: str) -> WorkWatch:
    """Return the command for one watch."""
    run = f"run-{number}"
    return WorkWatch(
        id=f"{run}-{action}",
        source="bench",
        subject=run,
        correlationid=run,
        data=WorkWatchData.model_validate(
            {
                "run_id": run,
                "service": f"shop-{number}",
                "environment": "prod",
                "version": "2.0.0",
                "action": action,
                "watch": guide(load, number),
                "switched_at": datetime.now(UTC) if action == "watch" else None,
            }
        ),
    )


async def ask(bus: Bus, load: Load, action: str, over_s: float) -> None:
    """Publish every watch's command, spread evenly over a time."""
    began = time.time()
    in_hand: set[asyncio.Task[bool]] = set()
    for number in range(load.watches):
        asked = command(load, number, action)
        in_hand.add(
            asyncio.create_task(
                bus.publish_raw(subject_of(asked), encode(asked), stream=WORK, msg_id=asked.id)
            )
        )
        ahead = began + number * over_s / load.watches - time.time()
        if ahead > 0 or len(in_hand) >= 500:
            await asyncio.sleep(max(ahead, 0))
            in_hand = {task for task in in_hand if not task.done()}
    if in_hand:
        await asyncio.wait(in_hand)


async def until(so: Callable[[], bool], patience_s: float) -> bool:
    """Return whether it came to be so in time."""
    deadline = time.monotonic() + patience_s
    while not so():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.1)
    return True


@dataclass
class Bench:
    """The machine under load."""

    load: Load
    bus: Bus
    root: Path
    tally: Tally
    others: dict[str, Process]
    environment: dict[str, str]
    say: Callable[[str], None]

    async def run(self) -> dict[str, Any]:
        """Return the figures."""
        load, tally = self.load, self.tally
        async with contextlib.AsyncExitStack() as stack:
            names = [f"watcher-{number}" for number in range(load.watchers)]
            first = [await stack.enter_async_context(self.watcher(name)) for name in names]
            began = time.monotonic()
            await ask(self.bus, load, "baseline", 0)
            if not await until(lambda: len(tally.baselined) >= load.watches, 10 * PATIENCE_S):
                raise SystemExit(f"only {len(tally.baselined)} baselines were answered")
            self.say(f"{load.watches} baselines in {time.monotonic() - began:.1f} s")
            await ask(self.bus, load, "watch", load.spread_s)
            if not await until(lambda: len(tally.looks) >= load.watches, PATIENCE_S):
                raise SystemExit(f"only {len(tally.looks)} watches began")
            self.say(f"all have begun; {tally.said()}")
            steady_s = load.seconds - load.spread_s
            alone = await self.over(0.3 * steady_s, first)
            self.say(f"watchers: {load.watchers}; {alone}; {tally.said()}")
            takeover = await self.takeover(first, 0.3 * steady_s)
            self.say(f"takeover: {takeover}; {tally.said()}")
            patience = load.spread_s + load.seconds + PATIENCE_S
            await until(lambda: len(tally.judged) >= load.watches, patience)
            return {
                "watches": load.watches,
                **tally.figures(load.watches),
                **alone,
                "watchers": load.watchers,
                "watcher_rss_mb": max(watcher.peak_mb() for watcher in first),
                "takeover": takeover,
            }

    def used_s(self, watchers: list[Process]) -> dict[str, float]:
        """Return the processor time that each part has used so far; all watchers are one part."""
        return {
            "watcher": sum(watcher.cpu_s() for watcher in watchers),
            **{name: part.cpu_s() for name, part in self.others.items()},
        }

    async def over(self, seconds: float, watchers: list[Process]) -> dict[str, Any]:
        """Return what was used in so much time, and what a tick cost."""
        before = self.used_s(watchers)
        began, ticks = time.monotonic(), self.tally.ticks
        paces: list[float] = []
        while time.monotonic() - began < seconds:
            await asyncio.sleep(seconds / 10)
            paces.append(pace_ms())
        took, ticks = time.monotonic() - began, max(self.tally.ticks - ticks, 1)
        used = {name: cpu - before[name] for name, cpu in self.used_s(watchers).items()}
        return {
            "ticks_per_s": round(ticks / took, 1),
            "late_p99_s": self.tally.late_since(-ticks),
            "cores": {name: round(cpu / took, 3) for name, cpu in used.items()},
            "cores_in_all": round((used["watcher"] + used["nats"]) / took, 3),
            "pace_ms": round(statistics.median(paces), 1),
            "ms_a_tick": {name: round(1000 * cpu / ticks, 3) for name, cpu in used.items()},
        }

    async def takeover(self, first: list[Process], seconds: float) -> dict[str, Any]:
        """Return how another watcher shares the load, and how it comes back from a dead one."""
        fair = 1 / (len(first) + 1)
        async with self.watcher("watcher-joined") as joined:
            all_of_them = [*first, joined]
            share, fair_after, began = 0.0, None, time.monotonic()
            late, before = len(self.tally.late_s), self.used_s(all_of_them)
            done = [watcher.ticks() for watcher in all_of_them]
            while time.monotonic() - began < seconds:
                await asyncio.sleep(min(5.0, seconds / 4))
                now = [watcher.ticks() for watcher in all_of_them]
                grown = [b - a for a, b in zip(done, now, strict=True)]
                share, done = grown[-1] / max(sum(grown), 1), now
                if fair_after is None and share >= FAIR_FROM * fair:
                    fair_after = round(time.monotonic() - began, 1)
            rss = joined.peak_mb()
            used = self.used_s(all_of_them)
            cores = sum(used[name] - before[name] for name in ("watcher", "nats"))
            cores = round(cores / (time.monotonic() - began), 3)
            late_p99_s = self.tally.late_since(late)
            late = len(self.tally.late_s)
            joined.kill()
        # What it had in hand comes back to the first when the ack wait is over.
        await self.over(max(ACK_WAIT_S + 2 * self.load.every_s, 0.2 * seconds), first)
        back = self.tally.late_s[late:]
        return {
            "share_of_joined": round(share, 2),
            "fair_after_s": fair_after,
            "late_p99_s": late_p99_s,
            "cores_in_all": cores,
            "joined_rss_mb": rss,
            "late_at_most_after_kill_s": round(max(back, default=0.0), 2),
        }

    def watcher(self, name: str) -> contextlib.AbstractAsyncContextManager[Process]:
        """Return a watcher that is ready, and ends with the block."""
        return started(name, "goaround_watcher", self.root, self.environment)


@contextlib.asynccontextmanager
async def bench(load: Load, root: Path, say: Callable[[str], None]) -> AsyncGenerator[Bench]:
    """Everything but the watchers, running."""
    with EmbeddedNats(root, die_with_parent=True) as nats:
        settings = BusSettings(nats_url=nats.url, shutdown_grace_s=2)
        pid = nats.status().pid
        assert pid is not None
        async with (
            await Bus.connect(settings, "bench") as bus,
            started("prometheus", "tests.bench.prometheus_server", root, {}) as prometheus,
        ):
            await apply(bus, topology())
            tally = Tally(every_s=load.every_s)
            await bus.listen("deploy.>", tally.hear)
            environment = {
                "GOAROUND_NATS_URL": nats.url,
                "GOAROUND_PROMETHEUS_URL": f"http://127.0.0.1:{prometheus.port}",
            }
            others = {"nats": Process("nats", pid), "prometheus": prometheus}
            yield Bench(load, bus, root, tally, others, environment, say)


async def measure(load: Load, root: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures of one load."""
    async with bench(load, root, say) as it:
        return await it.run()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Print the figures; the last line is JSON."""
    given = argparse.ArgumentParser(prog="python -m tests.bench.watches")
    given.add_argument("--watches", type=int, default=Load.watches)
    given.add_argument("--every", type=float, default=Load.every_s, help="seconds")
    given.add_argument("--seconds", type=float, default=Load.seconds, help="of each watch")
    given.add_argument("--watchers", type=int, default=Load.watchers, help="at the start")
    asked = given.parse_args()
    with TemporaryDirectory(prefix="goaround-bench-") as folder:
        load = Load(asked.watches, asked.every, asked.seconds, asked.watchers)
        figures = asyncio.run(measure(load, Path(folder), _say))
    _say(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
