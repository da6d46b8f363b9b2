"""Taking the looks that are led when they are due, and handing them back at the end.

Where this process is killed, its looks are as late as their alarms. Where it stops in good order,
the alarms are set to the very times, for whoever takes over.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from functools import partial

from goaround_chassis.background import attempt
from goaround_chassis.clock import Clock
from goaround_watcher.lead import Lead
from goaround_watcher.state import Tick

LEAVE_WITHIN_S = 2.0
"""How long looks in hand are waited for at the end; those that take longer have their alarms."""


class Leading:
    """Has the ticks of a lead looked at, each when it is due, as far as there are places."""

    def __init__(self, lead: Lead, clock: Clock, places: asyncio.Semaphore) -> None:
        self._lead = lead
        self._clock = clock
        self._places = places
        self._sooner = asyncio.Event()
        self._in_hand: set[asyncio.Task[bool]] = set()

    async def keep(self, look: Callable[[Tick], Awaitable[None]]) -> None:
        """Lead until cancelled.

        What is due and has no place yet can still be dropped. A look that fails is told in the log,
        and left to its alarm.
        """
        self._lead.open(self._sooner.set)
        while True:
            await self._until_one_is_due()
            await self._places.acquire()
            tick = self._lead.take(self._clock.now())
            if tick is None:
                self._places.release()
                continue
            task = asyncio.create_task(attempt(partial(look, tick), "look"))
            self._in_hand.add(task)
            task.add_done_callback(self._over)

    async def hand_back(self, arm: Callable[[Tick, datetime], Awaitable[None]]) -> None:
        """Lead no more, and have all that was led ring when it is due."""
        led = self._lead.close()
        if self._in_hand:
            await asyncio.wait(self._in_hand, timeout=LEAVE_WITHIN_S)
        await asyncio.gather(*(arm(tick, due) for tick, due in led))

    async def _until_one_is_due(self) -> None:
        while (wait_s := self._lead.wait_s(self._clock.now())) is None or wait_s > 0:
            self._sooner.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._sooner.wait()

    def _over(self, task: asyncio.Task[bool]) -> None:
        self._in_hand.discard(task)
        self._places.release()
