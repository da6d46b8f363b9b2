import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from goaround_chassis.bus import (
    Bucketspec,
    Bus,
    Consumer,
    Impossible,
    ServerTooOld,
    Stream,
    Topology,
    apply,
)

pytestmark = pytest.mark.system


@pytest.fixture
async def name(bus: Bus) -> AsyncIterator[str]:
    name = f"S{uuid4().hex[:10]}"
    yield name
    for stream in (name, f"KV_{name}"):
        await bus.api(f"STREAM.DELETE.{stream}")


def topology(name: str) -> Topology:
    return Topology(
        streams=(Stream(name, (f"{name}.>",), max_age_s=3600, max_bytes=1_000_000),),
        consumers=(
            Consumer(name, "all"),
            Consumer(name, "one", (f"{name}.a",)),
            Consumer(name, "two", (f"{name}.a", f"{name}.b"), ack_wait_s=5, max_ack_pending=7),
        ),
        buckets=(Bucketspec(name, ttl_s=60),),
    )


async def config(bus: Bus, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await bus.api(path))
    found: dict[str, Any] = answer["config"]
    return found


async def test_everything_is_made_and_a_second_time_changes_nothing(bus: Bus, name: str) -> None:
    made = await apply(bus, topology(name))
    assert [change.action for change in made] == ["create"] * 5
    assert (await config(bus, f"STREAM.INFO.{name}"))["max_age"] == 3600 * 10**9
    two = await config(bus, f"CONSUMER.INFO.{name}.two")
    assert two["filter_subjects"] == [f"{name}.a", f"{name}.b"]
    assert (two["ack_wait"], two["max_ack_pending"]) == (5 * 10**9, 7)
    assert await apply(bus, topology(name)) == []


async def test_applied_from_many_places_at_once_it_comes_to_the_same(bus: Bus, name: str) -> None:
    await asyncio.gather(*(apply(bus, topology(name)) for _ in range(5)))
    assert await apply(bus, topology(name)) == []


async def test_what_differs_is_updated_and_what_we_do_not_name_stays(bus: Bus, name: str) -> None:
    await apply(bus, topology(name))
    theirs = {**await config(bus, f"STREAM.INFO.{name}"), "description": "theirs"}
    await bus.api(f"STREAM.UPDATE.{name}", json.dumps(theirs).encode())
    was = topology(name)
    wanted = replace(
        was,
        streams=(replace(was.streams[0], max_age_s=60),),
        consumers=(
            replace(was.consumers[0], filters=(f"{name}.c", f"{name}.d")),
            replace(was.consumers[1], filters=()),
            replace(was.consumers[2], filters=(f"{name}.b",), ack_wait_s=9),
        ),
    )
    would = await apply(bus, wanted, dry_run=True)
    assert (await config(bus, f"STREAM.INFO.{name}"))["max_age"] == 3600 * 10**9
    changes = await apply(bus, wanted)
    assert changes == would
    assert str(changes[0]) == f"update stream {name} (max_age, duplicate_window)"
    stream = await config(bus, f"STREAM.INFO.{name}")
    assert (stream["max_age"], stream["description"]) == (60 * 10**9, "theirs")
    assert stream["max_bytes"] == 1_000_000
    assert await apply(bus, wanted) == []


async def test_what_cannot_be_changed_is_refused_before_anything_is(bus: Bus, name: str) -> None:
    await apply(bus, topology(name))
    was = topology(name)
    wanted = replace(
        was,
        streams=(replace(was.streams[0], retention="workqueue", max_age_s=60, storage="memory"),),
        consumers=(Consumer(name, "new one"), replace(was.consumers[0], deliver="new")),
    )
    wanted = replace(wanted, consumers=(Consumer(name, "fresh"), wanted.consumers[1]))
    with pytest.raises(Impossible) as refused:
        await apply(bus, wanted)
    assert len(refused.value.faults) == 3
    assert "retention is 'limits' and cannot become 'workqueue'" in refused.value.faults[0]
    assert (await config(bus, f"STREAM.INFO.{name}"))["max_age"] == 3600 * 10**9
    assert "error" in json.loads(await bus.api(f"CONSUMER.INFO.{name}.fresh"))


async def test_a_server_without_schedules_is_refused_with_its_version() -> None:
    class OldServer:
        server_version = (2, 9, 10)

        async def api(self, subject: str, body: bytes = b"", timeout_s: float = 5.0) -> bytes:
            raise AssertionError(f"nothing may be asked of it: {subject}")

    with pytest.raises(ServerTooOld, match=r"is version 2\.9\.10; 2\.12\.0 or newer is needed"):
        await apply(OldServer(), Topology(streams=(Stream("S", ("s",)),)))


def test_a_stream_of_schedules_has_no_age_limit() -> None:
    with pytest.raises(ValueError, match="would vanish unfired"):
        Stream("TIMERS", ("timer.>",), schedules=True, max_age_s=60).config()
