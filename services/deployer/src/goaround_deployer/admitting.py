"""Letting a command have its run, once nobody else acts on it.

A holder is dead if its journal lay still for the whole lease (`lease`). For how long it had done so
already, the bucket's own clock tells, between two readings of it; the rest is measured by the one
who waits. No clocks are compared.
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


@dataclass(frozen=True, slots=True)
class Admitter:
    """Finds out whether a command may have its run, and waits where that is worth it."""

    bucket: Bucket
    clock: Clock
    timing: Timing
    sleep: Sleep = asyncio.sleep

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
        if isinstance(command, WorkDeploy):
            # A first delivery finds no journal, so none is read: the first write will tell.
            try:
                await act(self._hold(command, Journal(run_id=command.data.run_id), 0, None))
            except Forestalled:
                log.debug("journal_found", run=command.data.run_id)
            else:
                return
        while True:
            try:
                await act(await self._read(command))
            except Forestalled:
                log.info("forestalled", run=command.data.run_id)
            else:
                return

    async def _read(self, command: ProcedureCommand) -> Admitted:
        """Return what a command may do by its run's journal, once nobody else is at it."""
        run_id = command.data.run_id
        seen, lain_s, watched_s, waited_s = -1, 0.0, 0.0, 0.0
        while True:
            entry = await self.bucket.get(run_id)
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
                    lain_s, watched_s = await self._lain_s(entry), 0.0
                    # What we write ourselves is no sign of life of the holder's.
                    seen = await self.bucket.update(run_id, encode(asked), revision) or -1
                    log.info("stop_requested", run=run_id, command=command.id)
                case Wait(patient):
                    if revision != seen:
                        too_long = waited_s > self.timing.lease_s + STOP_GRACE_S
                        if seen != -1 and (not patient or too_long):
                            raise Later(BUSY, f"another worker is at run {run_id}")
                        seen, lain_s, watched_s = revision, await self._lain_s(entry), 0.0
                    left_s = self.timing.dead_in_s(lain_s, watched_s)
                    if left_s <= 0:
                        log.warning("taking_over", run=run_id, epoch=journal.epoch + 1)
                        return await self._take(command, journal, revision)
                    pause_s = min(self.timing.look_s, left_s)
                    await self.sleep(pause_s)
                    watched_s += pause_s
                    waited_s += pause_s

    async def _lain_s(self, entry: Entry | None) -> float:
        """Return for how long an entry has lain there, by the bucket's clock; 0 if it says not."""
        if entry is None:
            return 0.0
        try:
            return (await self.bucket.now() - entry.written_at).total_seconds()
        except Unavailable as error:
            log.warning("time_not_told", why=str(error))
            return 0.0

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
