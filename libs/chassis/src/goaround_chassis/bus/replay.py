"""Reading a stream in order from some point on, for clients and live views. Nothing is consumed.

The reader is a consumer of its own that the server forgets after a minute unused. Should it be lost
(a restart of the server), it is made anew after the last message that was seen: none is skipped,
none comes twice.
"""
# The client library leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Literal
from uuid import uuid4

import nats.errors
import structlog
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import APIError, NotFoundError

from goaround_chassis.bus.errors import Refused, Unavailable
from goaround_chassis.bus.received import Received, from_delivery

log = structlog.get_logger(__name__)

Since = Literal["start", "new"] | datetime

FORGOTTEN_AFTER_S = 60.0
FETCH = 256
PULL_S = 2.0
AGAIN_S = 0.2


class Replay(AsyncIterator[Received]):
    """The messages of a stream, in order, without end."""

    def __init__(self, js: JetStreamContext, stream: str, filters: tuple[str, ...]) -> None:
        self._js = js
        self._stream = stream
        self._filters = list(filters)
        self._pull: JetStreamContext.PullSubscription | None = None
        self._consumer = ""
        self._after = 0
        self._ready: list[Received] = []

    async def open(self, since: Since) -> None:
        """Begin; every message from now on is seen, whenever it is first asked for.

        Raises:
            Refused: There is no such stream, or it may not be read.
            Unavailable: The server did not answer.
        """
        match since:
            case "start":
                where = ConsumerConfig(deliver_policy=DeliverPolicy.ALL)
            case "new":
                where = ConsumerConfig(deliver_policy=DeliverPolicy.NEW)
            case datetime():
                where = ConsumerConfig(
                    deliver_policy=DeliverPolicy.BY_START_TIME, opt_start_time=since
                )
        try:
            await self._create(where)
        except NotFoundError as error:
            raise Refused(f"replay {self._stream}", "there is no such stream") from error
        except APIError as error:
            raise Refused(f"replay {self._stream}", str(error), error.err_code or 0) from error
        except (nats.errors.Error, TimeoutError) as error:
            raise Unavailable(f"replay {self._stream}", str(error) or "no answer") from error

    async def __anext__(self) -> Received:
        """Return the next message, waiting for it if need be."""
        while not self._ready:
            try:
                self._ready = await self._fetch()
            except (APIError, nats.errors.NoRespondersError) as error:
                log.info("replay_reopened", stream=self._stream, after=self._after, why=str(error))
                await self._reopen()
        return self._ready.pop(0)

    async def aclose(self) -> None:
        """Stop reading."""
        if self._pull is None:
            return
        pull, self._pull = self._pull, None
        try:
            await pull.unsubscribe()
        except nats.errors.Error as error:
            log.debug("unsubscribe_failed", stream=self._stream, why=str(error))

    async def _fetch(self) -> list[Received]:
        if self._pull is None:
            raise StopAsyncIteration
        try:
            fetched = await self._pull.fetch(FETCH, timeout=PULL_S)
        except TimeoutError:
            return []
        # After a reopening a late delivery of the old consumer may still arrive.
        fresh = [m for m in map(from_delivery, fetched) if m.sequence > self._after]
        if fresh:
            self._after = fresh[-1].sequence
        return fresh

    async def _reopen(self) -> None:
        await self.aclose()
        while True:
            await asyncio.sleep(AGAIN_S)
            try:
                await self._create(
                    ConsumerConfig(
                        deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
                        opt_start_seq=self._after + 1,
                    )
                )
            except (nats.errors.Error, TimeoutError) as error:
                log.info("replay_waits", stream=self._stream, why=str(error) or "no answer")
            else:
                return

    async def _create(self, where: ConsumerConfig) -> None:
        name = f"replay-{uuid4().hex}"
        info = await self._js.add_consumer(
            self._stream,
            where,
            name=name,
            ack_policy=AckPolicy.NONE,
            filter_subjects=self._filters,
            inactive_threshold=FORGOTTEN_AFTER_S,
            mem_storage=True,
            num_replicas=1,
        )
        if not self._after and info.delivered is not None:
            self._after = info.delivered.stream_seq
        self._pull = await self._js.pull_subscribe_bind(consumer=name, stream=self._stream)
