"""What can happen to a run. Pure values."""

from dataclasses import dataclass
from typing import Literal

from pydantic import AwareDatetime

from goaround_orchestrator.run import Landing, Run
from goaround_schemas.matrix import DeployVerified
from goaround_schemas.notice import DeployNotified
from goaround_schemas.phase import Phase
from goaround_schemas.procedure import DeployExecuted, DeployInspected
from goaround_schemas.recording import DeployRecorded
from goaround_schemas.watching import DeployBaselined, DeployJudged

Answer = (
    DeployVerified
    | DeployBaselined
    | DeployInspected
    | DeployExecuted
    | DeployJudged
    | DeployRecorded
    | DeployNotified
)


@dataclass(frozen=True, slots=True)
class Begin:
    """The run's turn has come. `running` is what the record says runs now."""

    running: Landing | None
    last_proof: AwareDatetime | None = None
    stranded: Run | None = None
    """The run whose way back failed there, if nothing has come to run since."""
    last_rehearsal: AwareDatetime | None = None
    """When the service's migrations last went up and down well on a scratch copy."""


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Another run is under way; this one waits behind it."""

    behind: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The request cannot be carried out."""

    reason: str


@dataclass(frozen=True, slots=True)
class GiveWay:
    """A later request takes this run's place."""

    to: str
    reason: str


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another run of the same environment that was changing something meanwhile."""

    run_id: str
    kind: Literal["deploy", "rollback"]
    service: str
    version: str | None
    phase: Phase
    """Where it stands, or how it ended."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A worker answered, or told on its own."""

    event: Answer
    neighbours: tuple[Neighbour, ...] = ()
    """Who else was under way, where the answer is a verdict that is not green."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A person asks for something."""

    what: Literal["abort", "approve", "resume", "promote", "rollback"]
    actor: str
    groups: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Input = Begin | Enqueue | Refuse | GiveWay | Answered | Asked | Tick
