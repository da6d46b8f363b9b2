"""Runs and their post in memory: the shipped fakes behind `Ledger` and `Post`.

They pass the suite of the real ones: what a unit writes is seen by others only once it is in, an
exception undoes it, and whoever wants the same run or place waits its turn. They live in one
process and one event loop, keep nothing, and do not notice two units that wait for each other.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Hashable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count, islice

from goaround_chassis.clock import Clock, SystemClock
from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.ledger import Letter, Overtaken, PlaceTaken
from goaround_orchestrator.lifecycle import ACTIVE
from goaround_orchestrator.relay import Posted
from goaround_orchestrator.run import Landing, Move, Run, is_stranded
from goaround_schemas.api import RunningRow, RunRow, RunsQuery, ServiceQuery, Transition
from goaround_schemas.envelope import encode
from goaround_schemas.phase import Phase
from goaround_schemas.subjects import stream_of, subject_of

FORGOTTEN_AT_ONCE = 10_000
"""The same bound as the database's: one transaction never deletes for long."""


@dataclass(frozen=True, slots=True)
class _Row:
    snapshot: str
    edition: int

    @property
    def run(self) -> Run:
        # Read anew each time, as from a database: nobody holds a part of what is kept.
        return Run.model_validate_json(self.snapshot)


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that could never be sent, and why."""

    letter: Posted
    why: str


@dataclass
class _Kept:
    """What is in. A unit reads it through its own writes."""

    runs: dict[str, _Row] = field(default_factory=dict[str, _Row])
    inbox: dict[str, datetime] = field(default_factory=dict[str, datetime])
    history: list[tuple[str, Transition]] = field(default_factory=list[tuple[str, Transition]])
    outbox: dict[int, Posted] = field(default_factory=dict[int, Posted])
    guides: dict[str, PinnedGuide] = field(default_factory=dict[str, PinnedGuide])
    landings: dict[int, Landing] = field(default_factory=dict[int, Landing])
    undone: set[int] = field(default_factory=set[int])


class MemoryUnit:
    """One transaction: its own writes, and the locks that it holds until it ends."""

    def __init__(self, ledger: "MemoryLedger") -> None:
        self._ledger = ledger
        self._kept = ledger.kept
        self._own = _Kept()
        self._read: dict[str, int] = {}
        self._locks: dict[Hashable, asyncio.Lock] = {}

    async def first_time(self, message_id: str) -> bool:
        """Note that the message was handled; False if it was before."""
        await self._lock(("message", message_id))
        if message_id in self._kept.inbox or message_id in self._own.inbox:
            return False
        self._own.inbox[message_id] = self._ledger.clock.now()
        return True

    async def run(self, run_id: str) -> Run | None:
        """The run, locked until the end of the transaction."""
        if self._row(run_id) is None:
            return None
        await self._lock(("run", run_id))
        row = self._row(run_id)
        if row is None:
            return None
        self._read[run_id] = row.edition
        return row.run

    async def place(self, service: str, environment: str) -> tuple[Run | None, tuple[Run, ...]]:
        """The active run of the place and those that wait, in the order of their turns."""
        await self._lock(("place", service, environment))
        active: Run | None = None
        waiting: list[Run] = []
        for found in self._at(service, environment):
            if found.phase not in ACTIVE and found.phase is not Phase.QUEUED:
                continue
            run = await self.run(found.id)
            if run and run.phase in ACTIVE:
                active = run
            elif run and run.phase is Phase.QUEUED:
                waiting.append(run)
        return active, tuple(sorted(waiting, key=_turn))

    async def add(self, run: Run) -> bool:
        """Keep a new run; False if there is one of that id."""
        await self._lock(("run", run.id))
        if self._row(run.id) is not None:
            return False
        await self._write(run, 1)
        return True

    async def save(self, run: Run, moves: Sequence[Move], cause: str | None) -> None:
        """Write the run over the edition that this transaction has read."""
        del cause
        row = self._row(run.id)
        if row is None or self._read.get(run.id) != row.edition:
            raise Overtaken(run.id)
        await self._write(run, row.edition + 1)
        for m in moves:
            self._own.history.append((run.id, Transition.model_validate(m.model_dump())))

    async def note(self, run: Run, at: datetime, actor: str, text: str) -> None:
        """Write something that moved nothing into the run's history: a refused request."""
        said = {"revision": run.revision, "at": at, "from": run.phase, "to": run.phase}
        said |= {"stage": run.stage_name, "actor": actor, "reason": text}
        self._own.history.append((run.id, Transition.model_validate(said)))

    async def send(self, letters: Sequence[Letter]) -> None:
        """Have these messages sent once the transaction is in."""
        for letter in letters:
            message = letter.message
            id_ = next(self._ledger.numbers)
            self._own.outbox[id_] = Posted(
                id=id_,
                message_id=message.id,
                stream=stream_of(message),
                subject=subject_of(message),
                body=encode(message),
                traceparent=message.traceparent,
                reminder=letter.reminder,
            )

    async def running(self, service: str, environment: str) -> Landing | None:
        """What runs there, by the record."""
        id_ = self._standing(service, environment)
        return self._landings()[id_] if id_ is not None else None

    async def land(self, landing: Landing) -> None:
        """Record that a version runs."""
        self._own.landings[next(self._ledger.numbers)] = landing

    async def undo(self, landing: Landing, by: str, at: datetime) -> None:
        """Record that a version was taken back; what ran before it runs again."""
        place = (landing.service, landing.environment)
        standing = self._standing(*place)
        if standing is not None:
            self._own.undone.add(standing)
        before = await self.running(*place)
        restored = landing.previous_version
        if restored and (before is None or before.version != restored):
            changes = {
                "version": restored,
                "previous_version": before.version if before else None,
                "run_id": by,
                "at": at,
                "migration": None,
                "guide_digest": None,
            }
            await self.land(landing.model_copy(update=changes))

    async def last_proof(self, service: str, environment: str) -> datetime | None:
        """When a rollback of the service was last proven there."""
        there = self._at(service, environment)
        proven = (r.phase_since for r in there if r.phase is Phase.ROLLED_BACK)
        return max(proven, default=None)

    async def stranded(self, service: str, environment: str) -> Run | None:
        """The run whose way back failed there, if nothing has come to run since."""
        changes = (Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED)
        there = [r for r in self._at(service, environment) if r.phase in changes]
        last = max(there, key=lambda r: r.phase_since, default=None)
        return last if is_stranded(last, await self.running(service, environment)) else None

    async def pin(self, guide: PinnedGuide) -> None:
        """Keep the very text of a guide, by its digest."""
        if guide.digest not in self._kept.guides:
            self._own.guides.setdefault(guide.digest, guide)

    async def guide(self, digest: str, name: str) -> PinnedGuide:
        """A pinned guide, under the name it had."""
        found = self._own.guides.get(digest) or self._kept.guides.get(digest)
        if found is None:
            raise LookupError(f"no guide was pinned with the digest {digest}")
        return PinnedGuide(name=name, digest=digest, text=found.text, guide=found.guide)

    def commit(self) -> None:
        """Let everyone see what this unit wrote."""
        self._kept.runs.update(self._own.runs)
        self._kept.inbox.update(self._own.inbox)
        self._kept.history.extend(self._own.history)
        self._kept.outbox.update(self._own.outbox)
        self._kept.guides.update(self._own.guides)
        self._kept.landings.update(self._own.landings)
        self._kept.undone.update(self._own.undone)
        if self._own.outbox:
            self._ledger.bell.set()

    def release(self) -> None:
        """Let those go on that wait for what this unit held."""
        for lock in self._locks.values():
            lock.release()
        self._locks.clear()

    async def _lock(self, what: Hashable) -> None:
        if what not in self._locks:
            lock = self._ledger.locks[what]
            await lock.acquire()
            self._locks[what] = lock

    async def _write(self, run: Run, edition: int) -> None:
        if run.phase in ACTIVE:
            await self._lock(("active", run.service, run.environment))
            for other in self._at(run.service, run.environment):
                if other.id != run.id and other.phase in ACTIVE:
                    raise PlaceTaken(run.id, run.service, run.environment)
        self._own.runs[run.id] = _Row(run.model_dump_json(), edition)
        self._read[run.id] = edition

    def _row(self, run_id: str) -> _Row | None:
        return self._own.runs.get(run_id) or self._kept.runs.get(run_id)

    def _at(self, service: str, environment: str) -> list[Run]:
        rows = self._kept.runs | self._own.runs
        return [r for r in _runs(rows) if (r.service, r.environment) == (service, environment)]

    def _landings(self) -> dict[int, Landing]:
        return self._kept.landings | self._own.landings

    def _standing(self, service: str, environment: str) -> int | None:
        undone = self._kept.undone | self._own.undone
        standing = (
            id_
            for id_, landing in self._landings().items()
            if (landing.service, landing.environment) == (service, environment)
            and id_ not in undone
        )
        return max(standing, default=None)


class MemoryLedger:
    """Runs in memory."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.kept = _Kept()
        self.locks: defaultdict[Hashable, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.numbers = count(1)
        self.bell = asyncio.Event()

    @asynccontextmanager
    async def unit(self) -> AsyncGenerator[MemoryUnit]:
        """Begin a transaction; it is committed at the end, and undone by an exception."""
        unit = MemoryUnit(self)
        try:
            yield unit
            unit.commit()
        finally:
            unit.release()

    async def due_before(self, now: datetime, limit: int) -> list[str]:
        """The runs to look at, the longest overdue first."""
        due = [(r.due_at, r.id) for r in _runs(self.kept.runs) if r.due_at and r.due_at <= now]
        return [id_ for _, id_ in sorted(due)[:limit]]

    async def free_places(self, limit: int) -> list[tuple[str, str]]:
        """Service and environment where runs wait though nothing is active."""
        runs = list(_runs(self.kept.runs))
        busy = {(r.service, r.environment) for r in runs if r.phase in ACTIVE}
        wait = {(r.service, r.environment) for r in runs if r.phase is Phase.QUEUED}
        return sorted(wait - busy)[:limit]

    async def forget_messages_before(self, at: datetime) -> int:
        """Forget which messages were handled before then; return how many."""
        old = list(islice((m for m, t in self.kept.inbox.items() if t < at), FORGOTTEN_AT_ONCE))
        for message_id in old:
            del self.kept.inbox[message_id]
        return len(old)

    async def rows(self, query: RunsQuery) -> list[RunRow]:
        """Runs for a list, newest first."""
        wanted = [
            r
            for r in _runs(self.kept.runs)
            if query.service in (None, r.service)
            and query.environment in (None, r.environment)
            and query.phase in (None, r.phase)
            and not (query.active and r.ended)
            and (query.before is None or r.requested_at < query.before)
        ]
        # By id first, then by time: the sort is stable, so that equal times stay in id's order.
        wanted.sort(key=lambda r: r.id)
        wanted.sort(key=lambda r: r.requested_at, reverse=True)
        return [_listed(r) for r in wanted[: query.limit]]

    async def history(self, run_id: str) -> list[Transition]:
        """Every move of a run, and every refused request, in their order."""
        return [t for id_, t in self.kept.history if id_ == run_id]

    async def whole(self, run_id: str) -> Run | None:
        """A run, to be looked at only."""
        row = self.kept.runs.get(run_id)
        return row.run if row else None

    async def services(self, query: ServiceQuery) -> list[RunningRow]:
        """What runs where."""
        newest: dict[tuple[str, str], Landing] = {}
        for id_ in sorted(self.kept.landings.keys() - self.kept.undone):
            landing = self.kept.landings[id_]
            if query.service not in (None, landing.service):
                continue
            if query.environment not in (None, landing.environment):
                continue
            newest[landing.service, landing.environment] = landing
        return [
            RunningRow.model_validate({**landing.model_dump(), "since": landing.at})
            for _, landing in sorted(newest.items())
        ]


class MemoryTaken:
    """Some messages, for one relay alone."""

    def __init__(self, letters: Sequence[Posted]) -> None:
        self.letters = letters
        self.parked: list[Parked] = []

    async def park(self, letter: Posted, why: str) -> None:
        """Put a message aside that can never be sent, for a person to see."""
        self.parked.append(Parked(letter, why))


class MemoryPost:
    """The post of a ledger in memory."""

    def __init__(self, ledger: MemoryLedger) -> None:
        self._ledger = ledger
        self._out: set[int] = set()
        self.parked: list[Parked] = []

    @asynccontextmanager
    async def taken(self, limit: int) -> AsyncGenerator[MemoryTaken]:
        """Take some messages; they lie there again if the block raises."""
        self._ledger.bell.clear()
        outbox = self._ledger.kept.outbox
        ids = [id_ for id_ in sorted(outbox) if id_ not in self._out][:limit]
        taken = MemoryTaken([outbox[id_] for id_ in ids])
        self._out.update(ids)
        try:
            yield taken
            for id_ in ids:
                del outbox[id_]
            self.parked += taken.parked
        finally:
            self._out.difference_update(ids)

    async def rung(self, within_s: float) -> None:
        """Return when something was posted since the last call, or when the time is up."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._ledger.bell.wait(), within_s)

    async def waiting(self) -> int:
        """How many messages wait."""
        return len(self._ledger.kept.outbox)


def _runs(rows: dict[str, _Row]) -> Iterable[Run]:
    return (row.run for row in rows.values())


def _turn(run: Run) -> tuple[bool, bool, datetime, str]:
    return run.kind != "rollback", not run.emergency, run.requested_at, run.id


def _listed(run: Run) -> RunRow:
    fields = {**run.model_dump(), "run_id": run.id, "updated_at": run.phase_since}
    return RunRow.model_validate({**fields, "stage": run.stage_name})
