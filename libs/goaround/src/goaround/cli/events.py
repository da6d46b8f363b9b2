"""`events`: what is said on the bus, as lines for people or as JSON lines for programs."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from goaround.cli import narration, options, outcome
from goaround.cli.progress import stamped
from goaround.cli.screen import Screen
from goaround.cli.session import Usage, ask
from goaround.cli.words import clock
from goaround_schemas.duration import parse_duration
from goaround_schemas.envelope import encode

if TYPE_CHECKING:
    from goaround.client import Goaround
    from goaround_schemas.catalogue import AnyEvent


def events(
    service: options.MaybeService = None,
    env: options.MaybeEnv = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="From so long ago on (1h, 7d); with --follow, from now."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what comes; Ctrl-C ends it.")
    ] = False,
    url: options.Url = None,
    root: options.Root = None,
    json: Annotated[
        bool, typer.Option("--json", help="One CloudEvent a line, as it is on the bus.")
    ] = False,
) -> int:
    """Print the events of the last hour, or of --since, in order."""
    screen = Screen()
    now = datetime.now(UTC)
    start = _start(since, now, follow=follow)

    async def told(g: "Goaround") -> None:
        async for event in g.events(since=start, follow=follow):
            if service not in (None, event.data.service):
                continue
            if env not in (None, event.data.environment):
                continue
            _print(screen, event, json=json)

    ask(url, root, told)
    return outcome.DONE


def _start(since: str | None, now: datetime, *, follow: bool) -> datetime | None:
    if since is None:
        return None if follow else now - timedelta(hours=1)
    try:
        return now - parse_duration(since)
    except ValueError as error:
        raise Usage(f"--since: {error}") from error


def _print(screen: Screen, event: "AnyEvent", *, json: bool) -> None:
    if json:
        screen.raw(encode(event).decode() + "\n")
        return
    said = narration.tell(event)
    where = f"{event.data.environment}/{event.data.service} {event.data.run_id}"
    if screen.is_terminal:
        screen.out.print(stamped(f"{clock(event.time)} {where}", said))
    else:
        screen.line(f"{event.time:%Y-%m-%dT%H:%M:%SZ} {where} {said.flat()}")
