"""The database as one host reaches it: transactions that are cut at any point, in or out.

Beneath it is the shipped ledger in memory, which passes the suite of Postgres. A commit may happen
and not be confirmed, or not happen and say so; a transaction that waits too long for another's
locks is given up, as Postgres ends a deadlock.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from goaround_orchestrator.ledger import Away, Ledger, Mistaken, Overtaken, Unit
from goaround_orchestrator.lifecycle import ACTIVE
from goaround_orchestrator.memory import MemoryLedger, MemoryPost, MemoryUnit
from goaround_orchestrator.relay import Taken
from goaround_orchestrator.run import Move, Run
from goaround_schemas.phase import Phase
from tests.simulation.clock import START, Loop
from tests.simulation.faults import Fate, Gate, Through

if TYPE_CHECKING:
    from collections.abc import Sequence

LOCK_TIMEOUT_S = 15.0
"""Longer than a host holds its locks unless it is dead or stands still."""


class UnlockedUnit(MemoryUnit):
    """A transaction that reads runs without locking them: the edition alone is its guard."""

    async def run(self, run_id: str) -> Run | None:
        """The run as it is now; it may be another when it is written."""
        row = self._row(run_id)
        if row is None:
            return None
        self._read.setdefault(run_id, row.edition)
        return row.run

    async def save(self, run: Run, moves: "Sequence[Move]", cause: str | None) -> None:
        """Write the run over the edition that was read first, as an UPDATE would."""
        read = self._read.get(run.id)
        await self._lock(("run", run.id))
        row = self._row(run.id)
        if row is None or read != row.edition:
            raise Overtaken(run.id)
        await super().save(run, moves, cause)


class UnlockedLedger(MemoryLedger):
    """Runs in memory, read without locks."""

    @asynccontextmanager
    async def unit(self, *, trusting: bool = False) -> AsyncGenerator[MemoryUnit]:
        """Begin a transaction."""
        del trusting
        unit = UnlockedUnit(self)
        try:
            yield unit
            unit.commit()
        finally:
            unit.release()


class Database:
    """What all hosts share, and whether it is there."""

    def __init__(self, loop: Loop, fate: Fate, ledger: MemoryLedger) -> None:
        self.loop, self.fate, self.ledger = loop, fate, ledger
        self.post = MemoryPost(ledger)
        self.away_until = 0.0
        self.doubled: set[tuple[str, str]] = set()
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    async def reach(self, what: str) -> None:
        """Return if the database is there.

        Raises:
            Away: It is not.
        """
        if self.loop.now_s < self.away_until or self.fate.strikes(
            self.fate.weather.loses_effects / 4, "query lost"
        ):
            raise Away(f"{what}: no connection")

    def due_s(self) -> float | None:
        """When a sweeper has something to do next; None: as things stand, never."""
        runs = [row.run for row in self.ledger.kept.runs.values()]
        times = [(r.due_at - START).total_seconds() for r in runs if r.due_at is not None]
        busy = {(r.service, r.environment) for r in runs if r.phase in ACTIVE}
        waits = {(r.service, r.environment) for r in runs if r.phase is Phase.QUEUED}
        return 0.0 if waits - busy else min(times, default=None)

    async def due(self, skew_s: float) -> None:
        """Return when something is due by a clock that is so much ahead."""
        while True:
            due_s = self.due_s()
            wait_s = 1e9 if due_s is None else due_s - skew_s - self.loop.now_s
            if wait_s <= 1e-6:
                return
            woken = asyncio.Event()
            sleeper = (self.loop.now_s + wait_s, woken)
            self._sleepers.append(sleeper)
            try:
                async with asyncio.timeout(wait_s):
                    await woken.wait()
            except TimeoutError:
                continue
            finally:
                self._sleepers.remove(sleeper)

    def committed(self) -> None:
        """Look whether a place has two active runs, and wake sweepers that would sleep too long."""
        active = Counter(
            (run.service, run.environment)
            for run in (row.run for row in self.ledger.kept.runs.values())
            if run.phase in ACTIVE
        )
        self.doubled |= {place for place, runs in active.items() if runs > 1}
        if self._sleepers and (due_s := self.due_s()) is not None:
            for until_s, woken in self._sleepers:
                if due_s < until_s - 1.0:
                    woken.set()


def ledger_of(database: Database, gate: Gate) -> Ledger:
    """Return the ledger as one host has it."""
    return cast("Ledger", _Ledger(database, gate))


class _Ledger(Through):
    """Reads pass the gate; a transaction passes it around each of its statements."""

    def __init__(self, database: Database, gate: Gate) -> None:
        super().__init__(database.ledger, gate, database.reach)
        self._database, self._at = database, gate

    @asynccontextmanager
    async def unit(self, *, trusting: bool = False) -> AsyncGenerator[Unit]:
        """Begin a transaction on the host's connection; who trusts may be mistaken at its end."""
        database, gate = self._database, self._at
        await gate("begin")
        await database.reach("begin")
        async with database.ledger.unit() as unit:
            yield cast("Unit", _Statements(unit, gate, database.reach))
            weather = database.fate.weather
            if trusting and database.fate.strikes(weather.loses_effects, "not as remembered"):
                raise Mistaken(())
            await gate("commit")
            await database.reach("commit")
        database.committed()
        if database.fate.strikes(database.fate.weather.loses_answers, "commit not confirmed"):
            raise Away("the connection was lost in the commit")
        await gate("committed")


class _Statements(Through):
    """The statements of one transaction."""

    def __getattr__(self, name: str) -> Any:
        call = super().__getattr__(name)
        if name not in ("run", "place", "first_time", "save", "add", "first_times", "hold"):
            return call

        async def in_time(*args: Any, **named: Any) -> Any:
            try:
                async with asyncio.timeout(LOCK_TIMEOUT_S):
                    return await call(*args, **named)
            except TimeoutError:
                raise Away(f"{name}: others hold the rows") from None

        self.__dict__[name] = in_time
        return in_time


class PostOf:
    """The outbox as one host takes from it."""

    def __init__(self, database: Database, gate: Gate) -> None:
        self._database, self._gate = database, gate

    @asynccontextmanager
    async def taken(self, limit: int) -> AsyncGenerator[Taken]:
        """Take some messages; they lie there again if the block raises."""
        database = self._database
        await self._gate("take letters")
        await database.reach("take letters")
        async with database.post.taken(limit) as taken:
            yield taken
            await self._gate("forget letters")
            await database.reach("forget letters")
        await self._gate("letters forgotten")

    async def rung(self, within_s: float) -> None:
        """Return when something was posted since the last call, or when the time is up."""
        await self._database.post.rung(within_s)
