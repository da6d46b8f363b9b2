"""Which files are to be applied or taken back, from the files and the rows alone. Pure.

What does not fit together is refused before anything runs.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from goaround_migrating.applying.refusal import Refusal
from goaround_migrating.tools import BASE, Script, order_of
from goaround_migrating.tools import pending as lacking

_SHOWN = 12
"""Letters of a digest in a sentence."""


@dataclass(frozen=True)
class Row:
    """What the table has of one file. Without `applied_at` it was begun, and never ended."""

    version: str
    name: str
    digest: str
    applied_at: datetime | None


def digest_of(script: Script) -> str:
    """Return what is the same for the same up; line ends and empty lines around it do not count."""
    text = "\n".join(line.rstrip() for line in script.up.splitlines()).strip()
    return hashlib.sha256(text.encode()).hexdigest()


def current_of(rows: Iterable[Row], table: str) -> str:
    """Return the newest version that is applied, or `base`.

    Raises:
        Refusal: one was begun outside a transaction, and nobody knows how far it came.
    """
    done = _settled(rows, table)
    return done[-1].version if done else BASE


def to_apply(
    scripts: Iterable[Script], rows: Iterable[Row], table: str, to: str | None = None
) -> tuple[Script, ...]:
    """Return what is pending, oldest first; up to `to`, if that is given.

    Raises:
        Refusal: the files are not those of which the rows are, or one came too late.
    """
    found = tuple(scripts)
    done = _settled(rows, table)
    for row in done:
        _same(row, found)
    wanted = lacking(found, [row.version for row in done])
    for script in wanted.scripts:
        if script.version in wanted.late:
            newest = done[-1].version
            raise Refusal(
                f"{script.source}: version {script.version} is older than {newest}, which is "
                f"applied; give it a version above {newest}"
            )
    if to is None or to == BASE:
        return wanted.scripts if to is None else ()
    last = order_of(to)
    if last not in [order_of(s.version) for s in found]:
        raise Refusal(f"no file here is of version {to}; use a checkout that has it")
    return tuple(s for s in wanted.scripts if order_of(s.version) <= last)


def to_revert(
    scripts: Iterable[Script], rows: Iterable[Row], to: str, table: str
) -> tuple[Script, ...]:
    """Return what is taken back so that `to` is the newest that is applied, newest first.

    Raises:
        Refusal: `to` is not applied, or a file that is to be taken back has no way back.
    """
    found = tuple(scripts)
    done = _settled(rows, table)
    if to != BASE and order_of(to) not in [order_of(row.version) for row in done]:
        now = done[-1].version if done else BASE
        raise Refusal(
            f"version {to} is not applied, the database is at {now}; nothing to go back to"
        )
    last = () if to == BASE else order_of(to)
    back = [_same(row, found) for row in reversed(done) if order_of(row.version) > last]
    for script in back:
        if script.down is None:
            raise Refusal(
                f"{script.source}: version {script.version} has no down; write one, or take it "
                f"back by hand and delete its row from {table}"
            )
    return tuple(back)


def _settled(rows: Iterable[Row], table: str) -> list[Row]:
    """Return the rows, oldest first, of which none is open."""
    ordered = sorted(rows, key=lambda row: order_of(row.version))
    for row in ordered:
        if row.applied_at is None:
            raise Refusal(
                f"version {row.version} ({row.name}) was begun outside a transaction and never "
                f"ended; see what it left, put that right, and either UPDATE {table} SET "
                f"applied_at = now() WHERE version = '{row.version}' if it is applied, or DELETE "
                f"that row if it is not"
            )
    return ordered


def _same(row: Row, scripts: tuple[Script, ...]) -> Script:
    """Return the file that was applied, by the version under which it is noted."""
    here = next((s for s in scripts if order_of(s.version) == order_of(row.version)), None)
    if here is None:
        raise Refusal(
            f"version {row.version} ({row.name}) is applied, and no file here is of it; use a "
            f"checkout that has it"
        )
    found = digest_of(here)
    if found != row.digest:
        raise Refusal(
            f"{here.source}: was changed after it was applied on {row.applied_at:%Y-%m-%d %H:%M} "
            f"(digest {found[:_SHOWN]}, applied was {row.digest[:_SHOWN]}); put the applied text "
            f"back, and write what is to change in a new file"
        )
    return here.model_copy(update={"version": row.version})
