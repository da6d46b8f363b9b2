"""How many runs a second, and what one costs, beside the same steps as a DBOS workflow.

Ours go from `deploy.requested` on the bus to `deploy.finished` on the bus, through every service as
a process of its own, on the embedded servers with their durable defaults: one HTTP request as the
deployment's step, one TCP connection as the health check, a watch of zero length, and so many
services, since one run is active for each. The peer runs on the same Postgres, in the same minutes,
with the same request and connection as steps; once more with steps that do nothing at all; and
once handed over by its queue, as requests are to us.

    python -m tests.bench.throughput [IN_FLIGHT ...]
"""

import asyncio
import contextlib
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from goaround.local import LocalSystem
from goaround_chassis.bus import Bus, Received
from goaround_chassis.settings import BusSettings
from tests.bench import idle
from tests.bench.costs import Costs, a_run, costs

IN_FLIGHT = (1, 100, 1000)
RUNS = {1: 60, 100: 1500, 1000: 2500}
PEER_RUNS = {1: 100, 100: 600, 1000: 1200}
PATIENCE_S = 120.0
GUIDE = """\
guide: goaround/v1
service: {service}
environments: {{prod: {{}}}}
deploy:
  steps:
    - {{name: nothing, http: {{url: "http://127.0.0.1:{port}/", method: POST}}, idempotent: true}}
verify: {{liveness: [{{tcp: {{host: 127.0.0.1, port: {port}}}}}]}}
rollback:
  steps:
    - {{name: nothing, http: {{url: "http://127.0.0.1:{port}/", method: POST}}, idempotent: true}}
"""


async def answer_anything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Be the service that is deployed: say yes to everything."""
    gone = (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError)
    with contextlib.suppress(*gone):
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    writer.close()


class Driver:
    """Asks for runs, and hears of their ends."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._waited_for: dict[tuple[str, str], asyncio.Future[None]] = {}

    async def hear(self, received: Received) -> None:
        """Take one `deploy.finished`."""
        said: dict[str, Any] = json.loads(received.body)["data"]
        if said["outcome"] != "succeeded":
            raise SystemExit(f"a run did not succeed: {said['reason']}")
        waiting = self._waited_for.pop((said["service"], said["version"]), None)
        if waiting is not None:
            waiting.set_result(None)

    async def load(self, series: str, runs: int, in_flight: int) -> list[float]:
        """Run so many, so many at a time; return the seconds that each took."""
        numbers: Iterator[int] = iter(range(runs))
        took: list[float] = []

        async def lane(place: int) -> None:
            for number in numbers:
                key = (f"bench-{place}", f"{series}.{number}")
                done = self._waited_for[key] = asyncio.get_running_loop().create_future()
                start = time.perf_counter()
                asked = {"service": key[0], "environment": "prod", "version": key[1]}
                await self._bus.publish_raw(
                    "deploy.requested",
                    json.dumps(asked).encode(),
                    stream="DEPLOY",
                    msg_id=f"{series}.{number}",
                )
                await asyncio.wait_for(done, PATIENCE_S)
                took.append(time.perf_counter() - start)

        await asyncio.gather(*(lane(place) for place in range(in_flight)))
        return took


async def ours(
    system: LocalSystem, root: Path, levels: tuple[int, ...], port: int
) -> dict[str, Any]:
    """Return the figures of our runs at every level."""
    for place in range(max(levels)):
        service = f"bench-{place}"
        text = GUIDE.format(service=service, port=port)
        (root / "guides" / f"{service}.yaml").write_text(text)
    user, password = system.servers.nats.credentials("operator")
    settings = BusSettings.model_validate(
        {"nats_url": system.nats_url, "nats_user": user, "nats_password": password}
    )
    figures: dict[str, Any] = {}
    async with await Bus.connect(settings, "bench") as bus:
        driver = Driver(bus)
        await bus.listen("deploy.finished.>", driver.hear)
        for level in levels:
            await driver.load(f"0.{level}", min(level, 200), level)
            before, start = await costs(system), time.perf_counter()
            took = await driver.load(f"1.{level}", RUNS.get(level, level), level)
            seconds = time.perf_counter() - start
            cost: Costs = a_run(before, await costs(system), len(took))
            figures[str(level)] = {
                "runs_per_s": round(len(took) / seconds, 1),
                "p50_ms": round(statistics.median(took) * 1000),
                "p99_ms": round(sorted(took)[int(len(took) * 0.99)] * 1000),
                "a_run": cost,
                "cpu_ms": round(sum(v for k, v in cost.items() if k.startswith("cpu_ms ")), 1),
            }
            _say(f"{level} in flight: {figures[str(level)]}")
    return figures


def peers(
    system: LocalSystem, levels: tuple[int, ...], port: int | None = None, *, queued: bool = False
) -> dict[str, float]:
    """Return the peer's runs a second at every level; nothing where it is not installed.

    Without a port its steps do nothing; `queued` workflows go through its queue.
    """
    if importlib.util.find_spec("dbos") is None:
        _say("the peer was not run: it needs the package dbos (make bench installs it)")
        return {}
    found: dict[str, float] = {}
    for level in levels:
        runs = str(PEER_RUNS.get(level, level))
        command = [sys.executable, "-m", "tests.bench.dbos_peer", system.database_url, runs]
        command += [str(level), *(["--port", str(port)] if port else [])]
        command += ["--queued"] if queued else []
        out = subprocess.run(command, check=True, capture_output=True, text=True)
        said = json.loads(out.stdout.splitlines()[-1])
        found[str(level)] = round(said["runs_per_s"], 1)
        does = "the same steps" if port else "empty steps"
        does += ", queued" if queued else ""
        _say(f"the peer with {does}, {level} in flight: {said}")
    return found


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def measure(system: LocalSystem, root: Path, levels: tuple[int, ...]) -> dict[str, Any]:
    """Return what is printed at the end."""
    alone = await idle.measure(system, idle.RUNS)
    _say(f"one run on an idle system, with processes as steps: {alone}")
    server = await asyncio.start_server(answer_anything, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    figures = await ours(system, root, levels, port)
    beside = await asyncio.to_thread(peers, system, levels, port)
    beside_empty = await asyncio.to_thread(peers, system, levels)
    queued = await asyncio.to_thread(peers, system, levels, port, queued=True)
    server.close()
    return {
        "ratio_vs_dbos": _ratios(figures, beside),
        "runs_per_s": figures[str(max(levels))]["runs_per_s"],
        "idle_p50_ms": alone["p50_ms"],
        "by_level": figures,
        "dbos_runs_per_s": beside,
        "dbos_runs_per_s_with_empty_steps": beside_empty,
        "ratio_vs_dbos_with_empty_steps": _ratios(figures, beside_empty),
        "dbos_runs_per_s_queued": queued,
        "ratio_vs_dbos_queued": _ratios(figures, queued),
    }


def _ratios(figures: dict[str, Any], beside: dict[str, float]) -> dict[str, float]:
    return {level: round(figures[level]["runs_per_s"] / rate, 2) for level, rate in beside.items()}


def main(arguments: list[str]) -> int:
    """Print the figures; the last line is JSON."""
    levels = tuple(map(int, arguments)) or IN_FLIGHT
    with TemporaryDirectory(prefix="goaround-bench-") as folder:
        root = Path(folder)
        (root / "guides").mkdir()
        (root / "guides" / "bench.yaml").write_text(idle.GUIDE)
        system = LocalSystem(root / "system", root / "guides", root, die_with_parent=True)
        with system:
            summary = asyncio.run(measure(system, root, levels))
        system.servers.erase()
    _say(json.dumps(summary))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
