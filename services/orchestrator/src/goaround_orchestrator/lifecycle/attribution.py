"""Who else may be to blame for a watch that went badly: said of it, and deciding nothing.

Pure.
"""

from goaround_orchestrator.lifecycle.inputs import Answer, Neighbour
from goaround_orchestrator.run import Run
from goaround_schemas.watching import DeployJudged

MOST_NAMED = 5
"""Neighbours that are named of one verdict: more would be no hint any more."""


def is_worth_asking(answer: Answer) -> bool:
    """Whether the answer is a verdict that somebody else may be to blame for."""
    return isinstance(answer, DeployJudged) and answer.data.summary.colour != "green"


def with_suspects(run: Run, neighbours: tuple[Neighbour, ...]) -> Run:
    """Return the run, warned of what else changed beside it; each is named once, as it stood."""
    named = tuple(_sentence(run, one) for one in neighbours[:MOST_NAMED])
    new = tuple(said for said in named if said not in run.warnings)
    return run.model_copy(update={"warnings": (*run.warnings, *new)}) if new else run


def _sentence(run: Run, other: Neighbour) -> str:
    what = f"{other.service} {other.version}" if other.version else other.service
    done = "rolled back" if other.kind == "rollback" else "deployed"
    stands = other.phase.replace("_", " ")
    return (
        f"While it was watched, {what} was being {done} in {run.environment} as well "
        f"(run {other.run_id}, {stands}): it may be to blame."
    )
