"""The files that the scribe writes, as a port, and the one way in which writing fails."""

from collections.abc import Callable
from typing import Protocol


class NotWritten(Exception):
    """A file could not be written; the message says what to do. No retry by itself would help."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Pages(Protocol):
    """Files by the names that guides give them."""

    def amend(self, name: str, change: Callable[[str], str]) -> bool:
        """Replace a page by what `change` makes of it (of nothing, if there is none yet).

        Nobody else amends it meanwhile, and no reader ever sees half of it. False: it stayed.

        Raises:
            NotWritten: It could not be; whatever `change` raises passes.
        """
        ...

    def extend(self, name: str, addition: Callable[[bytes], bytes | None]) -> bool:
        """Append what `addition` makes of what is there. False: it was nothing.

        Raises:
            NotWritten: It could not be.
        """
        ...

    def read(self, name: str) -> bytes | None:
        """Return what a file holds; None if it is not there.

        Raises:
            NotWritten: It may not, or cannot, be read.
        """
        ...
