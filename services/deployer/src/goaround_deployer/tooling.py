"""How a migration tool is asked what it would do, or take back: in SQL, and without doing it.

Knows each tool's commands and how to read what they print; runs them through an `Ask`, and
changes nothing. What a tool does not say is never guessed: `NotTold` says why.
"""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from goaround_deployer.output import last_word
from goaround_migrating.applying import FolderFault, scripts_in
from goaround_migrating.tools import (
    BASE,
    Alembic,
    Script,
    alembic_scripts,
    is_version,
    revisions_at,
    up_to,
)
from goaround_migrating.tools import pending as lacking
from goaround_schemas.guide.model import Argv
from goaround_schemas.guide.step import GOAROUND_SQL, Migrations

_SQL_URL_ENV = "GOAROUND_DATABASE_URL"
_BEFORE = "{migration.before}"
WHOLE = "all"
"""The version of what a guide's `sql` prints: one text, in which nobody can tell the revisions."""
_NO_SQL = re.compile(r"(?>\s+|;|--[^\n]*|/\*[\s\S]*?\*/|\bBEGIN\b|\bCOMMIT\b)*+", re.IGNORECASE)


class NotTold(Exception):
    """What was asked is not known; one line for people, without secrets."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Told:
    """How a command ended that was asked something, and all of its standard output.

    `printed` ends a sentence on it: the last of what both outputs hold.
    """

    code: int
    stdout: str
    printed: str = ""


class Ask(Protocol):
    """Runs a command of some migrations, with their environment, folder and time."""

    async def __call__(self, argv: Argv, migrations: Migrations, /) -> Told:
        """Return how it ended, secrets masked.

        Raises:
            NotTold: It did not start, did not end in time, or said more than can be kept.
        """
        ...


def environment(migrations: Migrations, url: str | None = None) -> dict[str, str]:
    """Return what every command of the migrations gets, with the database's URL where it is wanted.

    It is a reference, for whoever starts the command to resolve: the guide's own, or `url`.
    """
    where = url if url is not None else migrations.database
    if where is None:
        return dict(migrations.env)
    names = [name for name in (migrations.database_env,) if name is not None]
    if migrations.apply[0] == GOAROUND_SQL:
        names.append(_SQL_URL_ENV)
    return {**migrations.env, **dict.fromkeys(names, where)}


async def current(ask: Ask, migrations: Migrations) -> str:
    """Return the revision that the database is at.

    Raises:
        NotTold: The guide's `current` does not say.
    """
    return revision(migrations, await _asked(ask, migrations.current, migrations))


def revision(migrations: Migrations, printed: str) -> str:
    """Read what `current` printed.

    Raises:
        NotTold: It is no revision, or several.
    """
    if migrations.alembic is not None:
        found = revisions_at(printed)
        if len(found) > 1:
            raise NotTold(
                f"the database is at {len(found)} revisions at once ({', '.join(found)}): "
                f"merge the branches (`alembic merge heads`)"
            )
        return found[0] if found else BASE
    if word := last_word(printed):
        return word
    raise NotTold(
        f"`{' '.join(migrations.current)}` printed nothing: it must print the revision "
        f"that the database is at, and a word for none (`base`, say) where there is none yet"
    )


async def pending(ask: Ask, migrations: Migrations, current: str) -> tuple[Script, ...]:
    """Return what `apply` would run on a database that is at `current`, oldest first.

    A script without a down has no way back; where `down_untold` says something, nobody knows.

    Raises:
        NotTold: The tool does not say.
    """
    if migrations.alembic is not None:
        return await _alembic(ask, migrations, current, "head")
    if migrations.files is not None:
        return await _files_pending(ask, migrations, current)
    if migrations.sql is not None:
        return await _whole(ask, migrations, migrations.sql, current)
    raise NotTold(
        "the guide does not say how the SQL of its migrations can be had: add alembic:, files: "
        "or sql: to deploy.migrations"
    )


async def applied_since(
    ask: Ask, migrations: Migrations, before: str, now: str
) -> tuple[Script, ...]:
    """Return what was applied from `before` to `now`: what a revert to `before` would take back.

    Oldest first, with its downs, as in `pending`.

    Raises:
        NotTold: The tool does not say.
    """
    if before == now:
        return ()
    if migrations.alembic is not None:
        return await _alembic(ask, migrations, before, now)
    if migrations.files is not None:
        return await _files_since(migrations, before, now)
    if migrations.sql is not None and any(_BEFORE in part for part in migrations.sql):
        # From where on, it is told: so it can also tell what was applied since.
        return await _whole(ask, migrations, migrations.sql, before)
    raise NotTold(
        "the SQL of what was applied cannot be asked for afterwards"
        + (f" (sql: without {_BEFORE} tells what is pending alone)" if migrations.sql else "")
        + "; alembic: or files: in deploy.migrations can tell"
    )


async def _alembic(ask: Ask, migrations: Migrations, before: str, to: str) -> tuple[Script, ...]:
    """Return what leads from one revision to another, by Alembic's own offline SQL."""
    assert migrations.alembic is not None, "asked only of those who name Alembic"
    tool = Alembic((*migrations.alembic.program, "-c", migrations.alembic.config))
    up = await _asked(ask, tool.upgrade(before, to), migrations)
    ups = alembic_scripts(up)
    if not ups:
        if _NO_SQL.fullmatch(up):
            return ()
        raise NotTold(f"`{' '.join(tool.upgrade(before, to))}` printed no SQL of a revision")
    try:
        down = await _asked(ask, tool.downgrade(ups[-1].version, before), migrations)
    except NotTold as error:
        # A down that asks the database, or refuses: whether there is a way back stays open.
        return tuple(s.model_copy(update={"down_untold": error.why}) for s in ups)
    return alembic_scripts(up, down)


async def _files_pending(ask: Ask, migrations: Migrations, current: str) -> tuple[Script, ...]:
    scripts = await _folder(migrations)
    if migrations.apply[0] == GOAROUND_SQL:
        # It alone knows what it applied, and refuses what it would not apply.
        argv = (GOAROUND_SQL, "pending", *migrations.apply[2:])
        versions = (await _asked(ask, argv, migrations)).split()
        return tuple(s for s in scripts if s.version in versions)
    applied = up_to(scripts, current) if is_version(current) else ()
    found = lacking(scripts, applied)
    if found.strange:
        raise NotTold(_no_file(migrations, current))
    return found.scripts


async def _files_since(migrations: Migrations, before: str, now: str) -> tuple[Script, ...]:
    scripts = await _folder(migrations)
    for version in (before, now):
        if is_version(version) and lacking(scripts, [version]).strange:
            raise NotTold(_no_file(migrations, version))
    there = up_to(scripts, now) if is_version(now) else ()
    kept = up_to(scripts, before) if is_version(before) else ()
    since = lacking(scripts, kept).scripts
    left = {s.version for s in lacking(scripts, there).scripts}
    return tuple(s for s in since if s.version not in left)


def _no_file(migrations: Migrations, version: str) -> str:
    assert migrations.files is not None, "asked only of those who name files"
    return (
        f"the database is or was at {version}, and no file in {migrations.files.folder} is of that "
        f"version: deploy from a checkout that has it"
    )


async def _folder(migrations: Migrations) -> tuple[Script, ...]:
    files = migrations.files
    assert files is not None, "asked only of those who name files"
    folder = Path(migrations.dir or ".") / files.folder
    try:
        return await asyncio.to_thread(scripts_in, folder, files.layout)
    except FolderFault as error:
        raise NotTold(str(error)) from error


async def _whole(ask: Ask, migrations: Migrations, sql: Argv, before: str) -> tuple[Script, ...]:
    """Return what a guide's own command prints as one migration; nothing where it is no SQL."""
    up = await _asked(ask, _from(sql, before), migrations)
    if _NO_SQL.fullmatch(up):
        return ()
    script = Script(version=WHOLE, up=up)
    if migrations.revert_sql is None:
        if migrations.revert is None:
            return (script,)
        why = "revert_sql: is not in the guide, so that nobody can say what the revert would run"
        return (script.model_copy(update={"down_untold": why}),)
    try:
        down = await _asked(ask, _from(migrations.revert_sql, before), migrations)
    except NotTold as error:
        return (script.model_copy(update={"down_untold": error.why}),)
    empty = _NO_SQL.fullmatch(down)
    return (script.model_copy(update={"down": None if empty else down}),)


def _from(argv: Argv, before: str) -> Argv:
    return tuple(part.replace(_BEFORE, before) for part in argv)


async def _asked(ask: Ask, argv: Argv, migrations: Migrations) -> str:
    told = await ask(argv, migrations)
    if told.code != 0:
        raise NotTold(f"`{' '.join(argv)}` ended with exit code {told.code}{told.printed}")
    return told.stdout
