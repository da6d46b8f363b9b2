"""Bringing a server's streams, consumers and buckets to what they are to be.

Creates what is missing, updates what differs, touches nothing else. Doing it twice, or from two
places at once, comes to the same.
"""

import json
from typing import Any, Protocol

import structlog

from goaround_chassis.bus.errors import NoAnswer, Refused, Unavailable
from goaround_chassis.bus.topology import (
    Bucketspec,
    Change,
    Config,
    Consumer,
    Impossible,
    Kind,
    Stream,
    Topology,
    differing,
    faults,
)

log = structlog.get_logger(__name__)

# Scheduled messages, on which every timer rests, came with this one.
OLDEST_SERVER = (2, 12, 0)

_NO_STREAM = 10059
_NO_CONSUMER = 10014


class Server(Protocol):
    """What is asked of the server; a `Bus` does it."""

    @property
    def server_version(self) -> tuple[int, int, int]:
        """The version of the server that we are connected to."""
        ...

    async def api(self, subject: str, body: bytes = b"", timeout_s: float = 5.0) -> bytes:
        """Ask JetStream's own interface."""
        ...


class ServerTooOld(Exception):
    """The server cannot do what the topology needs."""

    def __init__(self, found: tuple[int, int, int]) -> None:
        found_ = ".".join(map(str, found))
        oldest = ".".join(map(str, OLDEST_SERVER))
        super().__init__(f"the NATS server is version {found_}; {oldest} or newer is needed")
        self.found = found


async def apply(server: Server, topology: Topology, *, dry_run: bool = False) -> list[Change]:
    """Make the server have what the topology says, and return what was (or would be) changed.

    Raises:
        ServerTooOld: Nothing was changed.
        Impossible: With everything that JetStream cannot change; nothing was changed.
        Refused, Unavailable: The server said no, or nothing, in the middle. Apply it again.
    """
    if server.server_version < OLDEST_SERVER:
        raise ServerTooOld(server.server_version)
    specs: list[Stream | Bucketspec | Consumer] = [
        *topology.streams,
        *topology.buckets,
        *topology.consumers,
    ]
    steps: list[tuple[Change, str, Config]] = []
    impossible: list[str] = []
    for spec in specs:
        wanted = spec.config()
        stream = spec.stream if isinstance(spec, Consumer) else None
        kind: Kind = "consumer" if stream else "stream"
        path = f"{stream}.{wanted['name']}" if stream else wanted["name"]
        name = f"{stream}/{wanted['name']}" if stream else wanted["name"]
        existing = await _existing(server, kind, path)
        if existing is None:
            steps.append((Change(kind, name, "create"), path, wanted))
            continue
        impossible += faults(kind, name, wanted, existing)
        if fields := differing(wanted, existing):
            merged = {**existing, **wanted}
            steps.append((Change(kind, name, "update", fields), path, merged))
    if impossible:
        raise Impossible(impossible)
    if not dry_run:
        for change, path, config in steps:
            await _make(server, change, path, config)
            log.info("topology_changed", change=str(change))
    return [change for change, _, _ in steps]


async def _existing(server: Server, kind: Kind, path: str) -> Config | None:
    verb = "STREAM" if kind == "stream" else "CONSUMER"
    answer = await _ask(server, f"{verb}.INFO.{path}", None)
    error = answer.get("error")
    if error is None:
        config: Config = answer["config"]
        return config
    if error.get("err_code") in (_NO_STREAM, _NO_CONSUMER):
        return None
    raise Refused(f"look at {kind} {path}", error.get("description", "?"), error.get("err_code", 0))


async def _make(server: Server, change: Change, path: str, config: Config) -> None:
    if change.kind == "stream":
        answer = await _ask(server, f"STREAM.{change.action.upper()}.{path}", config)
    else:
        request = {"stream_name": path.partition(".")[0], "config": _lean(config), "action": ""}
        answer = await _ask(server, f"CONSUMER.CREATE.{path}", request)
    if error := answer.get("error"):
        raise Refused(str(change), error.get("description", "?"), error.get("err_code", 0))


def _lean(config: Config) -> Config:
    """Without the filter field that is not used: the server refuses to see both."""
    unused = [f for f in ("filter_subject", "filter_subjects") if not config.get(f)]
    return {field: value for field, value in config.items() if field not in unused}


async def _ask(server: Server, subject: str, body: Config | None) -> dict[str, Any]:
    try:
        raw = await server.api(subject, json.dumps(body).encode() if body is not None else b"")
    except NoAnswer as error:
        raise Unavailable(f"JetStream ({subject})", error.why) from error
    answer: dict[str, Any] = json.loads(raw)
    return answer
