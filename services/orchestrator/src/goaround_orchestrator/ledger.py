"""Where runs are kept, as the handlers see it: one transaction, in the words of the domain.

Two things keep a run whole whatever is killed or doubled: a message counts once (`first_time`),
and a run is only written over the edition that was read (`save`). Both, and the messages that
the change leads to, are one transaction.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.lifecycle import ACTIVE, Neighbour
from goaround_orchestrator.proofs import Proofs, UnitOfProofs
from goaround_orchestrator.run import Landing, Move, Run
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
from goaround_schemas.catalogue import AnyMessage
from goaround_schemas.phase import Phase


class Overtaken(Exception):
    """Somebody else has written the run since it was read: read it again."""

    def __init__(self, run_id: str) -> None:
        super().__init__(f"run {run_id} was written by someone else meanwhile")
        self.run_id = run_id


class Mistaken(Exception):
    """What was remembered is not so any more, and nothing was written: do it again, and ask."""

    def __init__(self, run_ids: Sequence[str]) -> None:
        super().__init__(
            f"not as remembered: one of these runs, or a message: {', '.join(run_ids)}"
        )
        self.run_ids = run_ids


class PlaceTaken(Exception):
    """Another run is active there: one of each service and environment may be."""

    def __init__(self, run_id: str, service: str, environment: str) -> None:
        super().__init__(f"run {run_id}: another run is active for {service} in {environment}")
        self.run_id = run_id


class Away(Exception):
    """The place where runs are kept cannot do it just now: it is gone, or others go first.

    Nothing was written, unless the connection was lost in the commit itself.
    """


@dataclass(frozen=True, slots=True)
class Letter:
    """One message to be sent once the transaction is in."""

    message: AnyMessage
    reminder: int = 0
    """Over 0: sent that often before; to be sent only if the worker's queue no longer has it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one verdict rests on: the packed recording, and what it is of."""

    id: str
    run_id: str
    version: str
    stage: str
    colour: str
    action: str
    judged_at: datetime
    switched_at: datetime
    looks: int
    judge_version: str
    body: bytes


ANSWERED_SOON = frozenset(
    {
        Phase.PREFLIGHT,
        Phase.DEPLOYING,
        Phase.VERIFYING,
        Phase.ROLLING_BACK,
        Phase.VERIFYING_ROLLBACK,
        Phase.RECORDING,
    }
)
"""Phases in which a run waits for machines, and not for a watch to go by or for a person."""

RunMark = tuple[datetime, str]
"""A place among the runs that have ended, the oldest first: when it was asked for, and its id."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How the place where runs are kept is, for somebody who looks after it."""

    at: datetime
    """By its own clock."""
    schema: int
    known: int
    """The newest schema that this release knows."""
    waiting: int
    """Messages that wait to be sent."""
    waiting_since: datetime | None
    parked: int
    parked_last: datetime | None
    runs: int
    """All there are, about."""
    live: Mapping[Phase, int]
    """Those that have not ended, by their phases."""


Place = tuple[str, str]
"""Service and environment: where one run is active at a time."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is on record of a place when a run begins there."""

    running: Landing | None
    last_proof: datetime | None
    """When a rollback of the service was last proven there."""
    stranded: Run | None
    """The run whose way back failed there, if nothing has come to run since."""


def active_and_waiting(runs: Iterable[Run]) -> tuple[Run | None, tuple[Run, ...]]:
    """Return which of a place's runs is active, and those that wait in the order of their turns.

    A rollback goes first, then an emergency, then the oldest.
    """
    there = list(runs)
    active = next((r for r in there if r.phase in ACTIVE), None)
    return active, tuple(sorted((r for r in there if r.phase is Phase.QUEUED), key=_turn))


def in_order(rows: Iterable[RunRow]) -> list[RunRow]:
    """Return runs as a list has them: newest first, those of one moment by their ids."""
    by_id = sorted(rows, key=lambda r: r.run_id)
    return sorted(by_id, key=lambda r: r.requested_at, reverse=True)


def _turn(run: Run) -> tuple[bool, bool, datetime, str]:
    return run.kind != "rollback", not run.emergency, run.requested_at, run.id


class Unit(UnitOfProofs, Protocol):
    """One transaction."""

    async def first_time(self, message_id: str) -> bool:
        """Note that the message was handled; False if it was before."""
        ...

    async def first_times(
        self, message_ids: Sequence[str], about: Sequence[str] = ()
    ) -> frozenset[str]:
        """Note that the messages were handled, and lock the runs that they are about.

        Return those that were not handled before.
        """
        ...

    async def hold(self, run_ids: Sequence[str], places: Sequence[Place]) -> None:
        """Lock these places, and then these runs and all that stand or wait there, at once.

        For who handles many: everybody locks in one order, so that nobody waits for each other.
        """
        ...

    async def run(self, run_id: str) -> Run | None:
        """The run, locked until the end of the transaction."""
        ...

    async def place(self, service: str, environment: str) -> tuple[Run | None, tuple[Run, ...]]:
        """The active run of the place and those that wait, in the order of their turns.

        The place is locked until the end of the transaction: nobody else is admitted meanwhile.
        """
        ...

    async def add(self, run: Run) -> bool:
        """Keep a new run; False if there is one of that id.

        The unit raises at its end, if not here:

        Raises:
            PlaceTaken: It would be the second active run of its service and environment.
            Overtaken: Somebody else has added one of that id meanwhile.
        """
        ...

    async def save(self, run: Run, moves: Sequence[Move], cause: str | None) -> None:
        """Write the run over the edition that this transaction has read.

        The unit raises at its end, if not here:

        Raises:
            Overtaken: It is another edition by now, or was never read here.
            PlaceTaken: It would be the second active run of its service and environment.
        """
        ...

    async def note(self, run: Run, at: datetime, actor: str, text: str) -> None:
        """Write something that moved nothing into the run's history: a refused request."""
        ...

    async def send(self, letters: Sequence[Letter]) -> None:
        """Have these messages sent once the transaction is in."""
        ...

    async def running(self, service: str, environment: str) -> Landing | None:
        """What runs there, by the record."""
        ...

    async def land(self, landing: Landing) -> None:
        """Record that a version runs."""
        ...

    async def undo(self, landing: Landing, by: str, at: datetime) -> None:
        """Record that a version was taken back; what ran before it runs again."""
        ...

    async def standing(self, service: str, environment: str) -> Standing:
        """What is on record of the place: what runs, when a rollback was proven, who failed."""
        ...

    async def neighbours(self, run: Run, since: datetime, limit: int) -> list[Neighbour]:
        """Who else changes something in the run's environment, or ended doing so since then.

        The one that moved last comes first.
        """
        ...

    async def keep_evidence(self, evidence: Evidence) -> bool:
        """Keep what a verdict rests on, once; False if its run is not known."""
        ...

    async def label(self, run: Run, label: Label) -> bool:
        """Keep what a person says of a run read here; False if the newest label says the same."""
        ...

    async def pin(self, guide: PinnedGuide) -> None:
        """Keep the very text of a guide, by its digest."""
        ...

    async def guide(self, digest: str, name: str) -> PinnedGuide:
        """A pinned guide, under the name it had.

        Raises:
            LookupError: It was never pinned.
        """
        ...


class Ledger(Proofs, Protocol):
    """Where runs are kept."""

    def unit(self, *, trusting: bool = False) -> AbstractAsyncContextManager[Unit]:
        """Begin a transaction; it is committed at the end, and undone by an exception.

        With `trusting`, messages are taken to be new and runs to be as they are remembered, and
        only the end tells whether they are.

        Raises:
            Mistaken: They are not, and nothing was written. Only where `trusting` was said.
        """
        ...

    async def due_before(self, now: datetime, limit: int) -> list[str]:
        """The runs to look at, the longest overdue first."""
        ...

    async def free_places(self, limit: int) -> list[tuple[str, str]]:
        """Service and environment where runs wait though nothing is active."""
        ...

    async def with_waiting(self, places: Sequence[Place]) -> list[Place]:
        """The places among these where runs wait."""
        ...

    async def rows(self, query: RunsQuery) -> list[RunRow]:
        """Runs for a list, newest first."""
        ...

    async def history(self, run_id: str) -> list[Transition]:
        """Every move of a run, and every refused request, in their order."""
        ...

    async def whole(self, run_id: str) -> Run | None:
        """A run, to be looked at only."""
        ...

    async def services(self, query: ServiceQuery) -> list[RunningRow]:
        """What runs where."""
        ...

    async def verdicts(self, run_id: str, limit: int) -> list[EvidenceRow]:
        """The newest verdicts of a run whose evidence is kept, oldest first."""
        ...

    async def recording(self, evidence_id: str) -> bytes | None:
        """The packed recording of one verdict."""
        ...

    async def evidence(self, query: EvidenceQuery) -> list[EvidenceRow]:
        """Verdicts whose evidence is kept, newest first.

        Raises:
            LookupError: The one to go on after is not known, or no longer.
        """
        ...

    async def labels(self, run_id: str, limit: int) -> list[Label]:
        """The newest labels of a run, newest last."""
        ...

    async def forget_messages_before(self, at: datetime, limit: int) -> int:
        """Forget which messages were handled before then, so many at most; return how many."""
        ...

    async def forget_parked_before(self, at: datetime, limit: int) -> int:
        """Forget messages that were put aside before then, so many at most; return how many."""
        ...

    async def forget_evidence_before(self, at: datetime, limit: int) -> int:
        """Forget so much of the evidence of verdicts before then, oldest first; return how much."""
        ...

    async def forget_runs_before(
        self, at: datetime, after: RunMark | None, limit: int
    ) -> tuple[int, RunMark | None]:
        """Forget runs that ended before then, with their histories, unless something rests on them.

        So many are looked at, from a place among them on; returned is how many are forgotten, and
        where to go on. Kept whatever its age is a run that has evidence or was labelled since then,
        that brought what runs at its place or ran there before, that was the last to change the
        place, or the last that proved the rollback there.
        """
        ...

    async def forget_landings_before(
        self, at: datetime, after: int, limit: int
    ) -> tuple[int, int | None]:
        """Forget landings before then, but of each place what runs, and what ran there before.

        So many are looked at, from a place among them on; returned is how many are forgotten, and
        where to go on.
        """
        ...

    async def condition(self) -> Condition:
        """How the place where runs are kept is."""
        ...

    async def lingering(
        self, due_before: datetime, silent_since: datetime, limit: int
    ) -> list[Run]:
        """Runs that were due before one time, or wait for a short answer since another."""
        ...
