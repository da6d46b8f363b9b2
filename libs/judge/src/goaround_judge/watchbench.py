"""Speaks WatchBench's protocol: one recorded case in, one verdict out, for measuring the judge.

An adapter and nothing more: every rule applied is the judge's own. A case's name, service and
source are never looked at.
"""

import json
import math
from collections.abc import Iterable, Iterator
from typing import Any

from goaround_judge.evidence import Evidence, LogEvidence, LogWindow, SignalEvidence
from goaround_judge.judging import judge
from goaround_judge.rules import Bad, LogRule, SignalKind, SignalRule
from goaround_judge.samples import Sample, SampleState
from goaround_judge.templates import templates
from goaround_judge.verdicts import Colour, LogVerdict, SignalVerdict

LOG_WINDOWS = 8
"""Looks a log is cut into, on either side; a case has no ticks of its own for its lines."""
_KINDS = {
    "latency": SignalKind.LATENCY,
    "success_rate": SignalKind.SUCCESS_RATE,
    "error_rate": SignalKind.ERROR_RATE,
    "throughput": SignalKind.THROUGHPUT,
    "cpu": SignalKind.SATURATION,
    "memory": SignalKind.SATURATION,
    "network": SignalKind.THROUGHPUT,
}


def answer(case: dict[str, Any]) -> dict[str, Any]:
    """Return the verdict on one case, in the protocol's words."""
    verdict = judge(evidence_of(case))
    parts: list[SignalVerdict | LogVerdict] = [*verdict.signals, *verdict.logs]
    moments = [part.red_at_s for part in parts if not part.muted]
    reds = [moment for moment in moments if moment is not None]
    return {
        "case_id": case["case_id"],
        "verdict": verdict.colour.value,
        "decided_at_s": min(reds) if reds and verdict.colour is Colour.RED else None,
        "reason": verdict.reason,
    }


def evidence_of(case: dict[str, Any]) -> Evidence:
    """Return a case as the judge's own evidence, at the end of its watch."""
    watch_s = max(float(case["watch_s"]), 1.0)
    return Evidence(
        signals=tuple(_signal(name, series) for name, series in case["metrics"].items()),
        logs=_logs(case["logs"], watch_s) if case["logs"] else (),
        every_s=float(case["step_s"]),
        period_s=watch_s,
        elapsed_s=watch_s,
    )


def _signal(name: str, series: dict[str, Any]) -> SignalEvidence:
    baseline = _samples(series["baseline"])
    usable = sum(sample.state is SampleState.OK for sample in baseline)
    rule = SignalRule(
        name=name,
        kind=_KINDS.get(series["kind"], SignalKind.CUSTOM),
        bad=Bad(series["bad"]),
        unit=series["unit"],
        min_samples=1,
        # Pre-flight refuses a signal that returns no data; a case has no pre-flight.
        muted=2 * usable < len(baseline),
    )
    return SignalEvidence(rule=rule, baseline=baseline, post=_samples(series["post"]))


def _samples(columns: list[list[float | None]]) -> tuple[Sample, ...]:
    return tuple(
        Sample(at_s=at, value=value)
        if value is not None and math.isfinite(value)
        else Sample(at_s=at, state=SampleState.NO_DATA)
        for at, value in zip(*columns, strict=True)
        if at is not None
    )


def _logs(logs: dict[str, Any], watch_s: float) -> tuple[LogEvidence, ...]:
    """Return the case's lines in windows of equal length; the baseline's from first line to last.

    A baseline may have been taken some time before: what lies between was not looked at, and is
    no silence. After the switch the windows follow from the planned watch alone.
    """
    length = watch_s / LOG_WINDOWS
    moments = [float(row[0]) for row in logs["baseline"]] or [-watch_s]
    back = max(math.ceil(-min(moments) / length), 1)
    until = min(math.floor(max(moments) / length) + 1, 0)
    return (
        LogEvidence(
            rule=LogRule(name="logs"),
            baseline=tuple(_windows(logs["baseline"], -back, max(until, 1 - back), length)),
            post=tuple(_windows(logs["post"], 0, LOG_WINDOWS, length)),
        ),
    )


def _windows(
    rows: Iterable[list[Any]], first: int, last: int, length: float
) -> Iterator[LogWindow]:
    lines: dict[int, list[str]] = {}
    for at, service, line in rows:
        place = min(max(math.floor(float(at) / length), first), last - 1)
        lines.setdefault(place, []).append(f"{service} {line}")
    for place in range(first, last):
        yield LogWindow(
            from_s=place * length,
            to_s=(place + 1) * length,
            counts=templates(lines.get(place, ())),
        )


def answers(lines: Iterable[str]) -> Iterator[str]:
    """Return one line of verdict for each line that holds a case."""
    for line in lines:
        if line.strip():
            yield json.dumps(answer(json.loads(line)), separators=(",", ":"))
