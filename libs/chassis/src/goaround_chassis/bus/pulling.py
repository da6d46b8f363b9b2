"""The client as FastStream is given it: it binds to consumers, and pulls what can be begun.

FastStream pulls in a loop that hides most errors. Left to itself it would create a durable that it
does not find, with the wrong settings; it would ask again at once where the server says that it has
no such consumer, thousands of times a second; and it would take more than is worked on.
"""
# The client library leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
import json
from collections import deque
from contextlib import suppress
from typing import Any, Self

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as Inbox
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig
from nats.js.client import (
    DEFAULT_JS_SUB_PENDING_BYTES_LIMIT,
    DEFAULT_JS_SUB_PENDING_MSGS_LIMIT,
)

from goaround_chassis.bus.crew import Crew

# A pull that comes back empty-handed sooner than this was turned away.
CALM_S = 0.2
# How long one pull waits at the server; each costs one small message.
PULL_S = 2.0
# A pull that the server does not end itself, by so much later, is not known to it any more.
FORGOTTEN_S = 1.0
_TO_BE_SETTLED = "$JS.ACK."
_ENDED_IN_TIME = "408"
_STATUS = "Status"
_LEFT = "Nats-Pending-Messages"


class CreditPull:
    """Pulls of one consumer: never more asked for than its crew has places free.

    Several pulls may stand at the server at a time; together they are the credit. Without a
    connection none is sent: it would be kept, and would take messages later that nobody waits for.
    """

    def __init__(self, client: Client, stream: str, consumer: str, crew: Crew) -> None:
        self._client = client
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._crew = crew
        self._inbox = client.new_inbox()
        self._listening: Inbox | None = None
        self._arrived: deque[Msg] = deque()
        self._credit = 0
        self._stands_until = 0.0
        self._calm_until = 0.0
        self._connections = -1

    async def open(self) -> Self:
        """Listen for what is pulled."""
        self._listening = await self._client.subscribe(self._inbox, cb=self._take)
        return self

    async def fetch(self, batch: int = 1, timeout: float | None = 5) -> list[Msg]:
        """Return what has come, as soon as there is something.

        FastStream tops up a list that is not full before it hands it on. Here a list is as long
        as it is: asked for less than the crew's size, this says that there is no more.

        Raises:
            nats.errors.TimeoutError: There was nothing.
        """
        if batch < self._crew.size:
            raise nats.errors.TimeoutError
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + (PULL_S if timeout is None else timeout)
        while not (self._arrived and self._crew.has_turn):
            self._crew.bell.clear()
            await self._ask(loop.time())
            left = ends_at - loop.time()
            if left <= 0:
                raise nats.errors.TimeoutError
            with suppress(TimeoutError):
                async with asyncio.timeout(min(left, self._patience_s(loop.time()))):
                    await self._crew.bell.wait()
        found = list(self._arrived)
        self._arrived.clear()
        return found

    async def unsubscribe(self) -> None:
        """Take no more."""
        if self._listening is not None:
            await self._listening.unsubscribe()
            self._listening = None

    def _patience_s(self, now: float) -> float:
        """How long to wait for a ring before looking again."""
        if self._calm_until > now:
            return self._calm_until - now
        return CALM_S if not self._client.is_connected else PULL_S + FORGOTTEN_S

    async def _ask(self, now: float) -> None:
        """Send a pull for the places that are free and not yet asked for, if that is worth it."""
        if self._crew.rests or not self._client.is_connected or now < self._calm_until:
            return
        connections = int(self._client.stats["reconnects"])
        if connections != self._connections or now > self._stands_until + FORGOTTEN_S:
            # Another connection, or an old pull: the server knows nothing of it any more.
            self._connections = connections
            self._credit = 0
        wanted = self._crew.free - self._credit
        # Asked for in halves, not one by one, where many are in hand.
        if wanted < 1 or (self._credit and wanted < self._crew.size // 2):
            return
        pull = json.dumps({"batch": wanted, "expires": int(PULL_S * 1e9)}).encode()
        try:
            await self._client.publish(self._subject, pull, reply=self._inbox)
        except nats.errors.Error:
            # Closing, or no room for more on the way: nothing was asked for.
            self._calm_until = now + CALM_S
            return
        self._credit += wanted
        self._stands_until = now + PULL_S

    async def _take(self, msg: Msg) -> None:
        if msg.reply.startswith(_TO_BE_SETTLED):
            self._credit = max(self._credit - 1, 0)
            self._arrived.append(msg)
        else:
            # A pull has ended; without a word of how much of it was left, all of it has.
            said = msg.headers or {}
            self._credit = max(self._credit - int(said[_LEFT]), 0) if _LEFT in said else 0
            if said.get(_STATUS) != _ENDED_IN_TIME:
                self._calm_until = asyncio.get_running_loop().time() + CALM_S
        self._crew.bell.set()


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
    ) -> CreditPull:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Pull from a durable consumer, whether or not it is there at this moment."""
        client = self._nc
        if stream is None or durable is None or not isinstance(client, BindingClient):
            raise TypeError("only a durable consumer of a named stream is pulled from")
        return await CreditPull(client, stream, durable, client.crews[stream, durable]).open()


class BindingClient(Client):
    """A connection whose JetStream only binds, and knows who handles each consumer's messages."""

    def __init__(self) -> None:
        super().__init__()
        self.crews: dict[tuple[str, str], Crew] = {}

    async def publish_framed(self, frames: bytes) -> None:
        """Send messages that are in the protocol's own form already (`grouping`).

        Raises:
            nats.errors.Error: They cannot be sent now.
        """
        if self.is_draining_pubs or not self.is_connected:
            raise nats.errors.ConnectionClosedError
        await self._send_command(frames)
        await self._flush_pending()

    def jetstream(self, **opts: Any) -> BindingJetStream:
        """Return JetStream as FastStream may have it."""
        return BindingJetStream(self, **opts)
