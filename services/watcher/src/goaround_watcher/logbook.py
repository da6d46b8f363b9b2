"""Writes what a look brought of a log into its record. Pure.

The first look at a log ever brings its history, which tells what kinds of lines are known and not
how often they come. It is kept as a stretch of no length.
"""

from collections.abc import Iterable, Sequence

from goaround_judge import LogWindow, SampleState, TemplateCount, templates
from goaround_watcher.sources.logline import written_at
from goaround_watcher.sources.port import Lines, Span
from goaround_watcher.state import LogRecord, Stretch, Stretches, Template

_EXAMPLE_CHARS = 200


def with_history(record: LogRecord, lines: Lines, span: Span) -> LogRecord:
    """Return the record after the log's first look."""
    if lines.state is not SampleState.OK:
        return _after(record, lines)
    table = _Table(record.templates)
    known = dict.fromkeys(table.counts(lines.lines), 1)
    stretch = Stretch(span.until, span.until, known)
    return _after(record, lines, templates=table.templates, before=(stretch,))


def with_baseline(record: LogRecord, lines: Lines, span: Span) -> LogRecord:
    """Return the record after one more look before the switch."""
    table = _Table(record.templates)
    stretch = _stretch(table, lines, lines.lines, span)
    return _after(record, lines, templates=table.templates, before=(*record.before, stretch))


def with_watched(record: LogRecord, lines: Lines, span: Span) -> LogRecord:
    """Return the record after one more look since the switch."""
    table = _Table(record.templates)
    stretch = _stretch(table, lines, lines.lines, span)
    return _after(record, lines, templates=table.templates, after=(*record.after, stretch))


def with_first_watched(record: LogRecord, lines: Lines, span: Span) -> LogRecord:
    """Return the record after the first look since the switch, at files followed from before it.

    Their lines are of both versions: those count that say of themselves that they came after.
    Where none says when it was written, nothing is known of this stretch.
    """
    stamped = [(line, at) for line in lines.lines if (at := written_at(line)) is not None]
    if lines.lines and not stamped:
        return _after(record, lines)
    table = _Table(record.templates)
    stretch = _stretch(table, lines, [line for line, at in stamped if at >= span.since], span)
    return _after(record, lines, templates=table.templates, after=(*record.after, stretch))


def windows(record: LogRecord, stretches: Stretches, switched: float) -> tuple[LogWindow, ...]:
    """Return the stretches as the judge wants them; what history knows counts once in the first."""
    history = {place for s in stretches if s.since == s.until for place in s.counts}
    timed = [s for s in stretches if s.since < s.until]
    news = history - {place for s in timed for place in s.counts}
    first = next((i for i, s in enumerate(timed) if s.readable), None)
    if first is not None:
        timed[first] = timed[first]._replace(
            counts={**timed[first].counts, **dict.fromkeys(news, 1)}
        )
    return tuple(_window(record, s, switched) for s in timed)


def _window(record: LogRecord, stretch: Stretch, switched: float) -> LogWindow:
    return LogWindow(
        from_s=round(stretch.since - switched, 3),
        to_s=round(stretch.until - switched, 3),
        readable=stretch.readable,
        counts=tuple(
            TemplateCount(
                template=record.templates[place].text,
                severity=record.templates[place].severity,
                count=count,
                example=record.templates[place].example,
            )
            for place, count in sorted(stretch.counts.items())
        ),
    )


def _stretch(table: "_Table", lines: Lines, text: Iterable[str], span: Span) -> Stretch:
    if lines.state is not SampleState.OK:
        return Stretch(span.since, span.until, {}, readable=False)
    return Stretch(span.since, span.until, table.counts(text))


def _after(
    record: LogRecord,
    lines: Lines,
    *,
    templates: Sequence[Template] | None = None,
    before: Stretches | None = None,
    after: Stretches | None = None,
) -> LogRecord:
    looked = lines.state is SampleState.OK or record.cursors is not None
    update: dict[str, object] = {
        "state": lines.state,
        "detail": lines.detail,
        "cursors": lines.cursors if lines.cursors is not None else ({} if looked else None),
    }
    if templates is not None:
        update["templates"] = tuple(templates)
    if before is not None:
        update["before"] = before
    if after is not None:
        update["after"] = after
    return record.model_copy(update=update)


class _Table:
    """A log's templates, each with its place."""

    def __init__(self, known: Sequence[Template]) -> None:
        self.templates = list(known)
        self._places = {(t.text, t.severity): place for place, t in enumerate(known)}

    def counts(self, lines: Iterable[str]) -> dict[int, int]:
        """Return how often each template comes, by its place; new ones are given a place."""
        return {self._place(seen): seen.count for seen in templates(lines)}

    def _place(self, seen: TemplateCount) -> int:
        key = (seen.template, seen.severity)
        if key not in self._places:
            self._places[key] = len(self.templates)
            example = seen.example[:_EXAMPLE_CHARS]
            self.templates.append(Template(seen.template, seen.severity, example))
        return self._places[key]
