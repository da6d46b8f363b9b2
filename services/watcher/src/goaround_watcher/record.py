"""Writes what a look brought into a run's state. Pure."""

from goaround_judge import SampleState
from goaround_watcher import logbook
from goaround_watcher.look import Look, SeenSignal
from goaround_watcher.looks import Looks, Rows
from goaround_watcher.plan import titled
from goaround_watcher.rows import with_fresh
from goaround_watcher.sources.port import Lines
from goaround_watcher.state import Doing, LogRecord, SignalRecord, State, changed

# An enum is slow to ask for its members.
_WATCH, _BASELINE = Doing.WATCH, Doing.BASELINE
_UNSEEN = SignalRecord()


def recorded(state: State, look: Look) -> State:
    """Return the state with the look in it, before the switch or after it."""
    names = [signal.name for signal in state.plan.signals]
    known, seen = state.signals, look.signals
    if state.doing is _WATCH:
        since, step_s = state.switched, state.plan.every.total_seconds()
        signals = {n: _after(known.get(n, _UNSEEN), seen.get(n), since, step_s) for n in names}
    else:
        signals = {n: _before(known.get(n, _UNSEEN), seen.get(n)) for n in names}
    logs = {
        title: _log(state, state.logs.get(title, LogRecord()), title, lines, look)
        for title, lines in look.logs.items()
    }
    # A baseline takes time for what has no history; where all had one, it is complete at once.
    whole = state.doing is _BASELINE and state.tick == 0 and not look.is_live
    return changed(
        state,
        signals=signals,
        logs=logs,
        memory=look.memory,
        looked=look.span.until,
        until=min(state.until, look.span.until) if whole else state.until,
    )


def _after(
    record: SignalRecord, seen: SeenSignal | None, switched: float, step_s: float
) -> SignalRecord:
    if seen is None:
        return record
    after = with_fresh(record.after, _since(switched, seen.rows), step_s)
    if not seen.control:
        return changed(record, after=after, detail=seen.detail)
    control = with_fresh(record.control_after, _since(switched, seen.control), step_s)
    return changed(record, after=after, control_after=control, detail=seen.detail)


def _before(record: SignalRecord, seen: SeenSignal | None) -> SignalRecord:
    if seen is None:
        return record
    usable = tuple(row for row in seen.reference if row.state is SampleState.OK)
    return changed(
        record,
        before=record.before.plus(seen.rows),
        control_before=record.control_before.plus(seen.control),
        reference=record.reference or Looks.of(usable),
        detail=seen.detail,
    )


def _since(at: float, rows: Rows) -> Rows:
    return tuple([row for row in rows if row.at >= at])


def _log(state: State, record: LogRecord, title: str, lines: Lines, look: Look) -> LogRecord:
    if record.cursors is None:
        return logbook.with_history(record, lines, look.span)
    if state.doing is _BASELINE:
        return logbook.with_baseline(record, lines, look.span)
    if state.tick == 0 and titled(state.plan)[title].file is not None:
        return logbook.with_first_watched(record, lines, look.span)
    return logbook.with_watched(record, lines, look.span)
