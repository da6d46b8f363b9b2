"""One signal as a chart needs it, from what was recorded and what was judged. Pure."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from goaround_judge import Columns, Sample, SampleState, SignalColumns, SignalEvidence, SignalKind
from goaround_judge.verdicts import SignalVerdict
from goaround_judge.wording import number

_DAY_S = 86_400.0
MOST_POINTS = 400
_BUCKETS = 160


@dataclass(frozen=True, slots=True)
class Point:
    """One look: a number, or why there is none."""

    at_s: float
    value: float | None
    state: SampleState = SampleState.OK
    note: str = ""


Points = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Trace:
    """A signal's looks, and the verdict on them."""

    verdict: SignalVerdict
    unit: str
    percent: bool
    before: Points
    after: Points
    control_before: Points = ()
    control_after: Points = ()
    like: Points = ()
    like_days: int = 0
    """How many days before these looks are from."""

    def said(self, value: float | None) -> str:
        """Return a value of the signal in words."""
        if value is None:
            return "-"
        return f"{number(100 * value)} %" if self.percent else number(value, self.unit)


def trace_of(signal: SignalEvidence | SignalColumns, verdict: SignalVerdict) -> Trace:
    """Return what there is to draw of a signal."""
    rule = signal.rule
    counts = rule.kind is SignalKind.ERRORS
    sides = [
        _rows(side)
        for side in (
            signal.baseline,
            signal.post,
            signal.control_baseline,
            signal.control_post,
            signal.reference,
        )
    ]
    # As the judge does: rates need the requests of both sides.
    counted = [any(row.requests is not None for row in side) for side in sides[:2]]
    percent = counts and counted[0] and (counted[1] or not sides[1])
    before, after, control_before, control_after, like = (
        _points(side, counts=counts, percent=percent, unit=rule.unit) for side in sides
    )
    days = round(-like[0].at_s / _DAY_S) if like else 0
    shifted = tuple(Point(p.at_s + days * _DAY_S, p.value, p.state, p.note) for p in like)
    last = after[-1].at_s if after else 0.0
    return Trace(
        verdict=verdict,
        unit="a look" if counts and not percent else rule.unit,
        percent=percent,
        before=thinned(before),
        after=thinned(after),
        control_before=thinned(control_before),
        control_after=thinned(control_after),
        like=thinned(tuple(p for p in shifted if 0 <= p.at_s <= last)),
        like_days=days,
    )


def _rows(side: tuple[Sample, ...] | Columns | None) -> list[Sample]:
    if side is None:
        return []
    if not isinstance(side, Columns):
        return sorted(side, key=lambda sample: sample.at_s)
    nothing = (None,) * len(side.at_s)
    rows = zip(
        side.at_s,
        side.value or nothing,
        side.state or (SampleState.OK,) * len(side.at_s),
        side.errors or nothing,
        side.requests or nothing,
        strict=True,
    )
    made = [
        Sample(at_s=at, value=value, state=state, errors=errors, requests=requests)
        for at, value, state, errors, requests in rows
    ]
    return sorted(made, key=lambda sample: sample.at_s)


def _points(rows: Iterable[Sample], *, counts: bool, percent: bool, unit: str) -> Points:
    made = [_counted(row, percent=percent) if counts else _level(row, unit) for row in rows]
    return tuple(point for point in made if point is not None)


def _level(row: Sample, unit: str) -> Point:
    if row.state is not SampleState.OK:
        return Point(row.at_s, None, row.state)
    if row.value is None or not math.isfinite(row.value):
        return Point(row.at_s, None, SampleState.NAN)
    return Point(row.at_s, row.value, note=number(row.value, unit))


def _counted(row: Sample, *, percent: bool) -> Point | None:
    """Return a look at errors; one that saw no request says nothing, and is none."""
    if row.state is not SampleState.OK:
        return Point(row.at_s, None, row.state)
    errors = row.errors if row.errors is not None else row.value
    if errors is None or not math.isfinite(errors):
        return Point(row.at_s, None, SampleState.NAN)
    if not percent:
        return Point(row.at_s, errors, note=f"{number(errors)} errors")
    requests = max(row.requests or 0.0, errors)
    if not requests:
        return None
    note = f"{number(errors)} of {number(requests)} requests, {number(100 * errors / requests)} %"
    return Point(row.at_s, errors / requests, note=note)


def thinned(points: Points) -> Points:
    """Return at most `MOST_POINTS`, with every peak and every trough where it was."""
    if len(points) <= MOST_POINTS:
        return points
    first, last = points[0].at_s, points[-1].at_s
    width = (last - first) / _BUCKETS or 1.0
    buckets: dict[int, list[Point]] = {}
    for point in points:
        buckets.setdefault(min(int((point.at_s - first) / width), _BUCKETS - 1), []).append(point)
    kept: list[Point] = []
    for bucket in buckets.values():
        known = [(p.value, p.at_s, p) for p in bucket if p.value is not None]
        chosen = {p.at_s: p for p in bucket if p.value is None} if not known else {}
        if known:
            for _, at, point in (
                min(known, key=lambda k: (k[0], k[1])),
                max(known, key=lambda k: (k[0], k[1])),
            ):
                chosen[at] = point
        lost = next((p for p in bucket if p.value is None), None)
        if lost is not None:
            chosen[lost.at_s] = lost
        kept += [chosen[at] for at in sorted(chosen)][:4]
    return tuple(kept)
