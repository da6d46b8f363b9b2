"""Time that passes at no cost, and hosts that take turns: one seed, one history.

An event loop without sockets or threads. Each host has its own queue and its own monotonic clock;
which host goes next is drawn from the seed, within a host the order is asyncio's. Time moves only
when nobody has anything to do. Nothing here knows what is being simulated.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from random import Random
from typing import Any, TypeVar, cast

T = TypeVar("T")

# What asyncio keeps for event loops to call, and its stubs for private.
_set_running_loop: Callable[[asyncio.AbstractEventLoop | None], None] = asyncio._set_running_loop

MOST_TURNS = 200_000
"""A history takes some thousands; one that takes more never comes to rest."""

START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@dataclass(eq=False)
class Host:
    """One process on one machine: what it has to do, and how it keeps time.

    A host that stands still does nothing. Its monotonic clock stood still too if the whole machine
    did (`lag_s`); a process that was merely stopped finds all its timers overdue.
    """

    name: str
    lag_s: float = 0.0
    skew_s: float = 0.0
    still_until: float = 0.0
    stills: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    timeless: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    """Those of the times when it stood still that its clock knows nothing of."""
    dead: bool = False
    turns: "deque[Turn]" = field(default_factory=lambda: deque[Turn]())
    tasks: list[asyncio.Task[Any]] = field(default_factory=list[asyncio.Task[Any]])
    is_busy: bool = False

    def stood_still(self, since_s: float, until_s: float) -> bool:
        """Whether it did at any time between these."""
        return _meet(self.stills, since_s, until_s)

    def lost_time(self, since_s: float, until_s: float) -> bool:
        """Whether its clock stood still too at any time between these."""
        return _meet(self.timeless, since_s, until_s)


def _meet(times: list[tuple[float, float]], since_s: float, until_s: float) -> bool:
    return any(from_s < until_s and to_s > since_s for from_s, to_s in times)


class Turn(asyncio.TimerHandle):
    """One call that is to be made, now or at a time."""

    __slots__ = ("at", "call", "host", "of", "off", "within")

    def __init__(  # pyright: ignore[reportMissingSuperCall] - none of asyncio's own bookkeeping
        self,
        call: Callable[..., object],
        of: tuple[Any, ...],
        within: Context,
        host: Host,
        at: float,
    ) -> None:
        self.call, self.of, self.within, self.host, self.at = call, of, within, host, at
        self.off = False

    def cancel(self) -> None:
        """Do not make the call."""
        self.off = True

    def cancelled(self) -> bool:
        """Whether the call is off."""
        return self.off

    def when(self) -> float:
        """When the call is due, by its host's clock."""
        return self.at


_HOST: ContextVar[Host] = ContextVar("host")


def new_loop(random: Random) -> "Loop":
    """Return a loop; of all that a loop may be asked it has what runs without sockets."""
    return cast("Callable[[Random], Loop]", Loop)(random)


class Loop(asyncio.AbstractEventLoop):
    """Runs hosts until a condition holds, or virtual time is up."""

    def __init__(self, random: Random) -> None:
        self.now_s = 0.0
        self.errors: list[str] = []
        self.kernel = Host("kernel")
        self.turns = 0
        self._draw = random.random
        self._busy: list[Host] = []
        self._timers: list[tuple[float, int, Turn]] = []
        self._numbers = 0
        self._current = self.kernel

    # What asyncio asks of a loop.

    def get_debug(self) -> bool:
        """Whether asyncio should check more: never."""
        return False

    def is_running(self) -> bool:
        """Whether it runs: whoever asks is run by it."""
        return True

    def is_closed(self) -> bool:
        """Whether it is closed: it holds nothing to close."""
        return False

    def time(self) -> float:
        """Seconds by the clock of the host whose turn it is."""
        return self.now_s - self._current.lag_s

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Make a call when it is its host's turn."""
        within = context if context is not None else copy_context()
        host = within.get(_HOST, self.kernel)
        turn = Turn(callback, args, within, host, 0.0)
        self._ready(turn)
        return turn

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Make a call after so many seconds of its host's clock."""
        return self.call_at(self.time() + max(delay, 0.0), callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., object],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Make a call when the host's clock says so."""
        within = context if context is not None else copy_context()
        host = within.get(_HOST, self.kernel)
        turn = Turn(callback, args, within, host, when)
        self._later(turn, when + host.lag_s)
        return turn

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: str | None = None,
        context: Context | None = None,
        **_: Any,
    ) -> asyncio.Task[T]:
        """Begin a task on the host whose turn it is."""
        within = context if context is not None else copy_context()
        task: asyncio.Task[T] = asyncio.Task(
            cast("Coroutine[Any, Any, T]", coro), loop=self, name=name, context=within
        )
        within.get(_HOST, self.kernel).tasks.append(task)
        return task

    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Call it now: a thread is one step here, and what it calls may still raise in mid-way."""
        del executor
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except asyncio.CancelledError:
            future.cancel()
        except Exception as error:  # noqa: BLE001 - it is the caller's, who waits for it
            future.set_exception(error)
        return future

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody handled: it fails the history."""
        self.errors.append(f"{context.get('message')}: {context.get('exception')!r}")

    # What a simulation asks of it.

    def spawn(self, host: Host, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task on a host."""
        within = copy_context()
        within.run(_HOST.set, host)
        return self.create_task(work, context=within)

    def after(self, delay_s: float, call: Callable[..., object], *of: Any) -> asyncio.TimerHandle:
        """Make a call that belongs to no host, after so many seconds of true time."""
        turn = Turn(call, of, _OUTSIDE, self.kernel, self.now_s + delay_s)
        self._later(turn, turn.at)
        return turn

    def stand_still(self, host: Host, for_s: float, *, clock_too: bool) -> None:
        """Let a host do nothing for so long; it goes on as if nothing had happened."""
        host.still_until = max(host.still_until, self.now_s + for_s)
        host.stills.append((self.now_s, self.now_s + for_s))
        if clock_too:
            host.lag_s += for_s
            host.timeless.append(host.stills[-1])
        self.after(for_s, self._wake, host)

    def kill(self, host: Host) -> None:
        """End all that the host does. What it still tries to do has no effect: see `dead`."""
        host.dead = True
        host.still_until = 0.0
        for task in host.tasks:
            task.cancel()
        self._wake(host)

    def run(self, until: Callable[[], bool], within_s: float) -> bool:
        """Return whether the condition came to hold before so many seconds, or turns, were over.

        It is looked at whenever nobody has anything to do.
        """
        last = self.now_s + within_s
        _set_running_loop(self)
        try:
            while True:
                while self._busy and self.turns < MOST_TURNS:
                    self._one()
                if self.turns >= MOST_TURNS:
                    self.errors.append(f"no rest after {self.turns} turns")
                    return False
                if until():
                    return True
                if not self._timers or self._timers[0][0] > last:
                    return False
                self._advance()
        finally:
            _set_running_loop(None)

    def settle(self, hosts: list[Host]) -> None:
        """End what is left of these hosts, so that nothing of this history outlives it."""
        _set_running_loop(self)
        try:
            for host in hosts:
                self.kill(host)
            for _ in range(MOST_TURNS):
                if not self._busy:
                    break
                self._one()
        finally:
            _set_running_loop(None)
            self._timers.clear()
        for task in (t for host in hosts for t in host.tasks):
            # Whether somebody has taken notice of a task's error, asyncio alone knows.
            if getattr(task, "_log_traceback", False) and (error := task.exception()) is not None:
                self.errors.append(f"{type(error).__name__}: {error}")

    def _ready(self, turn: Turn) -> None:
        host = turn.host
        host.turns.append(turn)
        if not host.is_busy and host.still_until <= self.now_s:
            host.is_busy = True
            self._busy.append(host)

    def _later(self, turn: Turn, at_s: float) -> None:
        self._numbers += 1
        heappush(self._timers, (at_s, self._numbers, turn))

    def _wake(self, host: Host) -> None:
        if host.turns and not host.is_busy and host.still_until <= self.now_s:
            host.is_busy = True
            self._busy.append(host)

    def _one(self) -> None:
        busy = self._busy
        place = int(self._draw() * len(busy)) if len(busy) > 1 else 0
        host = busy[place]
        if host.still_until > self.now_s or not host.turns:
            host.is_busy = False
            busy[place] = busy[-1]
            busy.pop()
            return
        turn = host.turns.popleft()
        if not turn.off:
            self.turns += 1
            self._current = host
            turn.within.run(turn.call, *turn.of)
            self._current = self.kernel

    def _advance(self) -> None:
        at_s, _, turn = heappop(self._timers)
        if turn.off:
            return
        host = turn.host
        due = max(turn.at + host.lag_s, host.still_until)
        if due > at_s:
            self._later(turn, due)
            return
        self.now_s = max(self.now_s, at_s)
        self._ready(turn)


_OUTSIDE = Context()


@dataclass(frozen=True, slots=True)
class HostClock:
    """The time of day as one host has it."""

    loop: Loop
    host: Host

    def now(self) -> datetime:
        """Return the present moment by that host's clock."""
        return START + timedelta(seconds=self.loop.now_s + self.host.skew_s)
