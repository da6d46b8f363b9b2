"""Writes a run's state, reads it, and makes it smaller. Pure.

Nothing recent is ever let go: where room runs out, older looks are thinned evenly, older stretches
of a log are added up, and rare templates beyond the table are counted without their text.
"""

from typing import NamedTuple

from pydantic import ValidationError

from goaround_schemas.catalogue import faults
from goaround_watcher.looks import Looks, Row
from goaround_watcher.state import (
    FORMAT,
    LogRecord,
    SignalRecord,
    State,
    Stretch,
    Stretches,
    Template,
)

LEAST = 16
"""Less than that of anything is no evidence any more."""


class Bounds(NamedTuple):
    """How much of a watch is kept: looks a signal and side, stretches a log and side, templates."""

    rows: int = 1_000
    stretches: int = 400
    templates: int = 500

    def with_fewer_rows(self) -> "Bounds":
        """Return bounds that hold half the looks, down to the least."""
        return self._replace(rows=max(self.rows // 2, LEAST))

    def with_fewer_lines(self) -> "Bounds":
        """Return bounds that hold half of the logs' stretches and templates."""
        return self._replace(
            stretches=max(self.stretches // 2, LEAST), templates=max(self.templates // 2, LEAST)
        )


class Unreadable(Exception):
    """The document is damaged, or from a later release."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the state of this watch cannot be read: {why}")


class OfLaterRelease(Unreadable):
    """A newer watcher wrote the document: it is for watchers of its kind."""


def read(document: bytes) -> State:
    """Return the state.

    Raises:
        OfLaterRelease: Only a newer watcher can go on with it.
        Unreadable: It is damaged.
    """
    try:
        state = State.model_validate_json(document)
    except ValidationError as error:
        raise Unreadable(faults(error)) from error
    if state.format > FORMAT:
        raise OfLaterRelease(f"its format is {state.format}, this watcher knows {FORMAT}")
    return state if state.format == FORMAT else state.model_copy(update={"format": FORMAT})


def write(state: State) -> bytes:
    """Return the state's document."""
    return state.model_dump_json().encode()


def bounded(state: State, bounds: Bounds) -> State:
    """Return the state with at most so many looks a signal and side, and so on; often itself."""
    rows, stretches, templates = bounds
    signals = {name: _bounded_signal(s, rows) for name, s in state.signals.items()}
    logs = {name: _bounded_log(log, stretches, templates) for name, log in state.logs.items()}
    if signals == state.signals and logs == state.logs:
        return state
    let_go = _looks(state.signals) - _looks(signals)
    return state.model_copy(
        update={"signals": signals, "logs": logs, "thinned": state.thinned + let_go}
    )


def _looks(signals: dict[str, SignalRecord]) -> int:
    return sum(len(rows) for s in signals.values() for rows in _sides(s).values())


def _sides(signal: SignalRecord) -> dict[str, Looks]:
    return {
        "before": signal.before,
        "after": signal.after,
        "reference": signal.reference,
        "control_before": signal.control_before,
        "control_after": signal.control_after,
    }


def _bounded_signal(signal: SignalRecord, most: int) -> SignalRecord:
    longest = max(len(signal.before), len(signal.after), len(signal.reference))
    if longest <= most and max(len(signal.control_before), len(signal.control_after)) <= most:
        return signal
    sides = _sides(signal)
    return signal.model_copy(update={side: thinned(rows, most) for side, rows in sides.items()})


def thinned(rows: Looks, most: int) -> Looks:
    """Return at most so many: the newest quarter whole, of the older ones an even choice.

    A quarter of the room is left free, so that it does not come to this at each look.
    """
    if len(rows) <= most:
        return rows
    recent = most // 4
    older = rows[:-recent]
    room = most // 2
    chosen: list[Row] = [older[i * len(older) // room] for i in range(room)]
    return Looks.of((*chosen, *rows[-recent:]))


def _bounded_log(log: LogRecord, stretches: int, templates: int) -> LogRecord:
    if len(log.before) > stretches or len(log.after) > stretches:
        log = log.model_copy(
            update={"before": merged(log.before, stretches), "after": merged(log.after, stretches)}
        )
    return log if len(log.templates) <= templates else _fewer_templates(log, templates)


def merged(stretches: Stretches, most: int) -> Stretches:
    """Return at most so many: neighbours among the older half added up."""
    while len(stretches) > most:
        half = len(stretches) // 2
        older = stretches[:half]
        pairs = [older[i : i + 2] for i in range(0, half, 2)]
        stretches = (*(_sum(pair) for pair in pairs), *stretches[half:])
    return stretches


def _sum(pair: Stretches) -> Stretch:
    first, last = pair[0], pair[-1]
    if len(pair) == 1 or not first.readable:
        return last
    if not last.readable:
        return first
    counts = dict(first.counts)
    for place, count in last.counts.items():
        counts[place] = counts.get(place, 0) + count
    return Stretch(first.since, last.until, counts)


def _fewer_templates(log: LogRecord, most: int) -> LogRecord:
    """Keep the errors and the frequent ones; the harmless and rare are let go first."""
    totals: dict[int, int] = {}
    for stretch in (*log.before, *log.after):
        for place, count in stretch.counts.items():
            totals[place] = totals.get(place, 0) + count
    severities = ("error", "warning", "info")

    def worth(place: int) -> tuple[int, int, int]:
        return severities.index(log.templates[place].severity), -totals.get(place, 0), place

    kept = sorted(sorted(range(len(log.templates)), key=worth)[:most])
    moved = {old: new for new, old in enumerate(kept)}
    lost = sum(count for place, count in totals.items() if place not in moved)

    def remapped(stretches: Stretches) -> Stretches:
        return tuple(
            s._replace(counts={moved[p]: n for p, n in s.counts.items() if p in moved})
            for s in stretches
        )

    templates: tuple[Template, ...] = tuple(log.templates[p] for p in kept)
    return log.model_copy(
        update={
            "templates": templates,
            "before": remapped(log.before),
            "after": remapped(log.after),
            "dropped": log.dropped + lost,
        }
    )
