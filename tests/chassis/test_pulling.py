import asyncio
from dataclasses import dataclass
from typing import cast

import nats.errors
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import ServiceUnavailableError

from goaround_chassis.bus.pulling import CALM_S, CalmPull


class TurnsAway:
    """A server that has no such consumer, as the client library shows it."""

    def __init__(self, error: Exception) -> None:
        self._error = error
        self.asked = 0

    async def fetch(self, batch: int, timeout: float | None) -> list[Msg]:
        self.asked += 1
        raise self._error


@dataclass
class Connection:
    """All that a pull wants to know of the client."""

    is_connected: bool = True


def pulling(server: TurnsAway, connection: Connection) -> CalmPull:
    return CalmPull(cast("JetStreamContext.PullSubscription", server), cast("Client", connection))


async def test_without_a_connection_no_pull_is_sent_to_take_messages_later() -> None:
    server = TurnsAway(AssertionError("asked"))
    pull = pulling(server, Connection(is_connected=False))
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    with pytest.raises(nats.errors.TimeoutError):
        await pull.fetch(1, timeout=5)
    assert CALM_S * 0.9 <= loop.time() - began_at < 5
    assert server.asked == 0


@pytest.mark.parametrize(
    "error",
    [ServiceUnavailableError(), TimeoutError(), nats.errors.OutboundBufferLimitError()],
)
async def test_turned_away_at_once_it_does_not_ask_again_at_once(error: Exception) -> None:
    pull = pulling(TurnsAway(error), Connection())
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    with pytest.raises(nats.errors.TimeoutError):
        await pull.fetch(1, timeout=5)
    assert CALM_S * 0.9 <= loop.time() - began_at < 5
