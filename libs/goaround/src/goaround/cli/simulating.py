"""`simulate`: what a changed guide would have made of the watches on record, before it counts.

Recordings are fetched and judged one at a time, here; nothing is asked of a run's sources, and no
run is touched.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from goaround.cli import narration, options, outcome
from goaround.cli.screen import Screen
from goaround.cli.session import Usage, ask, complain
from goaround.cli.table import Cell, Table
from goaround.cli.words import count, length
from goaround_schemas.duration import parse_duration

if TYPE_CHECKING:
    from goaround.client import Goaround
    from goaround.simulation import Rejudged, Summary, Word
    from goaround_guidebook import LoadedGuide
    from goaround_schemas.api import EvidenceRow, RunRow

_PAGE = 500


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which verdicts to judge again."""

    service: str
    environment: str | None
    since: datetime


def simulate(
    guide: Annotated[
        Path, typer.Option("--guide", metavar="FILE", help="The guide to try.", show_default=False)
    ],
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Verdicts of so long ago, at most.")
    ] = "90d",
    service: Annotated[
        str | None,
        typer.Option("--service", metavar="S", help="Another service than the guide's own."),
    ] = None,
    env: Annotated[
        str | None,
        typer.Option("--environment", "--env", metavar="E", help="The environment."),
    ] = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Judge recorded runs under a changed guide: what changes, when, and who was right."""
    began = _since(since, datetime.now(UTC))
    screen = Screen()
    loaded = _loaded(guide, screen)
    if loaded is None:
        return outcome.REFUSED
    wanted = Wanted(service or loaded.guide.service, env, began)
    found, damaged = ask(url, root, lambda g: _rejudged(g, loaded, wanted, screen))
    for row, why in damaged:
        complain(f"run {row.run_id}, verdict {row.evidence_id}: {why}; it is left out")
    from goaround.simulation import summary
    from goaround_judge import JUDGE_VERSION

    whole = summary(found, len(damaged), JUDGE_VERSION)
    if json:
        screen.document(_document(loaded, wanted, found, damaged, whole))
        return outcome.DONE
    if not found:
        screen.note(f"no evidence is on record of {wanted.service} since {since} ago")
        return outcome.DONE
    screen.table(verdicts_table(found))
    for line, style in sayings(whole, found):
        screen.line(line, style)
    return outcome.DONE


def _since(given: str, now: datetime) -> datetime:
    try:
        return now - parse_duration(given)
    except ValueError as error:
        raise Usage(f"--since: {error}") from error


def _loaded(path: Path, screen: Screen) -> "LoadedGuide | None":
    """Return the guide; None where it is none, and its faults are told."""
    from goaround_guidebook import GuideInvalid, load

    try:
        return load(path)
    except GuideInvalid as error:
        for fault in error.faults:
            screen.line(str(fault), narration.BAD)
    except OSError as error:
        screen.line(f"{path}:1:1: cannot be read: {error.strerror}", narration.BAD)
    return None


async def _rejudged(
    g: "Goaround", loaded: "LoadedGuide", wanted: Wanted, screen: Screen
) -> tuple[list["Rejudged"], list[tuple["EvidenceRow", str]]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from goaround.recorded import NoRecording, recorded
    from goaround.simulation import rejudged, word_on

    rows = [
        row
        async for row in g.verdicts(
            service=wanted.service, environment=wanted.environment, since=wanted.since
        )
    ]
    backs = [run async for run in _rollbacks(g, wanted)] if rows else []
    found: list[Rejudged] = []
    damaged: list[tuple[EvidenceRow, str]] = []
    columns = (TextColumn("judging again"), BarColumn(), MofNCompleteColumn())
    quiet = not screen.err.is_terminal
    with Progress(*columns, console=screen.err, transient=True, disable=quiet) as progress:
        for row in progress.track(rows):
            try:
                read = await recorded(g, row)
            except NoRecording as error:
                damaged.append((row, str(error)))
                continue
            word = word_on(row, backs)
            # Beside the loop: the bus wants to be heard meanwhile.
            found.append(await asyncio.to_thread(rejudged, row, read, loaded.guide, word))
    return found, damaged


async def _rollbacks(g: "Goaround", wanted: Wanted) -> AsyncIterator["RunRow"]:
    """Yield the rollbacks since then that people asked for, newest first."""
    before: datetime | None = None
    after: str | None = None
    while True:
        page = await g.runs(
            service=wanted.service,
            environment=wanted.environment,
            limit=_PAGE,
            before=before,
            after=after,
        )
        for run in page:
            if run.kind == "rollback":
                yield run
        if len(page) < _PAGE or page[-1].requested_at < wanted.since:
            return
        before, after = page[-1].requested_at, page[-1].run_id


def verdicts_table(found: "list[Rejudged]") -> Table:
    """One row a verdict: what it was, what it would be, and when."""
    table = Table(("RUN", "VERSION", "STAGE", "WAS", "WOULD BE", "MINUTES", "REALLY", "WHY"))
    for one in found:
        row = one.row
        was = f"{row.colour}, {row.action} at {length(one.was_s)}"
        would = f"{one.would_be}, {one.action} at {length(one.at_s)}"
        if not one.decided:
            would = f"{one.would_be}, still open at {length(one.at_s)}"
        style = f"bold {narration.COLOURS[one.would_be]}" if one.changes else ""
        mark = "* " if one.changes else ""
        missing = f" (never recorded: {', '.join(one.missing)})" if one.missing else ""
        table.add(
            row.run_id,
            row.version,
            row.stage,
            Cell(was, narration.COLOURS[row.colour]),
            Cell(f"{mark}{would}", style or narration.COLOURS[one.would_be]),
            "-" if one.later_min is None else minutes(one.later_min),
            _really(one.word),
            f"{one.reason}{missing}",
        )
    return table


def _really(word: "Word | None") -> str:
    if word is None:
        return "-"
    return f"{word.truth} (implied)" if word.implied else word.truth


def minutes(later: float) -> str:
    """`2.5 earlier`, `0`, `1 later`."""
    if abs(later) < 0.05:
        return "0"
    return f"{abs(later):.3g} {'later' if later > 0 else 'earlier'}"


def sayings(whole: "Summary", found: "list[Rejudged]") -> list[tuple[str, str]]:
    """Return the whole in lines, each with its style."""
    of = count(whole.verdicts, "verdict")
    said = [
        (
            f"{whole.change} of {of} would change: {whole.to_red} to red, "
            f"{whole.from_red} from red",
            "bold",
        )
    ]
    if whole.good or whole.bad or whole.implied_bad:
        implied = f" ({whole.implied_bad} implied by a later rollback)" if whole.implied_bad else ""
        said.append(
            (
                f"false reds among {count(whole.good, 'good run')}: {whole.before.false_reds} "
                f"before, {whole.after.false_reds} after",
                "",
            )
        )
        said.append(
            (
                f"missed reds among {count(whole.bad + whole.implied_bad, 'bad run')}{implied}: "
                f"{whole.before.missed_reds} before, {whole.after.missed_reds} after",
                "",
            )
        )
    else:
        said.append(("nobody said how these runs were: goaround label RUN good|bad", "dim"))
    if whole.median_later_min is not None:
        said.append((f"at the median, minutes to a verdict: {minutes(whole.median_later_min)}", ""))
    if whole.median_later_min_of_reds is not None:
        reds = minutes(whole.median_later_min_of_reds)
        said.append((f"at the median, minutes to what is red both times: {reds}", ""))
    if whole.not_recorded_further:
        said.append(
            (
                f"{whole.not_recorded_further} of {of} would come later than what is recorded",
                narration.DOUBT,
            )
        )
    missing = sorted({name for one in found for name in one.missing})
    if missing:
        said.append((f"never recorded, so not judged: {', '.join(missing)}", narration.DOUBT))
    if whole.other_judge:
        said.append(
            (
                f"{whole.other_judge} of {of} on record are another judge's: their change may be "
                "the judge's, not the guide's (goaround replay RUN)",
                narration.DOUBT,
            )
        )
    if whole.damaged:
        said.append((f"left out for damage: {whole.damaged}", narration.BAD))
    return said


def _document(
    loaded: "LoadedGuide",
    wanted: Wanted,
    found: "list[Rejudged]",
    damaged: "list[tuple[EvidenceRow, str]]",
    whole: "Summary",
) -> dict[str, Any]:
    return {
        "guide": loaded.name,
        "digest": loaded.digest,
        "service": wanted.service,
        "environment": wanted.environment,
        "since": wanted.since.isoformat(),
        "verdicts": [_one(one) for one in found],
        "damaged": [{"verdict": row, "why": why} for row, why in damaged],
        "summary": asdict(whole),
    }


def _one(one: "Rejudged") -> dict[str, Any]:
    return {
        "verdict": one.row,
        "was": {"colour": one.row.colour, "action": one.row.action, "after_s": one.was_s},
        "would_be": {
            "colour": one.would_be,
            "action": one.action,
            "after_s": one.at_s,
            "decided": one.decided,
            "deciding": one.deciding,
            "reason": one.reason,
        },
        "changes": one.changes,
        "later_min": one.later_min,
        "never_recorded": one.missing,
        "really": None if one.word is None else asdict(one.word),
    }
