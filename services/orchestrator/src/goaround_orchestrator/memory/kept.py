"""What a ledger in memory holds, as tables would."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.ledger import Evidence
from goaround_orchestrator.memory.proofs import Proposal
from goaround_orchestrator.relay import Posted
from goaround_orchestrator.run import Landing, Run
from goaround_schemas.api import Label, Transition
from goaround_schemas.proving import RehearsalRow


@dataclass(frozen=True, slots=True)
class Row:
    """A run as it is kept, and its edition."""

    snapshot: str
    edition: int

    @property
    def run(self) -> Run:
        """The run."""
        return _read(self.snapshot)


@lru_cache(maxsize=1024)
def _read(snapshot: str) -> Run:
    # As from a database: what is kept has been through its JSON. Runs never change, so that one
    # reading serves all.
    return Run.model_validate_json(snapshot)


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that could never be sent, why, and since when it lies there."""

    letter: Posted
    why: str
    at: datetime


@dataclass
class Kept:
    """What is in. A unit reads it through its own writes."""

    runs: dict[str, Row] = field(default_factory=dict[str, Row])
    inbox: dict[str, datetime] = field(default_factory=dict[str, datetime])
    history: list[tuple[str, Transition]] = field(default_factory=list[tuple[str, Transition]])
    outbox: dict[int, Posted] = field(default_factory=dict[int, Posted])
    posted_at: dict[int, datetime] = field(default_factory=dict[int, datetime])
    parked: list[Parked] = field(default_factory=list[Parked])
    guides: dict[str, PinnedGuide] = field(default_factory=dict[str, PinnedGuide])
    landings: dict[int, Landing] = field(default_factory=dict[int, Landing])
    undone: dict[int, datetime] = field(default_factory=dict[int, datetime])
    evidence: dict[str, Evidence] = field(default_factory=dict[str, Evidence])
    labels: list[tuple[str, Label]] = field(default_factory=list[tuple[str, Label]])
    rehearsals: dict[str, RehearsalRow] = field(default_factory=dict[str, RehearsalRow])
    corrections: dict[str, Proposal] = field(default_factory=dict[str, Proposal])
    overtaken: set[str] = field(default_factory=set[str])
    """Corrections that a unit takes out."""

    def forget(self, run_ids: Collection[str]) -> None:
        """Forget these runs with their histories and labels."""
        for run_id in run_ids:
            del self.runs[run_id]
        self.history = [line for line in self.history if line[0] not in run_ids]
        self.labels = [line for line in self.labels if line[0] not in run_ids]


def runs_of(rows: dict[str, Row]) -> Iterable[Run]:
    """Return the runs of these rows."""
    return (row.run for row in rows.values())
