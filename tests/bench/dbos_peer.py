"""The six steps of a deployment as a DBOS workflow, for comparison; nothing is watched.

Run as a process of its own by `tests.bench.throughput`, on the same Postgres as our services. Every
step is durable before the next one begins, as each answer of ours is. The steps do what ours do
(one HTTP request to deploy, one TCP connection to verify), or nothing at all, and run in the
workflow's own process, which is the lighter case. Plain functions: as coroutines the same workflow
came to two thirds of the runs a second.

A workflow is started where it is asked for, in the same process, or handed over by a queue in the
database, as a request is handed to us: whoever is free takes it, and it outlives who asked.

    python -m tests.bench.dbos_peer DATABASE_URL RUNS IN_FLIGHT [--port PORT] [--queued]
"""

import argparse
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


LOOK_EVERY_S = 0.05
"""How often a queue is looked at; twenty times as often as it is by default."""


def measure(
    url: str, runs: int, in_flight: int, *, port: int | None, queued: bool
) -> dict[str, float]:
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
            going.append(begin(deployment, f"{series}.{number}"))
            if len(going) >= in_flight:
                going.popleft().get_result()
        for handle in going:
            said = handle.get_result()
            if not said.endswith(" succeeded"):
                raise SystemExit(f"a workflow did not succeed: {said}")

    asked = httpx.Client()
    dbos.launch()
    begin = dbos.start_workflow
    if queued:
        dbos.register_queue("deployments", polling_interval_sec=LOOK_EVERY_S)
        begin = dbos.retrieve_queue("deployments").enqueue
    run(WARM_UP, "0")
    cpu, start = _cpu_s(), time.perf_counter()
    run(runs, "1")
    took = time.perf_counter() - start
    return {"runs_per_s": runs / took, "cpu_ms": (_cpu_s() - cpu) / runs * 1000}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    given = argparse.ArgumentParser(prog="python -m tests.bench.dbos_peer")
    given.add_argument("url")
    given.add_argument("runs", type=int)
    given.add_argument("in_flight", type=int)
    given.add_argument("--port", type=int)
    given.add_argument("--queued", action="store_true")
    said = given.parse_args()
    figures = measure(said.url, said.runs, said.in_flight, port=said.port, queued=said.queued)
    sys.stdout.write(json.dumps(figures) + "\n")
    sys.stdout.flush()
    # Its threads end with it.
    os._exit(0)
