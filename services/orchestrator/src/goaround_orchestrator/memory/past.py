"""What of the past must be kept, whatever its age, as the database's queries have it."""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import groupby

from goaround_orchestrator.memory.kept import Kept, runs_of
from goaround_orchestrator.run import Run
from goaround_schemas.phase import Phase

CHANGED = frozenset({Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED})


def last_two_standing(kept: Kept) -> set[int]:
    """Return the landings of what runs at each place, and of what ran there before it."""
    standing = sorted(kept.landings.keys() - kept.undone.keys())

    def place(id_: int) -> tuple[str, str]:
        return kept.landings[id_].service, kept.landings[id_].environment

    groups = groupby(sorted(standing, key=place), place)
    return {id_ for _, ids in groups for id_ in sorted(ids)[-2:]}


def rested_on(kept: Kept, since: datetime) -> set[str]:
    """Return the ids of the runs that something rests on."""
    runs = list(runs_of(kept.runs))
    return {
        *(e.run_id for e in kept.evidence.values()),
        *(run_id for run_id, label in kept.labels if label.at >= since),
        *(run_id for id_ in last_two_standing(kept) if (run_id := kept.landings[id_].run_id)),
        *_last_of_each_place(runs, lambda r: r.phase in CHANGED),
        *_last_of_each_place(runs, lambda r: r.phase is Phase.ROLLED_BACK),
    }


def _last_of_each_place(runs: Iterable[Run], counts: Callable[[Run], bool]) -> Iterable[str]:
    last: dict[tuple[str, str], Run] = {}
    for run in sorted(runs, key=lambda r: r.id, reverse=True):
        before = last.get((run.service, run.environment))
        if counts(run) and (before is None or run.phase_since >= before.phase_since):
            last[run.service, run.environment] = run
    return [run.id for run in last.values()]
