"""What a run costs when nothing takes time: trivial steps, a zero-length watch, an idle system.

From `deploy.requested` on the bus to `deploy.finished` on the bus, through every service as its
own process, on the embedded servers with their durable defaults. Beside it stands what one
acknowledged publish and one durable commit cost on the same servers in the same minute, since
absolute times mean little on a shared machine.

    python -m tests.bench.idle [RUNS]
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from goaround.local import LocalSystem
from goaround_chassis.bus import Bus, Received
from goaround_chassis.settings import BusSettings

RUNS = 40
WARM_UP = 5
PATIENCE_S = 60.0

GUIDE = """\
guide: goaround/v1
service: bench
environments: {prod: {}}
deploy: {steps: [{name: nothing, run: ["true"], idempotent: true}]}
verify: {liveness: [{run: ["true"]}]}
rollback: {steps: [{name: nothing, run: ["true"], idempotent: true}]}
"""


async def measure(system: LocalSystem, runs: int) -> dict[str, float]:
    """Return milliseconds: of a run, of a publish, of a commit."""
    user, password = system.servers.nats.credentials("operator")
    settings = BusSettings.model_validate(
        {"nats_url": system.nats_url, "nats_user": user, "nats_password": password}
    )
    finished: asyncio.Queue[dict[str, str]] = asyncio.Queue()

    async def on_finished(received: Received) -> None:
        finished.put_nowait(json.loads(received.body)["data"])

    took: list[float] = []
    publishes: list[float] = []
    async with await Bus.connect(settings, "bench") as bus:
        await bus.listen("deploy.finished.>", on_finished)
        for i in range(WARM_UP + runs):
            body = {"service": "bench", "environment": "prod", "version": f"1.{i}"}
            start = time.perf_counter()
            await bus.publish_raw(
                "deploy.requested", json.dumps(body).encode(), stream="DEPLOY", msg_id=f"b{i}"
            )
            published = time.perf_counter()
            outcome = await asyncio.wait_for(finished.get(), PATIENCE_S)
            if outcome["outcome"] != "succeeded":
                raise SystemExit(f"a run did not succeed: {outcome['reason']}")
            if i >= WARM_UP:
                took.append(time.perf_counter() - start)
                publishes.append(published - start)
    commits = await _commits(system.database_url, runs)
    return {
        "runs": runs,
        "p50_ms": _ms(statistics.median(took)),
        "p95_ms": _ms(sorted(took)[int(len(took) * 0.95)]),
        "min_ms": _ms(min(took)),
        "publish_p50_ms": _ms(statistics.median(publishes)),
        "commit_p50_ms": _ms(statistics.median(commits)),
    }


async def _commits(dsn: str, count: int) -> list[float]:
    connection = await asyncpg.connect(dsn)
    took: list[float] = []
    try:
        await connection.execute("create table if not exists bench_commits (at timestamptz)")
        for _ in range(count):
            start = time.perf_counter()
            await connection.execute("insert into bench_commits values (now())")
            took.append(time.perf_counter() - start)
        await connection.execute("drop table bench_commits")
    finally:
        await connection.close()
    return took


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def main() -> int:
    """Print the figures; the last line is JSON."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with TemporaryDirectory(prefix="goaround-bench-") as folder:
        root = Path(folder)
        (root / "guides").mkdir()
        (root / "guides" / "bench.yaml").write_text(GUIDE)
        system = LocalSystem(root / "system", root / "guides", root, die_with_parent=True)
        with system:
            figures = asyncio.run(measure(system, runs))
        system.servers.erase()
    print(f"one run, idle: p50 {figures['p50_ms']} ms, p95 {figures['p95_ms']} ms")
    print(
        f"beside it: a publish {figures['publish_p50_ms']} ms, "
        f"a durable commit {figures['commit_p50_ms']} ms"
    )
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
