"""Runs in memory."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import count, islice

from goaround_chassis.clock import Clock, SystemClock
from goaround_orchestrator.ledger import (
    ANSWERED_SOON,
    Condition,
    Evidence,
    Place,
    RunMark,
    in_order,
)
from goaround_orchestrator.lifecycle import ACTIVE
from goaround_orchestrator.memory import proofs
from goaround_orchestrator.memory.kept import Kept, runs_of
from goaround_orchestrator.memory.past import last_two_standing, rested_on
from goaround_orchestrator.memory.unit import MemoryUnit
from goaround_orchestrator.run import Landing, Run
from goaround_schemas.api import (
    EvidenceQuery,
    EvidenceRow,
    Label,
    RunningRow,
    RunRow,
    RunsQuery,
    ServiceQuery,
    Transition,
)
from goaround_schemas.phase import Phase
from goaround_schemas.proving import (
    CorrectionQuery,
    CorrectionRow,
    RehearsalQuery,
    RehearsalRow,
)


class MemoryLedger:
    """Runs in memory."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock: Clock = clock or SystemClock()
        self.kept = Kept()
        self.locks: defaultdict[Hashable, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.numbers = count(1)
        self.bell = asyncio.Event()

    @asynccontextmanager
    async def unit(self, *, trusting: bool = False) -> AsyncGenerator[MemoryUnit]:
        """Begin a transaction; it is committed at the end, and undone by an exception."""
        del trusting  # What is remembered here is all there is.
        unit = MemoryUnit(self)
        try:
            yield unit
            unit.commit()
        finally:
            unit.release()

    async def due_before(self, now: datetime, limit: int) -> list[str]:
        """The runs to look at, the longest overdue first."""
        due = [(r.due_at, r.id) for r in runs_of(self.kept.runs) if r.due_at and r.due_at <= now]
        return [id_ for _, id_ in sorted(due)[:limit]]

    async def free_places(self, limit: int) -> list[tuple[str, str]]:
        """Service and environment where runs wait though nothing is active."""
        runs = list(runs_of(self.kept.runs))
        busy = {(r.service, r.environment) for r in runs if r.phase in ACTIVE}
        wait = {(r.service, r.environment) for r in runs if r.phase is Phase.QUEUED}
        return sorted(wait - busy)[:limit]

    async def with_waiting(self, places: Sequence[Place]) -> list[Place]:
        """The places among these where runs wait."""
        queued = (r for r in runs_of(self.kept.runs) if r.phase is Phase.QUEUED)
        return sorted({(r.service, r.environment) for r in queued} & set(places))

    async def rows(self, query: RunsQuery) -> list[RunRow]:
        """Runs for a list, newest first."""
        wanted = [
            r
            for r in runs_of(self.kept.runs)
            if query.service in (None, r.service)
            and query.environment in (None, r.environment)
            and query.phase in (None, r.phase)
            and not (query.active and r.ended)
            and (query.before is None or _is_after(r, query.before, query.after))
        ]
        return in_order(_listed(r) for r in wanted)[: query.limit]

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
        for id_ in sorted(self.kept.landings.keys() - self.kept.undone.keys()):
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

    async def verdicts(self, run_id: str, limit: int) -> list[EvidenceRow]:
        """The newest verdicts of a run whose evidence is kept, oldest first."""
        of_run = [row for row in self._verdicts() if row.run_id == run_id]
        return of_run[:limit][::-1]

    async def recording(self, evidence_id: str) -> bytes | None:
        """The packed recording of one verdict."""
        found = self.kept.evidence.get(evidence_id)
        return found.body if found else None

    async def evidence(self, query: EvidenceQuery) -> list[EvidenceRow]:
        """Verdicts whose evidence is kept, newest first."""
        after: tuple[datetime, str] | None = None
        if query.after is not None:
            if query.after not in self.kept.evidence:
                raise LookupError(f"no evidence has the id {query.after!r}")
            after = self.kept.evidence[query.after].judged_at, query.after
        wanted = [
            row
            for row in self._verdicts()
            if query.service in (None, row.service)
            and query.environment in (None, row.environment)
            and (query.since is None or row.judged_at >= query.since)
            and (after is None or (row.judged_at, row.evidence_id) < after)
        ]
        return wanted[: query.limit]

    async def labels(self, run_id: str, limit: int) -> list[Label]:
        """The newest labels of a run, newest last."""
        return [label for id_, label in self.kept.labels if id_ == run_id][-limit:]

    async def rehearsals(self, query: RehearsalQuery) -> list[RehearsalRow]:
        """Rehearsals, newest first."""
        return proofs.rehearsals(self.kept.rehearsals, query)

    async def corrections(self, query: CorrectionQuery) -> list[CorrectionRow]:
        """Corrections of guides, the last proposed first."""
        return proofs.corrections(self.kept.corrections, query)

    async def forget_messages_before(self, at: datetime, limit: int) -> int:
        """Forget which messages were handled before then, so many at most; return how many."""
        old = list(islice((m for m, t in self.kept.inbox.items() if t < at), limit))
        for message_id in old:
            del self.kept.inbox[message_id]
        return len(old)

    async def forget_parked_before(self, at: datetime, limit: int) -> int:
        """Forget messages that were put aside before then, so many at most; return how many."""
        old = [parked for parked in self.kept.parked if parked.at < at][:limit]
        for parked in old:
            self.kept.parked.remove(parked)
        return len(old)

    async def forget_evidence_before(self, at: datetime, limit: int) -> int:
        """Forget so much of the evidence of verdicts before then, oldest first."""
        kept = sorted(self.kept.evidence.values(), key=lambda e: e.judged_at)
        old = [e.id for e in kept if e.judged_at < at][:limit]
        for id_ in old:
            del self.kept.evidence[id_]
        return len(old)

    async def forget_rehearsals_before(self, at: datetime, limit: int) -> int:
        """Forget rehearsals from before then, so many at most; return how many."""
        kept = sorted(self.kept.rehearsals.values(), key=lambda row: row.result.at)
        old = [row.rehearsal_id for row in kept if row.result.at < at][:limit]
        for id_ in old:
            del self.kept.rehearsals[id_]
        return len(old)

    async def forget_corrections_before(self, at: datetime, limit: int) -> int:
        """Forget corrections decided on before then and not proposed since; return how many."""
        decided = [
            (row.decided_at, id_)
            for id_, row in ((id_, p.row) for id_, p in self.kept.corrections.items())
            if row.decided_at is not None and row.decided_at < at and row.at < at
        ]
        old = [id_ for _, id_ in sorted(decided)][:limit]
        for id_ in old:
            del self.kept.corrections[id_]
        return len(old)

    async def forget_runs_before(
        self, at: datetime, after: RunMark | None, limit: int
    ) -> tuple[int, RunMark | None]:
        """Forget runs that ended before then, unless something rests on them."""
        ended = [r for r in runs_of(self.kept.runs) if r.ended and r.requested_at < at]
        ended.sort(key=lambda r: r.id, reverse=True)
        ended.sort(key=lambda r: r.requested_at)
        held = {what for what, lock in self.locks.items() if lock.locked()}
        old = [
            r for r in ended if (after is None or _is_older(after, r)) and ("run", r.id) not in held
        ][:limit]
        gone = {r.id for r in old if r.phase_since < at} - rested_on(self.kept, since=at)
        self.kept.forget(gone)
        last = (old[-1].requested_at, old[-1].id) if len(old) == limit else None
        return len(gone), last

    async def forget_landings_before(
        self, at: datetime, after: int, limit: int
    ) -> tuple[int, int | None]:
        """Forget landings before then that no longer stand and that nothing would go back to."""
        found = sorted(id_ for id_ in self.kept.landings if id_ > after)[:limit]
        old = [id_ for id_ in found if self.kept.landings[id_].at < at]
        undone_lately = {id_ for id_, when in self.kept.undone.items() if when >= at}
        gone = set(old) - last_two_standing(self.kept) - undone_lately
        for id_ in gone:
            del self.kept.landings[id_]
            self.kept.undone.pop(id_, None)
        return len(gone), old[-1] if len(old) == limit else None

    async def condition(self) -> Condition:
        """What somebody who looks after the system asks of the place where runs are kept."""
        phases = Counter(r.phase for r in runs_of(self.kept.runs) if not r.ended)
        parked = [parked.at for parked in self.kept.parked]
        return Condition(
            at=self.clock.now(),
            schema=0,
            known=0,
            waiting=len(self.kept.outbox),
            waiting_since=min(self.kept.posted_at.values(), default=None),
            parked=len(parked),
            parked_last=max(parked, default=None),
            runs=len(self.kept.runs),
            live=dict(phases),
        )

    async def lingering(
        self, due_before: datetime, silent_since: datetime, limit: int
    ) -> list[Run]:
        """Runs that were due before one time, or wait for a short answer since another."""
        far = datetime.max.replace(tzinfo=UTC)
        found = [
            r
            for r in runs_of(self.kept.runs)
            if not r.ended
            and (
                (r.due_at or far) < due_before
                or (r.phase_since < silent_since and r.phase in ANSWERED_SOON)
            )
        ]
        found.sort(key=lambda r: ((r.due_at or far) >= due_before, r.due_at or far, r.id))
        return found[:limit]

    def _verdicts(self) -> list[EvidenceRow]:
        """All of them, newest first."""
        rows = [self._verdict(e) for e in self.kept.evidence.values()]
        return sorted(rows, key=lambda r: (r.judged_at, r.evidence_id), reverse=True)

    def _verdict(self, evidence: Evidence) -> EvidenceRow:
        run = self.kept.runs[evidence.run_id].run
        of_run = [label for id_, label in self.kept.labels if id_ == run.id]
        said = {
            **asdict(evidence),
            "evidence_id": evidence.id,
            "service": run.service,
            "environment": run.environment,
            "phase": run.phase,
            "guide_digest": run.guide_digest,
            "label": of_run[-1] if of_run else None,
        }
        return EvidenceRow.model_validate(said)


def _is_after(run: Run, before: datetime, after: str | None) -> bool:
    """Whether it comes behind this place in a list that goes from the newest to the oldest."""
    if run.requested_at == before:
        return after is not None and run.id > after
    return run.requested_at < before


def _is_older(mark: RunMark, run: Run) -> bool:
    """Whether it comes behind this mark among the ended runs, from the oldest on."""
    at, id_ = mark
    return run.requested_at > at or (run.requested_at == at and run.id < id_)


def _listed(run: Run) -> RunRow:
    fields = {**run.model_dump(), "run_id": run.id, "updated_at": run.phase_since}
    return RunRow.model_validate({**fields, "stage": run.stage_name})
