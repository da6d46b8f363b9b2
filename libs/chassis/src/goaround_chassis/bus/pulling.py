"""The client as FastStream is given it: it binds to consumers and never makes one.

FastStream pulls in a loop that hides most errors. Left to itself it would create a durable that it
does not find, with the wrong settings; and it would ask again at once where the server says that
it has no such consumer, thousands of times a second.
"""
# The client library leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.client import (
    DEFAULT_JS_SUB_PENDING_BYTES_LIMIT,
    DEFAULT_JS_SUB_PENDING_MSGS_LIMIT,
)
from nats.js.errors import APIError

# A pull that comes back empty-handed sooner than this was turned away.
CALM_S = 0.2


class CalmPull:
    """A pull that does not hammer a server which turns it away, and asks none that is not there.

    What is sent without a connection is kept and sent when there is one: pulls that nobody waits
    for any more would then take messages. And when there is no room to keep more, each further
    try fails at once.
    """

    def __init__(self, pull: JetStreamContext.PullSubscription, client: Client) -> None:
        self._pull = pull
        self._client = client

    async def fetch(self, batch: int = 1, timeout: float | None = 5) -> list[Msg]:
        """Return what there is, waiting for the first.

        Raises:
            nats.errors.TimeoutError: There was nothing, or the server turned us away.
        """
        loop = asyncio.get_running_loop()
        began_at = loop.time()
        try:
            if not self._client.is_connected:
                raise nats.errors.TimeoutError
            return await self._pull.fetch(batch, timeout)
        except (TimeoutError, APIError, nats.errors.OutboundBufferLimitError) as error:
            if loop.time() - began_at < CALM_S:
                await asyncio.sleep(CALM_S)
            raise nats.errors.TimeoutError from error

    async def unsubscribe(self) -> None:
        """Take no more."""
        await self._pull.unsubscribe()


class BindingJetStream(JetStreamContext):
    """JetStream whose pull subscriptions need their consumer to exist."""

    async def pull_subscribe(  # type: ignore[override]
        self,
        subject: str,
        durable: str | None = None,
        stream: str | None = None,
        config: ConsumerConfig | None = None,
        pending_msgs_limit: int = DEFAULT_JS_SUB_PENDING_MSGS_LIMIT,
        pending_bytes_limit: int = DEFAULT_JS_SUB_PENDING_BYTES_LIMIT,
        inbox_prefix: bytes | None = None,
    ) -> CalmPull:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Pull from a durable consumer, whether or not it is there at this moment."""
        return CalmPull(
            await self.pull_subscribe_bind(
                consumer=durable,
                stream=stream,
                inbox_prefix=inbox_prefix,
                pending_msgs_limit=pending_msgs_limit,
                pending_bytes_limit=pending_bytes_limit,
            ),
            self._nc,
        )


class BindingClient(Client):
    """A connection whose JetStream only binds."""

    def jetstream(self, **opts: Any) -> BindingJetStream:
        """Return JetStream as FastStream may have it."""
        return BindingJetStream(self, **opts)
