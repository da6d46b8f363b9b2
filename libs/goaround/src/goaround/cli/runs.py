"""`runs`, `show`, `why`, `services`: what happened, what happens, and what runs where."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from goaround.cli import narration, options, outcome
from goaround.cli.progress import below
from goaround.cli.record import parts
from goaround.cli.screen import Screen
from goaround.cli.session import ask
from goaround.cli.table import Cell, Table
from goaround.cli.why import explain
from goaround.cli.words import ago, count, spoken
from goaround_schemas.api import RunningRow, RunRow
from goaround_schemas.phase import ENDS, Phase

if TYPE_CHECKING:
    from goaround.client import Goaround


def runs(
    service: options.MaybeService = None,
    env: options.MaybeEnv = None,
    phase: Annotated[
        Phase | None, typer.Option(help="Only those in this phase.", show_choices=False)
    ] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those under way.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=500, help="So many at most.")] = 20,
    after: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Go on below this one: the last of the page before."),
    ] = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """List runs, newest first."""
    screen = Screen()

    async def page(g: "Goaround") -> tuple[RunRow, ...]:
        last = (await g.run(after)).run if after else None
        return await g.runs(
            service=service,
            environment=env,
            phase=phase,
            active=active,
            limit=limit,
            before=last.requested_at if last else None,
            after=after,
        )

    found = ask(url, root, page)
    if json:
        screen.document(list(found))
    elif found:
        screen.table(runs_table(found, datetime.now(UTC)))
        if len(found) == limit:
            more = f"--after {found[-1].run_id} goes on below"
            screen.note(f"there may be more than {count(limit, 'run')}: {more}")
    else:
        screen.note("no runs" + (" like that" if service or env or phase or active else " yet"))
    return outcome.DONE


def show(
    run: options.Run,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE.html",
            help="Write all of it, with charts of the watch, as one page that needs nothing else.",
        ),
    ] = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Show all that is known of a run: timeline, matrices, steps, watch, rollback, history."""
    screen = Screen()
    if report is not None:
        # The charts bring the judge and numpy, which nothing else here needs.
        from goaround.cli.reporting import write

        screen.line(ask(url, root, lambda g: write(g, run, report)))
        return outcome.DONE
    detail = ask(url, root, lambda g: g.run(run))
    if json:
        screen.document(detail)
        return outcome.DONE
    for part in parts(detail, datetime.now(UTC)):
        if isinstance(part, Table):
            screen.table(part)
        else:
            screen.line(part.text, part.style)
            for line, style in below(part, 1):
                screen.line(f"  {line}", style)
    return outcome.DONE


def why(
    run: options.Run,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Say in plain words why a run ended as it did, or what it waits for."""
    screen = Screen()
    detail = ask(url, root, lambda g: g.run(run))
    said = explain(detail, datetime.now(UTC))
    if json:
        screen.document({"run_id": detail.run.run_id, "why": [s.flat() for s in said]})
        return outcome.DONE
    for part in said:
        screen.line(part.text, part.style)
        for line, style in below(part, 1):
            screen.line(f"  {line}", style)
    return outcome.DONE


def services(
    service: options.MaybeService = None,
    env: options.MaybeEnv = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Show what runs where, as far as the record knows."""
    screen = Screen()
    found = ask(url, root, lambda g: g.services(service=service, environment=env))
    if json:
        screen.document(list(found))
    elif found:
        screen.table(services_table(found, datetime.now(UTC)))
    else:
        screen.note("nothing is on record: deploy, or goaround adopt SERVICE VERSION --env E")
    return outcome.DONE


def runs_table(found: tuple[RunRow, ...], now: datetime) -> Table:
    """One row a run."""
    table = Table(("RUN", "SERVICE", "VERSION", "ENV", "PHASE", "BY", "ASKED", "REASON"))
    for run in found:
        version = run.version or "-"
        if run.kind == "rollback":
            version = f"back from {version}"
        phase = f"{spoken(run.phase)}{' (emergency)' if run.emergency else ''}"
        style = narration.OUTCOMES.get(run.phase, "" if run.phase in ENDS else "bold")
        table.add(
            run.run_id,
            run.service,
            version,
            run.environment,
            Cell(phase, style),
            run.requested_by,
            ago(run.requested_at, now),
            run.reason,
        )
    return table


def services_table(found: tuple[RunningRow, ...], now: datetime) -> Table:
    """One row a service and environment."""
    table = Table(("SERVICE", "ENV", "VERSION", "BEFORE", "SINCE", "BROUGHT BY"))
    for row in found:
        table.add(
            row.service,
            row.environment,
            row.version,
            row.previous_version,
            ago(row.since, now),
            row.run_id or "adopted",
        )
    return table
