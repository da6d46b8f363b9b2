"""`rehearse`, `rehearsals`: a version's migrations, tried there and back before they are needed."""

import asyncio
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.live import Live
from rich.text import Text

from goaround.cli import narration, options, outcome
from goaround.cli.narration import Saying
from goaround.cli.record import migrations_table, remarks, steps_table
from goaround.cli.screen import Screen
from goaround.cli.session import ask
from goaround.cli.table import Cell, Table
from goaround.cli.words import count, length, moment
from goaround_schemas.procedure import RehearsalResult
from goaround_schemas.proving import RehearsalRow

if TYPE_CHECKING:
    from goaround.client import Goaround

_OUTCOMES = {"passed": narration.GOOD, "failed": narration.BAD, "errored": narration.DOUBT}


def rehearse(
    service: options.Service,
    version: options.Version,
    env: options.Env,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="Wait for the result; Ctrl-C detaches.")
    ] = True,
    timeout: options.Timeout = None,
    by: options.By = None,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Try a version's migrations on a scratch copy of the schema: up, down, and up again.

    Nothing that is deployed is touched. The guide says where the copy is made, and what the
    previous version must still be able to do with the new schema.
    """
    from goaround.cli.attending import seconds_of

    screen = Screen()
    timeout_s = seconds_of(timeout)

    async def asked(g: "Goaround") -> int:
        started = await g.rehearse(service, version, environment=env, requested_by=by)
        id_ = started.rehearsal_id
        if not wait:
            if json:
                screen.document({"rehearsal_id": id_})
            else:
                screen.line(id_)
            return outcome.DONE
        screen.note(f"rehearsal {id_}")
        try:
            with _waiting(screen if not json else None, f"rehearsing {service} {version}"):
                row = await g.rehearsed(started, timeout_s=timeout_s)
        except TimeoutError as error:
            screen.note(
                f"{error}; it may still come: goaround rehearsals --service {service} --env {env}"
            )
            return outcome.OUT_OF_TIME
        except asyncio.CancelledError:
            screen.note(
                f"detached; {id_} goes on: goaround rehearsals --service {service} --env {env}"
            )
            raise
        if json:
            screen.document(row)
        else:
            _show(screen, row)
        return outcome.AFTER_REHEARSAL[row.result.outcome]

    return ask(url, root, asked)


def rehearsals(
    service: options.MaybeService = None,
    env: options.MaybeEnv = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="So many at most.")] = 20,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """List how migrations went on scratch copies, newest first."""
    screen = Screen()
    found = ask(url, root, lambda g: g.rehearsals(service=service, environment=env, limit=limit))
    if json:
        screen.document(list(found))
    elif found:
        screen.table(rehearsals_table(found))
        if len(found) == limit:
            screen.note(f"there may be more than {count(limit, 'rehearsal')}: --limit shows more")
    else:
        screen.note("no rehearsals" + (" like that" if service or env else " yet"))
    return outcome.DONE


def rehearsals_table(rows: tuple[RehearsalRow, ...]) -> Table:
    """One row for each rehearsal."""
    table = Table(("REHEARSAL", "OF", "ENV", "AT (UTC)", "TOOK", "OUTCOME", "WHY"))
    for row in rows:
        result = row.result
        table.add(
            row.rehearsal_id,
            f"{row.service} {row.version}",
            row.environment,
            moment(result.at),
            length(result.seconds),
            Cell(result.outcome, _OUTCOMES[result.outcome]),
            result.reason,
        )
    return table


def parts(row: RehearsalRow) -> Iterator[Saying | Table]:
    """Yield what there is to show of one rehearsal: the outcome, and what it rests on. Pure."""
    result = row.result
    yield Saying(
        f"{result.outcome}: {row.service} {row.version} in {row.environment}: {result.reason}",
        _OUTCOMES[result.outcome],
    )
    if row.migrations:
        yield migrations_table(row.migrations)
    yield from remarks(row.migrations)
    if times := _times(result):
        yield Saying(times)
    for line in result.difference:
        yield Saying(f"the way back left different: {line}", narration.BAD)
    if result.smoke:
        yield steps_table("the previous version on the new schema", result.smoke)


def _times(result: RehearsalResult) -> str:
    steps = (("up", result.up_s), ("down", result.down_s), ("up again", result.again_s))
    said = ", ".join(f"{what} {length(took)}" for what, took in steps if took is not None)
    copied = f" on a copy made by {result.copied_by}" if result.copied_by else ""
    return f"{said}; {length(result.seconds)} altogether{copied}" if said else ""


def _show(screen: Screen, row: RehearsalRow) -> None:
    for part in parts(row):
        if isinstance(part, Table):
            screen.table(part)
        else:
            screen.line(part.text, part.style)


@contextmanager
def _waiting(screen: Screen | None, what: str) -> Generator[None]:
    """Show on a terminal, as long as the block lasts, for how long it has."""
    if screen is None or not screen.is_terminal:
        yield
        return
    began = time.monotonic()

    def line() -> Text:
        passed = length(round(time.monotonic() - began))
        return Text(f"{what} ... {passed}", style=narration.QUIET)

    with Live(get_renderable=line, console=screen.out, transient=True, refresh_per_second=4):
        yield
