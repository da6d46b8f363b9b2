"""The guide's signals and logs as good runs saw them, environment by environment.

Pure. Only the last stage's watch is on record. A run that went Red, or was taken back, is no
example of what a signal is like when all is well.
"""

from dataclasses import dataclass

from goaround_schemas.watching import SignalSummary, WatchSummary
from goaround_scribe.learning.memory import Memory, RecordedRun


@dataclass(frozen=True, slots=True)
class Seen:
    """One signal or log in the watch of one good run."""

    run: RecordedRun
    summary: SignalSummary


def seen(memory: Memory, name: str, *, log: bool = False) -> dict[str, tuple[Seen, ...]]:
    """Return how good runs saw a signal, newest first, as far back as there is one of that name."""
    found: dict[str, tuple[Seen, ...]] = {}
    for environment, runs in memory.by_environment.items():
        there: list[Seen] = []
        for run in runs:
            if not run.went_well("deploy") or run.watch is None or not run.watch.ticks:
                continue
            summary = _of(run.watch, name, log=log)
            if summary is None:
                break
            there.append(Seen(run, summary))
        if there:
            found[environment] = tuple(there)
    return found


def _of(watch: WatchSummary, name: str, *, log: bool) -> SignalSummary | None:
    return next((s for s in (watch.logs if log else watch.signals) if s.name == name), None)
