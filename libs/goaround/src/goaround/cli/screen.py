"""Where a command's words go: its answer to standard output, everything else to standard error.

Colours, tables with lines and live views are for terminals only; NO_COLOR and TERM=dumb count.
"""

import json
import sys
from typing import Any, NoReturn

from pydantic import BaseModel
from rich.console import Console
from rich.text import Text

from goaround.cli.table import Table
from goaround.cli.words import clean


class PipeClosed(Exception):
    """Nobody reads the answer any more: `goaround runs | head`. The command just ends."""


class Terminal(Console):
    """A stream, and what it can show."""

    def on_broken_pipe(self) -> NoReturn:
        """End the command, not the process: there may be a connection to close."""
        raise PipeClosed


class Screen:
    """One command's standard output and standard error."""

    def __init__(self) -> None:
        self.out = Terminal(file=sys.stdout, highlight=False, markup=False, emoji=False)
        self.err = Terminal(file=sys.stderr, highlight=False, markup=False, emoji=False)

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at the answer."""
        return self.out.is_terminal and not self.out.is_dumb_terminal

    def line(self, text: str = "", style: str = "") -> None:
        """Write one line of the answer; on a terminal it wraps, in a pipe it is never broken."""
        self.out.print(Text(clean(text), style=style), soft_wrap=not self.is_terminal)

    def raw(self, text: str) -> None:
        """Write text as it is: for a document that a program or an editor reads."""
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except BrokenPipeError as error:
            raise PipeClosed from error

    def table(self, table: Table) -> None:
        """Write a table."""
        if self.is_terminal:
            self.out.print(table.drawn())
        else:
            for text in table.lines():
                self.line(text)

    def document(self, value: Any) -> None:
        """Write one JSON document: models, and lists and dictionaries of them."""
        self.raw(json.dumps(_plain(value), indent=2, ensure_ascii=False) + "\n")

    def note(self, text: str, style: str = "dim") -> None:
        """Say something beside the answer, on standard error."""
        self.err.print(Text(clean(text), style=style), soft_wrap=True)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]  # pyright: ignore[reportUnknownVariableType]
    return value
