"""Letting a command have its run, once nobody else acts on it.

A holder is dead if its journal lay still for the whole lease (`lease`). For how long it had done so
already, the bucket's own clock tells, between two readings of it; the rest is measured by the one
who waits, by its own. No clocks are compared. That it lay still to the end is told by the claim,
which is refused if anybody has written.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

import structlog

from goaround_chassis.bucket import Bucket, Entry
from goaround_chassis.bus.errors import Unavailable
from goaround_chassis.clock import Clock
from goaround_chassis.errors import Later
from goaround_deployer.admission import Answer, AskToStop, Refuse, Take, Wait, admit, taken
from goaround_deployer.hold import Forestalled, Hold, Sleep
from goaround_deployer.journal import End, Journal, ProcedureCommand, decode, encode
from goaround_deployer.lease import Timing
from goaround_schemas.procedure import WorkDeploy, WorkRollback

log = structlog.get_logger(__name__)

# What a redelivered command waits while another worker is at it.
BUSY = timedelta(seconds=5)
# A step that is asked to stop has 5 s before it is killed; then the journal is written.
STOP_GRACE_S = 10.0

Admitted = Hold | Answer | Refuse
"""A hold on the run, not written yet; or why nothing is to be run."""


def monotonic_s() -> float:
    """Return the seconds since some moment, by the clock that the event loop sleeps by."""
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class _Watch:
    """What a worker that waits has seen of a journal, by its own clock."""

    began_at: float
    found: Entry | None = None
    """What has been read already and is to be looked at next."""
    revision: int | None = None
    """What is waited for to lie still; None: nothing yet."""
    dead_at: float = 0.0
    """When the holder is dead, should nothing else be written."""
    refused: bool = False
    """A claim was, so something else has been written, whatever can be read."""


@dataclass(frozen=True, slots=True)
class Admitter:
    """Finds out whether a command may have its run, and waits where that is worth it."""

    bucket: Bucket
    clock: Clock
    timing: Timing
    sleep: Sleep = asyncio.sleep
    now: Callable[[], float] = monotonic_s

    async def admit(
        self, command: ProcedureCommand, act: Callable[[Admitted], Awaitable[None]]
    ) -> None:
        """Have done what is to be done of a command, by what its run's journal says.

        Where another worker writes the journal before a hold is in, it is looked at anew.

        Raises:
            Later: Another worker is at it.
            Unavailable: The bucket is away.
            Unreadable: The journal is none that we know.
        """
        watch = _Watch(began_at=self.now())
        if isinstance(command, WorkDeploy):
            # A first delivery finds no journal, so none is read: the first write will tell.
            try:
                await act(self._hold(command, Journal(run_id=command.data.run_id), 0, None))
            except Forestalled as other:
                watch.found = other.entry
                log.debug("journal_found", run=command.data.run_id)
            else:
                return
        while True:
            try:
                await act(await self._read(command, watch))
            except Forestalled as other:
                watch.found, watch.refused = other.entry, True
                log.info("forestalled", run=command.data.run_id)
            else:
                return

    async def _read(self, command: ProcedureCommand, watch: _Watch) -> Admitted:
        """Return what a command may do by its run's journal, once nobody else is at it."""
        run_id = command.data.run_id
        while True:
            entry = watch.found or await self.bucket.get(run_id)
            watch.found, seen_at = None, self.now()
            journal = decode(run_id, entry.value) if entry else Journal(run_id=run_id)
            revision = entry.revision if entry else 0
            verdict = admit(journal, command)
            match verdict:
                case Answer() | Refuse():
                    return verdict
                case Take():
                    return await self._take(command, journal, revision)
                case AskToStop():
                    asked = journal.model_copy(update={"stop_requested": command.id})
                    watch.dead_at = await self._dead_at(entry, seen_at)
                    # What we write ourselves is no sign of life of the holder's.
                    written = await self.bucket.update(run_id, encode(asked), revision)
                    watch.revision = written
                    log.info("stop_requested", run=run_id, command=command.id)
                case Wait(patient):
                    if revision != watch.revision or watch.refused:
                        too_long = seen_at - watch.began_at > self.timing.lease_s + STOP_GRACE_S
                        if watch.revision is not None and (not patient or too_long):
                            raise Later(BUSY, f"another worker is at run {run_id}")
                        watch.dead_at = await self._dead_at(entry, seen_at)
                        watch.revision, watch.refused = revision, False
                    look_s = self.timing.look_s if patient else self.timing.sign_s
                    if await self._outlasts(watch.dead_at, look_s):
                        log.warning("taking_over", run=run_id, epoch=journal.epoch + 1)
                        return await self._take(command, journal, revision)

    async def _dead_at(self, entry: Entry | None, seen_at: float) -> float:
        """Return when the holder of what was seen there is dead, if nothing else is written.

        Where the bucket does not tell the time, the lease runs from when it was seen.
        """
        lain_s, told_at = 0.0, seen_at
        if entry is not None:
            try:
                lain_s = (await self.bucket.now() - entry.written_at).total_seconds()
                told_at = self.now()
            except Unavailable as error:
                log.warning("time_not_told", why=str(error))
        log.debug("holder_watched", lain_s=lain_s, asking_s=self.now() - seen_at)
        return self.timing.dead_at(seen_at, lain_s, told_at)

    async def _outlasts(self, dead_at: float, look_s: float) -> bool:
        """Wait, at most until it is time to look again; say whether the holder is dead by now."""
        left_s = dead_at - self.now()
        await self.sleep(max(0.0, min(left_s, look_s)))
        return left_s <= look_s

    async def _take(self, command: ProcedureCommand, journal: Journal, revision: int) -> Hold:
        return self._hold(command, journal, revision, await self._resumed(command))

    def _hold(
        self, command: ProcedureCommand, journal: Journal, revision: int, resumed: Journal | None
    ) -> Hold:
        end = End(
            outcome="stopped",
            reason="a rollback came before the deployment had ended",
            at=self.clock.now(),
        )
        return Hold(
            self.bucket,
            taken(journal, command, str(uuid4()), end, resumed),
            revision,
            self.timing,
            command_id=command.id,
            sleep=self.sleep,
        )

    async def _resumed(self, command: ProcedureCommand) -> Journal | None:
        """Return the journal of the run whose failed way back this command goes on with."""
        run_id = command.data.resumes if isinstance(command, WorkRollback) else None
        if run_id is None or run_id == command.data.run_id:
            return None
        entry = await self.bucket.get(run_id)
        return decode(run_id, entry.value) if entry else None
