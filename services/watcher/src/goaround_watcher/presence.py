"""Saying that this watcher is there, hearing who else is, and taking the share that follows.

Plain messages of no stream, on a subject of each watcher's own: nothing is kept of them, and they
lead ticks and decide nothing. Who is silent for six beats (3 s) is gone; who stops says so. Where
two watchers have two pictures they take the same slots for a while, which costs some reading.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

from goaround_chassis.bus import Received, Unavailable
from goaround_watcher.rota import SLOTS, Roster, mine

log = structlog.get_logger(__name__)

SUBJECT = "presence.watcher"
BEAT_S = 0.5
_HERE, _GOODBYE = b"", b"goodbye"


class Channel(Protocol):
    """Plain subjects, as the bus has them."""

    @property
    def connected(self) -> bool:
        """Whether anything can be said or heard right now."""
        ...

    async def tell(self, subject: str, body: bytes) -> None:
        """Say something to who listens now, or raise `Unavailable`."""
        ...

    async def listen(self, subject: str, handler: Callable[[Received], Awaitable[None]]) -> None:
        """Have a handler see what is said."""
        ...


class Presence:
    """One watcher among others. `take` is given its slots, at the start and at each change."""

    def __init__(
        self,
        channel: Channel,
        me: str,
        take: Callable[[frozenset[int]], None],
        beat_s: float = BEAT_S,
    ) -> None:
        self._beat_s = beat_s
        self._channel = channel
        self._me = me
        self._take = take
        self._roster = Roster()
        self._share: frozenset[int] | None = None
        self._listens = self._leaves = False

    async def keep(self) -> None:
        """Be there until cancelled. The share is taken once all others can have answered."""
        if not self._listens:
            await self._channel.listen(f"{SUBJECT}.*", self._hear)
            self._listens = True
        while not self._leaves:
            await self._say(_HERE)
            await asyncio.sleep(self._beat_s)
            if self._channel.connected:
                self._settle(gone=self._roster.beat())
            else:
                self._roster.deaf()
        await asyncio.Event().wait()

    async def leave(self) -> None:
        """Say goodbye, so that others take over at once."""
        self._leaves = True
        await self._say(_GOODBYE)

    async def _hear(self, received: Received) -> None:
        who = received.subject.removeprefix(f"{SUBJECT}.")
        if who == self._me or self._leaves:
            return
        if received.body == _GOODBYE:
            if self._roster.left(who):
                self._settle(gone=frozenset({who}))
        elif self._roster.heard(who):
            # It need not wait for our next beat to know us.
            await self._say(_HERE)
            if self._share is not None:
                self._settle(came=frozenset({who}))

    def _settle(
        self, came: frozenset[str] = frozenset(), gone: frozenset[str] = frozenset()
    ) -> None:
        others = self._roster.others
        share = mine(SLOTS, self._me, others)
        if self._leaves or share == self._share:
            return
        self._share = share
        self._take(share)
        log.info(
            "share_changed",
            slots=sorted(share),
            me=self._me,
            watchers=len(others) + 1,
            came=sorted(came),
            gone=sorted(gone),
        )

    async def _say(self, body: bytes) -> None:
        try:
            await self._channel.tell(f"{SUBJECT}.{self._me}", body)
        except Unavailable as error:
            log.debug("not_said", why=error.why)
