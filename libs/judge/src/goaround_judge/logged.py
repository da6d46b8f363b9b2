"""Judges a log: error templates that are new, that rise, or that vanish, by their exact rates.

Time is the exposure, stretched where the log as a whole grew: twice the traffic may say
everything twice. Lines that call themselves harmless are context and never evidence.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from goaround_judge.counted import RED, YELLOW
from goaround_judge.counts import Known, known, log_ratio_once, rising
from goaround_judge.evidence import LogEvidence, LogWindow
from goaround_judge.samples import Floats
from goaround_judge.templates import Severity
from goaround_judge.verdicts import Colour, LogFinding, LogVerdict, Word
from goaround_judge.wording import counted, moment, number

MAX_FINDINGS = 20
"""Findings a verdict carries; a log that is all new says so with its first few."""
MAX_TEMPLATES = 100
OTHERS = "(all rarer templates)"
EXAMPLE_IN_REASON = 160
LEAST_CONTEXT = 30
"""Harmless lines on either side without which the log's own growth cannot be told."""
CHANCES = 10.0
"""A log has tens of templates: each must be so many times less likely by chance than a signal."""


class _Row(NamedTuple):
    """One template's counts, look by look."""

    template: str
    severity: Severity
    before: Floats
    after: Floats
    example: str


def judge_log(evidence: LogEvidence, looks: int) -> LogVerdict:
    """Return how a log stands."""
    before = [w for w in evidence.baseline if w.readable and w.to_s > w.from_s]
    after = [w for w in evidence.post if w.readable and w.to_s > w.from_s]
    if not before or not after:
        side = "before" if not before else "after"
        return _thin(evidence, f"no readable window {side} the switch")
    lengths = np.array([w.to_s - w.from_s for w in before], dtype=np.float64)
    exposure = np.array([w.to_s - w.from_s for w in after], dtype=np.float64)
    stretched = exposure * _growth(before, after, lengths, exposure)
    ends = [w.to_s for w in after]
    findings = [
        finding
        for row in _rows(before, after)
        if (finding := _judge_row(evidence, row, lengths, exposure, stretched, ends, looks))
    ]
    findings.sort(key=lambda f: (-f.colour.rank, -f.after, f.template))
    return _whole(evidence, findings, len(after), readable=len(after) / len(evidence.post))


def _rows(before: Sequence[LogWindow], after: Sequence[LogWindow]) -> list[_Row]:
    """Return a row for every template that is not harmless, in the order of its text."""
    rows: dict[tuple[str, Severity], _Row] = {}
    for offset, windows in ((0, before), (1, after)):
        for place, window in enumerate(windows):
            for seen in window.counts:
                if seen.severity is Severity.INFO:
                    continue
                key = (seen.template, seen.severity)
                if key not in rows:
                    rows[key] = _Row(
                        *key, np.zeros(len(before)), np.zeros(len(after)), seen.example
                    )
                (rows[key].after if offset else rows[key].before)[place] += seen.count
    return _bounded([rows[key] for key in sorted(rows)])


def _bounded(rows: list[_Row]) -> list[_Row]:
    """Return the most frequent templates, and for each severity the sum of all the others.

    A storm of lines that no mask makes alike must not cost a watch its tick, nor go unseen.
    """
    if len(rows) <= MAX_TEMPLATES:
        return rows
    rows = sorted(rows, key=lambda row: -max(float(row.after.sum()), float(row.before.sum())))
    kept, others = rows[:MAX_TEMPLATES], rows[MAX_TEMPLATES:]
    for severity in (Severity.ERROR, Severity.WARNING):
        alike = [row for row in others if row.severity is severity]
        if alike:
            before = np.sum([row.before for row in alike], axis=0)
            after = np.sum([row.after for row in alike], axis=0)
            kept.append(_Row(OTHERS, severity, before, after, alike[0].example))
    return kept


def _growth(
    before: Sequence[LogWindow], after: Sequence[LogWindow], lengths: Floats, exposure: Floats
) -> Floats:
    """Return, for each look, by how much the harmless part of the log grew; at least 1."""

    def harmless(windows: Sequence[LogWindow]) -> Floats:
        return np.array(
            [sum(c.count for c in w.counts if c.severity is Severity.INFO) for w in windows],
            dtype=np.float64,
        )

    quiet, now = harmless(before), harmless(after)
    if quiet.sum() < LEAST_CONTEXT or now.sum() < LEAST_CONTEXT:
        return np.ones(len(after))
    rate = quiet.sum() / lengths.sum()
    # Running means: the growth at a look may use what was seen by then, and no more.
    growth = np.cumsum(now) / np.cumsum(exposure) / rate
    return np.asarray(np.maximum(growth, 1.0), dtype=np.float64)


def _judge_row(
    evidence: LogEvidence,
    row: _Row,
    lengths: Floats,
    exposure: Floats,
    stretched: Floats,
    ends: Sequence[float],
    looks: int,
) -> LogFinding | None:
    """Return what changed about one template; None where nothing did."""
    base = known(row.before, lengths)
    matters = evidence.rule.matters_from
    rise = rising(base, row.after, stretched, looks=looks, matters_from=matters)
    logs = rise.logs - np.log(CHANCES)
    crossed = np.flatnonzero(logs >= RED)
    was, now = int(row.before.sum()), int(row.after.sum())
    change, red_at = ("new" if was == 0 else "rising"), None
    if len(crossed) and row.severity is Severity.ERROR:
        colour, red_at = Colour.RED, ends[int(crossed[0])]
    elif len(crossed) or (logs[-1] >= YELLOW and row.severity is Severity.ERROR):
        colour = Colour.YELLOW if row.severity is Severity.ERROR else Colour.GREEN
    elif was == 0:
        colour = Colour.GREEN
    elif _vanished(base, now, float(exposure.sum())):
        colour, change = Colour.GREEN, "vanished"
    else:
        return None
    return LogFinding(
        template=row.template,
        severity=row.severity.value,
        change=change,
        colour=colour,
        before=was,
        after=now,
        before_per_min=60 * base.rate,
        after_per_min=60 * now / float(exposure.sum()),
        example=row.example,
        red_at_s=red_at,
    )


def _vanished(base: Known, now: int, exposure: float) -> bool:
    """Tell whether a template that used to come has gone quiet beyond chance."""
    if now:
        return False
    after = Known(0.0, exposure, base.burstiness)
    return log_ratio_once(after, base.events, base.exposure, 0.0) >= RED


def _whole(
    evidence: LogEvidence, findings: list[LogFinding], windows: int, readable: float
) -> LogVerdict:
    """Return the log's verdict: the worst of its findings."""
    name = evidence.rule.name
    worst = findings[0] if findings and findings[0].colour is not Colour.GREEN else None
    if worst is None:
        if readable < 0.5:
            return _thin(evidence, "less than half of the windows could be read")
        gone = sum(f.change == "vanished" for f in findings)
        reason = f"{name}: no error template is new or rising in {counted(windows, 'window')}"
        return LogVerdict(
            name=name,
            colour=Colour.GREEN,
            verdict=Word.IMPROVED if gone else Word.STEADY,
            reason=f"{reason}; {counted(gone, 'template')} vanished" if gone else reason,
            findings=tuple(findings[:MAX_FINDINGS]),
            muted=evidence.rule.muted,
        )
    reds = [f.red_at_s for f in findings if f.red_at_s is not None]
    first = min(reds) if reds else None
    when = f" {moment(first)}" if first is not None else ""
    return LogVerdict(
        name=name,
        colour=worst.colour,
        verdict=Word.REGRESSED if worst.colour is Colour.RED else Word.SUSPICIOUS,
        reason=(
            f"{name}: {worst.change} {worst.severity} template, {counted(worst.after, 'line')} "
            f"({number(worst.after_per_min)} a minute) against {number(worst.before_per_min)} "
            f"before{when}: {worst.example[:EXAMPLE_IN_REASON]}"
        ),
        findings=tuple(findings[:MAX_FINDINGS]),
        would_be_green=f"would have been Green without '{worst.template}' rising",
        red_at_s=first,
        excess=1.0 if first is not None else 0.5,
        muted=evidence.rule.muted,
    )


def _thin(evidence: LogEvidence, lack: str) -> LogVerdict:
    return LogVerdict(
        name=evidence.rule.name,
        colour=Colour.YELLOW,
        verdict=Word.THIN,
        reason=f"{evidence.rule.name}: {lack}",
        would_be_green="would have been Green with enough data",
        muted=evidence.rule.muted,
    )
