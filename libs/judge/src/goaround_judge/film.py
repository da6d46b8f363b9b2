"""A recorded watch as it unrolled: at each moment what was known then, and nothing later. Pure.

It cuts and thins, and never judges. What is known of the time before the switch is known at once.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from goaround_judge.evidence import Evidence, LogEvidence, SignalColumns, SignalEvidence
from goaround_judge.rules import LogRule, SignalKind, SignalRule
from goaround_judge.samples import Columns, Sample, SampleState

MOST_LOOKS = 500
"""Looks that a watch is seen again at: more would cost minutes and tell nothing new."""
COARSER_FROM = 1.25
"""Looks that are to be that much further apart are thinned; below, it is the clock's unrest."""
_SAME_TIME_S = 0.0005
"""Times are kept in milliseconds."""


@dataclass(frozen=True, slots=True)
class Film:
    """What was recorded of the signals and logs that a plan names, in the order of time."""

    evidence: Evidence
    columns: tuple[SignalColumns, ...]
    logs: tuple[LogEvidence, ...]
    moments: tuple[float, ...]
    """When was looked, in seconds after the switch."""
    every_s: float

    def until(self, moment_s: float) -> Evidence:
        """Return the evidence as it was at a moment."""
        last = moment_s + _SAME_TIME_S
        return self.evidence.model_copy(
            update={
                "signals": (),
                "columns": tuple(_signal_until(signal, last) for signal in self.columns),
                "logs": tuple(_log_until(log, last) for log in self.logs),
                "every_s": self.every_s,
            }
        )


def film_of(
    evidence: Evidence,
    rules: Mapping[str, SignalRule],
    logs: Mapping[str, LogRule],
    every_s: float,
) -> Film:
    """Return what was recorded for these rules, one look every `every_s` where there are more."""
    recorded = [*map(_in_columns, evidence.signals), *evidence.columns]
    every = evidence.every_s
    columns = [
        _ordered(signal.model_copy(update={"rule": rules[signal.rule.name]}))
        for signal in recorded
        if signal.rule.name in rules and fits(signal.rule, rules[signal.rule.name])
    ]
    if every_s >= COARSER_FROM * every:
        every = every_s
        columns = [_coarser(signal, every) for signal in columns]
    windows = [
        log.model_copy(
            update={
                "rule": logs[log.rule.name],
                "post": tuple(sorted(log.post, key=lambda window: window.to_s)),
            }
        )
        for log in evidence.logs
        if log.rule.name in logs
    ]
    return Film(evidence, tuple(columns), tuple(windows), moments_of(evidence, every), every)


def fits(recorded: SignalRule, wanted: SignalRule) -> bool:
    """Whether what was recorded can be judged by the rule: counts are no levels."""
    return (recorded.kind is SignalKind.ERRORS) == (wanted.kind is SignalKind.ERRORS)


def moments_of(evidence: Evidence, every_s: float) -> tuple[float, ...]:
    """Return when was looked, by what the looks brought; an even choice where that is too often.

    The sources answer within one look at slightly different times: the last of them is the look's.
    There is always one: a watch that saw nothing was looked at as it ended.
    """
    times = {sample.at_s for signal in evidence.signals for sample in signal.post}
    times.update(at for signal in evidence.columns for at in signal.post.at_s)
    times.update(window.to_s for log in evidence.logs for window in log.post)
    moments: list[float] = []
    first = -math.inf
    for at in sorted(times):
        if moments and at - first < every_s / 2:
            moments[-1] = at
        else:
            moments.append(at)
            first = at
    if len(moments) <= MOST_LOOKS:
        return tuple(moments) or (evidence.elapsed_s,)
    return tuple(moments[(i + 1) * len(moments) // MOST_LOOKS - 1] for i in range(MOST_LOOKS))


def _in_columns(signal: SignalEvidence) -> SignalColumns:
    return SignalColumns(
        rule=signal.rule,
        baseline=_columns(signal.baseline),
        post=_columns(signal.post),
        reference=_columns(signal.reference) if signal.reference else None,
        control_baseline=_columns(signal.control_baseline) if signal.control_baseline else None,
        control_post=_columns(signal.control_post) if signal.control_post else None,
    )


def _columns(samples: Iterable[Sample]) -> Columns:
    rows = [(s.at_s, s.value, s.state, s.errors, s.requests) for s in samples]
    return _of_rows(rows)


_Row = tuple[float, float | None, SampleState, float | None, float | None]


def _of_rows(rows: Sequence[_Row]) -> Columns:
    if not rows:
        return Columns()
    at_s, value, state, errors, requests = zip(*rows, strict=True)
    return Columns(at_s=at_s, value=value, state=state, errors=errors, requests=requests)


def _rows(columns: Columns) -> list[_Row]:
    n = len(columns.at_s)
    return list(
        zip(
            columns.at_s,
            columns.value or (None,) * n,
            columns.state or (SampleState.OK,) * n,
            columns.errors or (None,) * n,
            columns.requests or (None,) * n,
            strict=True,
        )
    )


def _ordered(signal: SignalColumns) -> SignalColumns:
    update = {"post": _in_order(signal.post)}
    if signal.control_post is not None:
        update["control_post"] = _in_order(signal.control_post)
    return signal.model_copy(update=update)


def _in_order(columns: Columns) -> Columns:
    at_s = columns.at_s
    if all(at_s[i] <= at_s[i + 1] for i in range(len(at_s) - 1)):
        return columns
    return _of_rows(sorted(_rows(columns), key=lambda row: row[0]))


def _signal_until(signal: SignalColumns, last_s: float) -> SignalColumns:
    update = {"post": _until(signal.post, last_s)}
    if signal.control_post is not None:
        update["control_post"] = _until(signal.control_post, last_s)
    return signal.model_copy(update=update)


def _until(columns: Columns, last_s: float) -> Columns:
    n = bisect_right(columns.at_s, last_s)
    # A copy is not validated again, which would cost more than judging it.
    return columns.model_copy(
        update={
            "at_s": columns.at_s[:n],
            "value": columns.value[:n],
            "state": columns.state[:n],
            "errors": columns.errors[:n],
            "requests": columns.requests[:n],
        }
    )


def _log_until(log: LogEvidence, last_s: float) -> LogEvidence:
    n = bisect_right(log.post, last_s, key=lambda window: window.to_s)
    return log.model_copy(update={"post": log.post[:n]})


def _coarser(signal: SignalColumns, every_s: float) -> SignalColumns:
    counts = signal.rule.kind is SignalKind.ERRORS
    update = {
        name: _merged(columns, every_s, counts=counts)
        for name in ("baseline", "post", "reference", "control_baseline", "control_post")
        if (columns := getattr(signal, name)) is not None
    }
    return signal.model_copy(update=update)


def _merged(columns: Columns, every_s: float, *, counts: bool) -> Columns:
    """Return one look for each stretch: of levels the last that is ok, of counts their sum."""
    stretches: dict[int, list[_Row]] = {}
    for row in sorted(_rows(columns), key=lambda row: row[0]):
        stretches.setdefault(math.ceil(row[0] / every_s - 1e-6), []).append(row)
    return _of_rows([_one(rows, counts=counts) for rows in stretches.values()])


def _one(rows: Sequence[_Row], *, counts: bool) -> _Row:
    at_s = rows[-1][0]
    good = [row for row in rows if row[2] is SampleState.OK]
    if not good:
        return rows[-1]
    if not counts:
        return (at_s, *good[-1][1:])
    value, errors, requests = (_sum(row[place] for row in good) for place in (1, 3, 4))
    return at_s, value, SampleState.OK, errors, requests


def _sum(numbers: Iterable[float | SampleState | None]) -> float | None:
    given = [number for number in numbers if isinstance(number, int | float)]
    return float(sum(given)) if given else None
