"""Files run on a database, forth and back: each in one transaction together with its row.

One `goaround-sql` at a time works on a database. The lock is the session's, so that it goes with
whoever dies.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal

import asyncpg

from goaround_migrating.applying.body import Body, at, body_of
from goaround_migrating.applying.plan import current_of, to_apply, to_revert
from goaround_migrating.applying.register import Register
from goaround_migrating.connecting import words
from goaround_migrating.tools import Script
from goaround_migrating.verdicts import Statement

if TYPE_CHECKING:
    from asyncpg import Connection

Say = Callable[[str], None]
Way = Literal["up", "down"]

LOCK = 6_101_883_427_550_213
"""An arbitrary number that is ours among a database's advisory locks."""
_LOOK_S = 0.25
# Else the server goes on for a client that was killed, and the lock stays for as long.
_SEE_US_DIE = "SET client_connection_check_interval = '1s'"
_FORGET = "RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL"
_ENDED_THE_SESSION = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)


class StatementFailed(Exception):
    """The server refused a statement: the files before its own are done, its own is not."""


async def current(connection: "Connection[Any]") -> str:
    """Return the newest version that is applied, or `base`.

    Raises:
        Refusal: nobody knows.
    """
    register = await Register.find(connection)
    return current_of(await register.rows(), register.table)


async def pending(
    connection: "Connection[Any]", scripts: tuple[Script, ...], to: str | None = None
) -> tuple[Script, ...]:
    """Return what `apply` would apply, oldest first. Changes nothing.

    Raises:
        Refusal: `apply` would refuse it.
    """
    register = await Register.find(connection)
    wanted = to_apply(scripts, await register.rows(), register.table, to)
    for script in wanted:
        body_of(script.up, script.source)
    return wanted


async def apply(
    connection: "Connection[Any]", scripts: tuple[Script, ...], say: Say, to: str | None = None
) -> None:
    """Apply what is pending, oldest first; up to a version, if one is given.

    Raises:
        Refusal: the files and the rows do not fit together; nothing was run.
        StatementFailed: with the statement's place.
    """
    register = await _alone(connection, say)
    wanted = to_apply(scripts, await register.rows(), register.table, to)
    bodies = [body_of(script.up, script.source) for script in wanted]
    if wanted:
        await register.make()
    for script, body in zip(wanted, bodies, strict=True):
        await _move(connection, register, script, body, "up")
        say(f"applied {script.source}{_how(body)}")
    now = current_of(await register.rows(), register.table)
    say(f"at {now}" if wanted else f"nothing to apply at {now}")


async def revert(
    connection: "Connection[Any]", scripts: tuple[Script, ...], to: str, say: Say
) -> None:
    """Take back what was applied after `to`, newest first.

    Raises:
        Refusal: there is no way back there; nothing was run.
        StatementFailed: with the statement's place.
    """
    register = await _alone(connection, say)
    wanted = to_revert(scripts, await register.rows(), to, register.table)
    bodies = [body_of(script.down or "", script.down_source) for script in wanted]
    for script, body in zip(wanted, bodies, strict=True):
        await _move(connection, register, script, body, "down")
        say(f"took back {script.source}{_how(body)}")
    now = current_of(await register.rows(), register.table)
    say(f"at {now}" if wanted else f"nothing to take back at {now}")


async def _alone(connection: "Connection[Any]", say: Say) -> Register:
    """Wait until nobody else works on this database, and keep it so for the session."""
    await _start_afresh(connection)
    waiting = False
    # Asked again and again, not waited for: CREATE INDEX CONCURRENTLY waits for whoever waits.
    while not await connection.fetchval("SELECT pg_catalog.pg_try_advisory_lock($1)", LOCK):
        if not waiting:
            say("waiting: another goaround-sql works on this database")
        waiting = True
        await asyncio.sleep(_LOOK_S)
    return await Register.find(connection)


async def _move(
    connection: "Connection[Any]", register: Register, script: Script, body: Body, way: Way
) -> None:
    """Run one way of one file, and note it."""
    file = script.source if way == "up" else script.down_source
    if body.outside:
        await register.begun(script)
        try:
            await _run(connection, body, file)
        except StatementFailed:
            # Said by the server: not as with a session that was lost, of which nobody knows.
            await _start_afresh(connection)
            await (register.gone if way == "up" else register.ended)(script)
            raise
        await _start_afresh(connection)
        await (register.ended if way == "up" else register.gone)(script)
        return
    transaction = connection.transaction()
    await transaction.start()
    try:
        await _run(connection, body, file)
        # The row is written as who we are, whoever the file made of us.
        await connection.execute(_FORGET)
        await (register.applied if way == "up" else register.gone)(script)
    except BaseException:
        if not connection.is_closed():
            await transaction.rollback()
        raise
    try:
        await transaction.commit()
    except asyncpg.PostgresError as error:
        raise _failed(
            connection, f"{file}: refused at the end of its transaction", error
        ) from error
    await _start_afresh(connection)


async def _run(connection: "Connection[Any]", body: Body, file: str) -> None:
    for statement in body.statements:
        try:
            await connection.execute(statement.sql)
        except asyncpg.PostgresError as error:
            place = at(file, statement, _lines_in(statement, error))
            raise _failed(connection, place, error) from error


def _failed(connection: "Connection[Any]", place: str, error: asyncpg.PostgresError) -> Exception:
    """Return what to raise: an end of the session says nothing of the statement."""
    if connection.is_closed() or isinstance(error, _ENDED_THE_SESSION):
        return error
    return StatementFailed(f"{place}: {words(error)}")


def _lines_in(statement: Statement, error: asyncpg.PostgresError) -> int:
    """Return how many lines below the statement's first the server found the fault."""
    position: str | None = error.as_dict().get("position")
    return statement.sql.count("\n", 0, int(position) - 1) if position else 0


async def _start_afresh(connection: "Connection[Any]") -> None:
    """Undo what a file set for the session. Outside a transaction only."""
    await connection.execute(_FORGET)
    # A server before 14, or one that is not on Linux, has no such setting.
    with suppress(asyncpg.PostgresError):
        await connection.execute(_SEE_US_DIE)


def _how(body: Body) -> str:
    return ", outside a transaction" if body.outside else ""
