"""Running a command's part that talks to the system, and turning what went wrong into one line."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from goaround.cli.words import one_line
from goaround.errors import BadRequest

if TYPE_CHECKING:
    from goaround.client import Goaround

T = TypeVar("T")


class Usage(Exception):
    """The command cannot be meant like this; the message says what to write instead."""


class Failed(Exception):
    """It was understood and could not be done; the message says what to do."""


def ask(url: str | None, root: Path | None, question: Callable[["Goaround"], Awaitable[T]]) -> T:
    """Connect, ask, leave.

    Raises:
        Refused, Unreachable: As the client says.
        Usage: The question itself is no question.
    """

    async def whole() -> T:
        # The bus takes most of a second to import; what needs none goes without.
        from goaround.client import connect

        async with connect(url, root=root, name="cli") as client:
            return await question(client)

    return run(whole())


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end; what the libraries log is kept from the answer.

    A process that has logging of its own, as one that calls `main` may, keeps it.
    """
    if not logging.getLogger().handlers:
        from goaround_chassis.telemetry import start_logging

        start_logging("goaround", "critical", "console")
    try:
        return asyncio.run(work)
    except BadRequest as error:
        raise Usage(str(error)) from error


def complain(what: str) -> None:
    """Say on standard error, in one line, what went wrong and what to do."""
    sys.stderr.write(f"goaround: {one_line(what)}\n")
