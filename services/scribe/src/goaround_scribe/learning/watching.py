"""Signals without data, signals noisier than the guide thinks, and log lines that mean no harm.

Pure. To mute a signal or to let more pass is to loosen what stops a bad version: each says so, and
is proposed only where no run that was caught by it would have passed.
"""

import re
from collections.abc import Iterator

from goaround_guidebook.tree import Path
from goaround_schemas.guide import Guide
from goaround_schemas.guide.watch import Signal
from goaround_schemas.watching import SignalSummary
from goaround_scribe.learning.memory import Memory, RecordedRun
from goaround_scribe.learning.naming import names_of
from goaround_scribe.learning.proposal import Certainty, Proposal, counted, cut
from goaround_scribe.learning.watched import Seen, seen

LEAST_RUNS = 3
NOISE_RUNS, NOISE_OF_THE_LAST = 5, 10
WIDEST = 0.5  # beyond that a signal is no longer judged, it is waved through
_NO_DATA = ("no_data", "nan", "stale", "provider_error")
_SHARES = (0.15, 0.2, 0.25, 0.3, 0.4, WIDEST)
_NEW_TEMPLATE = re.compile(
    r".*?: new (?:error|warning) template, .*? before[^:]*: (?P<line>.+)", re.S
)
_VARIES = re.compile(r"\b(?=[0-9a-fA-F-]*\d)[0-9a-fA-F][0-9a-fA-F-]{7,}\b|\d[\d.,:]*")


def signals(guide: Guide, memory: Memory) -> Iterator[Proposal]:
    """Yield what good runs say of each signal of the watch."""
    for i, signal in enumerate(guide.watch.signals):
        path: Path = ("watch", "signals", i)
        found = without_data(guide, signal, path, memory) or noisy(guide, signal, path, memory)
        if found is not None:
            yield found


def without_data(guide: Guide, signal: Signal, path: Path, memory: Memory) -> Proposal | None:
    """Return `muted: true` for what no environment has data of; a word where only one has none."""
    if signal.muted:
        return None
    known = seen(memory, _name(guide, signal.name, memory.now))
    empty = {place: runs for place, runs in known.items() if all(map(_is_empty, runs))}
    places = {place: runs for place, runs in empty.items() if len(runs) >= LEAST_RUNS}
    if not places:
        return None
    place = max(sorted(places), key=lambda name: len(places[name]))
    runs = tuple(s.run for s in places[place])
    states = ", ".join(
        sorted({k for s in places[place] for k, n in s.summary.samples.items() if n})
    )
    evidence = (
        f"had no data in any of {counted(len(runs), 'good run')} on record in {place} "
        f"({states or 'never looked at'}): {cut(places[place][0].summary.reason)}"
    )
    everywhere = all(len(empty.get(name, ())) >= LEAST_RUNS for name in guide.environments)
    if not everywhere:
        return Proposal(
            Certainty.NO_DATA,
            path,
            f"watch.signals[{signal.name}]",
            "not muted",
            f"repair its source in {place}; it cannot be muted there alone",
            evidence,
            runs,
            f"none by itself: in {place} it takes no part in the verdict as it is",
            finding=True,
        )
    thin = sum(s.summary.colour == "yellow" for some in empty.values() for s in some)
    total = sum(len(some) for some in empty.values())
    return Proposal(
        Certainty.NO_DATA,
        (*path, "muted"),
        f"watch.signals[{signal.name}].muted",
        "false",
        "true",
        f"{evidence}; the same wherever the guide deploys to",
        runs,
        f"of {counted(total, 'good run')} on record {thin} would not have been Yellow for it; no "
        "Red is changed",
        loosens="should its source ever answer, it no longer counts. To repair it is better",
    )


def noisy(guide: Guide, signal: Signal, path: Path, memory: Memory) -> Proposal | None:
    """Return a wider `matters_from` for what strays to both sides in good runs, worst place first.

    What always moves the same way is no noise: each version may well be a little worse.
    """
    if signal.muted:
        return None
    name = _name(guide, signal.name, memory.now)
    known = seen(memory, name)
    worst: tuple[float, str, list[Seen]] | None = None
    for place, runs in known.items():
        told = [s for s in runs if s.summary.change is not None][:NOISE_OF_THE_LAST]
        beyond = [s for s in told if abs(_change(s.summary)) > signal.matters_from]
        sides = {_change(s.summary) > 0 for s in beyond}
        if len(told) < NOISE_RUNS or len(beyond) < LEAST_RUNS or len(sides) < 2:
            continue
        widest = max(abs(_change(s.summary)) for s in beyond)
        if worst is None or widest > worst[0]:
            worst = (widest, place, beyond)
    if worst is None:
        return None
    widest, place, beyond = worst
    share = next((s for s in _SHARES if s >= widest and s > signal.matters_from), None)
    told = [s for s in known[place] if s.summary.change is not None][:NOISE_OF_THE_LAST]
    changes = [_change(s.summary) for s in beyond]
    evidence = (
        f"strayed by more than {signal.matters_from * 100:.4g}% of its baseline in {len(beyond)} "
        f"of the last {len(told)} good runs in {place}, from {min(changes):+.1%} to "
        f"{max(changes):+.1%}: to both sides, so by noise"
    )
    caught = [run for run in memory.runs if _caught(run, name)]
    missed = [run for run in caught if share and abs(_change_in(run, name)) <= share]
    runs_of = tuple(s.run for s in beyond)
    field = f"watch.signals[{signal.name}].matters_from"
    if share is None or missed:
        why = (
            f"{counted(len(missed), 'run')} that it rightly stopped would have passed"
            if missed
            else f"{WIDEST:.0%} would not be enough"
        )
        return Proposal(
            Certainty.NOISY,
            (*path, "matters_from"),
            field,
            f"{signal.matters_from:.4g}",
            "make the signal steadier (a longer window, a median): a wider matters_from would "
            "make it blind",
            f"{evidence}; {why}",
            runs_of,
            "none by itself",
            finding=True,
        )
    yellow = sum(s.summary.colour == "yellow" for some in known.values() for s in some)
    return Proposal(
        Certainty.NOISY,
        (*path, "matters_from"),
        field,
        f"{signal.matters_from * 100:.4g}%",
        f"{share * 100:.4g}%",
        evidence,
        runs_of,
        f"of {counted(sum(map(len, known.values())), 'good run')} on record the {yellow} that were "
        f"Yellow for it might have been Green; {len(caught)} that went Red for it still would have",
        loosens=f"a harm below {share:.0%} is no longer held against a version",
    )


def harmless(guide: Guide, memory: Memory) -> Iterator[Proposal]:
    """Yield log lines that were new in several good runs and held back nothing for good."""
    for i, log in enumerate(guide.watch.logs):
        by_line: dict[tuple[str, str], list[tuple[Seen, str]]] = {}
        for place, runs in seen(memory, _name(guide, log.title, memory.now), log=True).items():
            for one in runs:
                found = _NEW_TEMPLATE.match(one.summary.reason)
                if found is None or one.summary.colour != "yellow":
                    continue
                line = found["line"]
                by_line.setdefault((place, _VARIES.sub("*", line)), []).append((one, line))
        often = {key: some for key, some in by_line.items() if len(some) >= LEAST_RUNS}
        for (place, shape), some in sorted(often.items(), key=lambda item: item[0]):
            yield Proposal(
                Certainty.HARMLESS,
                ("watch", "logs", i),
                f"watch.logs[{log.title}]",
                "watched",
                f"have the service log it calmer, or leave it out of the source: {cut(shape, 120)}",
                f"an error line was new in {counted(len(some), 'good run')} on record in {place} "
                f"and did no harm: {cut(some[0][1])}",
                tuple(one.run for one, _ in some),
                f"{counted(len(some), 'good run')} on record would not have been Yellow for it",
                finding=True,
            )


def _name(guide: Guide, written: str, run: RecordedRun) -> str:
    """Return what a signal is called in records; of names that vary by stage, the last."""
    return max(names_of(guide, run, written), default=written)


def _is_empty(seen_: Seen) -> bool:
    samples = seen_.summary.samples
    return bool(samples) and all(state in _NO_DATA for state, n in samples.items() if n)


def _change(summary: SignalSummary) -> float:
    return summary.change or 0.0


def _summary(run: RecordedRun, name: str) -> SignalSummary | None:
    if run.watch is None:
        return None
    return next((s for s in run.watch.signals if s.name == name), None)


def _caught(run: RecordedRun, name: str) -> bool:
    summary = _summary(run, name)
    return summary is not None and summary.colour == "red" and not summary.muted


def _change_in(run: RecordedRun, name: str) -> float:
    summary = _summary(run, name)
    if summary is None or summary.change is None:
        return 0.0  # how much it was is unknown: nobody may say that it would still be caught
    return summary.change
