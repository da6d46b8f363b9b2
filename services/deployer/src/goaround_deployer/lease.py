"""Who holds a run. One holder acts; one that lost its hold does nothing more.

A holder renews its hold by writing the run's journal under the revision it last saw. Nobody's
wall clock is compared: a holder is dead if its journal lay still for the whole lease, as measured
by the one who waits, and a holder that could not write gives up before that time is over.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import uuid4

import structlog

from goaround_chassis.bucket import Bucket, Entry
from goaround_chassis.bus.errors import Unavailable
from goaround_chassis.clock import Clock
from goaround_chassis.errors import Later
from goaround_deployer.admission import Answer, AskToStop, Refuse, Take, Wait, admit, taken
from goaround_deployer.journal import (
    End,
    Journal,
    ProcedureCommand,
    ProcedureRecord,
    decode,
    encode,
)
from goaround_schemas.procedure import WorkRollback

log = structlog.get_logger(__name__)

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]

# What a redelivered command waits while another worker is at it.
BUSY = timedelta(seconds=5)
# A step that is asked to stop has 5 s before it is killed; then the journal is written.
STOP_GRACE_S = 10.0
_RETRY_S = 0.25


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a still journal is trusted, and how often a holder writes."""

    lease_s: float = 10.0
    beat_s: float = 2.0

    @property
    def give_up_s(self) -> float:
        """When a holder that cannot write stops by itself: before anybody may take over."""
        return self.lease_s - self.beat_s

    @property
    def look_s(self) -> float:
        """How often a waiting worker looks."""
        return self.beat_s / 2


class Lost(Exception):
    """The run is not ours any more; nothing may be done or said in its name."""

    def __init__(self, run_id: str, why: str) -> None:
        super().__init__(f"lost run {run_id}: {why}")
        self.run_id = run_id
        self.why = why


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
        self.journal = journal
        self.stop = asyncio.Event()
        self._bucket = bucket
        self._revision = revision
        self._timing = timing
        self._command_id = command_id
        self._me = journal.holder
        self._sleep = sleep
        self._one_at_a_time = asyncio.Lock()
        self._renewed_at = self._now()
        self._lost: str | None = None

    @property
    def record(self) -> ProcedureRecord:
        """What is written of our procedure."""
        found = self.journal.of(self._command_id)
        assert found is not None, "a hold begins with a record of its command"
        return found

    def taken_as(self, revision: int) -> None:
        """Begin with the revision under which the hold was written."""
        self._revision = revision

    def ensure(self) -> None:
        """Return if nobody can have taken the run over by now.

        A process that was frozen just after a write comes back with that write acknowledged and
        its lease long over: asked right before a step begins, only the clock can tell.

        Raises:
            Lost: Somebody may have.
        """
        if self._lost is not None or self._left_s() <= 0:
            raise self._lose(self._lost or self._too_long)

    async def record_as(self, record: ProcedureRecord, *, release: bool = False) -> None:
        """Write our procedure's record; `release` lets go of the run with the same write.

        Raises:
            Lost: It is not written, and nothing may be done any more.
        """
        freed: dict[str, Any] = {"holder": None, "command_id": None} if release else {}

        def change(journal: Journal) -> Journal:
            return journal.with_procedure(record).model_copy(update=freed)

        await self._write(change)

    async def keep(self, work: Coroutine[Any, Any, T]) -> T:
        """Do some work while renewing the hold; it is cancelled at once if the hold is lost.

        Raises:
            Lost: It was.
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
        while self.journal.holder is not None:
            await self._sleep(self._timing.beat_s)
            await self._write(lambda journal: journal)

    async def _write(self, change: Callable[[Journal], Journal]) -> None:
        async with self._one_at_a_time:
            beat = self.journal.beat + 1
            while True:
                wanted = change(self.journal).model_copy(update={"beat": beat})
                asked_at = self._now()
                if await self._replace(wanted):
                    self._renewed_at = asked_at
                    if self.journal.stop_requested:
                        self.stop.set()
                    return

    async def _replace(self, wanted: Journal) -> bool:
        """Write, or read what stands in the way. False: look again. Raises Lost."""
        self.ensure()
        try:
            async with asyncio.timeout(self._left_s()):
                raw = encode(wanted)
                revision = await self._bucket.update(wanted.run_id, raw, self._revision)
                entry = None if revision else await self._bucket.get(wanted.run_id)
                if revision is None and entry is None:
                    # Removed by somebody. Without its journal the run would be run anew.
                    revision = await self._bucket.create(wanted.run_id, raw)
        except TimeoutError as error:
            raise self._lose(self._too_long) from error
        except Unavailable as error:
            log.warning("journal_unavailable", run=wanted.run_id, why=str(error))
            await self._sleep(_RETRY_S)
            return False
        if revision is not None:
            self.journal, self._revision = wanted, revision
            return True
        return entry is not None and self._ours(entry, wanted)

    def _ours(self, entry: Entry, wanted: Journal) -> bool:
        """Go on from what stands there if it is still ours; True: it is the very write we want."""
        found = decode(wanted.run_id, entry.value)
        if found.epoch != wanted.epoch or found.holder not in (self._me, wanted.holder):
            raise self._lose(f"another worker took it over (epoch {found.epoch})")
        self.journal, self._revision = found, entry.revision
        # Either a write of ours whose answer was lost, or a rollback has asked us to stop.
        return found.beat == wanted.beat

    def _left_s(self) -> float:
        return self._renewed_at + self._timing.give_up_s - self._now()

    @property
    def _too_long(self) -> str:
        return f"could not be renewed within {self._timing.give_up_s:g} s"

    def _lose(self, why: str) -> Lost:
        self._lost = why
        return Lost(self.journal.run_id, why)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class Admitter:
    """Lets a command have its run, once nobody else acts on it."""

    bucket: Bucket
    clock: Clock
    timing: Timing
    sleep: Sleep = asyncio.sleep

    async def admit(self, command: ProcedureCommand) -> Hold | Answer | Refuse:
        """Return the hold on the command's run, or why nothing is to be run.

        Raises:
            Later: Another worker is at it.
            Unavailable: The bucket is away.
            Unreadable: The journal is none that we know.
        """
        run_id = command.data.run_id
        seen, quiet_s, waited_s = -1, 0.0, 0.0
        while True:
            entry = await self.bucket.get(run_id)
            journal = decode(run_id, entry.value) if entry else Journal(run_id=run_id)
            revision = entry.revision if entry else 0
            verdict = admit(journal, command)
            match verdict:
                case Answer() | Refuse():
                    return verdict
                case Take():
                    if hold := await self._take(command, journal, revision):
                        return hold
                case AskToStop():
                    asked = journal.model_copy(update={"stop_requested": command.id})
                    await self.bucket.update(run_id, encode(asked), revision)
                    log.info("stop_requested", run=run_id, command=command.id)
                case Wait(patient):
                    if revision != seen:
                        too_long = waited_s > self.timing.lease_s + STOP_GRACE_S
                        if seen != -1 and (not patient or too_long):
                            raise Later(BUSY, f"another worker is at run {run_id}")
                        seen, quiet_s = revision, 0.0
                    elif quiet_s >= self.timing.lease_s:
                        log.warning("taking_over", run=run_id, epoch=journal.epoch + 1)
                        if hold := await self._take(command, journal, revision):
                            return hold
                    await self.sleep(self.timing.look_s)
                    quiet_s += self.timing.look_s
                    waited_s += self.timing.look_s

    async def _take(
        self, command: ProcedureCommand, journal: Journal, revision: int
    ) -> Hold | None:
        end = End(
            outcome="stopped",
            reason="a rollback came before the deployment had ended",
            at=self.clock.now(),
        )
        resumed = await self._resumed(command)
        # The moment before the write: the lease of whoever waits cannot have begun earlier.
        began = taken(journal, command, str(uuid4()), end, resumed)
        hold = Hold(
            self.bucket,
            began,
            revision,
            self.timing,
            command_id=command.id,
            sleep=self.sleep,
        )
        raw = encode(began)
        written = (
            await self.bucket.update(command.data.run_id, raw, revision)
            if revision
            else await self.bucket.create(command.data.run_id, raw)
        )
        if written is None:
            return None
        hold.taken_as(written)
        return hold

    async def _resumed(self, command: ProcedureCommand) -> Journal | None:
        """Return the journal of the run whose failed way back this command goes on with."""
        run_id = command.data.resumes if isinstance(command, WorkRollback) else None
        if run_id is None or run_id == command.data.run_id:
            return None
        entry = await self.bucket.get(run_id)
        return decode(run_id, entry.value) if entry else None
