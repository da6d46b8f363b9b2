"""The six steps of a deployment as a DBOS workflow, for comparison: trivial steps, nothing watched.

Run as a process of its own by `tests.bench.throughput`, on the same Postgres as our services. Every
step is durable before the next one begins, as each answer of ours is; the steps themselves run in
the workflow's own process, which is the lighter case. Plain functions: as coroutines the same
workflow came to two thirds of the runs a second.

    python -m tests.bench.dbos_peer DATABASE_URL RUNS IN_FLIGHT
"""

import importlib
import json
import os
import resource
import sys
import time
from collections import deque
from typing import Any

STEPS = ("preflight", "deploy", "readiness", "verify", "watch", "record")
WARM_UP = 20


def measure(url: str, runs: int, in_flight: int) -> dict[str, float]:
    """Run the workflows; return runs a second and the process's own CPU milliseconds a run."""
    # A peer of the bench alone: neither the types nor the tests need it.
    dbos: Any = importlib.import_module("dbos").DBOS
    dbos(
        config={
            "name": "goaround-bench-peer",
            "system_database_url": url,
            "run_admin_server": False,
            "log_level": "ERROR",
        }
    )

    @dbos.step()  # type: ignore[untyped-decorator] # as the module is not there to be checked
    def step(name: str) -> str:
        return f"{name} passed"

    @dbos.workflow()  # type: ignore[untyped-decorator] # as above
    def deployment(version: str) -> str:
        for name in STEPS:
            step(name)
        return f"{version} succeeded"

    def run(count: int, series: str) -> None:
        going: deque[Any] = deque()
        for number in range(count):
            going.append(dbos.start_workflow(deployment, f"{series}.{number}"))
            if len(going) >= in_flight:
                going.popleft().get_result()
        for handle in going:
            said = handle.get_result()
            if not said.endswith(" succeeded"):
                raise SystemExit(f"a workflow did not succeed: {said}")

    dbos.launch()
    run(WARM_UP, "0")
    cpu, start = _cpu_s(), time.perf_counter()
    run(runs, "1")
    took = time.perf_counter() - start
    return {"runs_per_s": runs / took, "cpu_ms": (_cpu_s() - cpu) / runs * 1000}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    figures = measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()
    # Its threads end with it.
    os._exit(0)
