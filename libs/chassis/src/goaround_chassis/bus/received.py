"""A message as it lies in a stream, before anyone has read what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import cast

from nats.aio.msg import Msg
from nats.js.api import RawStreamMsg


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes and where they come from. On plain subjects there is no stream and no sequence."""

    subject: str
    body: bytes
    headers: Mapping[str, str]
    stream: str
    sequence: int
    published_at: datetime
    delivered: int = 1

    @property
    def redelivered(self) -> int:
        """How often it had been delivered before."""
        return self.delivered - 1

    def header(self, name: str) -> str | None:
        """Return a header's value, whatever the case of its name."""
        wanted = name.lower()
        return next((v for k, v in self.headers.items() if k.lower() == wanted), None)


def from_delivery(msg: Msg) -> Received:
    """A message that a consumer delivered."""
    meta = msg.metadata
    return Received(
        subject=msg.subject,
        body=msg.data,
        headers=msg.headers or {},
        stream=meta.stream,
        sequence=meta.sequence.stream,
        published_at=meta.timestamp,
        delivered=meta.num_delivered,
    )


def from_subject(msg: Msg) -> Received:
    """A message that was sent on a plain subject."""
    return Received(
        subject=msg.subject,
        body=msg.data,
        headers=msg.headers or {},
        stream="",
        sequence=0,
        published_at=datetime.now(UTC),
    )


def headers_of(raw: RawStreamMsg) -> dict[str, str]:
    """The headers of a message that was read by its place in the stream."""
    return cast("dict[str, str] | None", raw.headers) or {}  # pyright: ignore[reportUnknownMemberType]


def from_stream(stream: str, raw: RawStreamMsg) -> Received:
    """A message that was read by its place in the stream."""
    return Received(
        subject=raw.subject or "",
        body=raw.data or b"",
        headers=headers_of(raw),
        stream=stream,
        sequence=raw.seq or 0,
        published_at=raw.time or datetime.fromtimestamp(0, UTC),
    )
