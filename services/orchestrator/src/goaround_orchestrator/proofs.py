"""What is kept of rehearsals and of corrections of guides, as handlers see it: a ledger's part.

A correction is kept by its id, however many runs propose it, and is told until a person has decided
on it. Nothing here decides; `proving` answers for it, and the lifecycle asks it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.procedure import DeployInspected, RehearsalResult
from goaround_schemas.proving import (
    CorrectionDecision,
    CorrectionQuery,
    CorrectionRow,
    RehearsalQuery,
    RehearsalRow,
)

ALONE = "rehearsal-"
"""How the id of a rehearsal begins that was asked for by itself, and not in a run's pre-flight."""
MOST_COUNTED = 100
"""So many runs of a correction are known by their ids: one that comes back later counts again."""
LONGEST_ID = 200


class UnitOfProofs(Protocol):
    """What a transaction does with rehearsals and corrections."""

    async def rehearsed(self, row: RehearsalRow) -> None:
        """Keep a rehearsal under its id; of two under one id the later one counts."""
        ...

    async def last_rehearsal(self, service: str, environment: str) -> RehearsalRow | None:
        """The newest rehearsal of the place that told something: how it passed, or failed."""
        ...

    async def proposed(
        self,
        service: str,
        environment: str,
        run_id: str,
        guide_name: str,
        corrections: Sequence[GuideCorrection],
        at: datetime,
    ) -> tuple[GuideCorrection, ...]:
        """Keep what a run proposes, counting the run once; return what nobody has decided on yet.

        What an earlier run proposed there for the same field, and is open, makes room for it. One
        without an id that can be kept is returned and no more: nobody could name it.
        """
        ...

    async def decide(self, said: CorrectionDecision, at: datetime) -> CorrectionRow | None:
        """Keep a person's word on a correction that has none; return how it stands then.

        None where it is not known.
        """
        ...


class Proofs(Protocol):
    """What is asked of all rehearsals and corrections."""

    async def rehearsals(self, query: RehearsalQuery) -> list[RehearsalRow]:
        """Rehearsals, newest first."""
        ...

    async def corrections(self, query: CorrectionQuery) -> list[CorrectionRow]:
        """Corrections of guides, the last proposed first."""
        ...

    async def forget_rehearsals_before(self, at: datetime, limit: int) -> int:
        """Forget rehearsals from before then, so many at most; return how many."""
        ...

    async def forget_corrections_before(self, at: datetime, limit: int) -> int:
        """Forget corrections decided on before then and not proposed since; return how many."""
        ...


def rehearsal_in(event: DeployInspected) -> RehearsalRow | None:
    """Return the rehearsal that an inspection tells of, if one was made or asked for. Pure.

    Whoever asked for it by itself waits for its result, so there is one also where the deployer
    came to none.
    """
    data = event.data
    result = data.rehearsal
    if result is None and data.run_id.startswith(ALONE):
        why = data.reason if data.outcome == "errored" else f"not rehearsed: {data.reason}"
        result = RehearsalResult(outcome="errored", reason=why, at=event.time, seconds=0)
    if result is None:
        return None
    return RehearsalRow(
        rehearsal_id=data.run_id,
        service=data.service,
        environment=data.environment,
        version=data.version,
        result=result,
        migrations=data.pending,
    )


def keepable(corrections: Iterable[GuideCorrection]) -> dict[str, GuideCorrection]:
    """Return those that can be named, by their ids; the first of two that have the same. Pure."""
    named: dict[str, GuideCorrection] = {}
    for correction in corrections:
        if 0 < len(correction.id) <= LONGEST_ID and correction.id.isprintable():
            named.setdefault(correction.id, correction)
    return named
