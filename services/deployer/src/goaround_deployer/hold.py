"""Holding a run. One holder acts; one that lost its hold does nothing more.

A holder renews its hold by writing the run's journal under the revision it last saw, and one that
could not write gives up before anybody may take over (`lease`).

What is noted in the journal waits for the next moment at which it has to be there: before anything
is done or told, with the next beat, with the release. So one write holds all that was noted since
the last one, and the first of them is the claim itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from goaround_chassis.bucket import Bucket, Entry
from goaround_chassis.bus.errors import Unavailable
from goaround_deployer.journal import Journal, ProcedureRecord, decode, encode
from goaround_deployer.lease import Timing

log = structlog.get_logger(__name__)

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

_RETRY_S = 0.25


class Lost(Exception):
    """The run is not ours any more; nothing may be done or said in its name."""

    def __init__(self, run_id: str, why: str) -> None:
        super().__init__(f"lost run {run_id}: {why}")
        self.run_id = run_id
        self.why = why


class Forestalled(Exception):
    """Another worker wrote the journal before our claim on the run was in: nothing was done."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(f"the journal is at revision {entry.revision}")
        self.entry = entry


class Hold:
    """A run that is ours as long as `write` says so."""

    def __init__(
        self,
        bucket: Bucket,
        journal: Journal,
        revision: int,
        timing: Timing,
        *,
        command_id: str,
        sleep: Sleep,
    ) -> None:
        """Begin with the journal as its new holder wants it, and the revision that it replaces.

        Nothing is written yet; revision 0: there is no journal.
        """
        self.journal = journal
        self.stop = asyncio.Event()
        self._bucket = bucket
        self._revision = revision
        self._timing = timing
        self._command_id = command_id
        self._me = journal.holder
        self._sleep = sleep
        self._one_at_a_time = asyncio.Lock()
        self._beats = journal.beat
        self._noted, self._written = 1, 0
        # The lease of whoever waits cannot begin earlier than our claim.
        self._renewed_at = self._now()
        self._lost: str | None = None

    @property
    def record(self) -> ProcedureRecord:
        """What is noted of our procedure."""
        found = self.journal.of(self._command_id)
        assert found is not None, "a hold begins with a record of its command"
        return found

    def note(self, record: ProcedureRecord, *, release: bool = False) -> None:
        """Have our procedure's record written with the next write; `release` lets go with it."""
        self.journal = self.journal.with_procedure(record)
        if release:
            freed = {"holder": None, "command_id": None}
            self.journal = self.journal.model_copy(update=freed)
        self._noted += 1

    async def write(self) -> None:
        """Return once all that was noted before is written.

        Raises:
            Lost: It is not, and nothing may be done any more.
            Forestalled: The run never was ours.
        """
        async with self._one_at_a_time:
            if self._written < self._noted:
                await self._renew()

    async def secure(self) -> None:
        """Return if all that was noted is written, and nobody can have taken the run over by now.

        A process that was frozen just after a write comes back with that write acknowledged and
        its lease long over: asked right before anything is done, only the clock can tell.

        Raises:
            Lost: Somebody may have.
            Forestalled: The run never was ours.
        """
        await self.write()
        self._ensure()

    @property
    def ours_until(self) -> float:
        """From when on, by the event loop's clock, somebody may have taken the run over."""
        return self._renewed_at + self._timing.give_up_s

    def give_up(self) -> Lost:
        """Have the run be ours no more, and return why: its time was over."""
        return self._lose(self._lost or self._too_long)

    async def keep(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work while renewing the hold; it is cancelled at once if the hold is lost.

        Raises:
            Lost: It was.
            Forestalled: The run never was ours.
        """
        doing = asyncio.ensure_future(work)
        beating = asyncio.ensure_future(self._beat())
        try:
            await asyncio.wait({doing, beating}, return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                beating.result()
            return await doing
        finally:
            for task in (doing, beating):
                task.cancel()
            await asyncio.gather(doing, beating, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            await self._sleep(self._timing.beat_s)
            async with self._one_at_a_time:
                if self.journal.holder is None and self._written == self._noted:
                    return
                await self._renew()

    async def _renew(self) -> None:
        noted, journal, beat = self._noted, self.journal, self._beats + 1
        while True:
            stop = self.journal.stop_requested
            wanted = journal.model_copy(update={"beat": beat, "stop_requested": stop})
            asked_at = self._now()
            if await self._replace(wanted):
                self._renewed_at, self._beats, self._written = asked_at, beat, noted
                if self.journal.stop_requested:
                    self.stop.set()
                return

    async def _replace(self, wanted: Journal) -> bool:
        """Write, or read what stands in the way. False: try again. Raises Lost, Forestalled."""
        self._ensure()
        raw = encode(wanted)
        try:
            async with asyncio.timeout(self._left_s()):
                revision = await self._put(wanted.run_id, raw)
                entry = None if revision else await self._bucket.get(wanted.run_id)
        except TimeoutError as error:
            raise self._lose(self._too_long) from error
        except Unavailable as error:
            log.warning("journal_unavailable", run=wanted.run_id, why=str(error))
            await self._sleep(_RETRY_S)
            return False
        if revision is not None:
            self._revision = revision
            return True
        if entry is None:
            if not self._revision:
                # Neither there nor to be made: what answers is behind what writes.
                await self._sleep(_RETRY_S)
            # Removed by somebody. Without its journal the run would be run anew.
            self._revision = 0
            return False
        return self._is_written(entry, wanted, raw)

    async def _put(self, run_id: str, raw: bytes) -> int | None:
        if self._revision:
            return await self._bucket.update(run_id, raw, self._revision)
        return await self._bucket.create(run_id, raw)

    def _is_written(self, entry: Entry, wanted: Journal, raw: bytes) -> bool:
        """Whether what stands there is the very write we want; else go on from it if it is ours.

        Ours is a write whose answer was lost, or what a rollback has made of it that asks us to
        stop. A run that was let go of has no holder to tell it by: then only the same bytes are
        the same claim.
        """
        if entry.value != raw:
            found = decode(wanted.run_id, entry.value)
            holders = {self._me, wanted.holder} if self._written else {self._me}
            if found.epoch != wanted.epoch or found.holder not in holders:
                if not self._written:
                    raise Forestalled(entry)
                raise self._lose(f"another worker took it over (epoch {found.epoch})")
            asked = {"stop_requested": found.stop_requested}
            self.journal = self.journal.model_copy(update=asked)
            if found.beat != wanted.beat:
                self._revision = entry.revision
                return False
        self._revision = entry.revision
        return True

    def _ensure(self) -> None:
        if self._lost is not None or self._left_s() <= 0:
            raise self.give_up()

    def _left_s(self) -> float:
        return self.ours_until - self._now()

    @property
    def _too_long(self) -> str:
        return f"could not be renewed within {self._timing.give_up_s:g} s"

    def _lose(self, why: str) -> Lost:
        self._lost = why
        return Lost(self.journal.run_id, why)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
