"""Runs and their post in memory: the shipped fakes behind `Ledger` and `Post`.

They pass the suite of the real ones: what a unit writes is seen by others only once it is in, an
exception undoes it, and whoever wants the same run or place waits its turn. They live in one
process and one event loop, keep nothing, and do not notice two units that wait for each other.
"""

from goaround_orchestrator.memory.kept import Parked
from goaround_orchestrator.memory.ledger import MemoryLedger
from goaround_orchestrator.memory.post import MemoryPost
from goaround_orchestrator.memory.unit import MemoryUnit

__all__ = ["MemoryLedger", "MemoryPost", "MemoryUnit", "Parked"]
