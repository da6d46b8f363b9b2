"""Clients that ask for runs, ask twice, and call some off, whatever happens to the servers."""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Coroutine, Sequence
from typing import Any

from goaround_chassis.bus import Bus, NoAnswer, Refused, Unavailable

AGAIN_S = 0.5
MOST_IN_FLIGHT = 1000
BURST = 150
BURST_EVERY_S = 25.0


class Load:
    """Asks at a steady pace with bursts in between, and hears of the ends of runs."""

    def __init__(self, bus: Bus, name: str, services: Sequence[str], seed: int) -> None:
        self._bus = bus
        self._name = name
        self._services = services
        self._random = random.Random(seed)
        self._doing: set[asyncio.Task[None]] = set()
        self.asked = 0
        self.acknowledged: set[str] = set()
        self.ended: set[str] = set()
        self.outcomes: Counter[str] = Counter()
        self.done: Counter[str] = Counter()
        """How often clients did what clients should not have to do."""

    @property
    def in_flight(self) -> int:
        """Runs that were asked for and have not been heard of as ended."""
        return len(self.acknowledged - self.ended)

    async def ask(self, per_s: float, enough: asyncio.Event) -> None:
        """Ask until it is enough; return when every request has been acknowledged."""
        while not enough.is_set():
            many = BURST if self._random.random() * per_s * BURST_EVERY_S < 1 else 1
            for _ in range(many):
                if self.asked - len(self.ended) < MOST_IN_FLIGHT:
                    self.asked += 1
                    self._soon(self._one(self.asked))
            await asyncio.sleep(self._random.expovariate(per_s))
        while self._doing:
            await asyncio.wait(self._doing)

    async def hear(self) -> None:
        """Hear of outcomes, for ever."""
        while True:
            try:
                async for received in await self._bus.events("DEPLOY", ["deploy.finished.>"]):
                    data = json.loads(received.body)["data"]
                    if data["run_id"] not in self.ended:
                        self.ended.add(data["run_id"])
                        self.outcomes[data["outcome"]] += 1
            except (Unavailable, Refused):
                await asyncio.sleep(AGAIN_S)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._doing.add(task)
        task.add_done_callback(self._doing.discard)

    async def _one(self, number: int) -> None:
        chance, run = self._random, f"{self._name}-{number}"
        fate = chance.choices(("", "-bad", "-sick"), (86, 8, 6))[0]
        body: dict[str, Any] = {
            "run_id": run,
            "service": chance.choice(self._services),
            "environment": "prod",
            "version": f"{number}{fate}",
            "requested_by": "chaos",
        }
        if chance.random() < 0.06:
            body |= {"kind": "rollback", "version": None}
        elif chance.random() < 0.02:
            body |= {"emergency": True, "reason": "it burns"}
        body = {name: value for name, value in body.items() if value is not None}
        twice, called_off, pause_s = chance.random(), chance.random(), chance.uniform(0, 3)
        if twice < 0.05:  # a client whose first try timed out, and that is at it still
            self.done["ask twice at once"] += 1
            self._soon(self._publish(run, body, f"{run}-again"))
        await self._publish(run, body, run)
        if twice > 0.95:
            await asyncio.sleep(pause_s)
            self.done["ask twice"] += 1
            await self._publish(run, body, f"{run}-again")
        if called_off < 0.03:
            await asyncio.sleep(pause_s)
            self.done["call off"] += 1
            await self._call_off(run)

    async def _publish(self, run: str, body: dict[str, Any], id_: str) -> None:
        while True:
            try:
                await self._bus.publish_raw(
                    "deploy.requested", json.dumps(body).encode(), stream="DEPLOY", msg_id=id_
                )
            except (Unavailable, Refused):
                await asyncio.sleep(AGAIN_S)
            else:
                self.acknowledged.add(run)
                return

    async def _call_off(self, run: str) -> None:
        question = {"run_id": run, "actor": "chaos", "reason": "changed its mind"}
        try:
            await self._bus.request("api.runs.abort", json.dumps(question).encode(), 5)
        except NoAnswer:
            self.done["call off, and nobody answered"] += 1
