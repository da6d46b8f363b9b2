"""The two procedures of a guide, and the steps of each that a run followed.

Pure. A run without a previous version comes back by `rollback.first`, all others by the steps.
"""

from typing import Literal

from goaround_schemas.guide import Guide, Step

Procedure = Literal["deploy", "rollback"]


def way_of(
    guide: Guide, procedure: Procedure, previous_version: str | None
) -> tuple[str, tuple[Step, ...]]:
    """Return the name and the steps of the list that a run's procedure follows."""
    usual, *first = ways_of(guide, procedure)
    return first[0] if first and previous_version is None else usual


def ways_of(guide: Guide, procedure: Procedure) -> tuple[tuple[str, tuple[Step, ...]], ...]:
    """Return every list of steps of a procedure with its name: the usual one, then the first."""
    if procedure == "deploy":
        return (("steps", guide.deploy.steps),)
    return ("steps", guide.rollback.steps), ("first", guide.rollback.first)
