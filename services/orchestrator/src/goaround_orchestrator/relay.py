"""The post: what a transaction wanted sent is sent once it is in, and forgotten once it is acked.

A reminder is only sent if the worker's queue no longer holds the command: a worker that is slow
is not asked twice, a message that was lost is.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import structlog
from prometheus_client import Counter

from goaround_chassis.bus import Refused, Unavailable
from goaround_orchestrator.ledger import Away
from goaround_schemas.envelope import CONTENT_TYPE

log = structlog.stdlib.get_logger()

SENT = Counter("goaround_outbox_sent_total", "Messages sent from the outbox.", ["stream"])
REMINDED = Counter(
    "goaround_outbox_reminders_total", "Commands without an answer.", ["still_queued"]
)


@dataclass(frozen=True, slots=True)
class Posted:
    """One message as it lies in the outbox: the very bytes to send."""

    id: int
    message_id: str
    stream: str
    subject: str
    body: bytes
    traceparent: str | None
    reminder: int


class Taken(Protocol):
    """Some messages, for one relay alone. Those not parked are forgotten when the block ends."""

    letters: Sequence[Posted]

    async def park(self, letter: Posted, why: str) -> None:
        """Put a message aside that can never be sent, for a person to see."""
        ...


class Post(Protocol):
    """Where messages lie until they are sent."""

    def taken(self, limit: int) -> AbstractAsyncContextManager[Taken]:
        """Take some messages; they lie there again if the block raises."""
        ...

    async def rung(self, within_s: float) -> None:
        """Return when something was posted since the last call, or when the time is up."""
        ...


class Carrier(Protocol):
    """What messages are sent with."""

    async def publish_raw(
        self,
        subject: str,
        body: bytes,
        *,
        stream: str,
        msg_id: str,
        headers: Mapping[str, str] | None = None,
    ) -> bool:
        """Send the very bytes and wait until the stream has them."""
        ...

    async def queued(self, subject: str, stream: str) -> int:
        """How many messages of this subject the stream still holds."""
        ...


async def relay(post: Post, carrier: Carrier, *, batch: int = 200, poll_s: float = 1.0) -> None:
    """Send what is posted, for ever. Any number of relays may run."""
    while True:
        try:
            sent = await send_some(post, carrier, batch)
        except* (Unavailable, Away) as error:
            log.warning("messages wait to be sent", why=str(error.exceptions[0]))
            sent = 0
        if not sent:
            await post.rung(poll_s)


async def send_some(post: Post, carrier: Carrier, batch: int) -> int:
    """Send up to a batch and return how many were taken.

    Raises:
        ExceptionGroup: Of Unavailable. None of the batch is forgotten; what went out all the
            same is dropped by the stream when it comes again.
    """
    async with post.taken(batch) as taken, asyncio.TaskGroup() as group:
        for letter in taken.letters:
            group.create_task(_send_or_park(letter, carrier, taken))
    return len(taken.letters)


async def _send_or_park(letter: Posted, carrier: Carrier, taken: Taken) -> None:
    try:
        await _send(letter, carrier)
    except Refused as error:
        # One message that no stream will ever take must not hold up all the others.
        log.error("message parked", subject=letter.subject, why=str(error))
        await taken.park(letter, str(error))


async def _send(letter: Posted, carrier: Carrier) -> None:
    msg_id = letter.message_id
    if letter.reminder:
        held = await carrier.queued(letter.subject, letter.stream)
        REMINDED.labels(still_queued=str(held > 0).lower()).inc()
        if held:
            return
        # The stream drops what it has seen of late: a reminder needs a name of its own.
        msg_id = f"{letter.message_id}.{letter.reminder}"
        log.warning("command sent again", subject=letter.subject, message_id=letter.message_id)
    headers = {"Content-Type": CONTENT_TYPE}
    if letter.traceparent:
        headers["traceparent"] = letter.traceparent
    await carrier.publish_raw(
        letter.subject, letter.body, stream=letter.stream, msg_id=msg_id, headers=headers
    )
    SENT.labels(stream=letter.stream).inc()
