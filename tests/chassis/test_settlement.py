import asyncio
from datetime import timedelta

import pytest

from goaround_chassis.bus import Received, Subscription, Unavailable
from goaround_chassis.errors import Later, Never
from goaround_schemas.envelope import Message, encode
from goaround_schemas.request import DeployRequested
from tests.chassis.lane import Lane, until
from tests.chassis.messages import altered, notify, requested

pytestmark = pytest.mark.system


class Seen:
    """A handler that keeps what it gets and does what it is told to, call by call."""

    def __init__(self, *does: Exception | None) -> None:
        self.messages: list[Message] = []
        self._does = list(does)
        self.changed = asyncio.Event()

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)
        self.changed.set()
        does = self._does.pop(0) if self._does else None
        if does is not None:
            raise does

    async def times(self, count: int) -> None:
        async def is_so() -> bool:
            return len(self.messages) >= count

        await until(is_so)


def reading(lane: Lane, handler: object, **more: object) -> Subscription:
    return Subscription(lane.stream, lane.consumer, handler, **more)  # type: ignore[arg-type]


async def test_what_a_handler_returns_from_is_done(lane: Lane) -> None:
    seen = Seen()
    await lane.bus.consume(reading(lane, seen, kinds=(DeployRequested,)))
    sent = requested()
    await lane.send(encode(sent))
    await lane.settled()
    assert seen.messages == [sent]
    assert (await lane.state())["redelivered"] == 0


@pytest.mark.parametrize("shape", [{"concurrency": 4}, {"batch": 16}])
async def test_many_messages_are_each_handled_once(lane: Lane, shape: dict[str, int]) -> None:
    seen = Seen()
    for n in range(50):
        await lane.send(encode(requested(f"run-{n}")))
    await lane.bus.consume(reading(lane, seen, **shape))
    await lane.settled(50)
    assert sorted(m.subject for m in seen.messages) == sorted(f"run-{n}" for n in range(50))


async def test_later_brings_it_back_after_that_time_and_counts_no_failure(lane: Lane) -> None:
    seen = Seen(*[Later(timedelta(milliseconds=20), "not yet")] * 8)
    await lane.bus.consume(reading(lane, seen))
    await lane.send(encode(requested()))
    await lane.settled()
    assert len(seen.messages) == 9
