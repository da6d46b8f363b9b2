"""`migrate`: bring the database's schema to a revision, step by step, each in its own transaction.

Migrations are numbered pairs of plain SQL files. Two at once wait for one another, and a step that
fails leaves the schema where it was before that step. It never starts or stops the shop.
"""

from __future__ import annotations  # asyncpg's classes are generic in its stubs alone

import argparse
import asyncio
import os
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from goaround_shop.instances import Damaged, Instances
from goaround_shop.orders import Unavailable
from goaround_shop.releases import UnknownRelease, release

EMPTY = "0000"
SHIPPED = Path(__file__).resolve().parent / "migrations"
CONNECT_S = 10.0
LOCK_TIMEOUT = "10s"
"""A migration that cannot have its lock gives up: traffic queues behind it as long as it waits."""

_FILE = re.compile(r"(?P<revision>\d{4})_(?P<words>\w+)\.up\.sql")


class CannotMigrate(Exception):
    """The schema is where it was before the step that failed; the message says which, and why."""


@dataclass(frozen=True)
class Migration:
    """One step of the schema, there and back."""

    revision: str
    up: Path
    down: Path


def found_in(directory: Path) -> list[Migration]:
    """Return the migrations of a directory, in order.

    Raises:
        CannotMigrate: there are none, two of a number, or one without its way back.
    """
    steps: dict[str, Migration] = {}
    for up in sorted(directory.glob("*.up.sql")):
        named = _FILE.fullmatch(up.name)
        down = up.with_name(up.name.replace(".up.sql", ".down.sql"))
        if named is None or named["revision"] in steps:
            raise CannotMigrate(f"{up}: not NNNN_name.up.sql, or a second of its number")
        if not down.is_file():
            raise CannotMigrate(f"{up}: its way back {down.name} is missing")
        steps[named["revision"]] = Migration(named["revision"], up, down)
    if not steps:
        raise CannotMigrate(f"no migrations in {directory}")
    return list(steps.values())


async def current(connection: asyncpg.Connection[asyncpg.Record]) -> str:
    """Return the newest revision applied, `0000` for none; changes nothing."""
    if await connection.fetchval("SELECT to_regclass('shop_schema')") is None:
        return EMPTY
    return str(await connection.fetchval("SELECT coalesce(max(revision), '0000') FROM shop_schema"))


async def upgrade(
    connection: asyncpg.Connection[asyncpg.Record], steps: Sequence[Migration], target: str
) -> str:
    """Apply every step up to `target`; a schema beyond it is left alone. Return where it is."""
    for step in steps:
        if step.revision <= target:
            await _step(connection, step, up=True)
    return await current(connection)


async def downgrade(
    connection: asyncpg.Connection[asyncpg.Record], steps: Sequence[Migration], target: str
) -> str:
    """Revert every step after `target`; a schema before it is left alone. Return where it is."""
    for step in reversed(steps):
        if step.revision > target:
            await _step(connection, step, up=False)
    return await current(connection)


def up_sql(steps: Sequence[Migration], after: str, target: str) -> str:
    """Return the SQL that leads from one revision to a later one."""
    return _texts(s.up for s in steps if after < s.revision <= target)


def down_sql(steps: Sequence[Migration], after: str, target: str) -> str:
    """Return the SQL that leads back, newest first."""
    return _texts(s.down for s in reversed(steps) if after < s.revision <= target)


def _texts(files: Iterable[Path]) -> str:
    return "".join(f"-- {file.name}\n{file.read_text().rstrip()}\n" for file in files)


async def _step(
    connection: asyncpg.Connection[asyncpg.Record], step: Migration, *, up: bool
) -> None:
    file = step.up if up else step.down
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('shop_schema'))")
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS shop_schema"
                " (revision text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            applied = await connection.fetchval(
                "SELECT EXISTS (SELECT FROM shop_schema WHERE revision = $1)", step.revision
            )
            if applied is up:
                return  # done before, or by another while we waited for the lock
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
            await connection.execute(file.read_text())
            await connection.execute(
                "INSERT INTO shop_schema (revision) VALUES ($1)"
                if up
                else "DELETE FROM shop_schema WHERE revision = $1",
                step.revision,
            )
    except Unavailable as error:
        done = "applied" if up else "reverted"
        raise CannotMigrate(
            f"migration {step.revision} could not be {done}: {error} ({file}); "
            f"nothing of this step was kept"
        ) from error


def main(argv: Sequence[str]) -> int:
    """Print the revision the schema is at when done; exit 1 if a step failed."""
    parser = argparse.ArgumentParser(prog="goaround_shop migrate", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("current", help="print the revision, alone on a line; 0000 for none")
    up = commands.add_parser("upgrade", help="apply what is missing up to a revision")
    aim = up.add_mutually_exclusive_group(required=True)
    aim.add_argument("revision", nargs="?", help="a revision, or head")
    aim.add_argument("--release", help="as far as this release knows")
    down = commands.add_parser("downgrade", help="revert what came after a revision")
    down.add_argument("revision", help="a revision; 0000 reverts everything")
    for name, promise in (("sql", "the SQL that leads on"), ("revert-sql", "the SQL back")):
        printed = commands.add_parser(name, help=f"print {promise}; asks no database")
        printed.add_argument("after", help="the revision to lead on from, or back to")
        printed.add_argument("--release", required=True, help="as far as this release knows")
    for command in commands.choices.values():
        where = command.add_mutually_exclusive_group()
        where.add_argument("--database", help="Postgres address; $SHOP_DATABASE if absent")
        where.add_argument("--state", type=Path, help="take it from the service's directory")
        command.add_argument("--migrations", type=Path, default=SHIPPED)
    args = parser.parse_args(argv[1:])
    try:
        if args.command in ("sql", "revert-sql"):
            text = up_sql if args.command == "sql" else down_sql
            print(text(found_in(args.migrations), args.after, release(args.release).head), end="")
        else:
            print(asyncio.run(_migrate(args)))
    except (CannotMigrate, Damaged, UnknownRelease) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _database(args: argparse.Namespace) -> str:
    if args.state is not None:
        settings = Instances(args.state).settings()
        if settings is None:
            raise CannotMigrate(f"nothing was ever released in {args.state}: give --database")
        return settings.database
    database = args.database or os.environ.get("SHOP_DATABASE")
    if not database:
        raise CannotMigrate("give --database or --state, or set $SHOP_DATABASE")
    return str(database)


def _target(args: argparse.Namespace, steps: Sequence[Migration]) -> str:
    if args.command == "upgrade" and args.release:
        return release(args.release).head
    wanted = str(args.revision)
    if args.command == "upgrade" and wanted == "head":
        return steps[-1].revision
    known = [EMPTY, *(step.revision for step in steps)]
    if wanted not in known:
        raise CannotMigrate(f"no revision {wanted!r}; there are {', '.join(known)}")
    return wanted


async def _migrate(args: argparse.Namespace) -> str:
    steps = found_in(args.migrations)
    target = EMPTY if args.command == "current" else _target(args, steps)
    try:
        connection = await asyncpg.connect(_database(args), timeout=CONNECT_S)
    except (*Unavailable, ValueError) as error:
        raise CannotMigrate(f"cannot reach the database: {error or 'no answer'}") from error
    try:
        match args.command:
            case "upgrade":
                return await upgrade(connection, steps, target)
            case "downgrade":
                return await downgrade(connection, steps, target)
            case _:
                return await current(connection)
    finally:
        await connection.close(timeout=CONNECT_S)
