"""How long work lay still that a killed process had in hand, as the server itself tells it.

The server samples every acknowledgement: which message, delivered how often, acknowledged when. A
message that was delivered before a kill, and again and acknowledged after it, was in the hands of
the killed process. What is worked on for long is left out, since the server counts from the last
word of its worker; for a deployer's steps the effects log tells (`takeovers`). Pure but for
`measure`.
"""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from goaround.topology import WATCH_TIMERS
from goaround_chassis.bus import Bus, Received, Topology
from goaround_schemas.subjects import DEPLOY, TIMERS, WORK
from tests.chaos.history import Effect

CONSUMERS = {
    "orchestrator": ((DEPLOY, "orchestrator"), (DEPLOY, "orchestrator-requests")),
    "verifier": ((WORK, "verifier"),),
    "deployer": ((WORK, "deployer"), (WORK, "deployer-inspections")),
    "watcher": ((WORK, "watcher"), *((TIMERS, name) for name in WATCH_TIMERS)),
    "scribe": ((WORK, "scribe"),),
    "notifier": ((WORK, "notifier"),),
}
OF_CONSUMER = {name: service for service, found in CONSUMERS.items() for _, name in found}
LONGEST_STEP_S = 3.0
REDELIVERED_WITHIN_S = 6.0
"""The ack wait, and what the server needs to notice that it is over."""


@dataclass(frozen=True)
class Sample:
    """One acknowledgement."""

    service: str
    sequence: int
    deliveries: int
    delivered_at: float
    """For the last time."""
    acked_at: float


@dataclass(frozen=True)
class Trouble:
    """What may have made a message come again: a fault of one service, or of all (None)."""

    service: str | None
    kill: bool
    begin: float
    end: float


@dataclass(frozen=True)
class Recovered:
    """What the kills of a service came to, in seconds from the kill.

    `goes_on`: until anybody settled any work of that service. `redelivered` and `settled`: of
    each message that the killed process had in hand.
    """

    service: str
    goes_on: tuple[float, ...]
    redelivered: tuple[float, ...]
    settled: tuple[float, ...]


def sample_of(body: bytes) -> Sample | None:
    """Read the server's word; None if it is about a consumer that is not ours."""
    said: dict[str, Any] = json.loads(body)
    service = OF_CONSUMER.get(said["consumer"])
    if service is None:
        return None
    acked = datetime.fromisoformat(said["timestamp"][:26].rstrip("Z") + "+00:00").timestamp()
    return Sample(
        service,
        said["stream_seq"],
        said["deliveries"],
        delivered_at=acked - said["ack_time"] / 1e9,
        acked_at=acked,
    )


def recovered(service: str, troubles: Sequence[Trouble], samples: Iterable[Sample]) -> Recovered:
    """Find what killed processes had in hand, and when others had done it.

    A message is put down to a kill only where nothing else can have made it come again.
    """
    mine = [sample for sample in samples if sample.service == service]
    known = [one for one in troubles if one.service in (None, service)]
    goes_on, redelivered, settled = list[float](), list[float](), list[float]()
    for kill in (one for one in known if one.kill):
        after = (sample.acked_at - kill.begin for sample in mine if sample.acked_at > kill.begin)
        beside = (o for o in known if o is not kill and o.begin <= kill.begin <= o.end)
        if next(beside, None) is None and (first := min(after, default=None)) is not None:
            goes_on.append(first)
    for sample in mine:
        since = sample.delivered_at - REDELIVERED_WITHIN_S
        near = [one for one in known if one.end > since and one.begin < sample.delivered_at]
        if sample.deliveries > 1 and len(near) == 1 and near[0].kill:
            redelivered.append(sample.delivered_at - near[0].begin)
            settled.append(sample.acked_at - near[0].begin)
    return Recovered(service, tuple(goes_on), tuple(redelivered), tuple(settled))


def takeovers(troubles: Sequence[Trouble], effects: Sequence[Effect]) -> list[float]:
    """Seconds from a deployer's kill until the run whose step it was at goes on, by what was done.

    A step that a kill has ended has no end; what is next in its run is another worker's. Left out
    is what anything else may have held up.
    """
    known = [one for one in troubles if one.service in (None, "deployer")]
    found: list[float] = []
    for place, effect in enumerate(effects):
        kill = next((one for one in known if one.kill and _has_ended(one, effect)), None)
        later = (one.begin for one in effects[place + 1 :] if one.run == effect.run)
        goes_on = next(later, None)
        if effect.end is not None or kill is None or goes_on is None:
            continue
        if not any(o is not kill and o.begin < goes_on and o.end > kill.begin for o in known):
            found.append(goes_on - kill.begin)
    return found


def _has_ended(kill: Trouble, effect: Effect) -> bool:
    of_deployers = kill.service == "deployer"
    return of_deployers and effect.begin < kill.begin < effect.begin + LONGEST_STEP_S


def p99(values: Sequence[float]) -> float | None:
    """The value that 99 of 100 stay below or at; of fewer than 100, the greatest."""
    return round(sorted(values)[max(0, -(-len(values) * 99 // 100) - 1)], 2) if values else None


def told(found: Sequence[Recovered]) -> dict[str, dict[str, float | int | None]]:
    """Return the figures by service."""
    figures: dict[str, dict[str, float | int | None]] = {}
    for service in CONSUMERS:
        mine = [one for one in found if one.service == service]
        settled = [s for one in mine for s in one.settled]
        figures[service] = {
            "kills": sum(len(one.goes_on) for one in mine),
            "goes_on_p99_s": p99([s for one in mine for s in one.goes_on]),
            "in_hand": len(settled),
            "redelivered_p99_s": p99([s for one in mine for s in one.redelivered]),
            "settled_p50_s": round(statistics.median(settled), 2) if settled else None,
            "settled_p99_s": p99(settled),
        }
    return figures


def lines(found: Sequence[Recovered], takeovers: Sequence[float]) -> list[str]:
    """Say for each kind of service how often and for how long what was in hand lay still."""
    said: list[str] = []
    for service in CONSUMERS:
        mine = [one for one in found if one.service == service]
        kills = sum(len(one.goes_on) for one in mine)
        settled = _spread([s for one in mine for s in one.settled])
        said.append(f"recovery of {service}: {kills} kills, settled what was in hand: {settled}")
    return [*said, f"takeover of deployers' steps: {_spread(takeovers)}"]


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "none"
    middle, most = statistics.median(values), max(values)
    return f"{len(values)}, p50 {middle:.2f} s, p99 {p99(values):.2f} s, max {most:.2f} s"


async def measure(bus: Bus, topology: Topology, samples: list[Sample]) -> None:
    """Have the server sample every acknowledgement, and collect what it tells."""
    for consumer in topology.consumers:
        config = {**consumer.config(), "sample_freq": "100%"}
        unused = [f for f in ("filter_subject", "filter_subjects") if not config.get(f)]
        request = {
            "stream_name": consumer.stream,
            "config": {name: value for name, value in config.items() if name not in unused},
            "action": "update",
        }
        path = f"CONSUMER.CREATE.{consumer.stream}.{consumer.name}"
        answer = json.loads(await bus.api(path, json.dumps(request).encode()))
        if "error" in answer:
            raise ValueError(f"{consumer.name} cannot be sampled: {answer['error']}")

    async def take(received: Received) -> None:
        if sample := sample_of(received.body):
            samples.append(sample)

    await bus.listen("$JS.EVENT.METRIC.CONSUMER.ACK.>", take)
