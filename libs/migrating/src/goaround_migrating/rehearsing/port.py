"""What a rehearsal asks of its caller, and what it hands back. It does nothing itself."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

T = TypeVar("T")
Outcome = Literal["passed", "failed", "errored"]
CopiedBy = Literal["pg_dump", "migrations"]
Smoke = Callable[[str], Awaitable[tuple[bool, str, T]]]
"""Takes the scratch copy's URL, tries the previous version on it, and returns whether all went
well, one sentence about it, and whatever the caller wants back."""


class ToolFailed(Exception):
    """The migration tool said no, or nothing. One line for people, without a password."""


class Tool(Protocol):
    """A migration tool, as a guide names it. Each raises `ToolFailed` where it fails."""

    async def current(self, url: str) -> str:
        """Return the revision that a database is at, as the tool prints it; change nothing."""
        ...

    async def apply(self, url: str) -> None:
        """Apply what is pending."""
        ...

    async def revert(self, url: str, to: str) -> None:
        """Go back to a revision, as `current` printed it."""
        ...

    async def bring_to(self, url: str, revision: str) -> None:
        """Bring an empty database to a revision."""
        ...


@dataclass(frozen=True)
class Rehearsed(Generic[T]):
    """How a rehearsal went. Seconds are those of a copy without rows."""

    outcome: Outcome
    """`failed` is a definite no; `errored`: it could not be told."""
    reason: str
    seconds: float
    up_s: float | None = None
    down_s: float | None = None
    again_s: float | None = None
    copied_by: CopiedBy | None = None
    smoke: T | None = None
    difference: tuple[str, ...] = ()
    """What the way back, or the second way up, left different; what a copy lacks if `errored`."""


class CouldNotTell(Exception):
    """Why a rehearsal is `errored`, with the next step."""

    def __init__(self, why: str, difference: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.difference = difference


class DefiniteNo(Exception):
    """Why a rehearsal is `failed`."""

    def __init__(self, why: str, difference: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.difference = difference
