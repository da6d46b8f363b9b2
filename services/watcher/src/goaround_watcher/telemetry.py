"""What the watcher counts. Labels are states, never a run or a signal."""

from prometheus_client import Counter, Gauge

from goaround_judge import SampleState
from goaround_watcher.look import Look

SAMPLES = Counter(
    "goaround_watch_samples_total", "Looks at a signal or a log, by what came back.", ["state"]
)
SLOTS = Gauge("goaround_watch_slots", "Slots whose watches this watcher takes the ticks of.")
_OF = {state: SAMPLES.labels(state.value) for state in SampleState}


def looked(look: Look) -> None:
    """Count what one look brought."""
    for seen in look.signals.values():
        for row in seen.rows:
            _OF[row.state].inc()
    for lines in look.logs.values():
        _OF[lines.state].inc()
