"""One suite for the bucket on the bus and the one in memory."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from goaround_chassis.bucket import Bucket
from goaround_chassis.bus import Bucketspec, Bus, Topology, Unavailable, apply, as_token
from goaround_chassis.testing import MemoryBucket

pytestmark = pytest.mark.system


@pytest.fixture(params=["nats", "memory"])
async def bucket(request: pytest.FixtureRequest, bus: Bus) -> AsyncIterator[Bucket]:
    if request.param == "memory":
        yield MemoryBucket()
        return
    name = f"b{uuid4().hex[:10]}"
    await apply(bus, Topology(buckets=(Bucketspec(name),)))
    yield bus.bucket(name)
    await bus.api(f"STREAM.DELETE.KV_{name}")


async def test_what_was_never_put_is_not_there(bucket: Bucket) -> None:
    assert await bucket.get("nothing") is None


async def test_the_first_one_creates_and_the_second_is_told(bucket: Bucket) -> None:
    first = await bucket.create("run", b"one")
    assert first is not None
    assert await bucket.create("run", b"two") is None
    entry = await bucket.get("run")
    assert entry is not None
    assert (entry.value, entry.revision) == (b"one", first)


async def test_of_two_updates_of_one_revision_one_is_first(bucket: Bucket) -> None:
    first = await bucket.create("run", b"one")
    assert first is not None
    second = await bucket.update("run", b"two", first)
    assert second is not None
    assert second > first
    assert await bucket.update("run", b"late", first) is None
    entry = await bucket.get("run")
    assert entry is not None
    assert (entry.value, entry.revision) == (b"two", second)


async def test_what_is_not_there_cannot_be_updated(bucket: Bucket) -> None:
    assert await bucket.update("nothing", b"x", 1) is None


async def test_put_writes_whatever_is_there(bucket: Bucket) -> None:
    assert await bucket.put("run", b"one") < await bucket.put("run", b"two")
    entry = await bucket.get("run")
    assert entry is not None
    assert entry.value == b"two"


async def test_what_is_deleted_can_be_created_again_and_not_updated(bucket: Bucket) -> None:
    first = await bucket.create("run", b"one")
    assert first is not None
    await bucket.delete("run")
    await bucket.delete("never there")
    assert await bucket.get("run") is None
    assert await bucket.update("run", b"late", first) is None
    again = await bucket.create("run", b"two")
    assert again is not None
    assert again > first


async def test_an_empty_value_is_a_value(bucket: Bucket) -> None:
    await bucket.put("run", b"")
    entry = await bucket.get("run")
    assert entry is not None
    assert entry.value == b""


async def test_an_entry_tells_when_it_was_written_by_the_buckets_own_clock(bucket: Bucket) -> None:
    before = await bucket.now()
    first = await bucket.create("run", b"one")
    assert first is not None
    entry = await bucket.get("run")
    assert entry is not None
    between = await bucket.now()
    assert before <= entry.written_at <= between
    assert entry.written_at.utcoffset() == timedelta(0)
    await bucket.update("run", b"two", first)
    again = await bucket.get("run")
    assert again is not None
    assert between <= again.written_at <= await bucket.now()


async def test_a_bucket_that_is_not_there_does_not_tell_the_time(bus: Bus) -> None:
    with pytest.raises(Unavailable, match="ask KV_nowhere for the time: stream not found"):
        await bus.bucket("nowhere").now()


AWKWARD = ["a b", "a.b", "a..b", ".", "", "*", ">", "a=b", "a%20b", "a/b", "Ünïcode", "~", "=2E"]


async def test_any_text_is_a_key_and_no_two_are_the_same(bucket: Bucket) -> None:
    for key in AWKWARD:
        assert await bucket.create(key, key.encode()) is not None
    for key in AWKWARD:
        entry = await bucket.get(key)
        assert entry is not None
        assert entry.value == key.encode()


def test_a_token_stays_readable_where_it_can() -> None:
    assert as_token("run-1_A") == "run-1_A"
    assert as_token("a.b") == "a=2Eb"
