"""Tables: with lines and colours on a terminal, in aligned columns without one, never cut there."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich import box
from rich.table import Table as RichTable
from rich.text import Text

from goaround.cli.words import one_line


@dataclass(frozen=True, slots=True)
class Cell:
    """A text and, on a terminal, how it looks."""

    text: str
    style: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by name; the last one is the wide one, and wraps."""

    columns: tuple[str, ...]
    rows: list[tuple[Cell, ...]] = field(default_factory=list[tuple[Cell, ...]])
    title: str = ""

    def add(self, *cells: Cell | str | None) -> None:
        """Add a row; None is `-`."""
        self.rows.append(tuple(_cell(cell) for cell in cells))

    def drawn(self) -> RichTable:
        """For a terminal: columns give way to its width, the last first."""
        table = RichTable(
            box=box.SIMPLE_HEAD,
            title=self.title or None,
            title_justify="left",
            title_style="bold",
            header_style="dim",
            pad_edge=False,
        )
        for name in self.columns[:-1]:
            table.add_column(name, overflow="fold")
        table.add_column(self.columns[-1], overflow="fold", ratio=1)
        for row in self.rows:
            table.add_row(*(Text(cell.text, style=cell.style) for cell in row))
        return table

    def lines(self) -> Iterable[str]:
        """For a pipe: one line a row, columns aligned, nothing cut."""
        texts = [self.columns, *(tuple(cell.text for cell in row) for row in self.rows)]
        widths = [max(len(row[i]) for row in texts) for i in range(len(self.columns))]
        if self.title:
            yield self.title
        for row in texts:
            yield "  ".join(t.ljust(w) for t, w in zip(row, widths, strict=True)).rstrip()


def _cell(cell: Cell | str | None) -> Cell:
    if isinstance(cell, Cell):
        return Cell(one_line(cell.text) or "-", cell.style)
    return Cell(one_line(cell or "") or "-")
