"""What a run of chaos has left behind, as plain facts: no code of a service made them.

The effects log is written by the steps themselves, one line at a time, each with one write to a
file opened for appending; the time in it is the machine's uptime, which costs a step no process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

ENDS = ("succeeded", "rolled_back", "rollback_failed", "rejected", "aborted", "superseded")
ACTIVE = (
    *("preflight", "awaiting_approval", "deploying", "verifying", "watching", "held"),
    *("rolling_back", "verifying_rollback", "recording"),
)


@dataclass(frozen=True)
class Effect:
    """One try of one step. `end` None: it was killed, or its worker was, before it came there."""

    line: int
    run: str
    service: str
    procedure: str
    stage: str
    step: str
    once: bool
    begin: float
    end: float | None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """The step that this is a try of."""
        return (self.run, self.procedure, self.stage, self.step)


@dataclass(frozen=True)
class Advanced:
    """One `deploy.advanced` as the stream has it."""

    id: str
    run: str
    service: str
    revision: int
    from_: str
    to: str
    at: float


@dataclass(frozen=True)
class Finished:
    """One `deploy.finished` as the stream has it; `at` is when it was decided."""

    id: str
    run: str
    service: str
    outcome: str
    previous: str | None
    at: float


@dataclass(frozen=True)
class Row:
    """A run as the database has it."""

    run: str
    service: str
    environment: str
    kind: str
    phase: str


@dataclass(frozen=True)
class Move:
    """A line of the database's history, in the order in which they were written."""

    run: str
    revision: int
    from_: str
    to: str


@dataclass(frozen=True)
class History:
    """All that is looked at. Times are seconds since the epoch."""

    requested: frozenset[str] = frozenset()
    """The run ids of every request that the stream has."""
    acknowledged: frozenset[str] = frozenset()
    """Those whose senders were told that the stream has them."""
    advanced: Sequence[Advanced] = ()
    finished: Sequence[Finished] = ()
    rows: Sequence[Row] = ()
    moves: Sequence[Move] = ()
    effects: Sequence[Effect] = ()
    steps: Mapping[str, Sequence[tuple[str, str]]] = field(
        default_factory=dict[str, Sequence[tuple[str, str]]]
    )
    """By service: the stages and steps of its guide, in their order."""
    outbox: int = 0
    parked: Sequence[str] = ()
    """Messages that could not be sent, each with what the bus said."""
    work: int = 0
    dead: Sequence[str] = ()
    frozen: Sequence[tuple[float, float]] = ()
    """When a deployer was stopped or cut off: what it had begun may go on beside its repeat."""
    fallen: Sequence[str] = ()
    """Processes that ended though nobody ended them."""
    explained: frozenset[str] = frozenset()
    """Dead letters that the load itself asked for."""


def effects_of(text: str, booted_at: float) -> list[Effect]:
    """Read the log. A process id is used again only after its process has ended.

    Raises:
        ValueError: A line is not one that a step writes whole.
    """
    found: list[Effect] = []
    open_: dict[str, int] = {}
    for number, line in enumerate(text.splitlines()):
        uptime, what, pid, run, service, procedure, stage, step, mode = line.split(" ")
        at = booted_at + float(uptime)
        if what == "begin":
            open_[pid] = len(found)
            once = mode == "once"
            found.append(
                Effect(number, run, service, procedure, stage, step, once, begin=at, end=None)
            )
            continue
        if what != "end" or pid not in open_:
            raise ValueError(f"line {number + 1} of the effects log: {line!r}")
        place = open_.pop(pid)
        begun = found[place]
        if begun.key != (run, procedure, stage, step):
            raise ValueError(f"line {number + 1} ends another step than it began: {line!r}")
        found[place] = replace(begun, end=at)
    return found
