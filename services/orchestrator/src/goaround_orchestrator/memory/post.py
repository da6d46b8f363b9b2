"""The post of a ledger in memory."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

from goaround_chassis.clock import Clock
from goaround_orchestrator.memory.kept import Parked
from goaround_orchestrator.memory.ledger import MemoryLedger
from goaround_orchestrator.relay import Posted


class MemoryTaken:
    """Some messages, for one relay alone."""

    def __init__(self, letters: Sequence[Posted], clock: Clock) -> None:
        self.letters = letters
        self.parked: list[Parked] = []
        self._clock = clock

    async def park(self, letter: Posted, why: str) -> None:
        """Put a message aside that can never be sent, for a person to see."""
        self.parked.append(Parked(letter, why, self._clock.now()))


class MemoryPost:
    """The post of a ledger in memory."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger
        self._out: set[int] = set()

    @property
    def parked(self) -> list[Parked]:
        """What was put aside."""
        return self._ledger.kept.parked

    @asynccontextmanager
    async def taken(self, limit: int) -> AsyncGenerator[MemoryTaken]:
        """Take some messages; they lie there again if the block raises."""
        self._ledger.bell.clear()
        outbox = self._ledger.kept.outbox
        ids = [id_ for id_ in sorted(outbox) if id_ not in self._out][:limit]
        taken = MemoryTaken([outbox[id_] for id_ in ids], self._ledger.clock)
        self._out.update(ids)
        try:
            yield taken
            for id_ in ids:
                del outbox[id_]
                self._ledger.kept.posted_at.pop(id_, None)
            self._ledger.kept.parked += taken.parked
        finally:
            self._out.difference_update(ids)

    async def rung(self, within_s: float) -> None:
        """Return when something was posted since the last call, or when the time is up."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ledger.bell.wait(), within_s)

    async def waiting(self) -> int:
        """How many messages wait."""
        return len(self._ledger.kept.outbox)
