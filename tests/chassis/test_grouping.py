"""What is published at the same time goes as one batch, and each publisher hears of its own."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from goaround_chassis.bus import Bucketspec, Bus, Refused, Stream, Topology, apply
from goaround_chassis.bus.grouping import LEAST
from tests.chassis.lane import Lane, until

pytestmark = pytest.mark.system

FEW_AND_MANY = pytest.mark.parametrize("count", [12, LEAST + 12], ids=["few", "many"])
"""Side by side, and as a batch."""


async def bodies(lane: Lane) -> list[bytes]:
    return [m.body async for m in lane.bus.listed(lane.stream, limit=1000)]


async def batches(lane: Lane) -> set[str]:
    listed = lane.bus.listed(lane.stream, limit=1000)
    found = [m.header("Nats-Batch-Id") async for m in listed]
    return {batch for batch in found if batch}


def publishing(lane: Lane, body: bytes, msg_id: str) -> asyncio.Task[bool]:
    sent = lane.bus.publish_raw(lane.subject, body, stream=lane.stream, msg_id=msg_id)
    return asyncio.ensure_future(sent)


async def test_many_at_the_same_time_are_one_batch_in_their_order(lane: Lane) -> None:
    sent = [b"%d" % n for n in range(100)]
    repeats = await asyncio.gather(*(publishing(lane, b, uuid4().hex) for b in sent))
    assert repeats == [False] * 100
    assert await bodies(lane) == sent
    assert len(await batches(lane)) == 1


async def test_a_few_are_no_batch(lane: Lane) -> None:
    sent = [b"%d" % n for n in range(LEAST - 1)]
    await asyncio.gather(*(publishing(lane, b, uuid4().hex) for b in sent))
    assert await batches(lane) == set()
    assert sorted(await bodies(lane)) == sorted(sent)


async def test_who_can_wait_has_what_comes_a_little_later_go_along_while_there_is_much(
    lane: Lane,
) -> None:
    lane.bus.gather(0.2)
    await asyncio.gather(*(publishing(lane, b"x", f"first-{n}") for n in range(LEAST)))
    sends = [publishing(lane, b"x", f"early-{n}") for n in range(LEAST // 2)]
    await asyncio.wait(sends, timeout=0.02)
    assert not any(send.done() for send in sends), "they wait for company"
    sends += [publishing(lane, b"x", f"late-{n}") for n in range(LEAST // 2)]
    assert not any(await asyncio.gather(*sends))
    assert len(await batches(lane)) == 2


async def test_who_can_wait_does_not_where_there_is_little(lane: Lane) -> None:
    lane.bus.gather(60)
    async with asyncio.timeout(5):
        for n in range(3):
            await publishing(lane, b"x", f"n{n}")
    assert len(await bodies(lane)) == 3


async def test_one_stream_may_have_another_patience_than_all_others(lane: Lane) -> None:
    lane.bus.gather(60)
    lane.bus.gather(0, stream=lane.stream)
    async with asyncio.timeout(5):
        for _ in range(2):
            await asyncio.gather(*(publishing(lane, b"x", uuid4().hex) for _ in range(LEAST)))
    assert len(await bodies(lane)) == 2 * LEAST


@FEW_AND_MANY
async def test_a_repeat_among_others_is_told_as_one_and_holds_up_none(
    lane: Lane, count: int
) -> None:
    await publishing(lane, b"1", "one")
    names = [f"n{n}" for n in range(count)]
    names[11] = "one"
    repeats = await asyncio.gather(*(publishing(lane, n.encode(), n) for n in names))
    assert [n for n, repeat in zip(names, repeats, strict=True) if repeat] == ["one"]
    assert sorted(await bodies(lane)) == sorted(b"1" if n == "one" else n.encode() for n in names)


@FEW_AND_MANY
async def test_what_is_too_large_is_refused_to_its_publisher_alone(lane: Lane, count: int) -> None:
    sends = [publishing(lane, b"x", f"n{n}") for n in range(count)]
    sends.append(publishing(lane, b"x" * 2_000_000, "large"))
    *kept, refused = await asyncio.gather(*sends, return_exceptions=True)
    assert kept == [False] * count
    assert isinstance(refused, Refused)
    assert await bodies(lane) == [b"x"] * count


@FEW_AND_MANY
async def test_what_the_server_refuses_is_refused_to_its_publisher_alone(
    bus: Bus, lane: Lane, count: int
) -> None:
    wrong = bus.publish_raw(
        lane.subject,
        b"wrong",
        stream=lane.stream,
        msg_id="wrong",
        headers={"Nats-Expected-Last-Subject-Sequence": "4711"},
    )
    sends = [publishing(lane, b"x", f"n{n}") for n in range(count)]
    refused, *kept = await asyncio.gather(wrong, *sends, return_exceptions=True)
    assert isinstance(refused, Refused)
    assert refused.code == 10071
    assert kept == [False] * count
    assert await bodies(lane) == [b"x"] * count


async def test_what_needs_looking_at_goes_the_careful_way(bus: Bus, lane: Lane) -> None:
    headers = {"Reason": "für später"}
    sent = await bus.publish_raw(
        lane.subject, b"x", stream=lane.stream, msg_id="odd", headers=headers
    )
    assert not sent
    (found,) = [m async for m in bus.listed(lane.stream, limit=2)]
    assert (found.body, "Reason" in found.headers) == (b"x", True)


async def test_a_stream_that_is_not_there_is_told_as_such(bus: Bus, lane: Lane) -> None:
    with pytest.raises(Refused, match="stream"):
        await bus.publish_raw(lane.subject, b"x", stream="ELSEWHERE", msg_id="x")
    assert await bodies(lane) == []


async def test_a_stream_without_batches_takes_them_side_by_side(lane: Lane) -> None:
    info = json.loads(await lane.bus.api(f"STREAM.INFO.{lane.stream}"))
    plain = json.dumps({**info["config"], "allow_atomic": False}).encode()
    assert "error" not in json.loads(await lane.bus.api(f"STREAM.UPDATE.{lane.stream}", plain))
    await asyncio.gather(*(publishing(lane, b"%d" % n, f"n{n}") for n in range(LEAST)))
    assert len(await bodies(lane)) == LEAST
    assert await batches(lane) == set()


@FEW_AND_MANY
async def test_a_publisher_that_gives_up_waiting_takes_no_other_with_it(
    lane: Lane, count: int
) -> None:
    sends = [publishing(lane, b"%d" % n, f"n{n}") for n in range(count)]
    await asyncio.sleep(0)
    sends[1].cancel()
    assert not any(await asyncio.gather(sends[0], *sends[2:]))


async def test_revisions_of_a_bucket_written_together_are_the_ones_that_are_kept(bus: Bus) -> None:
    name = f"b{uuid4().hex[:8]}"
    await apply(bus, Topology(buckets=(Bucketspec(name),)))
    bucket = bus.bucket(name)
    keys = [f"k{n}" for n in range(30)]
    first = await asyncio.gather(*(bucket.create(key, b"1") for key in keys))
    for key, revision in zip(keys, first, strict=True):
        found = await bucket.get(key)
        assert found is not None
        assert found.revision == revision
    revisions = [r or 0 for r in first]
    # One of them is behind: it alone is told so.
    await bucket.put("k7", b"other")
    second = await asyncio.gather(
        *(bucket.update(key, b"2", r) for key, r in zip(keys, revisions, strict=True))
    )
    assert [key for key, r in zip(keys, second, strict=True) if r is None] == ["k7"]
    await bus.api(f"STREAM.DELETE.KV_{name}")


async def test_alarms_that_are_set_together_all_ring(bus: Bus) -> None:
    name = f"t{uuid4().hex[:8]}"
    timers = Stream("TIMERS", ("timer.>",), retention="workqueue", schedules=True)
    await apply(bus, Topology(streams=(timers,)))
    due = datetime.now(UTC) + timedelta(milliseconds=200)
    await asyncio.gather(*(bus.timers().at(name, f"k{n}", due, b"%d" % n) for n in range(20)))

    async def all_rang() -> bool:
        rung = [m async for m in bus.listed("TIMERS", subject=f"timer.fired.{name}.>")]
        return sorted(int(m.body) for m in rung) == list(range(20))

    await until(all_rang)
    await bus.api("STREAM.PURGE.TIMERS", json.dumps({"filter": f"timer.*.{name}.>"}).encode())
