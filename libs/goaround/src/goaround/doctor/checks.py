"""What each finding means, and the next step. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from goaround.cli.words import ago, count, length, one_line
from goaround.doctor.check import Check, Level
from goaround.doctor.findings import ConsumerFound, Findings, Silent, StorageFound, StreamFound
from goaround.doctor.office import clock, database_checks, orchestrator_check
from goaround.topology import WATCH_TIMERS
from goaround_chassis.bus import Topology
from goaround_chassis.bus.migrate import OLDEST_SERVER
from goaround_chassis.bus.topology import Config, differing

MIGRATE = "goaround migrate"
YOURS = ("num_replicas", "max_age", "max_bytes")
"""How much is kept, and how often, is the installation's to choose."""
LATE = timedelta(minutes=1)
"""A message that nobody has taken for so long waits for more workers."""
VERY_LATE = timedelta(minutes=10)
FULL, VERY_FULL = 0.8, 0.95
_OWNERS = {
    "orchestrator-requests": "orchestrator",
    **dict.fromkeys(WATCH_TIMERS, "watcher"),
    "deployer-inspections": "deployer",
}


def checks(found: Findings, topology: Topology) -> list[Check]:
    """Return a row for each thing that was looked at."""
    return [
        _server(found),
        *_streams(found, topology),
        *_consumers(found, topology),
        _letters(found),
        _storage(found.storage),
        orchestrator_check(found.status, found.at),
        *database_checks(found.status),
        clock("clock of the bus", found.bus_clock, "the NATS server"),
        clock("clock of the orchestrator", found.orchestrator_clock, "the orchestrator"),
        *_parts(found),
    ]


def _server(found: Findings) -> Check:
    version = ".".join(map(str, found.server_version))
    if found.server_version < OLDEST_SERVER:
        oldest = ".".join(map(str, OLDEST_SERVER))
        step = f"upgrade it to {oldest} or newer: timers are scheduled messages"
        return Check("bus", "bad", f"NATS {version}", step)
    return Check("bus", "ok", f"NATS {version}, answers in {found.round_trip_s * 1000:.1f} ms")


def _streams(found: Findings, topology: Topology) -> Iterator[Check]:
    configs = [*(s.config() for s in topology.streams), *(b.config() for b in topology.buckets)]
    for wanted in configs:
        key = str(wanted["name"])
        name = f"bucket {key.removeprefix('KV_')}" if key.startswith("KV_") else f"stream {key}"
        yield _stream(name, wanted, found.streams.get(key), found.at)


def _stream(name: str, wanted: Config, there: StreamFound | Silent | None, now: datetime) -> Check:
    if there is None:
        return Check(name, "bad", "is not there", f"{MIGRATE}, as admin")
    if isinstance(there, Silent):
        return _not_told(name, there)
    said = _held(there, now)
    if fields := _otherwise(wanted, there.config):
        return Check(
            name, "warn", f"{said}; is otherwise than this release has it: {fields}", MIGRATE
        )
    most = int(there.config.get("max_bytes", -1))
    if most > 0 and there.held_bytes > FULL * most:
        step = (
            "the oldest is dropped to make room; goaround migrate --history-gib N keeps more"
            if name == "stream DEPLOY"
            else "the oldest is dropped to make room: goaround dead list"
        )
        return Check(name, "warn", said, step)
    return Check(name, "ok", said)


def _held(there: StreamFound, now: datetime) -> str:
    said = [f"{count(there.messages, 'message')}, {size(there.held_bytes)}"]
    most, age_ns = int(there.config.get("max_bytes", -1)), int(there.config.get("max_age", 0))
    if most > 0:
        said.append(f"of {size(most)}")
    if there.first_at is not None:
        said.append(f"since {ago(there.first_at, now)}")
    if age_ns > 0:
        said.append(f"(kept for {length(age_ns / 1e9)})")
    return " ".join(said)


def _otherwise(wanted: Config, there: Mapping[str, Any]) -> str:
    return ", ".join(f for f in differing(wanted, dict(there)) if f not in YOURS)


def _consumers(found: Findings, topology: Topology) -> Iterator[Check]:
    for spec in topology.consumers:
        there = found.consumers.get((spec.stream, spec.name))
        name = f"consumer {spec.stream}/{spec.name}"
        if there is None:
            step = f"{MIGRATE}, as admin; the service that reads it ends until then, with code 3"
            yield Check(name, "bad", "is not there", step)
        elif isinstance(there, Silent):
            yield _not_told(name, there)
        elif fields := _otherwise(spec.config(), there.config):
            value = f"is otherwise than this release has it: {fields}"
            yield Check(name, "warn", value, MIGRATE)
        else:
            yield _consumer(name, _OWNERS.get(spec.name, spec.name), there, found.at)


def _consumer(name: str, owner: str, there: ConsumerFound, now: datetime) -> Check:
    late = now - there.oldest_at if there.oldest_at else timedelta(0)
    said = [f"{there.waiting} waiting, {there.in_hand} in hand"]
    if there.taken_again:
        said.append(f"{there.taken_again} of them taken again")
    if there.oldest_at is not None:
        said.append(f"the oldest came {ago(there.oldest_at, now)}")
    value = ", ".join(said)
    if not there.pulls and not there.in_hand:
        value = f"nobody reads it; {value}"
        return Check(name, "bad", value, f"no {owner} runs: start one, or see its log")
    if not there.pulls:
        step = f"every {owner} is busy, or died with work in hand: see its log, or start another"
        level: Level = "bad" if late > VERY_LATE and there.waiting else "warn"
        return Check(name, level, f"nobody asks for more; {value}", step)
    if there.waiting and late > LATE:
        level = "bad" if late > VERY_LATE else "warn"
        return Check(name, level, value, f"start another {owner}, or see why each takes so long")
    return Check(name, "ok", value)


def _letters(found: Findings) -> Check:
    dead = found.streams.get("DEAD")
    if not isinstance(dead, StreamFound):
        return Check("dead letters", "warn", "not known", "see the stream DEAD, above")
    if not dead.messages:
        return Check("dead letters", "ok", "none")
    value = count(dead.messages, "letter")
    if (newest := found.letter) is not None:
        why = one_line(newest.error)[:120]
        value += f"; the newest, {ago(newest.at, found.at)}, of {newest.consumer}: {newest.reason}"
        value += f" ({why})" if why else ""
    return Check("dead letters", "warn", value, "goaround dead list, then resend or drop")


def _storage(there: StorageFound | Silent) -> Check:
    if isinstance(there, Silent):
        return _not_told("storage of the bus", there)
    said = [f"{size(there.used_bytes)} used"]
    left: list[int] = []
    if there.limit_bytes:
        left.append(max(0, there.limit_bytes - there.used_bytes))
        said.append(f"of {size(there.limit_bytes)}")
    else:
        said.append("and no limit to the account: watch the disk of the server")
    if there.free_bytes is not None:
        left.append(there.free_bytes)
        said.append(f"with {size(there.free_bytes)} free on the disk")
    whole = there.used_bytes + min(left) if left else 0
    share = there.used_bytes / whole if whole else 0.0
    level: Level = "bad" if share > VERY_FULL else "warn" if share > FULL else "ok"
    step = (
        "give JetStream more room (max_file_store, the disk), or keep less" if level != "ok" else ""
    )
    return Check("storage of the bus", level, " ".join(said), step)


def _parts(found: Findings) -> Iterator[Check]:
    for part in found.parts:
        if part.not_ready is None:
            yield Check(part.name, "ok", "ready")
        else:
            value = one_line(part.not_ready)[:200]
            yield Check(part.name, "bad", value, f"see its log, {part.log}")


def _not_told(name: str, silent: Silent) -> Check:
    step = "if the bus is there, this user may not ask: goaround users --nats-conf has the rights"
    return Check(name, "warn", f"not known: {silent.why}", step)


def size(of_bytes: float) -> str:
    """`1.2 MiB`."""
    for unit in ("bytes", "KiB", "MiB"):
        if of_bytes < 1024:
            return f"{of_bytes:.0f} {unit}" if unit == "bytes" else f"{of_bytes:.1f} {unit}"
        of_bytes /= 1024
    return f"{of_bytes:.1f} GiB"
