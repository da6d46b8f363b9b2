"""A transaction in memory."""

import asyncio
from collections.abc import Hashable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.ledger import (
    Evidence,
    Letter,
    Overtaken,
    Place,
    PlaceTaken,
    Standing,
    active_and_waiting,
)
from goaround_orchestrator.lifecycle import ACTIVE, UNTOUCHED, Neighbour
from goaround_orchestrator.memory.kept import Kept, Row, runs_of
from goaround_orchestrator.memory.past import CHANGED
from goaround_orchestrator.memory.proofs import Proposal, last_rehearsal
from goaround_orchestrator.proofs import keepable
from goaround_orchestrator.relay import Posted
from goaround_orchestrator.run import Landing, Move, Run, is_stranded
from goaround_schemas.api import Label, Transition
from goaround_schemas.envelope import encode
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.phase import Phase
from goaround_schemas.proving import (
    CorrectionDecision,
    CorrectionRow,
    RehearsalRow,
)
from goaround_schemas.subjects import stream_of, subject_of

if TYPE_CHECKING:
    from goaround_orchestrator.memory.ledger import MemoryLedger

CHANGING = ACTIVE - UNTOUCHED


class MemoryUnit:
    """One transaction: its own writes, and the locks that it holds until it ends."""

    def __init__(self, ledger: "MemoryLedger") -> None:
        self._ledger = ledger
        self._kept = ledger.kept
        self._own = Kept()
        self._read: dict[str, int] = {}
        self._locks: dict[Hashable, asyncio.Lock] = {}

    async def first_time(self, message_id: str) -> bool:
        """Note that the message was handled; False if it was before."""
        await self._lock(("message", message_id))
        if message_id in self._kept.inbox or message_id in self._own.inbox:
            return False
        self._own.inbox[message_id] = self._ledger.clock.now()
        return True

    async def first_times(
        self, message_ids: Sequence[str], about: Sequence[str] = ()
    ) -> frozenset[str]:
        """Note that the messages were handled, and lock the runs that they are about.

        Return those that were not handled before.
        """
        fresh = frozenset([id_ for id_ in sorted(set(message_ids)) if await self.first_time(id_)])
        await self.hold(about, ())
        return fresh

    async def hold(self, run_ids: Sequence[str], places: Sequence[Place]) -> None:
        """Lock these places, and then these runs and all that stand or wait there, at once."""
        for place in sorted(set(places)):
            await self._lock(("place", *place))
        there = [
            run.id
            for place in places
            for run in self._at(*place)
            if run.phase in ACTIVE or run.phase is Phase.QUEUED
        ]
        for run_id in sorted({*run_ids, *there}):
            await self.run(run_id)

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
        await self.hold((), ((service, environment),))
        return active_and_waiting(self._at(service, environment))

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
            self._own.posted_at[id_] = self._ledger.clock.now()
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
            self._own.undone[standing] = at
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

    async def standing(self, service: str, environment: str) -> Standing:
        """What is on record of the place: what runs, when a rollback was proven, who failed."""
        there = [r for r in self._at(service, environment) if r.phase in CHANGED]
        proven = (r.phase_since for r in there if r.phase is Phase.ROLLED_BACK)
        last = max(there, key=lambda r: r.phase_since, default=None)
        running = await self.running(service, environment)
        stranded = last if is_stranded(last, running) else None
        return Standing(running, max(proven, default=None), stranded)

    async def neighbours(self, run: Run, since: datetime, limit: int) -> list[Neighbour]:
        """Who else changes something in the run's environment, or ended doing so since then."""
        others = [
            other
            for other in runs_of(self._kept.runs | self._own.runs)
            if other.environment == run.environment
            and other.id != run.id
            and (other.phase in CHANGING or (other.phase in CHANGED and other.phase_since >= since))
        ]
        # By id first, then by time: the sort is stable, so that equal times stay in id's order.
        others.sort(key=lambda r: r.id)
        others.sort(key=lambda r: r.phase_since, reverse=True)
        return [Neighbour(r.id, r.kind, r.service, r.version, r.phase) for r in others[:limit]]

    async def keep_evidence(self, evidence: Evidence) -> bool:
        """Keep what a verdict rests on, once; False if its run is not known."""
        if self._row(evidence.run_id) is None:
            return False
        if evidence.id not in self._kept.evidence:
            self._own.evidence.setdefault(evidence.id, evidence)
        return True

    async def label(self, run: Run, label: Label) -> bool:
        """Keep what a person says of a run read here; False if the newest label says the same."""
        said = [x for id_, x in (*self._kept.labels, *self._own.labels) if id_ == run.id]
        if said and said[-1].model_copy(update={"at": label.at}) == label:
            return False
        self._own.labels.append((run.id, label))
        return True

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

    async def rehearsed(self, row: RehearsalRow) -> None:
        """Keep a rehearsal under its id; of two under one id the later one counts."""
        await self._lock(("rehearsal", row.rehearsal_id))
        known = (self._kept.rehearsals | self._own.rehearsals).get(row.rehearsal_id)
        if known is None or row.result.at >= known.result.at:
            self._own.rehearsals[row.rehearsal_id] = row

    async def last_rehearsal(self, service: str, environment: str) -> RehearsalRow | None:
        """The newest rehearsal of the place that told something: how it passed, or failed."""
        return last_rehearsal(self._kept.rehearsals | self._own.rehearsals, service, environment)

    async def proposed(
        self,
        service: str,
        environment: str,
        run_id: str,
        guide_name: str,
        corrections: Sequence[GuideCorrection],
        at: datetime,
    ) -> tuple[GuideCorrection, ...]:
        """Keep what a run proposes, counting the run once; return what nobody has decided on."""
        decided: set[str] = set()
        named = keepable(corrections)
        for id_ in sorted(named):
            await self._lock(("correction", id_))
            new = CorrectionRow(
                correction=named[id_],
                service=service,
                environment=environment,
                run_id=run_id,
                at=at,
                guide_name=guide_name,
            )
            there = self._corrections()
            known = there.get(id_)
            kept = known.again(new) if known else Proposal(new, (run_id,))
            self._own.corrections[id_] = kept
            self._own.overtaken.discard(id_)
            for other in there.keys() - named.keys():
                if there[other].gives_way_to(new):
                    self._own.corrections.pop(other, None)
                    self._own.overtaken.add(other)
            if kept.row.state != "open":
                decided.add(id_)
        return tuple(correction for correction in corrections if correction.id not in decided)

    async def decide(self, said: CorrectionDecision, at: datetime) -> CorrectionRow | None:
        """Keep a person's word on a correction that has none; return how it stands then."""
        await self._lock(("correction", said.correction_id))
        known = self._corrections().get(said.correction_id)
        if known is None:
            return None
        self._own.corrections[said.correction_id] = decided = known.decided(said, at)
        return decided.row

    def commit(self) -> None:
        """Let everyone see what this unit wrote."""
        self._kept.runs.update(self._own.runs)
        self._kept.inbox.update(self._own.inbox)
        self._kept.history.extend(self._own.history)
        self._kept.outbox.update(self._own.outbox)
        self._kept.posted_at.update(self._own.posted_at)
        self._kept.guides.update(self._own.guides)
        self._kept.landings.update(self._own.landings)
        self._kept.undone.update(self._own.undone)
        self._kept.evidence.update(self._own.evidence)
        self._kept.labels.extend(self._own.labels)
        self._kept.rehearsals.update(self._own.rehearsals)
        self._kept.corrections.update(self._own.corrections)
        for id_ in self._own.overtaken:
            self._kept.corrections.pop(id_, None)
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
        self._own.runs[run.id] = Row(run.model_dump_json(), edition)
        self._read[run.id] = edition

    def _row(self, run_id: str) -> Row | None:
        return self._own.runs.get(run_id) or self._kept.runs.get(run_id)

    def _at(self, service: str, environment: str) -> list[Run]:
        rows = self._kept.runs | self._own.runs
        return [r for r in runs_of(rows) if (r.service, r.environment) == (service, environment)]

    def _corrections(self) -> dict[str, Proposal]:
        known = self._kept.corrections | self._own.corrections
        return {id_: p for id_, p in known.items() if id_ not in self._own.overtaken}

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
