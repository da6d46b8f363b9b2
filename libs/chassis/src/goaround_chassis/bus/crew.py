"""Who handles the messages of one consumer: so many at a time, and no message waits in between.

A pull asks for as many as there are free places, so nothing is taken from the stream that cannot be
begun at once; its ack_wait would run out while it waited for its turn.
"""

import asyncio
from collections.abc import Coroutine

from goaround_chassis.bus.gate import Gate


class Crew:
    """Runs handlers, with at most `size` messages in hand, in at most so many `turns` at a time.

    What comes while all turns are taken makes the next one longer; with one turn, what came first
    is done first. Behind a gate that is shut nothing new is asked for.
    """

    def __init__(self, size: int, turns: int | None = None, gate: Gate | None = None) -> None:
        self.size = size
        self._turns = turns or size
        self.bell = asyncio.Event()
        """Rung when a place gets free; whoever waits for one may ring it for reasons of its own."""
        self._busy = 0
        self._at_work: set[asyncio.Task[None]] = set()
        self._gate = gate or Gate()
        self._gate.tell(self.bell.set)

    @property
    def rests(self) -> bool:
        """Whether nothing is to be asked for."""
        return not self._gate.is_open

    @property
    def free(self) -> int:
        """How many more messages could be begun now."""
        return self.size - self._busy

    @property
    def has_turn(self) -> bool:
        """Whether something could be begun now."""
        return len(self._at_work) < self._turns

    def begin(self, work: Coroutine[None, None, None], messages: int = 1) -> None:
        """Have so many messages handled; returns at once."""
        self._busy += messages
        task = asyncio.get_running_loop().create_task(work)
        self._at_work.add(task)

        def ended(task: asyncio.Task[None]) -> None:
            self._at_work.discard(task)
            self._busy -= messages
            self.bell.set()

        task.add_done_callback(ended)

    async def finish(self, grace_s: float) -> None:
        """Return once nothing is in hand; what is not done within the grace is cancelled."""
        if not self._at_work:
            return
        _, late = await asyncio.wait(self._at_work, timeout=grace_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
