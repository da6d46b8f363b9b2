"""What every message on the wire carries, whatever happened.

A message is one CloudEvents 1.0 JSON document (structured mode): the same bytes in the
outbox, on the bus, in a webhook and in a golden file. `subject` and `correlationid` are
the run's id; `causationid` is the id of the message that led to this one.
"""

from datetime import UTC, datetime
from hashlib import sha1
from typing import Annotated, Literal
from uuid import NAMESPACE_URL, uuid4

from pydantic import AwareDatetime, BaseModel, Field, StringConstraints

_NAMESPACE = NAMESPACE_URL.bytes

CONTENT_TYPE = "application/cloudevents+json"

DnsLabel = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", max_length=63),
    Field(
        description="Lower-case letters, digits and inner hyphens: it becomes part of a subject."
    ),
]
RunId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"),
    Field(description="Letters, digits, '-' and '_', 64 at most."),
]
Version = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+~:@-]{0,127}$"),
    Field(description="Letters, digits and ._+~:@- ; starts with a letter or a digit."),
]


class Payload(
    BaseModel, frozen=True, extra="ignore", populate_by_name=True, serialize_by_alias=True
):
    """The `data` of a message. Fields that a reader does not know are dropped, not refused."""


class RunPayload(Payload, frozen=True):
    """The `data` of a message about one run."""

    run_id: RunId
    service: DnsLabel
    environment: DnsLabel


class Message(BaseModel, frozen=True, extra="ignore", serialize_by_alias=True):
    """The CloudEvents attributes, and the ids that tie the messages of a run together."""

    specversion: Literal["1.0"] = "1.0"
    type: str
    id: str = Field(default_factory=lambda: str(uuid4()), min_length=1, max_length=200)
    source: str = Field(min_length=1)
    subject: str = Field(min_length=1)
    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))
    datacontenttype: Literal["application/json"] = "application/json"
    correlationid: str
    causationid: str | None = None
    traceparent: str | None = None
    data: Payload


class Event(Message, frozen=True):
    """Something that happened. Named in the past tense; never refused."""


class Command(Message, frozen=True):
    """A wish with one owner, who answers with an event. Named in the imperative."""


def derived_id(*parts: str) -> str:
    """Return the id that these parts always lead to (UUID version 5, RFC 9562).

    A worker that handles the same command twice names its answer twice the same, so that
    the reader's inbox drops the repeat.
    """
    said = "goaround:" + "\x1f".join(parts)
    # As `uuid.uuid5` has it, without the object in between: a run asks for some thirty.
    raw = bytearray(sha1(_NAMESPACE + said.encode(), usedforsecurity=False).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x50
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def encode(message: Message) -> bytes:
    """Return the one form in which a message is kept and sent."""
    return message.model_dump_json(exclude_none=True).encode()
