"""What is written down of a run's procedures, before and after each thing that is done.

One document for each run, so that one guarded write moves the holder, the beat and the steps
together: whoever reads it sees who may act and what was begun. Pure: the bucket is written by
`lease`. Names of steps are not kept: they stand in the command, which is delivered again.
"""

import hashlib
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field, ValidationError

from goaround_schemas.guide.step import Step
from goaround_schemas.procedure import Reverted, StepOutcome, WorkDeploy, WorkRollback

Kind = Literal["deploy", "rollback"]
Outcome = Literal["done", "failed", "errored", "unknown", "stopped"]
ProcedureCommand = WorkDeploy | WorkRollback

MIGRATION = "migration"

# Half of what a server takes by default (1 MB), since the final answer repeats it all.
MOST_BYTES = 480_000
# Tried in this order where the document does not fit: bytes of output and characters of detail for
# each step, and whether what was seen of the schema is kept beside its digest.
_ROOM = (
    (4096, 600, True),
    (1024, 600, True),
    (256, 300, True),
    (256, 300, False),
    (0, 200, False),
    (0, 0, False),
)
# What fits with no output at all.
MOST_TASKS = 1200


class TaskRecord(BaseModel, frozen=True):
    """One migration or step.

    `started`: its holder is at it. `orphaned`: its holder is gone, and nobody knows how far it
    came. `ended`: see the outcome. `goes_on`: it ended badly, and what comes after it is better
    done than left undone; the procedure has failed all the same.
    """

    state: Literal["started", "orphaned", "ended"]
    started_at: AwareDatetime
    begun: bool = True
    attempts: int = 1
    outcome: StepOutcome | None = None
    detail: str = ""
    output: str = ""
    seconds: float = 0.0
    goes_on: bool = False
    deed: str = Field(default="", description="What a step does, as `deed_of` tells; see there.")


class SchemaRecord(BaseModel, frozen=True):
    """Where the schema was before it was touched, and after. `applied`: the command ended well.

    By the tool's word, and by the catalogue's fingerprint where one could be taken.
    """

    before: str
    after: str | None = None
    applied: bool = False
    fingerprint_before: str | None = None
    fingerprint_after: str | None = None
    seen: str | None = Field(
        default=None, description="What was seen before it was touched, as `seen` packs it."
    )
    kept: tuple[str, ...] = Field(
        default=(), description="Tables to which a revert copied what it was to drop."
    )


class End(BaseModel, frozen=True):
    """How a procedure ended."""

    outcome: Outcome
    reason: str
    at: AwareDatetime


class ProcedureRecord(BaseModel, frozen=True):
    """One procedure of a run: the deployment of a stage, or the way back."""

    command_id: str
    kind: Kind
    stage: str
    fingerprint: str
    tasks: dict[str, TaskRecord] = Field(default_factory=dict[str, TaskRecord])
    schema_: SchemaRecord | None = Field(default=None, alias="schema")
    reverted: Reverted | None = None
    end: End | None = None

    @property
    def changed(self) -> bool:
        """Was anything begun?"""
        return any(task.begun for task in self.tasks.values())

    def with_task(self, key: str, task: TaskRecord) -> "ProcedureRecord":
        """The same with this task in place of what was written of it before."""
        return self.model_copy(update={"tasks": {**self.tasks, key: task}})


class Journal(BaseModel, frozen=True):
    """A run's document. `holder` alone may act; a rollback asks it to stop, or outlives it."""

    format: Literal[1] = 1
    run_id: str
    epoch: int = 0
    beat: int = 0
    holder: str | None = None
    command_id: str | None = None
    stop_requested: str | None = Field(
        default=None, description="The rollback that wants this run to stop."
    )
    procedures: tuple[ProcedureRecord, ...] = ()

    def of(self, command_id: str) -> ProcedureRecord | None:
        """Return what is written of a command."""
        return next((p for p in self.procedures if p.command_id == command_id), None)

    def with_procedure(self, record: ProcedureRecord) -> "Journal":
        """The same with this record in place of the one of its command; last if there is none."""
        if self.of(record.command_id) is None:
            return self.model_copy(update={"procedures": (*self.procedures, record)})
        kept = tuple(record if p.command_id == record.command_id else p for p in self.procedures)
        return self.model_copy(update={"procedures": kept})


class Unreadable(Exception):
    """A run's journal is not one that this release can read; nothing may run on a guess."""

    def __init__(self, run_id: str, why: str) -> None:
        super().__init__(
            f"the journal of run {run_id} cannot be read ({why}); was it written by a later "
            f"release? Update this deployer; what was begun stands in that document"
        )
        self.run_id = run_id


def kind_of(command: ProcedureCommand) -> Kind:
    """Return which procedure a command asks for."""
    return "deploy" if isinstance(command, WorkDeploy) else "rollback"


def fingerprint_of(command: ProcedureCommand) -> str:
    """Return what two commands share that would do the very same things."""
    data = command.data
    said = "\n".join(
        [
            *(step.model_dump_json() for step in data.steps),
            data.migrations.model_dump_json() if data.migrations else "",
        ]
    )
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def deed_of(step: Step, run_id: str) -> str:
    """Return what two steps share that do the same, in whichever run and place.

    How often and how long it may be tried, and whether it may be repeated, is no part of it.
    """
    said = step.model_dump_json(include={"run", "script", "http", "env", "dir"})
    return hashlib.sha256(said.replace(run_id, "").encode()).hexdigest()[:16]


def decode(run_id: str, raw: bytes) -> Journal:
    """Return the document.

    Raises:
        Unreadable: It is something else, or from a later release.
    """
    try:
        return Journal.model_validate_json(raw)
    except ValidationError as error:
        raise Unreadable(run_id, f"{error.error_count()} faults") from error


def encode(journal: Journal) -> bytes:
    """Return the document in at most `MOST_BYTES`, with as much output as there is room for."""
    raw = journal.model_dump_json(by_alias=True).encode()
    for output_bytes, detail_chars, with_seen in _ROOM:
        if len(raw) <= MOST_BYTES:
            break
        trimmed = _trimmed(journal, output_bytes, detail_chars, with_seen=with_seen)
        raw = trimmed.model_dump_json(by_alias=True).encode()
    return raw


def _trimmed(journal: Journal, output_bytes: int, detail_chars: int, *, with_seen: bool) -> Journal:
    procedures = tuple(
        p.model_copy(
            update={
                "schema_": p.schema_ if with_seen else _unseen(p.schema_),
                "tasks": {
                    key: t.model_copy(
                        update={
                            "output": tail(t.output, output_bytes),
                            "detail": t.detail[:detail_chars],
                        }
                    )
                    for key, t in p.tasks.items()
                },
            }
        )
        for p in journal.procedures
    )
    return journal.model_copy(update={"procedures": procedures})


def _unseen(schema: SchemaRecord | None) -> SchemaRecord | None:
    return schema.model_copy(update={"seen": None}) if schema is not None else None


def tail(text: str, most_bytes: int) -> str:
    """Return the end of a text, so many bytes at most, whole characters only."""
    raw = text.encode(errors="replace")
    if len(raw) <= most_bytes:
        return text
    return raw[-most_bytes:].decode(errors="ignore") if most_bytes else ""
