"""The lifecycle of a run: a table of moves, and one pure decision."""

from goaround_orchestrator.lifecycle.decision import decide
from goaround_orchestrator.lifecycle.inputs import (
    Answer,
    Answered,
    Asked,
    Begin,
    Enqueue,
    GiveWay,
    Input,
    Neighbour,
    Refuse,
    Tick,
)
from goaround_orchestrator.lifecycle.moving import IllegalMove
from goaround_orchestrator.lifecycle.table import ACTIVE, LEGAL, TURNABLE, UNTOUCHED

__all__ = [
    "ACTIVE",
    "LEGAL",
    "TURNABLE",
    "UNTOUCHED",
    "Answer",
    "Answered",
    "Asked",
    "Begin",
    "Enqueue",
    "GiveWay",
    "IllegalMove",
    "Input",
    "Neighbour",
    "Refuse",
    "Tick",
    "decide",
]
