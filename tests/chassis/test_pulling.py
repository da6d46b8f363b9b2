import asyncio
from typing import cast

import nats.errors
import pytest
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import ServiceUnavailableError

from goaround_chassis.bus.pulling import CALM_S, CalmPull


class TurnsAway:
    """A server that has no such consumer, as the client library shows it."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def fetch(self, batch: int, timeout: float | None) -> list[Msg]:
        raise self._error


@pytest.mark.parametrize("error", [ServiceUnavailableError(), TimeoutError()])
async def test_turned_away_at_once_it_does_not_ask_again_at_once(error: Exception) -> None:
    pull = CalmPull(cast(JetStreamContext.PullSubscription, TurnsAway(error)))
    loop = asyncio.get_running_loop()
    began_at = loop.time()
    with pytest.raises(nats.errors.TimeoutError):
        await pull.fetch(1, timeout=5)
    assert CALM_S * 0.9 <= loop.time() - began_at < 5
