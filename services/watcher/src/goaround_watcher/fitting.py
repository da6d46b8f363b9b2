"""What comes of a look, made so small that the bus can carry it: the document, and the evidence.

Pure. What is too large is cut and then judged anew, so that nothing stands between a verdict and
the evidence that was kept of it. Almost every look fits at once, and costs one writing of the
document and no other.
"""

from collections.abc import Callable

from goaround_judge import Evidence, recording
from goaround_schemas.watching import DeployEvidenced, DeployJudged
from goaround_watcher import answers, document
from goaround_watcher.document import Bounds
from goaround_watcher.evidence import evidence_of
from goaround_watcher.state import State

MOST_BYTES = 900_000
"""Of a document and of a recording. A message of the bus holds 1 MiB, headers included; the rest is
for what goes with it, such as the list of a run's verdicts in an answer."""


def fitted(outcome: Callable[[Bounds], State]) -> tuple[State, bytes]:
    """Return what comes of a look under the widest bounds in which it fits, and its document."""
    bounds = Bounds()
    while True:
        state = outcome(bounds)
        written = document.write(state)
        tighter = _tighter(bounds, state, len(written))
        if tighter == bounds:
            return state, written
        bounds = tighter


def is_sayable(evidence: DeployEvidenced) -> bool:
    """Whether one message holds the evidence, and a reader can unpack it."""
    return len(evidence.data.recording) <= MOST_BYTES and _is_readable(evidence.data.recording)


def _is_readable(text: str) -> bool:
    try:
        recording.read(text)
    except recording.Damaged:
        return False
    return True


def _tighter(bounds: Bounds, state: State, size: int) -> Bounds:
    """Return bounds to try next: the same where it fits, or where nothing is left to cut."""
    if size > MOST_BYTES:
        without_logs = len(document.write(state.model_copy(update={"logs": {}})))
        return _cut(bounds, logs_weigh_most=without_logs < size / 2)
    match state.said:
        case (*_, DeployJudged() as judged) if not is_sayable(answers.evidenced(state, judged)):
            evidence = evidence_of(state, judged.time.timestamp())
            return _cut(bounds, logs_weigh_most=_logs_weigh_most(evidence))
        case _:
            return bounds


def _logs_weigh_most(evidence: Evidence) -> bool:
    whole = len(evidence.model_dump_json())
    return len(evidence.model_copy(update={"logs": ()}).model_dump_json()) < whole / 2


def _cut(bounds: Bounds, *, logs_weigh_most: bool) -> Bounds:
    rows, lines = bounds.with_fewer_rows(), bounds.with_fewer_lines()
    first, then = (lines, rows) if logs_weigh_most else (rows, lines)
    return first if first != bounds else then
