"""`dead list|show|resend|drop`: what no service could handle, for a person to decide on."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from goaround.cli import narration, options, outcome
from goaround.cli.screen import Screen
from goaround.cli.session import Usage, run
from goaround.cli.table import Cell, Table
from goaround.cli.words import count
from goaround.errors import Unreachable

if TYPE_CHECKING:
    from goaround.letters import Letter, Letters

T = TypeVar("T")

dead = typer.Typer(
    help="Messages that no service could handle: see why, send them again, or drop them. "
    "As admin: a local system's, or --url with a user who may read the stream DEAD.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_Number = Annotated[int, typer.Argument(metavar="SEQ", min=1, help="Its number in the list.")]


@dead.command("list", epilog=outcome.EPILOG)
def list_(
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 100,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """List dead letters, oldest first."""
    screen = Screen()
    found = _with(url, root, lambda letters: _collected(letters, limit))
    if json:
        screen.document([letter.document(body=False) for letter in found])
        return outcome.DONE
    if not found:
        screen.note("no dead letters")
        return outcome.DONE
    table = Table(("SEQ", "AT", "SUBJECT", "CONSUMER", "TRIES", "REASON", "ERROR"))
    for letter in found:
        table.add(
            str(letter.sequence),
            f"{letter.received.published_at:%Y-%m-%d %H:%M:%S}",
            letter.subject,
            f"{letter.stream}/{letter.said('consumer')}",
            letter.said("delivered"),
            Cell(letter.said("reason"), narration.BAD),
            letter.said("error"),
        )
    screen.table(table)
    return outcome.DONE


@dead.command(epilog=outcome.EPILOG)
def show(
    seq: _Number,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Show one dead letter with its headers and its body."""
    screen = Screen()
    letter = _with(url, root, lambda letters: letters.read(seq))
    found = letter.document(body=True)
    if json:
        screen.document(found)
        return outcome.DONE
    for name, value in found.items():
        if name not in ("headers", "body", "body_base64"):
            screen.line(f"{name}: {value}")
    for name, value in letter.headers.items():
        screen.line(f"header {name}: {value}")
    screen.line()
    screen.line(str(found.get("body") or found.get("body_base64") or "(no body)"))
    return outcome.DONE


@dead.command(epilog=outcome.EPILOG)
def resend(
    seq: Annotated[int | None, typer.Argument(metavar="SEQ", min=1)] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every letter there is now.")] = False,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Send letters again to where they came from; each is removed once it is kept there."""
    if (seq is None) != all_:
        raise Usage("name one letter by its number, or --all; not both")
    screen = Screen()

    async def again(letters: "Letters") -> list["Letter"]:
        found = [await letters.read(seq)] if seq else await _collected(letters, None)
        for letter in found:
            await letters.resend(letter)
            if not json:
                screen.line(f"letter {letter.sequence} is on its way to {letter.subject}")
        return found

    found = _with(url, root, again)
    if json:
        screen.document({"resent": [letter.sequence for letter in found]})
    elif all_:
        screen.note(f"{count(len(found), 'letter')} sent again")
    return outcome.DONE


@dead.command(epilog=outcome.EPILOG)
def drop(
    seq: _Number,
    url: options.Url = None,
    root: options.Root = None,
    json: options.Json = False,
) -> int:
    """Remove one dead letter for good."""
    screen = Screen()

    async def away(letters: "Letters") -> bool:
        return await letters.drop(await letters.read(seq))

    removed = _with(url, root, away)
    if json:
        screen.document({"dropped": [seq] if removed else []})
    else:
        screen.line(f"letter {seq} is gone")
    return outcome.DONE


def _with(url: str | None, root: Path | None, work: "Callable[[Letters], Awaitable[T]]") -> T:
    async def whole() -> T:
        async with _letters(url, root) as letters:
            return await work(letters)

    return run(whole())


@asynccontextmanager
async def _letters(url: str | None, root: Path | None) -> "AsyncGenerator[Letters]":
    from goaround.letters import Letters
    from goaround.place import ADMIN, url_of
    from goaround.reach import bus_at

    async with bus_at(url_of(url, root, user=ADMIN), name="cli") as bus:
        try:
            yield Letters(bus)
        except Unreachable as error:
            raise Unreachable(
                f"{error.why}; the user must be one who may read the stream DEAD (admin), and the "
                "bus must have been migrated (goaround migrate)"
            ) from error


async def _collected(letters: "Letters", limit: int | None) -> "list[Letter]":
    found = letters.listed() if limit is None else letters.listed(limit)
    return [letter async for letter in found]
