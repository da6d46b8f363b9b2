"""`doctor`: whether a live system is well, a row for each thing it looks at, and what to do."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from goaround.cli import narration, options, outcome
from goaround.cli.screen import Screen
from goaround.cli.session import run
from goaround.cli.table import Cell, Table
from goaround.errors import Unreachable
from goaround.place import URL_VARIABLE, root_of

if TYPE_CHECKING:
    from goaround.doctor import Check, Level

_STYLES: "dict[Level, str]" = {"ok": narration.GOOD, "warn": narration.DOUBT, "bad": narration.BAD}
_CODES: "dict[Level, int]" = {
    "ok": outcome.DONE,
    "warn": outcome.DOUBTFUL,
    "bad": outcome.REFUSED,
}


def doctor(url: options.Url = None, root: options.Root = None, json: options.Json = False) -> int:
    """Examine the running system: bus, services, database, runs, dead letters, clocks, storage.

    It asks and reads, as operator, and changes nothing. Each row says what was found and, where
    that is not as it should be, the next step.
    """
    from goaround.doctor import Check, worst

    screen = Screen()
    try:
        found = run(_examined(url, root))
    except Unreachable as error:
        step = "goaround up, for a local system; else see the NATS server, --url and the network"
        _show(screen, [Check("bus", "bad", error.why, step)], json=json)
        return outcome.UNREACHABLE
    _show(screen, found, json=json)
    return _CODES[worst(found)]


async def _examined(url: str | None, root: Path | None) -> "list[Check]":
    from goaround.doctor import checks, look
    from goaround.place import url_of
    from goaround.reach import bus_at
    from goaround.topology import topology

    is_local = not url and (root is not None or not os.environ.get(URL_VARIABLE))
    async with bus_at(url_of(url, root), name="doctor") as bus:
        known = topology()
        return checks(await look(bus, known, root_of(root) if is_local else None), known)


def _show(screen: Screen, found: "Sequence[Check]", *, json: bool) -> None:
    from goaround.doctor import worst

    if json:
        rows = [
            {"check": c.name, "state": c.level, "value": c.value, "next_step": c.step or None}
            for c in found
        ]
        screen.document({"state": worst(found), "checks": rows})
        return
    table = Table(("CHECK", "STATE", "FOUND", "NEXT STEP"))
    for check in found:
        table.add(check.name, Cell(check.level, _STYLES[check.level]), check.value, check.step)
    screen.table(table)
