"""Reading what is left when all has come to rest: streams from the start, tables, effects log."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from goaround_chassis.bus import Bus, Received
from tests.chaos.guides import Kind, Shelf, steps_of
from tests.chaos.history import Advanced, Finished, History, Move, Row, effects_of


def booted_at() -> float:
    """When the machine's uptime was zero, in seconds since the epoch."""
    return time.time() - float(Path("/proc/uptime").read_text().split()[0])


async def waiting(database_url: str, bus: Bus) -> dict[str, int]:
    """Return what still lies somewhere: runs, outbox, work queue."""
    connection = await asyncpg.connect(database_url)
    try:
        runs = await connection.fetchval(
            "select count(*) from runs where phase in ('queued', 'preflight', 'awaiting_approval',"
            " 'deploying', 'verifying', 'watching', 'held', 'rolling_back', 'verifying_rollback',"
            " 'recording', 'requested')"
        )
        outbox = await connection.fetchval("select count(*) from outbox")
        parked = await connection.fetchval("select count(*) from parked")
    finally:
        await connection.close()
    return {
        "runs": runs,
        "outbox": outbox,
        "parked": parked,
        "work": (await _state(bus, "WORK"))["messages"],
    }


async def gather(
    database_url: str,
    bus: Bus,
    shelf: Shelf,
    kinds: Mapping[str, Kind],
    acknowledged: frozenset[str],
    booted: float,
) -> History:
    """Return all that is known of what happened."""
    requested = set[str]()
    advanced, finished = list[Advanced](), list[Finished]()
    async for received in _whole(bus, "DEPLOY"):
        document: dict[str, Any] = json.loads(received.body)
        if received.subject == "deploy.requested":
            requested.add(document["run_id"])
            continue
        data, at = document["data"], datetime.fromisoformat(document["time"]).timestamp()
        run, service = data["run_id"], data["service"]
        match document["type"]:
            case "deploy.advanced.v1":
                move = (data["revision"], data["from"], data["to"])
                advanced.append(Advanced(document["id"], run, service, *move, at=at))
            case "deploy.finished.v1":
                outcome, before = data["outcome"], data.get("previous_version")
                finished.append(Finished(document["id"], run, service, outcome, before, at))
            case _:
                pass
    left = await waiting(database_url, bus)
    rows, moves = await _tables(database_url)
    return History(
        requested=frozenset(requested),
        acknowledged=acknowledged,
        advanced=advanced,
        finished=finished,
        rows=rows,
        moves=moves,
        effects=effects_of(shelf.log.read_text(), booted),
        steps={service: steps_of(kind) for service, kind in kinds.items()},
        outbox=left["outbox"],
        parked=await _parked(database_url),
        work=left["work"],
        dead=[_letter(received) async for received in _whole(bus, "DEAD")],
    )


async def _parked(database_url: str) -> list[str]:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("select subject, why from parked order by subject")
    finally:
        await connection.close()
    return [f"{row['subject']}: {row['why']}" for row in rows]


async def _tables(database_url: str) -> tuple[list[Row], list[Move]]:
    connection = await asyncpg.connect(database_url)
    try:
        runs = await connection.fetch("select id, service, environment, kind, phase from runs")
        lines = await connection.fetch(
            "select run_id, revision, from_phase, to_phase from transitions "
            "where from_phase <> to_phase order by id"
        )
    finally:
        await connection.close()
    return [Row(*run) for run in runs], [Move(*line) for line in lines]


async def _whole(bus: Bus, stream: str) -> AsyncIterator[Received]:
    """Everything that a stream has now, in its order."""
    state = await _state(bus, stream)
    if not state["messages"]:
        return
    replay = await bus.events(stream, [f"{stream.lower()}.>"])
    async for received in replay:
        yield received
        if received.sequence >= state["last_seq"]:
            break
    await replay.aclose()


async def _state(bus: Bus, stream: str) -> dict[str, int]:
    state: dict[str, int] = json.loads(await bus.api(f"STREAM.INFO.{stream}"))["state"]
    return state


def _letter(received: Received) -> str:
    headers = {name.lower(): value for name, value in received.headers.items()}
    why = {name: value for name, value in headers.items() if "reason" in name or "error" in name}
    return f"{received.subject} {json.dumps(why, sort_keys=True)}"
