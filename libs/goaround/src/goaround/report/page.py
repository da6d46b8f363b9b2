"""A run as one page: its outcome and the reason first, then all that it rests on. Pure.

One file: no script, nothing from outside, nothing that a foreign text could switch on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from goaround.cli import narration
from goaround.cli.narration import Saying
from goaround.cli.record import history_table, matrix_table, steps_table, watch_table
from goaround.cli.table import Table
from goaround.cli.words import length, moment, spoken
from goaround.report.logchart import rates
from goaround.report.style import CHART, COLOURS, PAGE
from goaround.report.svg import plain, tag
from goaround.report.watched import Drawn, Watched
from goaround_judge import LogVerdict
from goaround_schemas.api import EvidenceRow, RunDetail
from goaround_schemas.outcome import Span

_ROLES = {narration.GOOD: "green", narration.DOUBT: "yellow", narration.BAD: "red"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True, slots=True)
class Chapter:
    """One verdict of a run, with its charts; or why there are none."""

    row: EvidenceRow
    watched: Watched | None
    damage: str = ""


def page(
    detail: RunDetail, chapters: Sequence[Chapter], why: Iterable[Saying], now: datetime
) -> str:
    """Return the whole page."""
    run = detail.run
    title = " ".join(filter(None, (run.service, run.version, "in", run.environment)))
    head = (
        '<meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{plain(f'{title}: {spoken(run.phase)}')}</title>"
        f"<style>{COLOURS}{PAGE}{CHART}</style>"
    )
    body = "\n".join(
        (
            *_outcome(detail, title),
            *_explained(why),
            *_timeline(detail.timeline),
            *_checks(detail),
            *_watches(detail, chapters),
            *_rollback(detail),
            *_labels(detail),
            *_again(detail, chapters),
            *_history(detail),
            f'<p class="soft">Written {moment(now)} UTC. Times are in UTC.</p>',
        )
    )
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def _outcome(detail: RunDetail, title: str) -> Iterator[str]:
    run = detail.run
    what = "rollback of " if run.kind == "rollback" else ""
    yield tag("div", plain(spoken(run.phase)), class_=f"verdict {_style_of(run.phase)}")
    yield tag("h1", plain(f"{what}{title}"))
    yield tag("p", plain(run.reason), class_="lead")
    said = {
        "run": run.run_id,
        "asked for by": f"{run.requested_by}, {moment(run.requested_at)}"
        + (", as an EMERGENCY" if run.emergency else ""),
        "because": detail.request_reason,
        "previous version": run.previous_version or "none known",
        "artifact": detail.artifact,
        "guide": detail.guide_digest,
        "on record": ", ".join(detail.record),
        "warnings": "; ".join(detail.warnings),
    }
    rows = "".join(tag("dt", plain(k)) + tag("dd", plain(v)) for k, v in said.items() if v)
    yield tag("dl", rows)


def _style_of(phase: str) -> str:
    style = narration.OUTCOMES.get(phase, "").removeprefix("bold ")
    return _ROLES.get(style, "soft")


def _explained(why: Iterable[Saying]) -> Iterator[str]:
    yield tag("h2", "Why")
    for said in why:
        yield tag("p", plain(said.text), class_=_class(said.style))
        if said.below:
            inner = "".join(
                tag("li", plain(part.flat()), class_=_class(part.style)) for part in said.below
            )
            yield tag("ul", inner)


def _class(style: str) -> str | None:
    words = [_ROLES.get(word, word) for word in style.split()]
    return " ".join(words) or None


def _timeline(spans: Sequence[Span]) -> Iterator[str]:
    if not spans:
        return
    yield tag("h2", "Timeline")
    parts = ""
    for span in spans:
        seconds = (span.to - span.from_).total_seconds()
        said = plain(f"{spoken(span.phase)}, {length(seconds)}")
        parts += f'<div style="flex:{max(seconds, 0.001):.3f}" title="{said}">{said}</div>'
    yield tag("div", parts, class_="track", aria_hidden="true")
    table = Table(("PHASE", "STAGE", "FROM", "TO", "TOOK"))
    for span in spans:
        took = length((span.to - span.from_).total_seconds())
        table.add(spoken(span.phase), span.stage, moment(span.from_), moment(span.to), took)
    yield drawn(table)


def _checks(detail: RunDetail) -> Iterator[str]:
    if detail.verification:
        yield tag("h2", "Checks")
        yield from (drawn(matrix_table(found)) for found in detail.verification)
    if detail.steps:
        yield tag("h2", "Deployment")
        yield drawn(steps_table("deployment steps", detail.steps))


def _watches(detail: RunDetail, chapters: Sequence[Chapter]) -> Iterator[str]:
    if detail.watch is None and not chapters:
        return
    yield tag("h2", "Watch")
    for chapter in chapters:
        row = chapter.row
        stage = "" if row.stage == "all" else f"Stage {row.stage}: "
        said = f"{stage}{row.colour}, {row.action}, judged {moment(row.judged_at)}"
        yield tag("h3", plain(said), class_=row.colour)
        if chapter.watched is None:
            yield tag("p", plain(f"No charts: {chapter.damage}"), class_="yellow")
            continue
        found = chapter.watched
        yield tag("p", plain(found.verdict.reason))
        if found.verdict.would_be_green:
            said = narration.counterfactual(found.verdict.would_be_green)
            yield tag("p", plain(said), class_="soft")
        deciding = found.verdict.deciding
        yield from (_figure(part, is_deciding=part.part.name == deciding) for part in found.parts)
    if not chapters and detail.watch is not None:
        yield tag("p", "No evidence is on record of this watch; this is what was said of it.")
        yield drawn(watch_table(detail.watch))


def _figure(part: Drawn, *, is_deciding: bool) -> str:
    caption = tag("figcaption", plain(part.part.reason))
    listed = ""
    if isinstance(part.part, LogVerdict) and part.part.findings:
        table = Table(("LINES", "SEVERITY", "CHANGE", "HOW OFTEN", "EXAMPLE"))
        for found in part.part.findings:
            table.add(found.template, found.severity, found.change, rates(found), found.example)
        listed = (
            f"<details><summary>All findings, with a line of each</summary>{drawn(table)}</details>"
        )
    class_ = f"deciding is-{part.part.colour}" if is_deciding else None
    return tag("figure", part.chart, caption, listed, class_=class_)


def _rollback(detail: RunDetail) -> Iterator[str]:
    found = detail.rollback
    if found is None:
        return
    yield tag("h2", "Rollback")
    yield tag("p", plain(f"It went around because of: {found.trigger}"))
    if found.steps:
        yield drawn(steps_table("rollback steps", found.steps))
    if found.matrix is not None:
        yield drawn(matrix_table(found.matrix))
    if found.left:
        yield tag("p", plain(f"Left behind: {found.left}"), class_="red")


def _labels(detail: RunDetail) -> Iterator[str]:
    yield tag("h2", "What people said")
    if not detail.labels:
        yield tag("p", "Nobody has said yet how it really was.", class_="soft")
    else:
        table = Table(("AT", "REALLY", "BY", "BECAUSE"))
        for label in detail.labels:
            table.add(moment(label.at), label.label, label.actor, label.because)
        yield drawn(table)
    id_ = plain(detail.run.run_id)
    yield f'<pre>goaround label {id_} good|bad --because "..."</pre>'


def _again(detail: RunDetail, chapters: Sequence[Chapter]) -> Iterator[str]:
    if not chapters:
        return
    versions = ", ".join(dict.fromkeys(chapter.row.judge_version for chapter in chapters))
    yield tag("h2", "To have the verdict again")
    yield tag(
        "p",
        plain(
            f"All that the verdict rests on is on record, and was judged by version {versions} of "
            "the judge. The first command judges it again and compares the bytes; the second says "
            "what a changed guide would have made of it."
        ),
    )
    id_ = plain(detail.run.run_id)
    yield f"<pre>goaround replay {id_}\ngoaround simulate --guide FILE</pre>"


def _history(detail: RunDetail) -> Iterator[str]:
    if detail.history:
        yield tag("h2", "History")
        yield drawn(history_table(detail))


def drawn(table: Table) -> str:
    """Return a table as HTML; it scrolls by itself where it is too wide."""
    head = "".join(tag("th", plain(name), scope="col") for name in table.columns)
    rows = "".join(
        "<tr>"
        + "".join(f"<td{_attribute(cell.style)}>{plain(cell.text)}</td>" for cell in row)
        + "</tr>"
        for row in table.rows
    )
    caption = tag("caption", plain(table.title)) if table.title else ""
    inner = f"{caption}<thead><tr>{head}</tr></thead><tbody>{rows}</tbody>"
    return tag("div", tag("table", inner), class_="scroll")


def _attribute(style: str) -> str:
    class_ = _class(style)
    return f' class="{class_}"' if class_ else ""
