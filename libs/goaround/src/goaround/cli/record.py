"""All that is known of a run as headings, lines and tables. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from goaround.cli import narration
from goaround.cli.narration import Saying
from goaround.cli.table import Cell, Table
from goaround.cli.words import ago, amount, change, clock, count, length, moment, spoken
from goaround_schemas.api import RunDetail
from goaround_schemas.matrix import Matrix
from goaround_schemas.phase import ENDS
from goaround_schemas.procedure import PendingMigration, StepResult
from goaround_schemas.watching import WatchSummary

_HEAD = "bold"
_KINDS = {"additive": narration.GOOD, "reversible": narration.GOOD}
_FITS = {"compatible": narration.GOOD, "unclear": narration.DOUBT, "contract": narration.BAD}
_WAYS_BACK = {"reversible": narration.GOOD, "none": narration.DOUBT}
_REASONS = 3
"""So many of each: the first ones weigh most."""


def parts(detail: RunDetail, now: datetime) -> Iterator[Saying | Table]:
    """Yield what there is to show, in the order in which it happened."""
    yield from _head(detail, now)
    if detail.timeline:
        yield from _timeline(detail)
    for found in detail.verification:
        yield matrix_table(found)
    if detail.migrations:
        yield migrations_table(detail.migrations, "migrations")
        yield from remarks(detail.migrations)
    if detail.steps:
        yield steps_table("deployment steps", detail.steps)
    if detail.baseline:
        yield _baseline(detail)
    if detail.watch is not None:
        yield from _watch(detail.watch)
    for label in detail.labels:
        style = narration.GOOD if label.label == "good" else narration.BAD
        yield Saying(narration.label(label), style)
    if detail.rollback is not None:
        yield Saying(f"went around: {detail.rollback.trigger}", narration.DOUBT)
        if detail.rollback.steps:
            yield steps_table("rollback steps", detail.rollback.steps)
        if detail.rollback.database is not None:
            yield narration.schema(detail.rollback.database)
        if detail.rollback.left:
            yield Saying(f"left behind: {detail.rollback.left}", narration.BAD)
        yield from narration.unfinished(detail.rollback)
    if detail.history:
        yield history_table(detail)
    yield from narration.proposals(detail.corrections, detail.run.service)
    for where in detail.record:
        yield Saying(f"on record: {where}")
    for warned in detail.warnings:
        yield Saying(f"warning: {warned}", narration.DOUBT)


def _head(detail: RunDetail, now: datetime) -> Iterator[Saying]:
    run = detail.run
    what = "rollback of " if run.kind == "rollback" else ""
    name = " ".join(filter(None, (run.service, run.version, "in", run.environment)))
    yield Saying(f"run {run.run_id}: {what}{name}", _HEAD)
    stage = f", stage {run.stage}" if run.stage and run.stage != "all" else ""
    style = narration.OUTCOMES.get(run.phase, _HEAD)
    yield Saying(f"  {spoken(run.phase)}{stage}: {run.reason}", style)
    why = f": {detail.request_reason}" if detail.request_reason else ""
    urgent = ", as an EMERGENCY" if run.emergency else ""
    yield Saying(f"  asked for by {run.requested_by}, {moment(run.requested_at)} UTC{urgent}{why}")
    yield Saying(f"  previous version: {run.previous_version or 'none known'}")
    if detail.artifact:
        yield Saying(f"  artifact: {detail.artifact}")
    if detail.guide_digest:
        yield Saying(f"  guide: {detail.guide_digest}", narration.QUIET)
    if run.phase not in ENDS:
        if detail.waiting_for:
            yield Saying(f"  waits for: {', '.join(detail.waiting_for)}")
        if run.deadline:
            yield Saying(f"  deadline: {moment(run.deadline)} UTC ({ago(run.deadline, now)})")


def _timeline(detail: RunDetail) -> Iterator[Table]:
    table = Table(("PHASE", "STAGE", "FROM", "TO", "TOOK"), title="timeline (UTC)")
    for span in detail.timeline:
        took = length((span.to - span.from_).total_seconds())
        table.add(spoken(span.phase), span.stage, clock(span.from_), clock(span.to), took)
    yield table


def matrix_table(found: Matrix) -> Table:
    """One row a check."""
    table = Table(
        ("CHECK", "NAME", "OUTCOME", "TOOK", "FOUND"),
        title=f"{spoken(found.kind)} of {found.of}: {found.outcome}",
    )
    for row in found.rows:
        optional = "" if row.required else " (not required)"
        tries = f", {row.attempts} tries" if row.attempts > 1 else ""
        outcome = Cell(f"{row.outcome}{optional}", narration.ROWS[row.outcome])
        table.add(row.category, row.name, outcome, f"{length(row.seconds)}{tries}", row.detail)
    return table


def migrations_table(migrations: Iterable[PendingMigration], title: str = "") -> Table:
    """One row for each pending migration, in their order."""
    table = Table(("REVISION", "NAME", "CLASS", "FIT", "WAY BACK", "LOCKS"), title=title)
    for migration in migrations:
        table.add(
            migration.revision,
            migration.name,
            Cell(migration.kind, _KINDS.get(migration.kind, narration.BAD)),
            Cell(migration.fit, _FITS[migration.fit]),
            Cell(migration.way_back, _WAYS_BACK.get(migration.way_back, narration.BAD)),
            "; ".join(migration.locks) or "none that lasts",
        )
    return table


def remarks(migrations: Iterable[PendingMigration]) -> Iterator[Saying]:
    """Yield why a migration is what it is, where that is nothing harmless, and its way back."""
    for migration in migrations:
        name = migration.revision
        if migration.kind not in _KINDS and migration.reasons:
            why = "; ".join(migration.reasons[:_REASONS])
            yield Saying(f"{name} is {migration.kind}: {why}", narration.DOUBT)
        if migration.point_of_no_return:
            what = f"{name}, {migration.point_of_no_return}"
            yield Saying(f"point of no return: {what}", narration.DOUBT)
        if migration.way_back not in _WAYS_BACK and migration.way_back_reasons:
            why = "; ".join(migration.way_back_reasons[:_REASONS])
            yield Saying(f"the way back of {name} is {migration.way_back}: {why}", narration.DOUBT)


def steps_table(title: str, steps: tuple[StepResult, ...]) -> Table:
    """One row a step, and the end of what those printed that did not work."""
    table = Table(("STEP", "OUTCOME", "AT", "TOOK", "DETAIL"), title=title)
    for step in steps:
        said = narration.step(step)
        name = f"migration {step.name}" if step.kind == "migration" else step.name
        printed = "; ".join(line.text for line in said.below)
        detail = f"{step.detail} {printed}".strip()
        outcome = Cell(step.outcome, said.style)
        table.add(name, outcome, clock(step.started_at), length(step.seconds), detail)
    return table


def _baseline(detail: RunDetail) -> Table:
    table = Table(("SIGNAL", "ANSWERED", "TYPICAL", "SAMPLES", "DETAIL"), title="baseline")
    for signal in detail.baseline:
        answered = Cell("yes", narration.GOOD) if signal.answered else Cell("no", narration.BAD)
        typical = amount(signal.typical, signal.unit)
        table.add(signal.name, answered, typical, str(signal.samples), signal.detail)
    return table


def _watch(summary: WatchSummary) -> Iterator[Saying | Table]:
    yield watch_table(summary)
    yield Saying(f"{summary.colour}: {summary.reason}", narration.COLOURS[summary.colour])
    if summary.colour != "green" and summary.would_be_green:
        yield Saying(narration.counterfactual(summary.would_be_green))


def watch_table(summary: WatchSummary) -> Table:
    """One row a signal, the deciding one marked."""
    extended = f", {count(summary.extensions, 'extension')}" if summary.extensions else ""
    table = Table(
        ("SIGNAL", "COLOUR", "BEFORE", "SINCE", "CHANGE", "LIMIT", "VERDICT", "REASON"),
        title=f"watch of {length(summary.watched_s)} ({count(summary.ticks, 'look')}{extended})",
    )
    for found in (*summary.signals, *summary.logs):
        muted = " (muted)" if found.muted else ""
        table.add(
            f"{found.name}{' *' if found.name == summary.deciding else ''}",
            Cell(f"{found.colour}{muted}", narration.COLOURS[found.colour]),
            amount(found.baseline, found.unit),
            amount(found.observed, found.unit),
            change(found.change),
            amount(found.limit),
            found.verdict,
            found.reason,
        )
    return table


def history_table(detail: RunDetail) -> Table:
    """One row a move."""
    table = Table(("AT", "FROM", "TO", "BY", "WHY"), title="history (UTC)")
    for move in detail.history:
        table.add(moment(move.at), spoken(move.from_), spoken(move.to), move.actor, move.reason)
    return table
