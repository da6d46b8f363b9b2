"""Taking messages from a durable consumer that exists.

FastStream pulls and runs the handler; everything it would decide by itself is overruled, because
its defaults lose messages: acknowledgement is manual, streams are not declared, the body is not
decoded before our settlement sees it, and consumers are bound to, never created (`pulling`): that
is the migration command's, and a service without its consumer waits.

FastStream gets what has come as one list and hands it on as one; a crew of `concurrency` places
handles it, message by message, or together where the subscription can (`together`).
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import nats.errors
import structlog
from faststream import AckPolicy
from faststream.message import StreamMessage
from faststream.nats import JStream, NatsBroker, PullSub
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import APIError, NotFoundError

from goaround_chassis.bus.crew import Crew
from goaround_chassis.bus.gate import Gate
from goaround_chassis.bus.pulling import PULL_S, BindingClient
from goaround_chassis.bus.settle import Handler, OnDead, Settlement, Together
from goaround_chassis.bus.verdict import MAX_DELIVERED
from goaround_schemas.envelope import Message

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
SAY_EVERY_S = 10.0


@dataclass(frozen=True)
class Subscription:
    """What a service wants from one durable consumer of one stream.

    With `raw` the handler gets a `Received`, else the message as `parse` reads it; a kind that is
    not among `kinds` is acknowledged and counted. `on_dead` is called once before a message that
    could be read is put aside, so that a worker can still answer its command.

    With `together` all messages that have come are first tried as one list, for a reader that can
    take many in one transaction; where that raises, each is handled by itself, so that one message
    cannot hold up the others. It must leave nothing behind when it raises. At most `turns` lists
    are handled at a time: with one, in the order in which they came.

    `max_delivered` bounds what nothing else can: a message that kills the process each time. It
    compares the server's count of deliveries, in which waits (`Later`) are counted too; a
    handler that says `Later` more often than that sets it higher.

    With a `gate` messages are asked for only while it is open.
    """

    stream: str
    consumer: str
    handler: Handler
    kinds: tuple[type[Message], ...] | None = None
    concurrency: int = 1
    together: Together | None = None
    turns: int | None = None
    raw: bool = False
    on_dead: OnDead | None = None
    max_delivered: int = MAX_DELIVERED
    gate: Gate | None = None

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ValueError(f"{self.consumer}: concurrency is at least 1")


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
    client: BindingClient,
    js: JetStreamContext,
    subscription: Subscription,
    *,
    service: str,
) -> Crew:
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
        together=subscription.together,
        on_dead=subscription.on_dead,
        ack_wait_s=info.config.ack_wait or 30.0,
        max_delivered=subscription.max_delivered,
    )
    crew = Crew(subscription.concurrency, subscription.turns, subscription.gate)
    client.crews[subscription.stream, subscription.consumer] = crew
    await _pull(broker, subscription, settle, crew)
    return crew


async def _pull(
    broker: NatsBroker, subscription: Subscription, settle: Settlement, crew: Crew
) -> None:
    subscriber = broker.subscriber(
        ">",
        stream=JStream(subscription.stream, declare=False),
        durable=subscription.consumer,
        pull_sub=PullSub(batch_size=crew.size, timeout=PULL_S, batch=True),
        ack_policy=AckPolicy.MANUAL,
        decoder=_undecoded,
        no_reply=True,
        title=subscription.consumer,
    )

    async def deliver(messages: Any) -> None:
        if subscription.turns is None and subscription.together is None:
            for message in messages:
                crew.begin(settle(message))
        else:
            crew.begin(settle.together(messages), len(messages))

    subscriber(deliver)
    await subscriber.start()


async def _undecoded(message: StreamMessage[list[Msg]]) -> list[Msg]:
    """Hand the messages on as they came: what cannot be read must reach our settlement too."""
    return message.raw_message
