"""The one statement in which a unit's runs, and all that goes with them, are written."""

from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import asyncpg

from goaround_orchestrator.ledger import Mistaken, Overtaken, PlaceTaken
from goaround_orchestrator.relay import Posted
from goaround_orchestrator.run import Run
from goaround_orchestrator.store import columns
from goaround_orchestrator.store.sql import queries

Fetch = Callable[..., Awaitable[Sequence[asyncpg.Record]]]


async def write(
    fetch: Fetch,
    query: str,
    runs: Sequence[Run],
    editions: Sequence[int],
    rest: columns.Rest,
    *noted: Sequence[str],
) -> list[Posted]:
    """Write them by the query of that name; return the messages as they lie in the outbox now.

    Raises:
        Overtaken: Somebody else has written one of the runs since its edition was read.
        Mistaken: The same, or one of the messages to be `noted` was handled before.
        PlaceTaken: Another run is active at the place of one of them.
    """
    letters = columns.letters(rest.letters)
    given: list[Any] = [
        editions,
        *columns.runs(runs),
        *columns.transitions(rest.moves),
        *columns.landings(rest.landed),
        *letters,
        rest.sent,
        *noted,
    ]
    with _refusals(runs):
        rows = await fetch(queries()[query], *given)
    written = {r["run_id"] for r in rows}
    for run in runs:
        if run.id not in written:
            raise Overtaken(run.id)
    places = sorted(r["letter"] for r in rows if r["letter"] is not None)
    return list(map(Posted, places, *letters))


@contextmanager
def _refusals(runs: Sequence[Run]) -> Generator[None]:
    """Say in the words of the domain what the database refused."""
    try:
        yield
    except asyncpg.UniqueViolationError as exc:
        if exc.constraint_name == "inbox_pkey":
            raise Mistaken([run.id for run in runs]) from exc
        if exc.constraint_name != "runs_one_active":
            raise
        said = exc.detail or ""
        run = next((r for r in runs if f"({r.service}, {r.environment})" in said), runs[0])
        raise PlaceTaken(run.id, run.service, run.environment) from exc
