"""What earlier runs were like, read from the end of the scribe's own journal.

Pure: it is given the journal's bytes. What stands behind the line of the run at hand came after
it and is never looked at, so a command that comes again learns from the very same runs.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from pydantic import BaseModel, Field, ValidationError

from goaround_schemas.envelope import RunPayload
from goaround_schemas.matrix import Matrix, MatrixRow
from goaround_schemas.outcome import RollbackSummary
from goaround_schemas.procedure import MigrationResult, StepResult
from goaround_schemas.recording import WorkRecordData
from goaround_schemas.watching import WatchSummary
from goaround_scribe.learning.procedure import Procedure

MOST_RUNS = 200
MOST_BYTES = 8 * 1024 * 1024
LINES_REMEMBERED = 1024

AnswerKey = tuple[str, str, str]
"""A matrix's kind; of readiness also the version that it was of; a category, or none for all."""


class RecordedRun(RunPayload, frozen=True):
    """One run, as far as anything is learned from it."""

    kind: str = "deploy"
    version: str | None = None
    previous_version: str | None = None
    outcome: str
    guide_digest: str = ""
    verification: tuple[Matrix, ...] = ()
    steps: tuple[StepResult, ...] = ()
    migration: MigrationResult | None = None
    watch: WatchSummary | None = None
    rollback: RollbackSummary | None = None

    def went_well(self, procedure: Procedure) -> bool:
        """Whether what this run did on the way forward, or back, is an example to learn from."""
        if procedure == "rollback":
            return self.outcome in ("rolled_back", "succeeded")
        return self.outcome == "succeeded" and self.kind == "deploy" and not self.went_red

    @property
    def went_red(self) -> bool:
        """Whether its watch ended Red."""
        return self.watch is not None and self.watch.colour == "red"

    @cached_property
    def answers(self) -> dict[AnswerKey, dict[str, tuple[MatrixRow, ...]]]:
        """The rows of its matrices, by matrix and category, then by name."""
        found: dict[AnswerKey, dict[str, tuple[MatrixRow, ...]]] = {}
        for matrix in self._matrices:
            of = matrix.of if matrix.kind == "readiness" else ""
            found.setdefault((matrix.kind, of, ""), {})
            for row in matrix.rows:
                named = found.setdefault((matrix.kind, of, row.category), {})
                named[row.name] = (*named.get(row.name, ()), row)
        return found

    @property
    def _matrices(self) -> tuple[Matrix, ...]:
        proof = self.rollback.matrix if self.rollback else None
        if proof is None or any(m.kind == "rollback_health" for m in self.verification):
            return self.verification
        return (*self.verification, proof)

    @property
    def told(self) -> str:
        """How evidence names it."""
        return f"run {self.run_id} ({self.version or 'no version'}, {self.environment})"


@dataclass(frozen=True)
class Memory:
    """The runs of one service, newest first: the one at hand and those on record before it."""

    now: RecordedRun
    past: tuple[RecordedRun, ...] = ()
    broken: int = 0
    """Lines of the journal that nothing could be learned from."""

    @property
    def runs(self) -> tuple[RecordedRun, ...]:
        """Every run, newest first."""
        return (self.now, *self.past)

    @cached_property
    def by_environment(self) -> dict[str, tuple[RecordedRun, ...]]:
        """The runs of each environment that has some, newest first."""
        found: dict[str, list[RecordedRun]] = {}
        for run in self.runs:
            found.setdefault(run.environment, []).append(run)
        return {name: tuple(found[name]) for name in sorted(found)}


class _Whose(BaseModel):
    service: str = ""
    run_id: str = Field(default="")


def remember(run: WorkRecordData, journal: bytes) -> Memory:
    """Return the run at hand and what the journal tells of the same service's earlier ones."""
    now = RecordedRun.model_validate(run, from_attributes=True)
    kept: list[RecordedRun] = []
    seen, broken = {run.run_id}, 0
    for line in _backwards(_before(journal, run.run_id)):
        if len(kept) + 1 >= MOST_RUNS:
            break
        try:
            whose = _Whose.model_validate_json(line)
            if whose.service != run.service or whose.run_id in seen:
                continue
            kept.append(_recorded(line))
        except ValidationError:
            broken += 1
            continue
        seen.add(whose.run_id)
    return Memory(now, tuple(kept), broken)


@lru_cache(maxsize=LINES_REMEMBERED)
def _recorded(line: bytes) -> RecordedRun:
    # With each run of a service all those before it are read again, and lines never change.
    return RecordedRun.model_validate_json(line)


def _before(journal: bytes, run_id: str) -> bytes:
    """Return what was written before the run's own line; all of it where it has none yet."""
    sought, place = json.dumps(run_id).encode(), 0
    while (place := journal.find(sought, place)) >= 0:
        start = journal.rfind(b"\n", 0, place) + 1
        end = journal.find(b"\n", place)
        end = len(journal) if end < 0 else end
        try:
            if _Whose.model_validate_json(journal[start:end]).run_id == run_id:
                return journal[:start]
        except ValidationError:
            pass  # a line that was cut off is nobody's
        place = end
    return journal


def _backwards(journal: bytes) -> Iterator[bytes]:
    """Yield the last lines, the last first, no further back than `MOST_BYTES`."""
    least, end = max(len(journal) - MOST_BYTES, 0), len(journal)
    while True:
        newline = journal.rfind(b"\n", max(least - 1, 0), end)
        if newline < 0 and least:
            return  # its beginning lies beyond the bound
        if (line := journal[newline + 1 : end]).strip():
            yield line
        if newline < 0:
            return
        end = newline
