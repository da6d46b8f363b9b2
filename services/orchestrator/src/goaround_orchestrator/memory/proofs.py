"""Rehearsals, and corrections of guides, in memory: what the database's queries do."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from goaround_orchestrator.proofs import MOST_COUNTED
from goaround_schemas.proving import (
    CorrectionDecision,
    CorrectionQuery,
    CorrectionRow,
    RehearsalQuery,
    RehearsalRow,
)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A correction as it is kept, and the runs that were counted last."""

    row: CorrectionRow
    counted: tuple[str, ...]

    def again(self, new: CorrectionRow) -> "Proposal":
        """As it stands once a run has proposed it again."""
        row = self.row
        later = new.at >= row.at
        if later and row.state == "open":
            row = row.model_copy(
                update={
                    "correction": new.correction,
                    "environment": new.environment,
                    "guide_name": new.guide_name,
                }
            )
        if later:
            row = row.model_copy(update={"run_id": new.run_id, "at": new.at})
        if new.run_id in self.counted:
            return replace(self, row=row)
        row = row.model_copy(update={"times": row.times + 1})
        return Proposal(row, (new.run_id, *self.counted)[:MOST_COUNTED])

    def decided(self, said: CorrectionDecision, at: datetime) -> "Proposal":
        """As it stands once a person has decided; as it is where somebody has before."""
        if self.row.state != "open":
            return self
        word = {"state": said.decision, "actor": said.actor, "because": said.because}
        return replace(self, row=self.row.model_copy(update={**word, "decided_at": at}))

    def gives_way_to(self, new: CorrectionRow) -> bool:
        """Whether it is open, of an earlier run, and another run says another thing there now."""
        return (
            self.row.state == "open"
            and (self.row.service, self.row.environment) == (new.service, new.environment)
            and self.row.correction.field == new.correction.field
            and self.row.run_id != new.run_id
            and self.row.at < new.at
        )


def rehearsals(kept: Mapping[str, RehearsalRow], query: RehearsalQuery) -> list[RehearsalRow]:
    """Rehearsals, newest first."""
    wanted = [
        row
        for row in kept.values()
        if query.rehearsal_id in (None, row.rehearsal_id)
        and query.service in (None, row.service)
        and query.environment in (None, row.environment)
    ]
    wanted.sort(key=lambda row: (row.result.at, row.rehearsal_id), reverse=True)
    return wanted[: query.limit]


def last_rehearsal(
    kept: Mapping[str, RehearsalRow], service: str, environment: str
) -> RehearsalRow | None:
    """The newest rehearsal of the place that told something."""
    told = {id_: row for id_, row in kept.items() if row.result.outcome != "errored"}
    query = RehearsalQuery(service=service, environment=environment, limit=1)
    return next(iter(rehearsals(told, query)), None)


def corrections(kept: Mapping[str, Proposal], query: CorrectionQuery) -> list[CorrectionRow]:
    """Corrections of guides, the last proposed first."""
    wanted = [
        proposal.row
        for id_, proposal in kept.items()
        if query.correction_id in (None, id_)
        and query.service in (None, proposal.row.service)
        and query.state in (None, proposal.row.state)
    ]
    wanted.sort(key=lambda row: (row.at, row.correction.id), reverse=True)
    return wanted[: query.limit]
