from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import pytest

from goaround_chassis.bus import Bus, Stream, Topology, apply
from goaround_chassis.settings import BusSettings
from tests.chassis.lane import Lane
from tests.chassis.nats_server import NatsServer


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def bus(nats_server: NatsServer) -> AsyncIterator[Bus]:
    settings = BusSettings(nats_url=nats_server.url, shutdown_grace_s=2)
    async with await Bus.connect(settings, "tester") as bus:
        await apply(bus, Topology(streams=(Stream("DEAD", ("dead.>",)),)))
        yield bus


@pytest.fixture
async def lane(bus: Bus) -> AsyncIterator[Lane]:
    """A stream with one consumer that no other test knows."""
    lane = Lane(bus, f"T{uuid4().hex[:10]}")
    await lane.open()
    yield lane
    await lane.close()
