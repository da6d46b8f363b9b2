import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest

from goaround_chassis.bus import Bus, Received, Subscription, Unavailable
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


@pytest.mark.parametrize("shape", [{"concurrency": 4}, {"concurrency": 16}])
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


async def test_never_puts_it_aside_with_its_bytes_its_headers_and_the_reason(lane: Lane) -> None:
    seen = Seen(Never("the guide is gone"))
    told: list[tuple[Message, str]] = []

    async def tell(message: Message, why: str) -> None:
        told.append((message, why))

    await lane.bus.consume(reading(lane, seen, on_dead=tell))
    sent = requested()
    await lane.send(encode(sent), {"traceparent": "00-abc-def-01"})
    letter = await lane.dead_letter()
    await lane.settled()

    assert letter.body == encode(sent)
    assert letter.header("traceparent") == "00-abc-def-01"
    assert letter.header("goaround-reason") == "never"
    assert letter.header("goaround-error") == "the guide is gone"
    assert letter.header("goaround-stream") == lane.stream
    assert letter.header("goaround-consumer") == lane.consumer
    assert letter.header("goaround-sequence") == "1"
    assert letter.header("goaround-delivered") == "1"
    assert letter.header("goaround-service") == "tester"
    assert letter.header("goaround-at")
    assert letter.header("goaround-original-Nats-Msg-Id")
    assert len(seen.messages) == 1
    assert told == [(sent, "the guide is gone")]


POISON = {
    "empty": b"",
    "no JSON": b"{not json",
    "no object": b'["a", 1]',
    "no text": b"\xff\xfe\x00\x01",
    "not what it says": altered(data={"run_id": "run-1"}),
}


@pytest.mark.parametrize("body", POISON.values(), ids=POISON.keys())
async def test_poison_is_put_aside_unchanged_and_no_handler_sees_it(
    lane: Lane, body: bytes
) -> None:
    seen = Seen()
    await lane.bus.consume(reading(lane, seen))
    await lane.send(body)
    letter = await lane.dead_letter()
    await lane.send(encode(requested()))
    await lane.settled(2)
    assert letter.body == body
    assert letter.header("goaround-reason") == "malformed"
    assert letter.header("goaround-error")
    assert len(seen.messages) == 1


async def test_poison_too_large_to_carry_with_its_reason_is_cut_and_says_so(lane: Lane) -> None:
    await lane.bus.consume(reading(lane, Seen()))
    most = 1024 * 1024
    await lane.send(b"x" * (most - 500))
    letter = await lane.dead_letter()
    await lane.settled()
    assert letter.header("goaround-cut") == str(most - 500)
    assert letter.body == b"x" * len(letter.body)
    assert most - 5000 < len(letter.body) < most


async def test_a_type_that_nobody_knows_is_passed_over(lane: Lane) -> None:
    seen = Seen()
    await lane.bus.consume(reading(lane, seen))
    await lane.send(altered(type="deploy.sung.v1"))
    await lane.settled()
    assert seen.messages == []
    assert await lane.bus.last_on("DEAD", f"dead.{lane.subject}") is None


async def test_a_kind_that_is_not_wanted_is_passed_over(lane: Lane) -> None:
    seen = Seen()
    await lane.bus.consume(reading(lane, seen, kinds=(DeployRequested,)))
    await lane.send(encode(notify()))
    await lane.settled()
    assert seen.messages == []


async def test_a_newer_version_waits_for_a_newer_reader(lane: Lane) -> None:
    seen = Seen()
    await lane.bus.consume(reading(lane, seen))
    await lane.send(altered(type="deploy.requested.v9"))
    await lane.send(encode(requested()))
    await seen.times(1)

    async def is_so() -> bool:
        state = await lane.state()
        return state["in_hand"] == 1 and state["waiting"] == 0

    await until(is_so)
    assert await lane.bus.last_on("DEAD", f"dead.{lane.subject}") is None


async def test_a_failure_is_tried_again(lane: Lane) -> None:
    seen = Seen(RuntimeError("flaky"))
    await lane.bus.consume(reading(lane, seen))
    await lane.send(encode(requested()))
    await lane.settled()
    assert len(seen.messages) == 2


async def test_an_unavailable_bus_is_no_failure_of_the_message(lane: Lane) -> None:
    seen = Seen(Unavailable("publish", "no answer"))
    await lane.bus.consume(reading(lane, seen))
    await lane.send(encode(requested()))
    await seen.times(1)

    async def is_so() -> bool:
        return (await lane.state())["in_hand"] == 1

    await until(is_so)
    assert await lane.bus.last_on("DEAD", f"dead.{lane.subject}") is None


async def test_a_raw_handler_gets_the_bytes_and_where_they_are_from(lane: Lane) -> None:
    got: list[Received] = []

    async def take(received: Received) -> None:
        got.append(received)

    await lane.bus.consume(reading(lane, take, raw=True))
    await lane.send(b'{"service": "checkout"}', {"ce-type": "x"})
    await lane.settled()
    assert got[0].body == b'{"service": "checkout"}'
    assert (got[0].subject, got[0].stream, got[0].sequence) == (lane.subject, lane.stream, 1)
    assert got[0].header("CE-Type") == "x"
    assert got[0].redelivered == 0
    assert got[0].published_at.tzinfo is not None


async def test_what_kills_the_process_each_time_is_put_aside_in_the_end(lane: Lane) -> None:
    seen = Seen(Later(timedelta(milliseconds=1), "as if killed"))
    await lane.bus.consume(reading(lane, seen, max_delivered=1))
    await lane.send(encode(requested()))
    letter = await lane.dead_letter()
    await lane.settled()
    assert letter.header("goaround-reason") == "undeliverable"
    assert len(seen.messages) == 1


async def test_a_worker_that_cannot_be_told_does_not_keep_the_message(lane: Lane) -> None:
    async def tell(message: Message, why: str) -> None:
        raise RuntimeError("the answer cannot be sent")

    await lane.bus.consume(reading(lane, Seen(Never("no")), on_dead=tell))
    await lane.send(encode(requested()))
    await lane.dead_letter()
    await lane.settled()


async def test_a_long_handler_keeps_its_message_and_gets_it_once(bus: Bus) -> None:
    started: list[Message] = []
    lane = Lane(bus, f"T{uuid4().hex[:10]}", ack_wait_s=0.5)
    await lane.open()

    async def work(message: Message) -> None:
        started.append(message)
        # The one wait that is meant: three times the consumer's ack_wait.
        await asyncio.sleep(1.5)

    await lane.bus.consume(reading(lane, work))
    await lane.send(encode(requested()))
    await lane.settled()
    assert len(started) == 1
    assert (await lane.state())["redelivered"] == 0
    await lane.close()
