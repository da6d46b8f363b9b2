"""Runs one plug-in in a thread and an event loop of its own: one that blocks holds up nobody else.

Knows nothing of what is asked. Whatever the plug-in raises, `SystemExit` included, becomes one kind
of error; a call that takes too long is cancelled, and given up whether it obeys or not.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from inspect import isawaitable
from typing import Any, TypeVar

from goaround_watcher.sources.port import SourceError

MOST_IN_HAND = 64
"""Calls that a plug-in may owe an answer to; one that never answers must not fill the memory."""
_LAST_WORDS_S = 1.0

T = TypeVar("T")
Work = Callable[[], Coroutine[Any, Any, T]]


class PluginThread:
    """Where one plug-in lives. It is a daemon: no plug-in keeps the watcher from ending."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._loop = asyncio.new_event_loop()
        self._is_closing = False
        self._in_hand: set[object] = set()
        self._thread = threading.Thread(target=self._run, name=f"source {name}", daemon=True)
        self._thread.start()

    async def call(self, work: Work[T], within_s: float) -> T:
        """Return what the work returns, done over there.

        Raises:
            SourceError: It raised, or did not answer in time; the detail names the plug-in.
        """
        if len(self._in_hand) >= MOST_IN_HAND:
            raise SourceError(f"{self.name} still owes {len(self._in_hand)} answers")
        done: Future[asyncio.Task[T]] = Future()
        self._in_hand.add(done)
        self._loop.call_soon_threadsafe(self._begin, work, done)
        waiting = asyncio.wrap_future(done)
        try:
            await asyncio.wait({waiting}, timeout=within_s)
        finally:
            waiting.cancel()
        if waiting.cancelled():
            raise SourceError(f"{self.name} did not answer within {within_s:g} s")
        task = waiting.result()
        if task.cancelled():
            raise SourceError(f"{self.name} gave up")
        if (error := task.exception()) is not None:
            raise SourceError(f"{self.name} failed: {_told(error)}") from error
        return task.result()

    async def close(self, plugin: object, within_s: float) -> None:
        """Tell the plug-in that it is over, if it wants to know, and end the thread."""

        async def told() -> None:
            closing = getattr(plugin, "aclose", None)
            said: object = closing() if callable(closing) else None
            if isawaitable(said):
                await said

        with suppress(SourceError):
            await self.call(told, within_s)
        self._is_closing = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join, within_s)

    def _begin(self, work: Work[T], done: Future[asyncio.Task[T]]) -> None:
        # The work is made over there as well: what is no coroutine function fails as all else does.
        task = self._loop.create_task(_begun(work))

        def settle(finished: asyncio.Task[T]) -> None:
            self._in_hand.discard(done)
            if not finished.cancelled():
                finished.exception()  # Seen, also where nobody waits any more.
            with suppress(InvalidStateError):
                done.set_result(finished)

        def give_up(settled: Future[asyncio.Task[T]]) -> None:
            if settled.cancelled():
                with suppress(RuntimeError):  # The loop is closed, and the task with it.
                    self._loop.call_soon_threadsafe(task.cancel)

        task.add_done_callback(settle)
        done.add_done_callback(give_up)

    def _run(self) -> None:
        while not self._is_closing:
            # A task that raises one of these ends the loop with it; the next call needs it again.
            with suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()
        if left := asyncio.all_tasks(self._loop):
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.wait(left, timeout=_LAST_WORDS_S))
        self._loop.close()


async def _begun(work: Work[T]) -> T:
    return await work()


def _told(error: BaseException) -> str:
    said = str(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
