"""Whether a consumer's messages are asked for just now.

For services that share consumers out among their instances: each instance is bound to all of them,
and asks only those for messages that are its own for the time being. What has been asked for before
the gate was shut may still come, as long as a pull stands, and is handled like any other.
"""

from collections.abc import Callable


class Gate:
    """Open or shut. Who waits behind it is told when it opens."""

    def __init__(self, *, is_open: bool = True) -> None:
        self._is_open = is_open
        self._rings: list[Callable[[], None]] = []

    @property
    def is_open(self) -> bool:
        """Whether messages are asked for."""
        return self._is_open

    def open(self) -> None:
        """Have messages asked for, beginning at once; no matter if they are."""
        if not self._is_open:
            self._is_open = True
            for ring in self._rings:
                ring()

    def shut(self) -> None:
        """Ask for no more."""
        self._is_open = False

    def tell(self, ring: Callable[[], None]) -> None:
        """Call this each time the gate opens."""
        self._rings.append(ring)
