"""One run as its asker follows it: every event of it, in order, and how it ended.

It reads the stream's history, so an interrupted connection loses nothing: what was missed is read
when the bus is back. It only reads; asking for an abort or a rollback is the client's part.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

from goaround_chassis.bus import Bus, Received, Replay
from goaround_schemas.catalogue import EVENTS, AnyEvent, Malformed, TooNew, UnknownType, parse
from goaround_schemas.outcome import DeployFinished
from goaround_schemas.subjects import DEPLOY, filter_for


class RunHandle:
    """A run that was asked for; `run_id` names it everywhere else."""

    def __init__(
        self,
        run_id: str,
        service: str,
        environment: str,
        replay: Replay,
        cause: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.service = service
        self.environment = environment
        self._replay = replay
        self._cause = cause
        self._known: list[AnyEvent] = []
        self._ids: set[str] = set()
        self._reading = asyncio.Lock()
        self._ended = False

    async def events(self) -> AsyncIterator[AnyEvent]:
        """Yield the run's events from the request on, to `deploy.finished`; waits for each.

        May be called again, and beside `finished`: each begins with the first event.
        """
        told: set[str] = set()
        while True:
            for event in [e for e in self._known if e.id not in told]:
                told.add(event.id)
                yield event
            if self._ended and all(e.id in told for e in self._known):
                return
            before = len(self._ids)
            async with self._reading:
                if not self._ended and len(self._ids) == before:
                    await self._read_one()

    async def finished(self, timeout_s: float | None = None) -> DeployFinished:
        """Return how the run ended, however long it takes, through outages of the bus too.

        Raises:
            TimeoutError: It has not ended in this time. The run goes on.
        """
        async with asyncio.timeout(timeout_s):
            async for event in self.events():
                if isinstance(event, DeployFinished):
                    return event
        raise RuntimeError(f"the client was closed before run {self.run_id} ended")

    async def close(self) -> None:
        """Stop reading. The run goes on."""
        self._ended = True
        await self._replay.aclose()

    async def _read_one(self) -> None:
        try:
            received = await anext(self._replay)
        except StopAsyncIteration:
            self._ended = True
            return
        event = read_event(received)
        if event is None or event.id in self._ids or not self._is_ours(event):
            return
        self._ids.add(event.id)
        self._known.append(event)
        if isinstance(event, DeployFinished):
            await self.close()

    def _is_ours(self, event: AnyEvent) -> bool:
        if event.data.run_id == self.run_id:
            return True
        if self._cause is None or event.causationid != self._cause:
            return False
        # The id stands for another request already; ours was given one of its own, and refused.
        self.run_id = event.data.run_id
        self._known.clear()
        return True


def read_event(received: Received) -> AnyEvent | None:
    """Return the event that was received; None for what cannot be read here."""
    try:
        message = parse(received.body)
    except (UnknownType, TooNew, Malformed):
        # A bare request at the front door, say, or an event of a later release.
        return None
    return message if isinstance(message, EVENTS) else None


async def follow(
    bus: Bus,
    run_id: str,
    service: str,
    environment: str,
    *,
    since: datetime | None = None,
    cause: str | None = None,
) -> RunHandle:
    """Return a handle that sees all that is said of the run from this time (or now) on.

    Raises:
        goaround_chassis.bus.Unavailable, goaround_chassis.bus.Refused: The stream cannot be read.
    """
    subjects = [f"{filter_for(kind, environment).rpartition('.')[0]}.{service}" for kind in EVENTS]
    replay = await bus.events(DEPLOY, subjects, since=since or "new")
    return RunHandle(run_id, service, environment, replay, cause)
