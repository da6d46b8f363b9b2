"""What streams, consumers and buckets there are to be, and what would have to change. Pure.

Only the migration command changes them (`bus.migrate`). A service never does: a library that
declares streams on start resets the limits that someone else has set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Config = dict[str, Any]
Kind = Literal["stream", "consumer"]

_NS = 1_000_000_000


@dataclass(frozen=True)
class Stream:
    """A stream: what it takes and how long it keeps it. 0 means without limit."""

    name: str
    subjects: tuple[str, ...]
    retention: Literal["limits", "workqueue", "interest"] = "limits"
    max_age_s: float = 0
    max_bytes: int = 0
    duplicate_window_s: float = 120
    schedules: bool = False
    storage: Literal["file", "memory"] = "file"
    replicas: int = 1

    def config(self) -> Config:
        """The stream as JetStream's interface has it."""
        if self.schedules and self.max_age_s:
            raise ValueError(f"{self.name}: a schedule older than max_age_s would vanish unfired")
        config: Config = {
            "name": self.name,
            "subjects": list(self.subjects),
            "retention": self.retention,
            "storage": self.storage,
            "num_replicas": self.replicas,
            "max_age": int(self.max_age_s * _NS),
            "max_bytes": self.max_bytes or -1,
            "duplicate_window": int(self._window_s * _NS),
            "allow_atomic": True,
        }
        if self.schedules:
            config |= {
                "allow_msg_schedules": True,
                "allow_msg_ttl": True,
                "allow_rollup_hdrs": True,
            }
        return config

    @property
    def _window_s(self) -> float:
        """No longer than messages are kept: the server refuses that."""
        if not self.max_age_s:
            return self.duplicate_window_s
        return min(self.duplicate_window_s, self.max_age_s)


@dataclass(frozen=True)
class Consumer:
    """A durable pull consumer. No filter means everything in the stream."""

    stream: str
    name: str
    filters: tuple[str, ...] = ()
    ack_wait_s: float = 30
    max_ack_pending: int = 1000
    deliver: Literal["all", "new"] = "all"

    def config(self) -> Config:
        """The consumer as JetStream's interface has it."""
        config: Config = {
            "name": self.name,
            "durable_name": self.name,
            "ack_policy": "explicit",
            "deliver_policy": self.deliver,
            "ack_wait": int(self.ack_wait_s * _NS),
            # Never: the server would stop delivering in silence. Settlement puts aside instead.
            "max_deliver": -1,
            "max_ack_pending": self.max_ack_pending,
        }
        # A change between one filter and several must clear the other field.
        config["filter_subject"] = self.filters[0] if len(self.filters) == 1 else ""
        config["filter_subjects"] = list(self.filters) if len(self.filters) > 1 else []
        return config


@dataclass(frozen=True)
class Bucketspec:
    """A key-value bucket, which is a stream by another name."""

    name: str
    history: int = 1
    ttl_s: float = 0
    max_bytes: int = 0
    replicas: int = 1

    def config(self) -> Config:
        """The bucket's stream as JetStream's interface has it."""
        window_s = min(120, self.ttl_s) if self.ttl_s else 120
        return {
            "name": f"KV_{self.name}",
            "subjects": [f"$KV.{self.name}.>"],
            "retention": "limits",
            "storage": "file",
            "num_replicas": self.replicas,
            "max_msgs_per_subject": self.history,
            "max_age": int(self.ttl_s * _NS),
            "max_bytes": self.max_bytes or -1,
            "duplicate_window": int(window_s * _NS),
            "discard": "new",
            "allow_rollup_hdrs": True,
            "allow_direct": True,
            "deny_delete": True,
            "allow_atomic": True,
        }


@dataclass(frozen=True)
class Topology:
    """Everything that is to be there. What else the server has is none of our business."""

    streams: tuple[Stream, ...] = ()
    consumers: tuple[Consumer, ...] = ()
    buckets: tuple[Bucketspec, ...] = ()


@dataclass(frozen=True)
class Change:
    """One thing that was, or would be, created or updated; `fields` are what differs."""

    kind: Kind
    name: str
    action: Literal["create", "update"]
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = f" ({', '.join(self.fields)})" if self.fields else ""
        return f"{self.action} {self.kind} {self.name}{what}"


class Impossible(Exception):
    """JetStream cannot make these changes on what exists; nothing was changed."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


_FIXED: Mapping[Kind, tuple[str, ...]] = {
    "stream": ("retention", "storage"),
    "consumer": ("ack_policy", "deliver_policy"),
}
# What the server leaves out where it is empty.
_EMPTY: Mapping[str, object] = {"filter_subject": "", "filter_subjects": [], "subjects": []}


def differing(wanted: Config, existing: Config) -> tuple[str, ...]:
    """The fields that we name and that are not as we name them."""
    return tuple(
        field
        for field, value in wanted.items()
        if _comparable(existing.get(field, _EMPTY.get(field))) != _comparable(value)
    )


def faults(kind: Kind, name: str, wanted: Config, existing: Config) -> list[str]:
    """What cannot be changed on an existing stream or consumer, each in words."""
    return [
        f"{kind} {name}: {field} is {existing.get(field)!r} and cannot become {wanted[field]!r}; "
        f"rename it, or remove it by hand once it is drained"
        for field in differing(wanted, existing)
        if field in _FIXED[kind]
    ]


def _comparable(value: object) -> object:
    return sorted(value) if isinstance(value, list) else value  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
