"""Publishing, asking and looking: what a service does on the bus besides consuming."""
# The client library leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import pytest
from nats.aio.msg import Msg

from goaround_chassis.bus import (
    Bucketspec,
    Bus,
    Consumer,
    NoAnswer,
    Received,
    Refused,
    Stream,
    Subscription,
    Topology,
    Unavailable,
    apply,
)
from goaround_chassis.settings import BusSettings
from goaround_schemas.catalogue import parse
from goaround_schemas.envelope import Message, encode
from goaround_schemas.subjects import DEPLOY, WORK, subject_of
from tests.chassis.lane import Lane, until
from tests.chassis.messages import notify, requested
from tests.chassis.nats_server import NatsServer

pytestmark = pytest.mark.system


@pytest.fixture
async def streams(bus: Bus) -> None:
    await apply(
        bus,
        Topology(
            streams=(
                Stream(DEPLOY, ("deploy.>",)),
                Stream(WORK, ("work.>",), retention="workqueue"),
            )
        ),
    )


@pytest.mark.usefixtures("streams")
async def test_a_message_is_kept_once_however_often_it_is_published(bus: Bus) -> None:
    message = requested("run-once").model_copy(update={"traceparent": "00-aa-bb-01"})
    for _ in range(3):
        await bus.publish(message)
    subject = subject_of(message)
    kept = await bus.last_on(DEPLOY, subject)
    assert kept is not None
    assert parse(kept.body) == message
    assert kept.header("Nats-Msg-Id") == message.id
    assert kept.header("Content-Type") == "application/cloudevents+json"
    assert kept.header("traceparent") == "00-aa-bb-01"
    assert await bus.queued(subject, DEPLOY) == 1


@pytest.mark.usefixtures("streams")
async def test_a_command_is_queued_until_it_is_done(bus: Bus) -> None:
    command = notify()
    assert await bus.queued(subject_of(command), WORK) == 0
    await bus.publish(command)
    assert await bus.queued(subject_of(command), WORK) == 1
    assert await bus.queued("work.deploy.*.*", WORK) == 0
    await apply(bus, Topology(consumers=(Consumer(WORK, "notifier", ("work.notify.>",)),)))

    async def take(message: Message) -> None: ...

    await bus.consume(Subscription(WORK, "notifier", take))

    async def is_done() -> bool:
        return await bus.queued(subject_of(command), WORK) == 0

    await until(is_done)


async def test_a_relay_is_told_that_the_stream_has_it_already(lane: Lane) -> None:
    async def relay() -> bool:
        return await lane.bus.publish_raw(lane.subject, b"x", stream=lane.stream, msg_id="one")

    assert await relay() is False
    assert await relay() is True


async def test_a_repeat_that_the_replicas_have_not_agreed_on_yet_is_asked_again(
    bus: Bus, nats_server: NatsServer
) -> None:
    undecided = {"code": 409, "err_code": 10158, "description": "duplicate id is in process"}
    answers = [{"error": undecided}] * 3 + [{"stream": "AGREED", "seq": 7, "duplicate": True}]

    async def answer(message: Msg) -> None:
        await message.respond(json.dumps(answers.pop(0)).encode())

    # What a stream of three replicas says in the moment after its leader was lost.
    stream = await nats.connect(nats_server.url)
    await stream.subscribe("agreed.in", cb=answer)
    await stream.flush()
    known = await bus.publish_raw("agreed.in", b"x", stream="AGREED", msg_id="m-1")
    await stream.close()
    assert (known, answers) == (True, [])


async def test_of_one_queue_one_answers(bus: Bus) -> None:
    asked: list[bytes] = []

    async def answer(body: bytes) -> bytes:
        asked.append(body)
        return b"you said " + body

    await bus.answer("api.echo", answer)
    await bus.answer("api.echo", answer)
    assert await bus.request("api.echo", b"hello", 2) == b"you said hello"
    assert asked == [b"hello"]


async def test_answers_do_not_wait_for_one_another(bus: Bus) -> None:
    second = asyncio.Event()

    async def answer(body: bytes) -> bytes:
        if body == b"first":
            await second.wait()
        else:
            second.set()
        return body

    await bus.answer("api.parallel", answer)
    answers = await asyncio.gather(
        bus.request("api.parallel", b"first", 5), bus.request("api.parallel", b"second", 5)
    )
    assert list(answers) == [b"first", b"second"]


async def test_no_answer_says_where_and_why(bus: Bus) -> None:
    too_late = asyncio.Event()

    async def never(_: bytes) -> bytes:
        await too_late.wait()
        return b""

    async def broken(_: bytes) -> bytes:
        raise ValueError("secret detail")

    await bus.answer("api.never", never)
    await bus.answer("api.broken", broken)
    with pytest.raises(NoAnswer, match=r"no answer on api\.nobody: nobody listens there"):
        await bus.request("api.nobody", b"", 1)
    with pytest.raises(NoAnswer, match=r"no answer on api\.never: none within 0\.1 s"):
        await bus.request("api.never", b"", 0.1)
    with pytest.raises(NoAnswer, match=r"api\.broken: internal error \(ValueError\)$"):
        await bus.request("api.broken", b"", 1)
    too_late.set()


async def test_a_listener_sees_what_passes(lane: Lane) -> None:
    seen = asyncio.Queue[Received]()
    await lane.bus.listen(f"{lane.stream}.>", seen.put)
    await lane.send(b"x")
    async with asyncio.timeout(5):
        assert (await seen.get()).subject == lane.subject


async def test_a_replay_has_everything_in_order_and_then_what_comes(lane: Lane) -> None:
    for n in range(600):
        await lane.send(b"%d" % n)
    replay = await lane.bus.events(lane.stream, (lane.subject,), since="start")
    async with asyncio.timeout(10):
        for n in range(600):
            assert (await anext(replay)).body == b"%d" % n
        await lane.send(b"new")
        assert (await anext(replay)).body == b"new"
    await replay.aclose()


async def test_a_replay_can_begin_now_or_at_a_time_and_choose_subjects(lane: Lane) -> None:
    await lane.send(b"old")
    since_now = await lane.bus.events(lane.stream, [lane.subject], since="new")
    moment = datetime.now(UTC) + timedelta(milliseconds=1)
    await asyncio.sleep(0.005)
    await lane.bus.publish_raw(f"{lane.stream}.else", b"not", stream=lane.stream, msg_id="else")
    await lane.send(b"fresh")
    since_then = await lane.bus.events(
        lane.stream, [lane.subject, f"{lane.stream}.nothing"], since=moment
    )
    async with asyncio.timeout(10):
        assert (await anext(since_now)).body == b"fresh"
        assert (await anext(since_then)).body == b"fresh"
    await since_now.aclose()
    await since_then.aclose()


async def test_a_replay_of_no_stream_is_refused(bus: Bus) -> None:
    with pytest.raises(Refused, match="no such stream"):
        await bus.events("NOPE", ["x"])


async def test_a_replay_goes_on_after_the_server_was_restarted(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "own")
    server.start()
    async with await Bus.connect(BusSettings(nats_url=server.url), "tester") as bus:
        lane = Lane(bus, "REPLAY")
        await lane.open()
        await lane.send(b"1")
        replay = await bus.events(lane.stream, [lane.subject])
        async with asyncio.timeout(15):
            assert (await anext(replay)).body == b"1"
            server.kill()
            server.start()
            await lane.send(b"2")
            assert (await anext(replay)).body == b"2"
        await replay.aclose()
    server.stop()


async def test_a_stream_can_be_looked_into_by_place(lane: Lane) -> None:
    for n in range(5):
        await lane.send(b"%d" % n, {"n": str(n)})
    third = await lane.bus.fetch_by_sequence(lane.stream, 3)
    assert third is not None
    assert (third.body, third.header("N"), third.sequence) == (b"2", "2", 3)
    assert await lane.bus.fetch_by_sequence(lane.stream, 99) is None
    assert await lane.bus.last_on(lane.stream, f"{lane.stream}.nothing") is None
    listed = [r.body async for r in lane.bus.listed(lane.stream, after=1, limit=3)]
    assert listed == [b"1", b"2", b"3"]
    assert await lane.bus.discard(lane.stream, 3) is True
    assert await lane.bus.discard(lane.stream, 3) is False
    with pytest.raises(Unavailable):
        await lane.bus.queued("x", "NOPE")


RIGHTS = """
accounts { A {
  jetstream: enabled
  users: [
    {user: admin, password: a},
    {user: worker, password: w, permissions: {
      publish: [
        "$JS.API.CONSUMER.INFO.RIGHTS.reader", "$JS.API.CONSUMER.MSG.NEXT.RIGHTS.reader",
        "$JS.ACK.RIGHTS.reader.>", "dead.>", "timer.at.watch.>",
        "$KV.own.>", "$JS.API.DIRECT.GET.KV_own.>"
      ],
      subscribe: ["_INBOX_worker.>"]
    }}
  ]
}}
"""


async def test_a_worker_needs_no_more_rights_than_its_own_subjects(tmp_path: Path) -> None:
    server = NatsServer(tmp_path / "own", RIGHTS)
    server.start()
    admin = BusSettings.model_validate(
        {"nats_url": server.url, "nats_user": "admin", "nats_password": "a"}
    )
    worker = BusSettings(nats_url=server.url.replace("//", "//worker:w@"))
    async with (
        await Bus.connect(admin, "admin") as bus,
        await Bus.connect(worker, "worker") as own,
    ):
        lane = Lane(bus, "RIGHTS")
        await lane.open()
        await apply(
            bus,
            Topology(
                streams=(
                    Stream("DEAD", ("dead.>",)),
                    Stream("TIMERS", ("timer.>",), retention="workqueue", schedules=True),
                ),
                buckets=(Bucketspec("own"),),
            ),
        )
        handled = asyncio.Event()

        async def take(message: Message) -> None:
            handled.set()

        await own.consume(Subscription(lane.stream, lane.consumer, take))
        await lane.send(encode(requested()))
        await lane.send(b"poison")
        await lane.dead_letter()
        await lane.settled(2)
        assert handled.is_set()
        bucket = own.bucket("own")
        revision = await bucket.create("run-1", b"1")
        assert revision is not None
        assert await bucket.update("run-1", b"2", revision) is not None
        due = datetime.now(UTC) + timedelta(hours=1)
        await own.timers().at("watch", "run-1", due, b"")
        await own.timers().cancel("watch", "run-1")
    server.stop()
