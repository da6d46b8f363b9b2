"""A stream and a consumer of a test's own, and ways to see what becomes of messages in them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from uuid import uuid4

from goaround_chassis.bus import Bus, Consumer, NoAnswer, Received, Stream, Topology, apply

PATIENCE_S = 10.0
ACK_WAIT_S = 1.0


async def until(holds: Callable[[], Awaitable[bool]], within_s: float = PATIENCE_S) -> None:
    """Return as soon as it holds; fail if it does not in time."""
    async with asyncio.timeout(within_s):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.01)


class Lane:
    """A stream named like a subject, so that tests do not meet."""

    def __init__(self, bus: Bus, name: str, ack_wait_s: float = ACK_WAIT_S) -> None:
        self.bus = bus
        self.stream = name
        self.subject = f"{name}.in"
        self.consumer = "reader"
        self._ack_wait_s = ack_wait_s

    @property
    def topology(self) -> Topology:
        return Topology(
            streams=(Stream(self.stream, (f"{self.stream}.>",)),),
            consumers=(
                Consumer(self.stream, self.consumer, (self.subject,), ack_wait_s=self._ack_wait_s),
            ),
        )

    async def open(self) -> None:
        await apply(self.bus, self.topology)

    async def close(self) -> None:
        await self.bus.stop_consuming()
        await self.bus.api(f"STREAM.DELETE.{self.stream}")

    async def send(self, body: bytes, headers: dict[str, str] | None = None) -> None:
        await self.bus.publish_raw(
            self.subject, body, stream=self.stream, msg_id=uuid4().hex, headers=headers
        )

    async def state(self) -> dict[str, int]:
        answer = json.loads(
            await self.bus.api(f"CONSUMER.INFO.{self.stream}.{self.consumer}", timeout_s=1)
        )
        return {
            "acked_up_to": answer["ack_floor"]["stream_seq"],
            "in_hand": answer["num_ack_pending"],
            "waiting": answer["num_pending"],
            "redelivered": answer["num_redelivered"],
        }

    async def settled(self, count: int = 1) -> None:
        """Return once so many messages are settled and none is in hand."""

        async def is_so() -> bool:
            try:
                state = await self.state()
            except NoAnswer:  # the server is just being restarted
                return False
            return state["acked_up_to"] >= count and state["in_hand"] == 0

        await until(is_so)

    async def dead_letter(self) -> Received:
        """The dead letter of this lane's input, as soon as there is one."""
        found: list[Received] = []

        async def is_there() -> bool:
            letter = await self.bus.last_on("DEAD", f"dead.{self.subject}")
            if letter is not None:
                found.append(letter)
            return letter is not None

        await until(is_there)
        return found[0]
