"""What the watcher counts. Labels are states, never a run or a signal."""

from enum import StrEnum, unique

from prometheus_client import Counter, Gauge

from goaround_judge import SampleState
from goaround_watcher.look import Look

SAMPLES = Counter(
    "goaround_watch_samples_total", "Looks at a signal or a log, by what came back.", ["state"]
)
SLOTS = Gauge("goaround_watch_slots", "Slots whose watches this watcher takes the ticks of.")
LOOKS = Counter("goaround_watch_looks_total", "Looks taken, by what brought them about.", ["cause"])
_OF = {state: SAMPLES.labels(state.value) for state in SampleState}


@unique
class By(StrEnum):
    """What brought a look about."""

    COMMAND = "command"
    """The first one of a baseline or a watch."""
    CLOCK = "clock"
    """It was led: this process knew that it was due."""
    ALARM = "alarm"
    """The bus said that it was due."""


_BY = {by: LOOKS.labels(by.value) for by in By}


def looked(look: Look, by: By) -> None:
    """Count one look, and what it brought."""
    _BY[by].inc()
    for seen in look.signals.values():
        for row in seen.rows:
            _OF[row.state].inc()
    for lines in look.logs.values():
        _OF[lines.state].inc()
