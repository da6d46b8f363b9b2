"""The six steps of a deployment as a DBOS workflow, for comparison; nothing is watched.

Run as a process of its own by `tests.bench.throughput`, on the same Postgres as our services. Every
step is durable before the next one begins, as each answer of ours is. The steps do what ours do
(one HTTP request to deploy, one TCP connection to verify), or nothing at all, and run in the
workflow's own process, which is the lighter case. Plain functions: as coroutines the same workflow
came to two thirds of the runs a second.

    python -m tests.bench.dbos_peer DATABASE_URL RUNS IN_FLIGHT [PORT]
"""

import importlib
import json
import os
import resource
import socket
import sys
import time
from collections import deque
from typing import Any

import httpx

STEPS = ("preflight", "deploy", "readiness", "verify", "watch", "record")
WARM_UP = 20


def measure(url: str, runs: int, in_flight: int, port: int | None) -> dict[str, float]:
    """Run the workflows; return runs a second and the process's own CPU milliseconds a run.

    With a port its steps ask the service that answers there, else they do nothing.
    """
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
        if port is not None and name == "deploy":
            asked.post(f"http://127.0.0.1:{port}/").raise_for_status()
        if port is not None and name == "verify":
            socket.create_connection(("127.0.0.1", port), timeout=10).close()
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

    asked = httpx.Client()
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
    asks = int(sys.argv[4]) if len(sys.argv) > 4 else None
    figures = measure(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), asks)
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()
    # Its threads end with it.
    os._exit(0)
