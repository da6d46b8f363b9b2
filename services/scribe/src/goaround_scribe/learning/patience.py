"""Checks and steps that regularly needed several tries, and what patience would fit them.

Pure. What needs a second try each time will one day need one more than it has. What is asked until
it passes is another matter: there many tries are no sign of anything but of asking too often.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from goaround_guidebook.tree import Path
from goaround_schemas.duration import show_duration
from goaround_schemas.guide import Guide
from goaround_schemas.matrix import RowOutcome
from goaround_scribe.learning.asked import Asked, answers_to, checks_of
from goaround_scribe.learning.bound import PROCEDURES, results_of, step_bounds
from goaround_scribe.learning.memory import Memory, RecordedRun
from goaround_scribe.learning.procedure import Procedure, ways_of
from goaround_scribe.learning.proposal import Certainty, Proposal, counted, round_up

REGULAR, OF_THE_LAST = 3, 5
ROOM = 3  # times the most that was needed
MOST_STEP_RETRIES, MOST_CHECK_RETRIES = 20, 100  # as the guide's model allows
OFTEN = 20  # tries until ready; so many tell no more than a third of them would
FITTING_TRIES = 10


@dataclass(frozen=True, slots=True)
class Tries:
    """How often one run had to try, and how long that took it."""

    run: RecordedRun
    tries: int
    seconds: float


def patience(guide: Guide, memory: Memory) -> Iterator[Proposal]:
    """Yield what checks and steps need regularly and have no room for."""
    for asked in checks_of(guide):
        tries = {
            place: tuple(
                Tries(a.run, max(r.attempts for r in passed), max(r.seconds for r in passed))
                for a in answers
                if (passed := [r for r in a.rows if r.outcome is RowOutcome.PASSED])
            )
            for place, answers in answers_to(guide, asked, memory, good=True).items()
        }
        found = pace(asked, tries) if asked.waits else check_retries(asked, tries)
        if found is not None:
            yield found
    for procedure in PROCEDURES:
        yield from _of_steps(guide, memory, procedure)


def check_retries(asked: Asked, tries: dict[str, tuple[Tries, ...]]) -> Proposal | None:
    """Return more tries for a check that regularly could not tell at first."""
    return _more(
        (*asked.path, "retries"), f"{asked.field}.retries", asked.check.retries, tries,
        MOST_CHECK_RETRIES,
    )  # fmt: skip


def pace(asked: Asked, tries: dict[str, tuple[Tries, ...]]) -> Proposal | None:
    """Return a slower pace for what is regularly asked very often until it passes."""
    regular = _regular(tries, OFTEN)
    if regular is None:
        return None
    place, speaking, last = regular
    longest_s = max(t.seconds for t in speaking)
    every = asked.check.every
    proposed = round_up(min(t.seconds for t in speaking) / FITTING_TRIES)
    if proposed < every * 2:
        return None
    count = sum(len(some) for some in tries.values())
    return Proposal(
        Certainty.RETRIED,
        (*asked.path, "every"),
        f"{asked.field}.every",
        show_duration(every),
        show_duration(proposed),
        f"was asked {min(t.tries for t in speaking)} to {max(t.tries for t in speaking)} times "
        f"until it passed in {len(speaking)} of the last {last} good runs in {place}, for "
        f"{longest_s:.4g} s at most",
        tuple(t.run for t in speaking),
        f"of {counted(count, 'good run')} on record none would have failed; each would have been "
        f"found ready {show_duration(proposed)} later at most",
    )


def _of_steps(guide: Guide, memory: Memory, procedure: Procedure) -> Iterator[Proposal]:
    found: dict[Path, dict[str, list[Tries]]] = {}
    for place, runs in memory.by_environment.items():
        for run in runs:
            if not run.went_well(procedure):
                continue
            bounds = step_bounds(guide, run, procedure)
            by_path: dict[Path, Tries] = {}
            for result in results_of(run, procedure):
                bound = bounds.get(result.name)
                if bound is None or result.kind != "step" or result.outcome != "done":
                    continue
                path, known = bound.path[:-1], by_path.get(bound.path[:-1])
                if known is None or result.attempts > known.tries:
                    by_path[path] = Tries(run, result.attempts, result.seconds)
            for path, tries in by_path.items():
                found.setdefault(path, {}).setdefault(place, []).append(tries)
    for way, steps in ways_of(guide, procedure):
        for i, step in enumerate(steps):
            tries_of = found.get((procedure, way, i))
            if tries_of is None or not step.idempotent:
                continue  # whether it may be done again is not for a record to say
            proposal = _more(
                (procedure, way, i, "retries"),
                f"{procedure}.{way}[{step.name}].retries",
                step.retries,
                {place: tuple(tries) for place, tries in tries_of.items()},
                MOST_STEP_RETRIES,
            )
            if proposal is not None:
                yield proposal


def _more(
    path: Path, field: str, retries: int, tries: dict[str, tuple[Tries, ...]], most: int
) -> Proposal | None:
    regular = _regular(tries, 2)
    if regular is None:
        return None
    place, speaking, last = regular
    needed = max(t.tries for some in tries.values() for t in some) - 1
    proposed = min(ROOM * needed, most)
    if proposed <= retries:
        return None
    count = sum(len(some) for some in tries.values())
    used_up = sum(t.tries > retries for some in tries.values() for t in some)
    return Proposal(
        Certainty.RETRIED,
        path,
        field,
        str(retries),
        str(proposed),
        f"needed more than one try in {len(speaking)} of the last {last} good runs in {place}, "
        f"{needed + 1} at most, and may have {retries + 1}",
        tuple(t.run for t in speaking),
        f"of {counted(count, 'good run')} on record {used_up} came to the last try that was "
        f"allowed; with {counted(proposed + 1, 'try').replace('trys', 'tries')} none would have",
        loosens=f"what cannot tell is asked {ceil(proposed - retries)} times more before it is "
        "an error",
    )


def _regular(
    tries: dict[str, tuple[Tries, ...]], least: int
) -> tuple[str, tuple[Tries, ...], int] | None:
    """Return the environment in which that many tries are the rule, worst first, and its runs."""
    found: list[tuple[int, str, tuple[Tries, ...], int]] = []
    for place, some in tries.items():
        last = some[:OF_THE_LAST]
        speaking = tuple(t for t in last if t.tries >= least)
        if len(speaking) >= REGULAR:
            found.append((-len(speaking), place, speaking, len(last)))
    if not found:
        return None
    _, place, speaking, last_count = min(found, key=lambda f: (f[0], f[1]))
    return place, speaking, last_count
