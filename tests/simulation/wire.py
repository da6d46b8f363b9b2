"""One host's connection to the bus: publishes that are retried, subscriptions that are settled.

Both as the chassis does it: only what lies beneath the client is simulated. Every call passes the
host's gate, and none gets through while the bus is away.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from goaround_chassis.bus import Subscription, Unavailable
from goaround_chassis.bus.publishing import publish
from goaround_chassis.bus.settle import Settlement
from goaround_schemas.envelope import Message, encode
from goaround_schemas.subjects import WORK, stream_of, subject_of
from tests.simulation.bus import CONSUMERS, Ack, Bus, Hand, Seat
from tests.simulation.clock import START
from tests.simulation.faults import Gate


class Wire:
    """One host's connection: what it publishes, asks and sets passes its gate."""

    def __init__(self, bus: Bus, gate: Gate) -> None:
        self._bus, self._gate = bus, gate
        self._js: Any = _Publishes(bus, gate)
        self.max_payload = 1024 * 1024

    async def publish(self, message: Message) -> None:
        """Return once the message is kept; publishing it twice is the same as once."""
        await self.publish_raw(
            subject_of(message), encode(message), stream=stream_of(message), msg_id=str(message.id)
        )

    async def publish_raw(
        self,
        subject: str,
        body: bytes,
        *,
        stream: str,
        msg_id: str,
        headers: Mapping[str, str] | None = None,
    ) -> bool:
        """Publish bytes as they are; return whether the stream had them already."""
        all_headers = {**(headers or {}), "Nats-Msg-Id": msg_id}
        ack = await publish(self._js, subject, body, stream=stream, headers=all_headers)
        return bool(ack.duplicate)

    async def queued(self, subject: str, stream: str) -> int:
        """How many messages of a subject a work queue still has."""
        await self._gate("queued")
        await self.reach("queued")
        assert stream == WORK, "only commands are asked for again"
        return sum(kept.subject == subject for kept in self._bus.queue.values())

    async def at(self, name: str, key: str, due: datetime, body: bytes) -> None:
        """Set an alarm."""
        await self._gate("alarm")
        await self.reach("alarm")
        self._bus.set_alarm(name, key, (due - START).total_seconds(), body)
        await self._gate("alarm set")

    async def cancel(self, name: str, key: str) -> None:
        """Drop an alarm."""
        await self._gate("cancel")
        await self.reach("cancel")
        self._bus.drop_alarm(name, key)
        await self._gate("cancelled")

    async def reach(self, what: str) -> None:
        """Return if the bus is there.

        Raises:
            Unavailable: It is away.
        """
        if self._bus.loop.now_s < self._bus.away_until:
            await asyncio.sleep(2.0)
            raise Unavailable(what, "no answer in time")

    async def request(self, reply: Hand, answer: bytes, timeout: float) -> None:
        """Settle a message with the server's confirmation."""
        del answer
        if self._bus.loop.now_s < self._bus.away_until:
            await asyncio.sleep(timeout)
            raise TimeoutError
        await reply.ack()

    def subscribe(self, subscription: Subscription) -> None:
        """Have messages of a consumer handled by this host, settled as services settle them."""
        settle = Settlement(
            client=self,  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
            js=self._js,
            service=self._gate.host.name,
            consumer=subscription.consumer,
            handler=subscription.handler,
            together=subscription.together,
            raw=subscription.raw,
            kinds=subscription.kinds,
            on_dead=subscription.on_dead,
            ack_wait_s=CONSUMERS[subscription.stream, subscription.consumer].ack_wait_s,
            max_delivered=subscription.max_delivered,
        )
        self._bus.seat(Seat(subscription, settle, self._gate), subscription)


class _Publishes:
    """The part of a JetStream connection that takes messages in."""

    def __init__(self, bus: Bus, gate: Gate) -> None:
        self._bus, self._gate = bus, gate

    async def publish(
        self, subject: str, body: bytes, *, timeout: float, stream: str, headers: dict[str, str]
    ) -> Ack:
        """Return the stream's acknowledgement, if one comes in time."""
        await self._gate("publish")
        bus, fate = self._bus, self._bus.fate
        if bus.loop.now_s < bus.away_until or fate.strikes(
            fate.weather.loses_effects, "publish lost"
        ):
            await asyncio.sleep(timeout)
            raise TimeoutError
        ack = bus.put(stream, subject, body, headers)
        await self._gate("published")
        if fate.strikes(fate.weather.loses_answers, "publish not confirmed"):
            await asyncio.sleep(timeout)
            raise TimeoutError
        return ack
