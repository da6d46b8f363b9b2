"""`goaround-sql`: the command line of what applies files of SQL.

Exit codes: 0 done. 1 refused: the files and the database do not fit together, and nothing was run.
2 called wrongly, or no URL given. 3 the server refused a statement: its file is not applied, those
before it are. 4 the database could not be reached, lets us not keep our table, or went away:
`current` says how far it came.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from goaround_migrating.applying.folder import FolderFault, scripts_in
from goaround_migrating.applying.refusal import Refusal
from goaround_migrating.applying.running import StatementFailed, apply, current, pending, revert
from goaround_migrating.connecting import Refused, connected
from goaround_migrating.tools import LAYOUTS

DONE, REFUSED, MISUSED, FAILED, AWAY = 0, 1, 2, 3, 4
_URL_ENV = "GOAROUND_DATABASE_URL"


def main(argv: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    parser = _parser()
    asked = parser.parse_args(argv)
    url = os.environ.get(asked.database_env, "")
    if not url:
        parser.error(f"{asked.database_env} is not set; put the database's URL there")
    try:
        asyncio.run(_do(asked, _plain(url)))
    except (Refusal, FolderFault) as error:
        return _complain(error, REFUSED)
    except StatementFailed as error:
        return _complain(error, FAILED)
    except Refused as error:
        return _complain(error, AWAY)
    return DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="goaround-sql",
        description="Applies files of SQL to a PostgreSQL database, and takes them back.",
        epilog=__doc__.partition("\n\n")[2] if __doc__ else None,
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--folder", type=Path, required=True, help="where the files are")
    shared.add_argument("--layout", choices=sorted(LAYOUTS), default="pairs")
    shared.add_argument(
        "--database-env", default=_URL_ENV, help=f"the variable that holds the URL ({_URL_ENV})"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name, what in {
        "current": "print the last version that is applied, or base",
        "pending": "print the versions that apply would apply, one a line",
        "apply": "apply what is pending, in order",
        "revert": "take back, newest first, what was applied after a version",
    }.items():
        command = commands.add_parser(name, parents=[shared], help=what, description=what)
        if name in ("pending", "apply"):
            command.add_argument("--to", metavar="VERSION", help="no further than this")
        if name == "revert":
            command.add_argument("to", metavar="VERSION", help="a version that is applied, or base")
    return parser


async def _do(asked: argparse.Namespace, url: str) -> None:
    if asked.command == "current":
        async with connected(url) as connection:
            _say(await current(connection))
        return
    scripts = scripts_in(asked.folder, asked.layout)
    async with connected(url) as connection:
        connection.add_log_listener(_notice)
        if asked.command == "pending":
            for script in await pending(connection, scripts, asked.to):
                _say(script.version)
        elif asked.command == "apply":
            await apply(connection, scripts, _say, asked.to)
        else:
            await revert(connection, scripts, asked.to, _say)


def _plain(url: str) -> str:
    """Return the URL without the name of a driver: `postgresql+asyncpg` is SQLAlchemy's word."""
    scheme, colon, rest = url.partition("://")
    return f"{scheme.partition('+')[0]}{colon}{rest}"


def _notice(_connection: object, message: Any) -> None:
    """Pass on what the server remarks (`relation "a" already exists, skipping`)."""
    _print(f"{message.severity.lower()}: {message.message}", sys.stderr)


def _say(line: str) -> None:
    _print(line, sys.stdout)


def _complain(error: Exception, code: int) -> int:
    _print(f"goaround-sql: {error}", sys.stderr)
    return code


def _print(line: str, to: TextIO) -> None:
    print(line, file=to, flush=True)
