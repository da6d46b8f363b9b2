"""Steps of the way back that failed when they were needed.

Pure. Why a step fails is nothing that times can tell, so this is a word with its place in the
guide. Runs by another guide say nothing: the step may have been repaired since.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from goaround_guidebook.tree import Path
from goaround_schemas.guide import Guide, Step
from goaround_schemas.procedure import StepResult
from goaround_scribe.learning.bound import Bound, bound_of, results_of
from goaround_scribe.learning.memory import Memory, RecordedRun
from goaround_scribe.learning.procedure import way_of
from goaround_scribe.learning.proposal import Certainty, Proposal, counted, cut
from goaround_scribe.learning.timing import was_cut_off

_FAILED = ("failed", "errored", "unknown")


@dataclass(frozen=True, slots=True)
class _Failure:
    """The end of a step of the way back, and the part of the guide that it comes from."""

    path: Path
    field: str
    result: StepResult


def failed_ways_back(guide: Guide, memory: Memory) -> Iterator[Proposal]:
    """Yield each step of this run's way back that failed for another reason than its time."""
    run = memory.now
    same = [
        other
        for other in memory.by_environment[run.environment]
        if other.guide_digest == run.guide_digest and results_of(other, "rollback")
    ]
    for failure in _failures(guide, run).values():
        again = tuple(other for other in same if failure.path in _failures(guide, other))
        yield Proposal(
            Certainty.WAY_BACK_FAILED,
            failure.path,
            failure.field,
            failure.result.outcome,
            f"{_advice(guide, run, failure.path)}, and try the way back before it is needed again",
            f"{failure.result.outcome} on the way back in {run.told}, as in {len(again)} of "
            f"{counted(len(same), 'way')} back by this guide there: {cut(failure.result.detail)}",
            again,
            "none on good runs: they never came to it",
            finding=True,
        )


def _failures(guide: Guide, run: RecordedRun) -> dict[Path, _Failure]:
    """Return what failed in a run's way back, unless a person helped and it was gone on with."""
    found: dict[Path, _Failure] = {}
    for result in results_of(run, "rollback"):
        bound = bound_of(guide, run, "rollback", result)
        if bound is None:
            continue
        path = bound.path[:-1]
        if result.outcome not in _FAILED:
            found.pop(path, None)
        elif not was_cut_off(result, bound):
            found[path] = _Failure(path, _field(bound), result)
    return found


def _field(bound: Bound) -> str:
    return bound.field.removesuffix(".timeout")


def _advice(guide: Guide, run: RecordedRun, path: Path) -> str:
    step = _step(guide, run, path)
    if step is None:
        return "repair the down-migration that its words name, or allow what it may lose"
    if step.idempotent:
        return f"it may be done again: raise retries from {step.retries}, or repair it"
    return "repair it; where it may be done twice, say idempotent: true and give it retries"


def _step(guide: Guide, run: RecordedRun, path: Path) -> Step | None:
    """Return the guide's step at a path; None for its migrations."""
    way, steps = way_of(guide, "rollback", run.previous_version)
    return next((s for i, s in enumerate(steps) if path == ("rollback", way, i)), None)
