"""What was found of a live system at one look, before anybody judges it. Pure.

None where something is not there; `Silent` where nobody said whether it is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from goaround_schemas.api import SystemStatus


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer to a question, and why."""

    why: str


@dataclass(frozen=True, slots=True)
class StreamFound:
    """A stream or a bucket as the server has it."""

    config: Mapping[str, Any]
    messages: int
    held_bytes: int
    first_at: datetime | None
    last_seq: int


@dataclass(frozen=True, slots=True)
class ConsumerFound:
    """A consumer as the server has it."""

    config: Mapping[str, Any]
    waiting: int
    """Messages that nobody has taken yet."""
    in_hand: int
    """Messages that were taken and not settled."""
    taken_again: int
    """Of these, so many were taken more than once."""
    pulls: int
    """Questions for more that stand at the server: none where no service reads it."""
    settled_until: int
    """Every message of the stream up to this number is settled."""
    oldest_at: datetime | None = None
    """When the first message came that is not settled."""


@dataclass(frozen=True, slots=True)
class LetterFound:
    """The newest dead letter."""

    at: datetime
    subject: str
    consumer: str
    reason: str
    error: str


@dataclass(frozen=True, slots=True)
class StorageFound:
    """What JetStream keeps in files, and how much of it there may be; None: nobody says."""

    used_bytes: int
    limit_bytes: int | None
    free_bytes: int | None = None
    """On the disk below it, where that is this machine's."""


@dataclass(frozen=True, slots=True)
class PartFound:
    """A service of the system on this machine."""

    name: str
    not_ready: str | None
    log: str


@dataclass(frozen=True, slots=True)
class ClockFound:
    """How far another clock is ahead of this machine's, and how exactly that is known."""

    ahead_s: float
    give_or_take_s: float


@dataclass(frozen=True, slots=True)
class Findings:
    """All of it."""

    at: datetime
    """By this machine's clock."""
    server_version: tuple[int, int, int]
    round_trip_s: float
    streams: Mapping[str, StreamFound | Silent | None]
    consumers: Mapping[tuple[str, str], ConsumerFound | Silent | None]
    storage: StorageFound | Silent
    letter: LetterFound | None
    status: SystemStatus | Silent
    bus_clock: ClockFound | None
    orchestrator_clock: ClockFound | None
    parts: tuple[PartFound, ...] = ()
