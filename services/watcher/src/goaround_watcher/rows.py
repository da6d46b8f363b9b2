"""Makes a signal's looks of what its sources answered. Pure.

A number that cannot be used keeps its place and says why, so that a lack of evidence is never taken
for evidence. An empty vector of errors beside a full one of requests is no lack: it means that
nothing failed, as no series of failures exists before the first.
"""

import math
from collections.abc import Sequence

from goaround_judge import SampleState
from goaround_watcher.looks import Looks, Row, Rows
from goaround_watcher.sources.port import Answer, Point, Span

# An enum is slow to ask for its members, and these are asked for many times a look.
_OK, _NO_DATA, _NAN = SampleState.OK, SampleState.NO_DATA, SampleState.NAN
_BROKEN = SampleState.PROVIDER_ERROR


def of_value(answer: Answer, span: Span) -> Rows:
    """Return a row for each point; and one for what the end of the span lacks."""
    rows = [
        Row(round(at, 3), value) if math.isfinite(value) else Row(round(at, 3), None, _NAN)
        for at, value in answer.points
    ]
    return (*rows, *_lack(answer, span))


def of_counts(errors: Answer, requests: Answer, span: Span) -> Rows:
    """Return a row with both counts for each point of the requests, and for what is lacking."""
    if not requests.points:
        return _lack(errors if errors.state is _BROKEN else requests, span)
    if not errors.points and errors.state is not _NO_DATA:
        return _lack(errors, span)
    rows = [
        _counted(round(p.at, 3), _beside(p, errors.points, span.step_s), p.value)
        for p in requests.points
    ]
    return (*rows, *_lack(requests, span))


def detail_of(answers: Sequence[Answer], rows: Rows) -> str:
    """Return what is to be said of the last look: why it brought no number, or with what doubts."""
    said = [answer.detail for answer in answers if answer.detail]
    if rows and rows[-1].state is _OK:
        if not said:
            return ""
        said = [answer.detail for answer in answers if answer.detail and answer.state is _OK]
    if not said and rows and rows[-1].state is _NAN:
        return "the source answers with something that is not a number"
    return "; ".join(dict.fromkeys(said))


def outage_since(known: Looks) -> float | None:
    """Return since when the provider could not be asked; None where the last look brought more."""
    if known.all_ok:
        return None
    settled = _settled(known)
    if settled == len(known):
        return None
    return known.at[settled - 1] if settled else known.at[0]


def with_fresh(known: Looks, fresh: Rows, step_s: float) -> Looks:
    """Return all looks in order of time, where an outage gives way to what was told afterwards."""
    if known.all_ok:
        return known.plus(fresh)
    count = _settled(known)
    if count == len(known):
        return known.plus(fresh)
    settled, missed = known[:count], known[count:]
    news = [r for r in fresh if not settled or r.at > settled[-1].at + step_s / 2]
    told = [r.at for r in news if r.state is not _BROKEN]
    still = [r for r in missed if all(abs(r.at - at) > step_s / 2 for at in told)]
    return Looks.of((*settled, *sorted((*still, *news), key=lambda row: row.at)))


def _settled(known: Looks) -> int:
    """Return how many looks there are without the outage at their end."""
    count = len(known)
    if known.all_ok:
        return count
    while count and known.state_at(count - 1) is _BROKEN:
        count -= 1
    return count


def _lack(answer: Answer, span: Span) -> Rows:
    if answer.state is _OK and answer.points:
        return ()
    state = _NO_DATA if answer.state is _OK else answer.state
    return (Row(round(span.until, 3), None, state),)


def _counted(at: float, errors: float, requests: float) -> Row:
    if not (math.isfinite(errors) and math.isfinite(requests)):
        return Row(at, None, _NAN)
    return Row(at, None, _OK, errors, requests)


def _beside(point: Point, others: Sequence[Point], step_s: float) -> float:
    """Return the value of the other series at that time; none means that nothing failed then."""
    nearest = min(others, key=lambda other: abs(other.at - point.at), default=None)
    if nearest is None or abs(nearest.at - point.at) > step_s / 2:
        return 0.0
    return nearest.value
