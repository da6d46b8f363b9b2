"""Bounds of time that are too tight, or ten times too wide.

Pure. What a good run nearly used up will be cut off one day. What was cut off in a run that failed
proves nothing of a version: a sick one is slow, and must not loosen the bound that caught it.
"""

import re
from collections.abc import Iterator
from datetime import timedelta

from goaround_schemas.duration import show_duration
from goaround_schemas.guide import Guide
from goaround_schemas.procedure import StepResult
from goaround_scribe.learning.bound import (
    PROCEDURES,
    Bound,
    History,
    Use,
    bound_of,
    results_of,
    uses_of,
)
from goaround_scribe.learning.memory import Memory, RecordedRun
from goaround_scribe.learning.procedure import Procedure
from goaround_scribe.learning.proposal import Certainty, Proposal, counted, round_up

TIGHT = 0.8  # of its time; above that, the next slow day is a failed deployment
HALF = 0.5  # of its time; where that is the rule, there is no room for a slow day either
REGULAR, OF_THE_LAST = 3, 5
FACTOR = 2.0
WIDE = 10.0  # times the longest: a hang holds up a deployment for nothing
WIDE_FACTOR = 5.0  # times the longest are left, since what was slowest yet will not stay so
WIDE_RUNS = 5  # good runs in every environment; from less nothing is tightened
_CUT_OFF = re.compile(
    r"(?:did not end|(?:GET|POST|PUT|PATCH|DELETE) \S+: no answer) within (?P<s>[0-9.e+]+) s\b"
)


def tight(history: History) -> Proposal | None:
    """Return more time for what a good run nearly used up, or good runs regularly half."""
    bound, longest = history.bound, history.longest
    limit_s = bound.limit.total_seconds()
    regular = _regularly(history, HALF * limit_s)
    if longest.seconds <= TIGHT * limit_s and regular is None:
        return None
    speaking = [u for u in _newest_first(history) if u.seconds > HALF * limit_s]
    proposed = round_up(FACTOR * longest.seconds)
    often = f"; over half of it in {regular}" if regular else ""
    near = sum(u.seconds > TIGHT * limit_s for u in speaking)
    return Proposal(
        Certainty.TIGHT,
        bound.path,
        bound.field,
        show_duration(bound.limit),
        show_duration(proposed),
        f"took {longest.seconds:.4g} s of {bound.said} in {longest.run.told}, the longest of "
        f"{counted(history.count, 'good run')} on record{often}",
        tuple(u.run for u in speaking),
        f"of {counted(history.count, 'good run')} on record none would have used more than "
        f"{longest.seconds / proposed.total_seconds():.0%} of {show_duration(proposed)}; {near} "
        f"used more than {TIGHT:.0%} of {show_duration(bound.limit)}",
        loosens=f"what hangs is cut off {show_duration(proposed - bound.limit)} later",
    )


def wide(history: History, guide: Guide) -> Proposal | None:
    """Return less time for what never used a tenth, in any environment that the guide names."""
    bound, longest = history.bound, history.longest
    known = [len(history.uses.get(name, ())) for name in guide.environments]
    if min(known) < WIDE_RUNS or longest.seconds * WIDE > bound.limit.total_seconds():
        return None
    proposed = round_up(max(WIDE_FACTOR * longest.seconds, bound.floor_s))
    if proposed * 2 > bound.limit:
        return None
    return Proposal(
        Certainty.WIDE,
        bound.path,
        bound.field,
        show_duration(bound.limit),
        show_duration(proposed),
        f"took {longest.seconds:.4g} s of {bound.said} at most, in {longest.run.told}, the "
        f"longest of {counted(history.count, 'good run')} on record, at least {min(known)} in "
        "each environment",
        tuple(u.run for u in _newest_first(history)),
        f"of {counted(history.count, 'good run')} on record none would have been cut off: the "
        f"longest would have used {longest.seconds / proposed.total_seconds():.0%}; what hangs is "
        f"cut off {show_duration(bound.limit - proposed)} sooner",
    )


def cut_off(guide: Guide, memory: Memory) -> Iterator[Proposal]:
    """Yield what this run's timeouts cut off.

    More time is proposed for the way back, which must not end half-way, and for what was cut off
    in a run that went well (a step after Green); for the rest there is a word.
    """
    run = memory.now
    told: set[Bound] = set()
    for procedure in PROCEDURES:
        for result in results_of(run, procedure):
            bound = bound_of(guide, run, procedure, result)
            if bound is None or bound in told or not was_cut_off(result, bound):
                continue
            told.add(bound)
            yield _cut_off(memory, bound, procedure, _also(guide, memory, bound, procedure))


def was_cut_off(result: StepResult, bound: Bound) -> bool:
    """Tell whether this very limit ended the step; a limit that is no longer so teaches nothing."""
    cut = _CUT_OFF.match(result.detail) if result.outcome != "done" else None
    return cut is not None and cut["s"] == f"{bound.limit.total_seconds():g}"


def not_learned(guide: Guide, memory: Memory) -> Iterator[str]:
    """Yield what was tight in this run and proves nothing, since the run failed."""
    run = memory.now
    for procedure in PROCEDURES:
        if run.went_well(procedure):
            continue
        for use in uses_of(guide, run, procedure):
            limit_s = use.bound.limit.total_seconds()
            if use.seconds > TIGHT * limit_s:
                yield (
                    f"{use.bound.field} was tight ({use.seconds:g} s of {limit_s:g} s), but "
                    f"the run {'went Red' if run.went_red else f'was {run.outcome}'}: nothing "
                    "is learned from it"
                )


def _cut_off(
    memory: Memory, bound: Bound, procedure: Procedure, runs: tuple[RecordedRun, ...]
) -> Proposal:
    more = show_duration(round_up(FACTOR * bound.limit.total_seconds()))
    was = show_duration(bound.limit)
    evidence = f"was cut off after {bound.said} in {memory.now.told}"
    on_record = f"of {counted(len(memory.runs), 'run')} on record {len(runs)}"
    if procedure == "rollback" or memory.now.went_well(procedure):
        where = "on the way back" if procedure == "rollback" else "in a run that went well"
        return Proposal(
            Certainty.CUT_OFF,
            bound.path,
            bound.field,
            was,
            more,
            f"{evidence}, {where}",
            runs,
            f"{on_record} would have had {more} instead of being cut off after {was}; nothing "
            "changes for the others",
            loosens=f"what hangs is cut off {_later(bound)} later",
        )
    return Proposal(
        Certainty.CUT_OFF,
        bound.path,
        bound.field,
        was,
        f"find out whether it hung; if it only needs more time than {was}, give it {more}",
        f"{evidence}, which was {memory.now.outcome}: a sick version is slow too, so no time is "
        "proposed from it",
        runs,
        f"{on_record} came to this end; nothing changes by itself",
        finding=True,
    )


def _also(
    guide: Guide, memory: Memory, bound: Bound, procedure: Procedure
) -> tuple[RecordedRun, ...]:
    """Return the runs in which this very limit ended the step as it did in this one, newest first.

    Those that went well speak for one that did, and for no other.
    """
    well = memory.now.went_well(procedure)
    return tuple(
        run
        for run in memory.runs
        if run.went_well(procedure) == well
        and any(
            bound_of(guide, run, procedure, result) == bound and was_cut_off(result, bound)
            for result in results_of(run, procedure)
        )
    )


def _later(bound: Bound) -> str:
    more = round_up(FACTOR * bound.limit.total_seconds())
    return show_duration(max(more - bound.limit, timedelta(0)))


def _regularly(history: History, seconds: float) -> str | None:
    for place, uses in history.uses.items():
        last = uses[:OF_THE_LAST]
        over = sum(use.seconds > seconds for use in last)
        if over >= REGULAR:
            return f"{over} of the last {len(last)} good runs in {place}"
    return None


def _newest_first(history: History) -> list[Use]:
    """Return the uses of all environments; those of one stay in their order."""
    longest = max(len(uses) for uses in history.uses.values())
    return [u[i] for i in range(longest) for u in history.uses.values() if i < len(u)]
