"""Opening a check's references to secrets, as a port. What is opened is never kept."""

from dataclasses import dataclass
from typing import Protocol

from goaround_schemas.guide import Check
from goaround_verifier.checks.probe import Mask


@dataclass(frozen=True, slots=True)
class Opened:
    """A check with its secrets in place, for one try, and what hides them again in a text."""

    check: Check
    mask: Mask


class Missing(Exception):
    """A reference leads to nothing here; the message names the reference, never a value."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Secrets(Protocol):
    """Where references become values."""

    def open(self, check: Check) -> Opened:
        """Return the check with every reference replaced.

        Raises:
            Missing: One leads to nothing.
        """
        ...
