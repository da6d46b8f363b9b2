"""The charts of one recorded watch, the deciding one first. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import ValidationError

from goaround.report.chart import Moment, chart
from goaround.report.logchart import logchart
from goaround.report.trace import trace_of
from goaround_judge import (
    LogVerdict,
    SignalColumns,
    SignalEvidence,
    SignalVerdict,
    Verdict,
    ended_at,
)
from goaround_judge.recording import Damaged, Recording


@dataclass(frozen=True, slots=True)
class Drawn:
    """One part of a watch: its verdict, and its chart."""

    part: SignalVerdict | LogVerdict
    chart: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A recorded watch, ready to be shown."""

    verdict: Verdict
    moment: Moment
    parts: tuple[Drawn, ...]


def watched(recording: Recording, *, version: str = "", key: str = "w") -> Watched:
    """Return the charts of a watch, each signal beside the verdict that is on record.

    Raises:
        Damaged: The verdict on record is none.
    """
    try:
        verdict = Verdict.model_validate_json(recording.verdict)
    except ValidationError as error:
        raise Damaged(f"{error.error_count()} faults in the verdict") from error
    at_s = max(ended_at(recording.evidence), 0.0)
    moment = Moment(at_s, verdict.colour, verdict.action.value)
    parts = sorted(
        _parts(recording, verdict, moment, version, key),
        key=lambda d: (
            d.part.name != verdict.deciding,
            d.part.muted,
            -d.part.colour.rank,
            -d.part.excess,
        ),
    )
    return Watched(verdict, moment, tuple(parts))


def _parts(
    recording: Recording, verdict: Verdict, moment: Moment, version: str, key: str
) -> Iterator[Drawn]:
    evidence = recording.evidence
    signals: dict[str, SignalColumns | SignalEvidence] = {}
    signals.update((s.rule.name, s) for s in evidence.columns)
    signals.update((s.rule.name, s) for s in evidence.signals)
    for place, signal in enumerate(verdict.signals):
        if signal.name in signals:
            trace = trace_of(signals[signal.name], signal)
            drawn = chart(trace, moment, key=f"{key}-s{place}", version=version)
            yield Drawn(signal, drawn)
    logs = {log.rule.name: log for log in evidence.logs}
    for place, log in enumerate(verdict.logs):
        if log.name in logs:
            yield Drawn(log, logchart(logs[log.name], log, key=f"{key}-l{place}"))
