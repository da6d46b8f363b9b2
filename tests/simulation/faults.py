"""What goes wrong, and where: every call of a worker to the world passes its gate twice.

A gate lets most calls through at once. Now and then, as the seed has it, its host dies there,
stands still past every patience and goes on, or waits a moment so that others come between. Nothing
here knows what the calls are about.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.simulation.clock import Host, Loop


@dataclass(frozen=True, slots=True)
class Weather:
    """How often what goes wrong, until it is calm. Shares are of calls, messages, or gates."""

    calm_at_s: float = 0.0
    """From then on nothing goes wrong any more."""
    gates: float = 8.0
    """How many gates are passed, in the mean, until something happens at one."""
    dies: float = 0.0
    stands_still: float = 0.0
    """Shares of what happens at a gate; the rest is a short wait."""
    loses_answers: float = 0.0
    """Share of effects that happen and are not confirmed: publishes, acks, writes, commits."""
    loses_effects: float = 0.0
    """Share of effects that do not happen, and say so, or say nothing."""
    loses_commands: float = 0.0
    """Share of commands that the work queue takes and loses."""
    doubles: float = 0.0
    """Share of deliveries that somebody else gets too."""
    delays: float = 0.0
    """Share of messages that come late, behind others."""
    outages: int = 0
    """How often the bus or the database is away for a while."""
    skew_s: float = 0.0
    """How far the clocks of two hosts differ at most."""


FAIR = Weather()
"""Nothing goes wrong; calls take their time."""


@dataclass
class Fate:
    """Draws what goes wrong, and counts it."""

    random: Random
    weather: Weather
    loop: Loop
    on_death: Callable[[Host, str], None]
    counts: Counter[str] = field(default_factory=Counter[str])

    @property
    def calm(self) -> bool:
        """Whether nothing goes wrong any more."""
        return self.loop.now_s >= self.weather.calm_at_s

    def strikes(self, share: float, what: str) -> bool:
        """Whether this goes wrong now; counted if it does."""
        if not share or self.calm or self.random.random() >= share:
            return False
        self.counts[what] += 1
        return True

    def moments(self) -> int:
        """How many gates a host passes until something happens at one."""
        return 1 + int(self.random.expovariate(1.0 / self.weather.gates))


class Gate:
    """What stands between one life of a host and the world."""

    __slots__ = ("_fate", "_left", "host", "stood_still_at")

    def __init__(self, host: Host, fate: Fate) -> None:
        self.host = host
        self.stood_still_at = -1.0
        self._fate = fate
        self._left = fate.moments()

    async def __call__(self, where: str) -> None:
        """Let the host's call pass, now or later, or never."""
        if self.host.dead:
            raise asyncio.CancelledError
        self._left -= 1
        if self._left > 0:
            return
        fate, draw = self._fate, self._fate.random
        self._left = fate.moments()
        happens = 1.0 if fate.calm else draw.random()
        if happens < fate.weather.dies:
            self._die(where)
            raise asyncio.CancelledError
        if happens < fate.weather.dies + fate.weather.stands_still:
            fate.counts["stood still"] += 1
            self.stood_still_at = fate.loop.now_s
            clock_too = draw.random() < 0.5
            fate.loop.stand_still(self.host, draw.uniform(2.0, 40.0), clock_too=clock_too)
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(draw.uniform(0.001, 0.2))
        if self.host.dead:
            raise asyncio.CancelledError

    def at_once(self, where: str) -> None:
        """The same for what is no coroutine, where a host can only die."""
        if self.host.dead:
            raise asyncio.CancelledError
        self._left -= 1
        if self._left > 0:
            return
        self._left = self._fate.moments()
        if self._fate.strikes(self._fate.weather.dies, "died in a write"):
            self._die(where)
            raise asyncio.CancelledError

    def _die(self, where: str) -> None:
        self._fate.counts["died"] += 1
        self._fate.on_death(self.host, where)


Reach = Callable[[str], Awaitable[None]]


class Through:
    """A port as a host holds it: each of its calls passes the host's gate before and after.

    `reach` may say that the port is away. Where `lost` is given, an effect may happen and its
    answer be that error.
    """

    def __init__(
        self,
        port: object,
        gate: Gate,
        reach: Reach,
        lost: Callable[[str], Exception | None] | None = None,
    ) -> None:
        self._port, self._gate, self._reach, self._lost = port, gate, reach, lost

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)
        gate, reach, lost = self._gate, self._reach, self._lost

        async def call(*args: Any, **named: Any) -> Any:
            await gate(name)
            await reach(name)
            answer = await method(*args, **named)
            await gate(name)
            if lost is not None and (error := lost(name)) is not None:
                raise error
            return answer

        self.__dict__[name] = call
        return call
