"""What a signal's baseline comes to, worked out once for all looks of a watch.

It is of one rule, one baseline and one reference: whoever keeps it from look to look gives it back
with the same ones, or not at all. Nothing in it decides, and without it everything is the same.
"""

from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Usual:
    """Remembers results by what they are of."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Hashable, Any] = {}

    def once(self, of: Hashable, work: Callable[[], T]) -> T:
        """Return the result of the work, done the first time it is asked for."""
        known = self._known.get(of)
        if known is None:
            known = self._known[of] = work()
        return cast("T", known)
