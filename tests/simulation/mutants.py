"""What the system would be without one of its safeguards: objects behind the same protocols.

Nothing is patched. A mutant is what a plausible mistake would leave: an inbox that never remembers,
a write that ignores the edition, a bucket that ignores the revision.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

from goaround_chassis.bucket import Bucket, Entry
from goaround_chassis.clock import Clock
from goaround_chassis.publisher import Publisher
from goaround_deployer.journal import Journal, decode, encode
from goaround_notifier.delivery import Delivery
from goaround_orchestrator.ledger import Ledger, Letter, Unit
from goaround_orchestrator.memory import MemoryUnit
from goaround_orchestrator.run import Move, Run
from goaround_schemas.envelope import Message
from tests.simulation.database import UnlockedLedger, UnlockedUnit
from tests.simulation.wire import Wire
from tests.simulation.workers import Parts


class Instead:
    """An object that does what another does, but for what it does itself."""

    def __init__(self, other: object) -> None:
        self.other: Any = other

    def __getattr__(self, name: str) -> Any:
        return getattr(self.other, name)


class LedgerOf(Instead):
    """A ledger whose transactions are others."""

    def __init__(self, ledger: Ledger, unit: Callable[[Unit], Unit]) -> None:
        super().__init__(ledger)
        self._unit = unit

    @asynccontextmanager
    async def unit(self, *, trusting: bool = False) -> AsyncGenerator[Unit]:
        """Begin a transaction."""
        async with self.other.unit(trusting=trusting) as unit:
            yield self._unit(unit)


class Forgetful(Instead):
    """A transaction whose inbox has never seen a message."""

    async def first_time(self, message_id: str) -> bool:
        """Every time is the first."""
        await self.other.first_time(message_id)
        return True

    async def first_times(
        self, message_ids: Sequence[str], about: Sequence[str] = ()
    ) -> frozenset[str]:
        """Every time is the first."""
        await self.other.first_times(message_ids, about)
        return frozenset(message_ids)


def without_inbox(ledger: Ledger, wire: Wire) -> Ledger:
    """Return a ledger in which a message counts as often as it comes."""
    del wire
    return cast("Ledger", LedgerOf(ledger, lambda unit: cast("Unit", Forgetful(unit))))


class Sending(Instead):
    """A transaction that sends while it is under way."""

    def __init__(self, unit: Unit, wire: Wire) -> None:
        super().__init__(unit)
        self._wire = wire

    async def send(self, letters: Sequence[Letter]) -> None:
        """Send at once, whatever becomes of the transaction."""
        for letter in letters:
            await self._wire.publish(letter.message)


def sending_before_the_commit(ledger: Ledger, wire: Wire) -> Ledger:
    """Return a ledger without an outbox, which sends what may never have been."""
    return cast("Ledger", LedgerOf(ledger, lambda unit: cast("Unit", Sending(unit, wire))))


class Collecting(Instead):
    """A transaction that keeps what is to be sent in the memory of its process."""

    def __init__(self, unit: Unit, letters: list[Letter]) -> None:
        super().__init__(unit)
        self._letters = letters

    async def send(self, letters: Sequence[Letter]) -> None:
        """Keep it in mind."""
        self._letters += letters


class SendingAfter(Instead):
    """A ledger without an outbox, which sends what a dying process takes with it."""

    def __init__(self, ledger: Ledger, wire: Wire) -> None:
        super().__init__(ledger)
        self._wire = wire

    @asynccontextmanager
    async def unit(self, *, trusting: bool = False) -> AsyncGenerator[Unit]:
        """Begin a transaction, and send when it is in."""
        letters: list[Letter] = []
        async with self.other.unit(trusting=trusting) as unit:
            yield cast("Unit", Collecting(unit, letters))
        for letter in letters:
            await self._wire.publish(letter.message)


def sending_after_the_commit(ledger: Ledger, wire: Wire) -> Ledger:
    """Return a ledger that sends after its commit, from memory."""
    return cast("Ledger", SendingAfter(ledger, wire))


class BlindUnit(UnlockedUnit):
    """A transaction that writes a run over whatever edition is there by then."""

    async def save(self, run: Run, moves: Sequence[Move], cause: str | None) -> None:
        """Write the run: the last one to write wins."""
        row = self._row(run.id)
        if row is not None:
            await self._lock(("run", run.id))
            self._read[run.id] = row.edition
        await MemoryUnit.save(self, run, moves, cause)


class BlindLedger(UnlockedLedger):
    """Runs that are read without locks and written without a guard."""

    @asynccontextmanager
    async def unit(self, *, trusting: bool = False) -> AsyncGenerator[MemoryUnit]:
        """Begin a transaction."""
        del trusting
        unit = BlindUnit(self)
        try:
            yield unit
            unit.commit()
        finally:
            unit.release()


class Unguarded(Instead):
    """A bucket in which the last one to write wins."""

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        """Replace the value, whichever revision it is of."""
        del revision
        written: int = await self.other.put(key, value)
        return written


class Unleased(Instead):
    """A journal in which nobody is seen to hold a run."""

    async def get(self, key: str) -> Entry | None:
        """Return the journal as if its holder had let go."""
        entry: Entry | None = await self.other.get(key)
        if entry is None:
            return None
        free = decode(key, entry.value).model_copy(update={"holder": None})
        return replace(entry, value=encode(free))


class Unstarted(Instead):
    """A journal that is not told when a step begins."""

    async def create(self, key: str, value: bytes) -> int | None:
        """Write the first value but for what has begun."""
        written: int | None = await self.other.create(key, _ended(key, value))
        return written

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        """Replace the value but for what has begun."""
        written: int | None = await self.other.update(key, _ended(key, value), revision)
        return written


def _ended(key: str, value: bytes) -> bytes:
    journal = decode(key, value)
    procedures = tuple(
        p.model_copy(update={"tasks": {k: t for k, t in p.tasks.items() if t.state == "ended"}})
        for p in journal.procedures
    )
    kept: Journal = journal.model_copy(update={"procedures": procedures})
    return encode(kept)


class Unclaimed(Instead):
    """A bucket that forgets that a notice was sent."""

    async def get(self, key: str) -> Entry | None:
        """Return what became of a notice, unless it was sent."""
        entry: Entry | None = await self.other.get(key)
        told = entry is not None and Delivery.model_validate_json(entry.value).state == "sent"
        return None if told else entry

    async def create(self, key: str, value: bytes) -> int | None:
        """Write the first value, as it seems."""
        written: int = await self.other.put(key, value)
        return written


class Nameless(Instead):
    """Answers under an id of their own each time."""

    async def publish(self, message: Message) -> None:
        """Publish it as if it had never been said."""
        await self.other.publish(message.model_copy(update={"id": str(uuid4())}))


def _blind(clock: Clock) -> BlindLedger:
    return BlindLedger(clock)


def _bucket(kind: type[Instead]) -> Callable[[Bucket], Bucket]:
    return lambda bucket: cast("Bucket", kind(bucket))


def _nameless(publisher: Publisher) -> Publisher:
    return cast("Publisher", Nameless(publisher))


MUTANTS: dict[str, Parts] = {
    "no inbox": Parts(ledger=without_inbox),
    "no guarded update": Parts(tables=_blind),
    "no fencing token": Parts(journal=_bucket(Unguarded)),
    "no lease": Parts(journal=_bucket(Unleased)),
    "no 'started' in the journal": Parts(journal=_bucket(Unstarted)),
    "sent before the commit": Parts(ledger=sending_before_the_commit),
    "sent after the commit": Parts(ledger=sending_after_the_commit),
    "no sweeper": Parts(sweeps=False),
    "no revision of a watch": Parts(watches=_bucket(Unguarded)),
    "no derived ids of answers": Parts(publisher=_nameless),
    "no record of a notice": Parts(notices=_bucket(Unclaimed)),
}
