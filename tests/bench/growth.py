"""What the past costs: a run, and every question, beside 1,000,000 finished runs and beside few.

Each database is filled in the same cluster, and measured in turns with the others, a call at a
time: what else the machine does falls on all of them alike, and the ratios are what counts. The
first is as good as empty: so many runs that every page is full and every place has something
running; with less, a question would be cheaper for having less to say. Nothing waits for a disk
here (fsync is off): beside that, nothing else would be seen.

    python -m tests.bench.growth [RUNS ...]
"""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from goaround.embedded import EmbeddedPostgres
from goaround_chassis.bus import Received
from goaround_chassis.clock import SystemClock
from goaround_chassis.telemetry import start_logging
from goaround_orchestrator.answers import Answers
from goaround_orchestrator.forgetting import RUNS_AT_ONCE
from goaround_orchestrator.handlers import on_answer, on_request
from goaround_orchestrator.store import PostgresLedger, PostgresPost, migrate
from goaround_schemas.phase import ENDS
from tests import builders as messages
from tests.bench.filling import SERVICES, Filled, fill, sizes_of
from tests.orchestrator import builders as build
from tests.orchestrator.office import Shelf, answer_to

FEW = 4_000
RUNS = (100_000, 1_000_000)
ROUNDS = 200
GROWS_AT, FROM_MS = 1.5, 0.5
"""What is slower by so many times, and by so much, is said to grow."""
LIVE = 40
"""Runs under way beside the finished ones, everywhere."""
TABLES = ("runs", "transitions", "landings", "inbox", "outbox", "evidence")
HOT = ("runs", "inbox", "outbox")

Call = Callable[[], Awaitable[object]]


class AnyShelf(Shelf):
    """The same guide for whoever asks."""

    def find(self, service: str) -> Any:
        """The guide, as the service's own."""
        self.guide = self.guide.model_copy(update={"service": service})
        return super().find(service)


@dataclass
class Estate:
    """One database, what is in it, and how long each call took."""

    name: str
    ledger: PostgresLedger
    filled: Filled
    took: dict[str, list[float]] = field(default_factory=dict[str, list[float]])

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.shelf = AnyShelf(messages.guide(watch=messages.watch()))
        self.answers = Answers(self.ledger, self.shelf, self.clock).by_subject()
        self.post = PostgresPost(self.ledger.pool, self.ledger.outgoing)
        self.wal_kb = list[float]()
        self._asked = 0

    async def timed(self, what: str, call: Call) -> None:
        """Call it, and note how long that took."""
        began = time.perf_counter()
        await call()
        self.took.setdefault(what, []).append(time.perf_counter() - began)

    async def ask(self, subject: str, **fields: Any) -> dict[str, Any]:
        """Ask over request and reply."""
        reply: dict[str, Any] = json.loads(await self.answers[subject](json.dumps(fields).encode()))
        if not reply["ok"]:
            raise SystemExit(f"{subject}: {reply['error']}")
        return reply

    async def request(self, service: str) -> str:
        """Ask for a run as a message would; return its id."""
        self._asked += 1
        run_id = f"r-{self._asked}"
        asked = {"service": service, "environment": "prod", "version": f"2.{self._asked}"}
        body = json.dumps({**asked, "run_id": run_id}).encode()
        at = self.clock.now()
        received = Received("deploy.requested", body, {}, "DEPLOY", self._asked, at)
        await on_request(received, self.ledger, self.shelf, self.clock)
        return run_id

    async def written(self) -> int:
        """How many bytes the cluster has logged so far; nothing else writes meanwhile."""
        return int(await self.ledger.pool.fetchval("select pg_current_wal_insert_lsn() - '0/0'"))

    async def relay(self) -> None:
        """Take what lies in the post, as a relay does."""
        async with self.post.taken(200):
            pass

    async def whole_run(self, service: str) -> None:
        """Take a run from its request to its end, each transaction on its own."""
        written = await self.written()
        began = time.perf_counter()
        run_id = await self.request(service)
        self.took.setdefault("admit", []).append(time.perf_counter() - began)
        while True:
            run = await self.ledger.whole(run_id)
            if run is None or run.phase in ENDS:
                self.wal_kb.append((await self.written() - written) / 1000)
                return
            event = answer_to(run, run.pending[0].order.what, good=True).event
            began = time.perf_counter()
            await on_answer(event, self.ledger, self.clock)
            took = time.perf_counter() - began
            ended = await self.ledger.whole(run_id)
            what = "finish" if ended and ended.phase in ENDS else "answer"
            self.took.setdefault(what, []).append(took)


def calls(estate: Estate, turn: int) -> Mapping[str, Call]:
    """Every question that is measured, as it is asked this time."""
    ledger, now = estate.ledger, datetime.now(UTC)
    service = f"s-{turn % SERVICES}"
    looked_at = estate.filled.looked_at[turn % len(estate.filled.looked_at)]
    deep = (now - timedelta(days=700)).isoformat()

    def asked(subject: str, **fields: Any) -> Call:
        return lambda: estate.ask(subject, **fields)

    return {
        "runs list": asked("api.runs.list"),
        "runs list, of a service": asked("api.runs.list", service=service),
        "runs list, of a place": asked("api.runs.list", service=service, environment="staging"),
        "runs list, of a service long gone": asked("api.runs.list", service="retired"),
        "runs list, of an environment": asked("api.runs.list", environment="staging"),
        "runs list, of an environment long gone": asked("api.runs.list", environment="lab"),
        "runs list, active": asked("api.runs.list", active=True),
        "runs list, in a seldom phase": asked("api.runs.list", phase="rollback_failed"),
        "runs list, a deep page": asked("api.runs.list", before=deep),
        "runs get": asked("api.runs.get", run_id=looked_at),
        "services list": asked("api.services.list"),
        "evidence list": asked("api.evidence.list", limit=20),
        "evidence list, of a service": asked("api.evidence.list", service=service, limit=5),
        "evidence list, of an environment long gone": asked(
            "api.evidence.list", environment="lab", limit=20
        ),
        "sweep: due": lambda: ledger.due_before(now, 100),
        "sweep: free places": lambda: ledger.free_places(100),
        "sweep: with waiting": lambda: ledger.with_waiting([(service, "prod")]),
        "sweep: forget messages": lambda: ledger.forget_messages_before(
            now - timedelta(days=15), 10_000
        ),
        "sweep: forget evidence": lambda: ledger.forget_evidence_before(
            now - timedelta(days=800), 200
        ),
    }


async def opened(server: EmbeddedPostgres, runs: int) -> Estate:
    """Return a filled database with some runs under way."""
    name = f"past_{runs}"
    dsn = server.create_database(name)
    await migrate(dsn)
    filled = await fill(dsn, runs)
    ledger = await PostgresLedger.connect(dsn, 4)
    estate = Estate(f"{runs:,}", ledger, filled)
    async with ledger.unit() as unit:
        await unit.pin(build.pinned(estate.shelf.guide))
    for number in range(LIVE):
        await estate.request(f"live-{number}")
    _say(f"{runs:,} runs of {filled.snapshot_bytes:,} bytes each: made in {filled.took_s:.0f} s")
    return estate


async def measure(server: EmbeddedPostgres, sizes: tuple[int, ...]) -> dict[str, Any]:
    """Return every figure of every database."""
    estates = [await opened(server, runs) for runs in sizes]
    # One statement is prepared per connection, and planned for good after some uses: let it.
    for turn in range(-10, ROUNDS):
        # Who is asked first finds the caches of the processor in another state than who is next.
        first = turn % len(estates)
        in_turn = [*estates[first:], *estates[:first]]
        asked = [(estate, calls(estate, turn % ROUNDS)) for estate in in_turn]
        for what in asked[0][1]:
            for estate, questions in asked:
                await estate.timed(what, questions[what])
        for estate in in_turn:
            await estate.whole_run(f"s-{turn % SERVICES}")
            await estate.timed("relay", estate.relay)
        if turn == -1:
            for estate in estates:
                estate.took.clear()
                estate.wal_kb.clear()
    await forget(estates)
    found = {
        "wal_kb_a_run": {e.name: round(statistics.median(e.wal_kb), 1) for e in estates},
        "calls": {e.name: {what: _figures(took) for what, took in e.took.items()} for e in estates},
        "megabytes": {e.name: await _sizes(e) for e in estates},
        "wear": {e.name: await _wear(e) for e in estates},
    }
    for estate in estates:
        await estate.ledger.close()
    return found


async def forget(estates: list[Estate]) -> None:
    """Take some steps of the sweeper's through what is older than most."""
    before = datetime.now(UTC) - timedelta(days=500)
    for _ in range(3):
        for estate in estates:
            forget_some = partial(estate.ledger.forget_runs_before, before, None, RUNS_AT_ONCE)
            await estate.timed(f"sweep: forget {RUNS_AT_ONCE} runs", forget_some)


async def _sizes(estate: Estate) -> dict[str, float]:
    rows = await estate.ledger.pool.fetch(sizes_of(TABLES))
    return {row["name"]: round(row["bytes"] / 1e6, 1) for row in rows}


async def _wear(estate: Estate) -> dict[str, dict[str, int]]:
    await estate.ledger.pool.execute("select pg_stat_force_next_flush()")
    rows = await estate.ledger.pool.fetch(
        "select relname, n_tup_upd, n_tup_hot_upd, n_dead_tup, autovacuum_count"
        "  from pg_stat_user_tables where relname = any ($1)",
        HOT,
    )
    return {row["relname"]: {k: int(v) for k, v in row.items() if k != "relname"} for row in rows}


def _figures(took: list[float]) -> dict[str, float]:
    in_order = sorted(took)
    return {
        "p50_ms": round(statistics.median(in_order) * 1000, 3),
        "p99_ms": round(in_order[int(len(in_order) * 0.99)] * 1000, 3),
    }


def grown(calls: dict[str, dict[str, dict[str, float]]]) -> dict[str, float]:
    """How many times the median of each call is in the largest database what it is in the first."""
    names = list(calls)
    least, most = calls[names[0]], calls[names[-1]]
    return {what: round(most[what]["p50_ms"] / least[what]["p50_ms"], 2) for what in least}


def grows(calls: dict[str, dict[str, dict[str, float]]]) -> list[str]:
    """The calls that a large past makes slower."""
    names = list(calls)
    least, most = calls[names[0]], calls[names[-1]]
    return [
        what
        for what, ratio in grown(calls).items()
        if ratio > GROWS_AT and most[what]["p50_ms"] - least[what]["p50_ms"] > FROM_MS
    ]


def _table(found: dict[str, Any]) -> None:
    named = found["calls"]
    _say(f"{'milliseconds, p50 / p99':<44}" + "".join(f"{name:>22}" for name in named) + "  ratio")
    growing = grows(named)
    for what, ratio in grown(named).items():
        figures = (f"{n[what]['p50_ms']:.2f} / {n[what]['p99_ms']:.2f}" for n in named.values())
        mark = "  grows" if what in growing else ""
        _say(f"{what:<44}" + "".join(f"{f:>22}" for f in figures) + f"{ratio:>7.2f}{mark}")
    sized = found["megabytes"]
    _say(f"{'megabytes':<44}" + "".join(f"{name:>22}" for name in sized))
    for relation in next(iter(sized.values())):
        _say(f"{relation:<44}" + "".join(f"{s.get(relation, 0):>22.1f}" for s in sized.values()))
    _say(f"kB logged for a run: {found['wal_kb_a_run']}")
    for name, wear in found["wear"].items():
        _say(f"wear, {name}: {wear}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: list[str]) -> int:
    """Print the figures; the last line is JSON."""
    start_logging("bench", "critical", "console")
    sizes = (FEW, *(tuple(map(int, arguments)) or RUNS))
    with TemporaryDirectory(prefix="goaround-bench-") as folder:
        server = EmbeddedPostgres(Path(folder), durable=False, die_with_parent=True)
        server.start()
        try:
            found = asyncio.run(measure(server, sizes))
        finally:
            server.erase()
    _table(found)
    said = {"grows": grows(found["calls"]), "ratio": grown(found["calls"])}
    _say(json.dumps({**said, **found}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
