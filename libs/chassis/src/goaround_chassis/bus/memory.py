"""What a process remembers of messages that are not settled yet.

JetStream counts deliveries, and a handler that asks for later is a delivery too, so failures are
counted here. The memory is this process's own and is bounded: another instance, or the next
process, starts to count anew. That costs some more tries, never a message.
"""

from collections import OrderedDict
from dataclasses import dataclass

from goaround_chassis.bus.verdict import Aside

MOST = 10_000


@dataclass(slots=True)
class Case:
    """One message: how often it failed, and what is decided but not yet confirmed."""

    failures: int = 0
    aside: Aside | None = None
    told: bool = False
    handled: bool = False


class Memory:
    """Cases by sequence, of one consumer; the oldest are forgotten beyond `most`."""

    def __init__(self, most: int = MOST) -> None:
        self._cases: OrderedDict[int, Case] = OrderedDict()
        self._most = most

    def __len__(self) -> int:
        return len(self._cases)

    def find(self, sequence: int) -> Case | None:
        """Return what is remembered of a message, if anything."""
        return self._cases.get(sequence)

    def of(self, sequence: int) -> Case:
        """Return the case of a message, a new one if need be."""
        case = self._cases.get(sequence)
        if case is None:
            case = self._cases[sequence] = Case()
            if len(self._cases) > self._most:
                self._cases.popitem(last=False)
        return case

    def forget(self, sequence: int) -> None:
        """Drop a case that is settled."""
        self._cases.pop(sequence, None)
