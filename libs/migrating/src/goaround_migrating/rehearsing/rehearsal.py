"""Up, down, and up again on a scratch copy of a schema, with the previous version tried between.

It never raises for what a server or a tool says, and never leaves its scratch database behind, if
it can be reached. Time is bounded by the caller.
"""

import time
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from goaround_migrating.address import at
from goaround_migrating.bookkeeping import BOOKKEEPING
from goaround_migrating.connecting import Refused
from goaround_migrating.difference import difference, moved
from goaround_migrating.fingerprint import Fingerprint
from goaround_migrating.rehearsing import copying, scratch
from goaround_migrating.rehearsing.copying import fingerprint_at
from goaround_migrating.rehearsing.original import Original, read
from goaround_migrating.rehearsing.pgdump import FindPgDump, pg_dump
from goaround_migrating.rehearsing.port import (
    CopiedBy,
    CouldNotTell,
    DefiniteNo,
    Outcome,
    Rehearsed,
    Smoke,
    Tool,
    ToolFailed,
)
from goaround_migrating.rehearsing.said import counted, first

T = TypeVar("T")


async def rehearse(
    source: str,
    server: str,
    tool: Tool,
    *,
    name: str,
    smoke: Smoke[T] | None = None,
    bookkeeping: frozenset[str] = BOOKKEEPING,
    find_pg_dump: FindPgDump = pg_dump,
) -> Rehearsed[T]:
    """Try what is pending for a database on a scratch copy of its schema, and the way back.

    `source` is only read. On `server` a database is made and dropped; it may be the source's own.
    `name` says whose rehearsal it is. `find_pg_dump` says which program reads the schema.
    """
    began = time.monotonic()
    trial = _Trial[T](tool, smoke, bookkeeping)
    outcome, reason, strays = await _told(trial, source, server, name, find_pg_dump)
    return Rehearsed(
        outcome=outcome,
        reason="; ".join((reason, *trial.left)),
        seconds=time.monotonic() - began,
        up_s=trial.up_s,
        down_s=trial.down_s,
        again_s=trial.again_s,
        copied_by=trial.copied_by,
        smoke=trial.answer,
        difference=strays,
    )


async def _told(
    trial: "_Trial[T]", source: str, server: str, name: str, find: FindPgDump
) -> tuple[Outcome, str, tuple[str, ...]]:
    """Run the trial, and say how it ended. A no that is definite stays one, whatever follows."""
    strays: tuple[str, ...] = ()
    try:
        said = await trial.run(source, server, name, find)
    except DefiniteNo as no:
        trial.noes.append(str(no))
        said, strays = "", no.difference
    except (CouldNotTell, Refused, ToolFailed) as error:
        if isinstance(error, CouldNotTell):
            strays = error.difference
        if not trial.noes:
            return "errored", str(error), strays
        trial.noes.append(f"what comes after could not be told: {error}")
        said = ""
    if trial.noes:
        return "failed", "; ".join(trial.noes), strays
    return "passed", said, strays


@dataclass
class _Trial(Generic[T]):
    """One rehearsal, as far as it has come."""

    tool: Tool
    smoke: Smoke[T] | None
    bookkeeping: frozenset[str]
    copied_by: CopiedBy | None = None
    up_s: float | None = None
    down_s: float | None = None
    again_s: float | None = None
    answer: T | None = None
    noes: list[str] = field(default_factory=list[str])
    left: list[str] = field(default_factory=list[str])
    url: str = ""

    async def run(self, source: str, server: str, name: str, find: FindPgDump) -> str:
        """Return in one sentence how well it went."""
        original = await _asked("the database", read(source, self.bookkeeping, find))
        database = await _asked("the rehearsal server", scratch.chosen(server, name))
        try:
            await _asked("the rehearsal server", scratch.make(server, database, original.encoding))
            await self._asks_the_copy(at(server, database))
            self.url = await _asked("the rehearsal server", scratch.opened(server, database))
            start = await _asked("the rehearsal server", self._copied(source, original))
            return await _asked("the rehearsal server", self._there_and_back(start))
        finally:
            if left := await scratch.drop(server, database):
                self.left.append(left)

    async def _asks_the_copy(self, closed: str) -> None:
        """See that the tool uses the database that it is given, before it changes one.

        The copy takes no connections yet: a tool that answers has looked elsewhere, perhaps at the
        database that is deployed.
        """
        try:
            answer = await self.tool.current(closed)
        except ToolFailed:
            return
        raise CouldNotTell(
            f"asked for the revision of a database that takes no connections, the tool answered "
            f"{answer!r}: its commands use another database than the one they are given, so that "
            f"nothing was tried; let them take the URL from the environment"
        )

    async def _copied(self, source: str, original: Original) -> Fingerprint:
        if original.dump is not None:
            self.copied_by = "pg_dump"
            await copying.by_dump(self.url, original, original.dump)
        else:
            self.copied_by = "migrations"
            revision = await self.tool.current(source)
            await copying.by_migrations(self.url, original, self.tool, revision)
        made_by = "pg_dump" if original.dump is not None else "the migrations"
        return await copying.proven(self.url, original, self.bookkeeping, made_by)

    async def _there_and_back(self, start: Fingerprint) -> str:
        before = await self.tool.current(self.url)
        self.up_s = await self._timed(self.tool.apply(self.url), "the way up")
        up, after = await self._form(), await self.tool.current(self.url)
        if after == before and up == start:
            return f"nothing is pending at {before!r}, so that there was nothing to try"
        said = await self._previous_version()
        self.down_s = await self._timed(self.tool.revert(self.url, before), "the way back")
        down = await self._form()
        self._same(start, down, f"the way back, {self.down_s:.2f} s")
        if (now := await self.tool.current(self.url)) != before:
            raise DefiniteNo(f"after the way back the tool says {now!r}, and before it {before!r}")
        self.again_s = await self._timed(self.tool.apply(self.url), "the second way up")
        self._same(up, await self._form(), f"the second way up, {self.again_s:.2f} s")
        if (now := await self.tool.current(self.url)) != after:
            raise DefiniteNo(f"after the second way up the tool says {now!r}, and not {after!r}")
        objects = sum(len(named) for named in start.objects.values())
        return "; ".join(
            (
                f"from {before!r} to {after!r} in {self.up_s:.2f} s, back in {self.down_s:.2f} s "
                f"and up again in {self.again_s:.2f} s, on a copy of the form of {objects} objects "
                "without rows: the same form each time",
                *said,
                *moved(start, down),
            )
        )

    async def _previous_version(self) -> tuple[str, ...]:
        """Try the previous version on the new schema. A no does not keep the way back untried."""
        if self.smoke is None:
            return ()
        went_well, said, self.answer = await self.smoke(self.url)
        if not went_well:
            self.noes.append(f"the previous version on the new schema: {said}")
        return (said,)

    async def _timed(self, work: Awaitable[None], what: str) -> float:
        """Return how many seconds a way took."""
        began = time.monotonic()
        try:
            await work
        except ToolFailed as error:
            took = time.monotonic() - began
            # Without its database, the tool's no says nothing about the migrations.
            await self._form()
            raise DefiniteNo(f"{what} failed after {took:.2f} s: {error}") from error
        return time.monotonic() - began

    async def _form(self) -> Fingerprint:
        return await fingerprint_at(self.url, self.bookkeeping)

    def _same(self, expected: Fingerprint, found: Fingerprint, after: str) -> None:
        if strays := difference(expected, found):
            raise DefiniteNo(f"{counted(strays)} after {after}: {first(strays)}", strays)


async def _asked(whom: str, work: Awaitable[T]) -> T:
    """Say of whom it was that an answer comes."""
    try:
        return await work
    except Refused as error:
        raise CouldNotTell(f"{whom}: {error}") from error
