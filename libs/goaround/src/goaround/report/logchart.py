"""Draws a log: the kinds of lines that are new or come more often, and when they came. Pure."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from goaround.report.axis import clock
from goaround.report.chart import WIDTH, badge
from goaround.report.svg import line, number, plain, tag, text
from goaround_judge import Colour, LogEvidence, LogWindow
from goaround_judge.verdicts import LogFinding, LogVerdict
from goaround_judge.wording import number as figure

MOST_FINDINGS = 8
"""Findings that are drawn; a page lists the others below."""
_ROW = 58
_TOP = 40
_LEFT, _SWITCH, _RIGHT = 500, 590, 746
_BAR = 30
_LONGEST = 58
_MARK, _NAME = 68, 82
_MOST_BARS = 45
_MESSAGE = re.compile(r'"(?:message|msg|event)": ?"([^"]+)"')


class _Bar(NamedTuple):
    """Lines a minute over a stretch of time."""

    from_s: float
    to_s: float
    per_min: float


def logchart(evidence: LogEvidence, verdict: LogVerdict, *, key: str) -> str:
    """Return the chart of a log as one SVG element; `key` sets its names apart in a page."""
    findings = verdict.findings[:MOST_FINDINGS]
    height = _TOP + _ROW * (len(findings) + 1)
    first = min((w.from_s for w in evidence.baseline), default=0.0)
    last = max((w.to_s for w in evidence.post), default=1.0)
    rows = [_all_lines(evidence, first, last)]
    rows += [_finding(evidence, f, i + 1, first, last) for i, f in enumerate(findings)]
    muted = ", muted" if verdict.muted else ""
    return tag(
        "svg",
        tag("title", plain(f"{verdict.name}: {verdict.colour}"), id=f"{key}-title"),
        tag("desc", plain(described(verdict)), id=f"{key}-desc"),
        badge(verdict.colour, _MARK, 17),
        text(_short(verdict.name), _NAME, 22, "head"),
        text(f"{verdict.verdict}{muted}", _RIGHT, 22, f"end {verdict.colour}"),
        *rows,
        class_="ga",
        viewBox=f"0 0 {WIDTH} {height}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
    )


def described(verdict: LogVerdict) -> str:
    """Return the chart in words, for those who do not see it."""
    said = [verdict.reason.rstrip(".") + "."]
    said += [
        f"{f.change}: {f.template}, {f.before} lines before and {f.after} after."
        for f in verdict.findings[:MOST_FINDINGS]
    ]
    return " ".join(said)


def rates(finding: LogFinding) -> str:
    """`none before, 28 after (14 a minute)`: how often a kind of line came."""
    before = (
        f"{finding.before} before ({figure(finding.before_per_min)} a minute)"
        if finding.before
        else "none before"
    )
    return f"{before}, {finding.after} after ({figure(finding.after_per_min)} a minute)"


def _all_lines(evidence: LogEvidence, first_s: float, last_s: float) -> str:
    y = _TOP
    said = sum(c.count for w in evidence.post for c in w.counts)
    unread = sum(not w.readable for w in (*evidence.baseline, *evidence.post))
    lost = f"; {unread} looks could not read it" if unread else ""
    return "".join(
        (
            text("all lines", _NAME, y + 18, "strong"),
            text(f"{said} since the switch{lost}", _NAME, y + 35, "small"),
            *_bars(evidence, None, first_s, last_s, y),
            text(f"−{clock(round(-first_s))}" if first_s else "", _LEFT, y - 3, "small"),
            text("switch", _SWITCH, y - 3, "small mid strong"),
            text(clock(round(last_s)), _RIGHT, y - 3, "small end"),
        )
    )


def _finding(
    evidence: LogEvidence, finding: LogFinding, place: int, first_s: float, last_s: float
) -> str:
    y = _TOP + _ROW * place
    return tag(
        "g",
        tag("title", plain(finding.example)),
        badge(finding.colour, _MARK, y + 14),
        text(_short(_told(finding)), _NAME, y + 18, "mono"),
        text(f"{finding.change}: {rates(finding)}", _NAME, y + 35, "small"),
        *_bars(evidence, finding, first_s, last_s, y),
    )


def _counts(windows: Sequence[LogWindow], finding: LogFinding | None) -> list[_Bar]:
    """Return how often a kind of line came, or any line, in at most so many stretches."""
    read = sorted(
        (w for w in windows if w.readable and w.to_s > w.from_s), key=lambda window: window.to_s
    )
    size = -(-len(read) // _MOST_BARS) or 1
    groups = [read[i : i + size] for i in range(0, len(read), size)]
    made: list[_Bar] = []
    for group in groups:
        lines = sum(
            seen.count
            for window in group
            for seen in window.counts
            if finding is None
            or (seen.template, seen.severity) == (finding.template, finding.severity)
        )
        length = sum(window.to_s - window.from_s for window in group)
        made.append(_Bar(group[0].from_s, group[-1].to_s, 60 * lines / length))
    return made


def _bars(
    evidence: LogEvidence, finding: LogFinding | None, first_s: float, last_s: float, top: float
) -> Iterator[str]:
    """Yield how often a kind of line came before and after, on one scale."""
    before, after = _counts(evidence.baseline, finding), _counts(evidence.post, finding)
    most = max((bar.per_min for bar in (*before, *after)), default=0.0)
    harm = finding is not None and finding.colour is not Colour.GREEN
    base = top + _BAR + 8
    for bars, role in ((before, "before"), (after, "bad" if harm else "after")):
        d = ""
        for bar in bars:
            left, right = _x(bar.from_s, first_s, last_s), _x(bar.to_s, first_s, last_s)
            if bar.per_min:
                tall, width = max(_BAR * bar.per_min / most, 1.0), max(right - left - 0.6, 1.0)
                corner = f"M{number(left)} {number(base)}v-{number(tall)}"
                d += f"{corner}h{number(width)}V{number(base)}z"
        if d:
            yield tag("path", d=d, style=f"fill:var(--{role})")
    yield line(_LEFT, base, _RIGHT, base, "grid")
    yield line(_SWITCH, top, _SWITCH, base, "switch")


def _x(at_s: float, first_s: float, last_s: float) -> float:
    if at_s < 0:
        return _SWITCH - (_SWITCH - _LEFT) * at_s / first_s
    return _SWITCH + (_RIGHT - _SWITCH) * at_s / last_s


def _told(finding: LogFinding) -> str:
    """Return what a kind of line says: of a line in JSON its message, else the line itself."""
    message = _MESSAGE.search(finding.template)
    if message is None or not finding.template.startswith("{"):
        return finding.template
    return f"{finding.severity.upper()} {message[1]}"


def _short(said: str) -> str:
    return said if len(said) <= _LONGEST else f"{said[: _LONGEST - 1]}…"
