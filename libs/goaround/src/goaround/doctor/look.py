"""Looking at a live system over its bus, and at the parts of it that run on this machine.

Every question is asked at once and answered or not; it decides nothing.
"""

import asyncio
import json
import shutil
import time
import urllib.request
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from goaround import probe, upfile
from goaround.client import Goaround
from goaround.doctor.findings import (
    ClockFound,
    ConsumerFound,
    Findings,
    LetterFound,
    PartFound,
    Silent,
    StorageFound,
    StreamFound,
)
from goaround.embedded import EmbeddedNats, ServerError
from goaround.errors import Refused, Unreachable
from goaround.letters import Letters
from goaround_chassis.bus import Bus, NoAnswer, Topology, Unavailable
from goaround_chassis.bus.topology import Consumer
from goaround_schemas.api import SystemStatus
from goaround_schemas.subjects import DEAD

ASK_S = 3.0
"""A server answers within milliseconds, or, where it may not be asked, never."""
LOOKS, BETWEEN_S = 4, 0.3
"""A worker's question for more ends and is asked anew every two seconds: one look may miss it."""

Answer = dict[str, Any]


async def look(bus: Bus, topology: Topology, root: Path | None = None) -> Findings:
    """Return what there is to be found; `root` is the folder of a system on this machine."""
    # The first question opens what the others then find open.
    storage, clock, trip_s = await _storage(bus, root)
    names = [*(s.name for s in topology.streams), *(f"KV_{b.name}" for b in topology.buckets)]
    began = datetime.now(UTC)
    streams, consumers, status, parts = await asyncio.gather(
        asyncio.gather(*(_stream(bus, name) for name in names)),
        asyncio.gather(*(_consumer(bus, consumer) for consumer in topology.consumers)),
        _status(bus),
        asyncio.to_thread(_parts, root),
    )
    found = dict(zip(names, streams, strict=True))
    said, its_clock = status
    dead = found.get(DEAD)
    return Findings(
        at=began,
        server_version=bus.server_version,
        round_trip_s=trip_s,
        streams=found,
        consumers={
            (spec.stream, spec.name): one
            for spec, one in zip(topology.consumers, consumers, strict=True)
        },
        storage=storage,
        letter=await _letter(bus, dead),
        status=said,
        bus_clock=clock,
        orchestrator_clock=its_clock,
        parts=parts,
    )


async def _ask(bus: Bus, subject: str) -> Answer | Silent:
    try:
        raw = await bus.api(subject, b"", ASK_S)
        answer: Answer = json.loads(raw)
    except NoAnswer as error:
        return Silent(error.why)
    except ValueError as error:
        return Silent(f"an answer that is no JSON: {error}")
    return answer


async def _stream(bus: Bus, name: str) -> StreamFound | Silent | None:
    answer = await _ask(bus, f"STREAM.INFO.{name}")
    if isinstance(answer, Silent):
        return answer
    if "error" in answer:
        return _missing(answer["error"])
    state = answer["state"]
    return StreamFound(
        config=answer["config"],
        messages=state["messages"],
        held_bytes=state["bytes"],
        first_at=_time(state["first_ts"]) if state["messages"] else None,
        last_seq=state["last_seq"],
    )


async def _consumer(bus: Bus, spec: Consumer) -> ConsumerFound | Silent | None:
    found: ConsumerFound | Silent | None = None
    for again in range(LOOKS):
        if again:
            await asyncio.sleep(BETWEEN_S)
        answer = await _ask(bus, f"CONSUMER.INFO.{spec.stream}.{spec.name}")
        if isinstance(answer, Silent):
            return answer
        if "error" in answer:
            return _missing(answer["error"])
        found = ConsumerFound(
            config=answer["config"],
            waiting=answer["num_pending"],
            in_hand=answer["num_ack_pending"],
            taken_again=answer["num_redelivered"],
            pulls=answer["num_waiting"],
            settled_until=answer["ack_floor"]["stream_seq"],
        )
        if found.pulls:
            break
    if isinstance(found, ConsumerFound) and found.waiting + found.in_hand:
        return await _with_oldest(bus, spec, found)
    return found


async def _with_oldest(bus: Bus, spec: Consumer, found: ConsumerFound) -> ConsumerFound:
    """The same, with the time of the first message that is not settled."""
    times: list[datetime] = []
    for subject in spec.filters or (">",):
        try:
            async with asyncio.timeout(ASK_S):
                after = found.settled_until
                listed = bus.listed(spec.stream, subject=subject, after=after, limit=1)
                times += [received.published_at async for received in listed]
        except (Unavailable, TimeoutError):
            continue
    return replace(found, oldest_at=min(times, default=None))


async def _letter(bus: Bus, dead: StreamFound | Silent | None) -> LetterFound | None:
    if not isinstance(dead, StreamFound) or not dead.messages:
        return None
    try:
        async with asyncio.timeout(ASK_S):
            letter = await Letters(bus).read(dead.last_seq)
    except (Refused, Unreachable, TimeoutError):
        return None
    return LetterFound(
        at=letter.received.published_at,
        subject=letter.subject,
        consumer=f"{letter.stream}/{letter.said('consumer')}",
        reason=letter.said("reason"),
        error=letter.said("error"),
    )


async def _status(bus: Bus) -> tuple[SystemStatus | Silent, ClockFound | None]:
    began, trip = datetime.now(UTC), time.monotonic()
    try:
        said = await Goaround(bus, "doctor").status()
    except (Refused, Unreachable) as error:
        return Silent(str(error)), None
    trip = time.monotonic() - trip
    return said, _clock(said.at, began, trip)


async def _storage(
    bus: Bus, root: Path | None
) -> tuple[StorageFound | Silent, ClockFound | None, float]:
    await _ask(bus, "INFO")
    began, trip = datetime.now(UTC), time.monotonic()
    streams = await _ask(bus, "STREAM.INFO.DEPLOY")
    trip = time.monotonic() - trip
    said = streams.get("ts") if isinstance(streams, dict) else None
    clock = _clock(_time(said), began, trip) if said else None
    account = await _ask(bus, "INFO")
    if isinstance(account, Silent):
        return account, clock, trip
    if "error" in account:
        return Silent(str(account["error"].get("description", "refused"))), clock, trip
    most = account.get("limits", {}).get("max_storage", -1)
    limit, free = (most if most > 0 else None), None
    if root is not None:
        limit, free = await asyncio.to_thread(_this_machine, root, limit)
    return StorageFound(account["storage"], limit, free), clock, trip


def _this_machine(root: Path, limit: int | None) -> tuple[int | None, int | None]:
    """The limit of the server on this machine where its account has none, and the disk's room."""
    nats = EmbeddedNats(root / "nats")
    try:
        with urllib.request.urlopen(f"{nats.monitor_url}/jsz", timeout=ASK_S) as page:
            server: Answer = json.load(page)
        limit = limit or server.get("config", {}).get("max_storage")
        return limit, shutil.disk_usage(nats.root).free
    except (ServerError, OSError, ValueError):
        return limit, None


def _parts(root: Path | None) -> tuple[PartFound, ...]:
    left = upfile.read(root) if root is not None else None
    if root is None or left is None:
        return ()
    logs = root / "logs"
    return tuple(
        PartFound(p.name, _not_ready(logs, p), str(logs / f"{p.name}.log")) for p in left.processes
    )


def _not_ready(logs: Path, process: upfile.Process) -> str | None:
    if not process.is_alive:
        return "has ended"
    where = probe.address(logs / f"{process.name}.port")
    if where is None:
        return "does not answer on its probes: it has not said where they are"
    try:
        return probe.not_ready(where, ASK_S)
    except OSError as error:
        return f"does not answer on its probes: {error}"


def _missing(error: Answer) -> Silent | None:
    not_found = 404
    if error.get("code") == not_found:
        return None
    return Silent(str(error.get("description", "refused, without a reason")))


def _clock(its: datetime, asked_at: datetime, trip_s: float) -> ClockFound:
    """Compare it with the middle of the question, between whose ends it was read."""
    return ClockFound((its - asked_at).total_seconds() - trip_s / 2, trip_s / 2)


def _time(text: str) -> datetime:
    # The server tells nanoseconds, of which six digits can be read.
    whole, _, rest = text.removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{rest[:6]:0<6}+00:00")
