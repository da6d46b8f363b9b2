"""Taking messages from a durable consumer that exists.

FastStream pulls and runs the handler; everything it would decide by itself is overruled, because
its defaults lose messages: acknowledgement is manual, streams are not declared, the body is not
decoded before our settlement sees it, and consumers are bound to, never created (`pulling`): that
is the migration command's, and a service without its consumer waits.

`concurrency=n` is n pulls of one message each rather than one pull with n workers, which would
hold a message more than it works on: its ack_wait would run out while it waits for its turn, and
a stop would drop it. `batch=n` fetches n short ones at a time and runs them together.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import nats.errors
import structlog
from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.nats import JStream, NatsBroker, PullSub
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import APIError, NotFoundError

from goaround_chassis.bus.settle import Handler, OnDead, Settlement
from goaround_chassis.bus.verdict import MAX_DELIVERED
from goaround_schemas.envelope import Message

log = structlog.get_logger(__name__)

# How long one pull waits at the server. After a server's restart the old pull is unknown to it, so
# this bounds how long a message then waits; each pull costs one small message.
PULL_S = 2.0
LOOK_EVERY_S = 0.5
SAY_EVERY_S = 10.0


@dataclass(frozen=True)
class Subscription:
    """What a service wants from one durable consumer of one stream.

    With `raw` the handler gets a `Received`, else the message as `parse` reads it; a kind that is
    not among `kinds` is acknowledged and counted. `on_dead` is called once before a message that
    could be read is put aside, so that a worker can still answer its command.

    `max_delivered` bounds what nothing else can: a message that kills the process each time. It
    compares the server's count of deliveries, in which waits (`Later`) are counted too; a
    handler that says `Later` more often than that sets it higher.
    """

    stream: str
    consumer: str
    handler: Handler
    kinds: tuple[type[Message], ...] | None = None
    concurrency: int = 1
    batch: int | None = None
    raw: bool = False
    on_dead: OnDead | None = None
    max_delivered: int = MAX_DELIVERED

    def __post_init__(self) -> None:
        if self.concurrency < 1 or (self.batch is not None and self.batch < 1):
            raise ValueError(f"{self.consumer}: concurrency and batch are at least 1")
        if self.batch is not None and self.concurrency != 1:
            raise ValueError(f"{self.consumer}: either batch or concurrency")


async def find(js: JetStreamContext, subscription: Subscription) -> ConsumerInfo | None:
    """Return what the server says of the consumer; None if it, or its stream, is not there.

    Raises:
        nats.errors.Error: The server did not say.
    """
    try:
        info: ConsumerInfo = await js.consumer_info(subscription.stream, subscription.consumer)
    except NotFoundError:
        return None
    return info


async def wait_for(js: JetStreamContext, subscription: Subscription) -> ConsumerInfo:
    """Return as soon as the consumer exists, saying now and then what is waited for."""
    said_at: float | None = None
    loop = asyncio.get_running_loop()
    while True:
        why = "the server does not answer"
        try:
            if info := await find(js, subscription):
                return info
            why = "run the migration command: it creates streams and consumers"
        except (nats.errors.Error, APIError, TimeoutError) as error:
            why = str(error) or why
        if said_at is None or loop.time() - said_at >= SAY_EVERY_S:
            said_at = loop.time()
            log.warning(
                "consumer_missing",
                consumer=subscription.consumer,
                stream=subscription.stream,
                why=why,
            )
        await asyncio.sleep(LOOK_EVERY_S)


async def bind(
    broker: NatsBroker,
    client: Client,
    js: JetStreamContext,
    subscription: Subscription,
    *,
    service: str,
    inbox_prefix: str,
) -> None:
    """Wait for the consumer, then have its messages handled from now on."""
    info = await wait_for(js, subscription)
    settle = Settlement(
        client=client,
        js=js,
        service=service,
        consumer=subscription.consumer,
        handler=subscription.handler,
        raw=subscription.raw,
        kinds=subscription.kinds,
        on_dead=subscription.on_dead,
        ack_wait_s=info.config.ack_wait or 30.0,
        max_delivered=subscription.max_delivered,
        confirm=subscription.batch is None,
    )
    for _ in range(subscription.concurrency):
        await _pull(broker, subscription, settle, inbox_prefix)


async def _pull(
    broker: NatsBroker, subscription: Subscription, settle: Settlement, inbox_prefix: str
) -> None:
    subscriber = broker.subscriber(
        ">",
        stream=JStream(subscription.stream, declare=False),
        durable=subscription.consumer,
        pull_sub=PullSub(batch_size=subscription.batch or 1, timeout=PULL_S),
        ack_policy=AckPolicy.MANUAL,
        decoder=_undecoded,
        no_reply=True,
        inbox_prefix=f"{inbox_prefix}.".encode(),
        title=subscription.consumer,
    )

    async def deliver(msg: Any) -> None:
        await settle(msg)

    subscriber(deliver)
    await subscriber.start()


async def _undecoded(message: StreamMessage[Msg]) -> Msg:
    """Hand the message on as it came: what cannot be read must reach our settlement too."""
    return message.raw_message
