"""Steps of the way back that failed when they were needed.

Pure. Why a step fails is nothing that times can tell, so this is a word with its place in the
guide. Runs by another guide say nothing: the step may have been repaired since.
"""

from collections.abc import Iterator

from goaround_schemas.guide import Guide
from goaround_scribe.learning.bound import bound_of, results_of, step_bounds
from goaround_scribe.learning.memory import Memory, RecordedRun
from goaround_scribe.learning.procedure import way_of
from goaround_scribe.learning.proposal import Certainty, Proposal, counted, cut
from goaround_scribe.learning.timing import was_cut_off

_FAILED = ("failed", "errored", "unknown")


def failed_ways_back(guide: Guide, memory: Memory) -> Iterator[Proposal]:
    """Yield each step of this run's way back that failed for another reason than its time."""
    run = memory.now
    same = [
        r
        for r in memory.by_environment[run.environment]
        if r.guide_digest == run.guide_digest and results_of(r, "rollback")
    ]
    for name, (detail, outcome) in _failed(guide, run).items():
        way, steps = way_of(guide, "rollback", run.previous_version)
        bound = step_bounds(guide, run, "rollback").get(name)
        if bound is None:
            continue
        step = next(s for i, s in enumerate(steps) if bound.path[2] == i)
        again = [r for r in same if r is run or _has_failed(guide, r, bound.path)]
        retry = (
            f"it may be done again: raise retries from {step.retries}, or repair it"
            if step.idempotent
            else "repair it; where it may be done twice, say idempotent: true and give it retries"
        )
        yield Proposal(
            Certainty.WAY_BACK_FAILED,
            bound.path[:-1],
            f"rollback.{way}[{step.name}]",
            outcome,
            f"{retry}, and try the way back before it is needed again",
            f"{outcome} on the way back in {run.told}, as in {len(again)} of "
            f"{counted(len(same), 'way')} back by this guide there: {cut(detail)}",
            tuple(again),
            "none on good runs: they never came to it",
            finding=True,
        )


def _failed(guide: Guide, run: RecordedRun) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for result in results_of(run, "rollback"):
        if result.kind != "step":
            continue
        if result.outcome not in _FAILED:
            found.pop(result.name, None)  # a person helped, and it was gone on with
            continue
        bound = bound_of(guide, run, "rollback", result)
        if bound is not None and not was_cut_off(result, bound):
            found[result.name] = (result.detail, result.outcome)
    return found


def _has_failed(guide: Guide, run: RecordedRun, path: tuple[str | int, ...]) -> bool:
    bounds = step_bounds(guide, run, "rollback")
    return any(bounds[name].path == path for name in _failed(guide, run) if name in bounds)
