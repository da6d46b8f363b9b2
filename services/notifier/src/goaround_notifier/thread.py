"""Synchronous work that may hang, kept from holding up anything else.

Threads of its own rather than a pool: one that hangs must neither take a place that others wait
for, nor keep the process from ending. So many at most, counted until they really end.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


class Broke(Exception):
    """The work raised. Its own words are not repeated: they may quote an address."""

    def __init__(self) -> None:
        super().__init__("it broke in a way that nobody foresaw")


class Threads:
    """Runs functions beside the event loop, each in a thread that dies with the process."""

    def __init__(self, most: int) -> None:
        self._free = asyncio.Semaphore(most)

    async def run(self, work: Callable[[], T], timeout_s: float) -> T:
        """Return what the work returns.

        Raises:
            TimeoutError: It is not over in time, waiting for a thread included. It may go on.
            Broke: It raised.
        """
        async with asyncio.timeout(timeout_s):
            await self._free.acquire()
            found = await self._start(work)
        if not found:
            raise Broke
        return found[0]

    def _start(self, work: Callable[[], T]) -> "asyncio.Future[list[T]]":
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[list[T]] = loop.create_future()

        def settle(found: list[T]) -> None:
            self._free.release()
            if not ended.done():
                ended.set_result(found)

        def body() -> None:
            found: list[T] = []
            # Whatever it is: the thread's own way to report it would print an address.
            with suppress(Exception):
                found.append(work())
            with suppress(RuntimeError):  # the loop is gone, and with it who waited
                loop.call_soon_threadsafe(settle, found)

        threading.Thread(target=body, daemon=True, name="notice").start()
        return ended
