"""A PostgreSQL server of our own, from a wheel's programs: no root rights, no network, no password.

It listens on a Unix socket in a directory that only we can enter, and the system itself vouches for
who connects (peer authentication). It may outlive its launcher; the next one finds it and takes it
over. Never migrates: a cluster of another major version is refused, not touched.
"""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from goaround.embedded import account as accounts
from goaround.embedded.binary import PostgresPrograms, postgres_programs
from goaround.embedded.cluster import DATA, ROLE, make_cluster, write_access
from goaround.embedded.errors import DidNotStart, ServerError, advice_for, explained
from goaround.embedded.place import known_home, make_home, remove_home, socket_directory
from goaround.embedded.process import (
    POLL_S,
    Guard,
    guarded,
    is_running,
    last_lines,
    one_launcher,
    reap,
    size_of,
    spawn,
    stop,
)
from goaround.embedded.status import ServerStatus

DATABASE = "goaround"
_STOP_S = 30.0
# What a killed server's children hold for a moment after it; the next server must wait for them.
_LEFTOVERS = ("pre-existing shared memory block", "Is another postmaster")
_READY_LINE = 7  # of postmaster.pid
# Throwaway data: a power cut may cost the cluster, a killed server costs nothing.
_THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "max_connections": "200",  # every service has its own pool
    "unix_socket_permissions": "0777",  # the directory is the door, peer authentication the lock
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %d ",
    "log_checkpoints": "off",
}


class EmbeddedPostgres(AbstractContextManager["EmbeddedPostgres"]):
    """One cluster under a root directory, with the database `goaround` in it.

    `durable=False` trades safety in a power cut for speed: for tests. `die_with_parent=True` ends a
    server this object starts when this process ends in any way; one it took over is left alone.
    """

    def __init__(
        self,
        root: Path,
        *,
        durable: bool = True,
        die_with_parent: bool = False,
        start_timeout_s: float = 60.0,
    ) -> None:
        self.root = root.resolve()
        self.log = self.root / "postgres.log"
        self.adopted = False
        self._durable = durable
        self._die_with_parent = die_with_parent
        self._start_timeout_s = start_timeout_s
        self._guard: Guard | None = None
        self._programs: PostgresPrograms | None = None

    def start(self) -> str:
        """Return the URL of the database `goaround` once the server takes connections.

        Raises:
            BinariesMissing: no programs to run.
            OtherVersion: the cluster was made by another major version.
            DidNotStart: the server gave up, or is not ready in time.
            ServerError: no place for its files, or no account to run as.
        """
        deadline = time.monotonic() + self._start_timeout_s
        account = accounts.stepped_down()
        with explained("postgres", self.root), self._alone():
            home = make_home(self.root, account, durable=self._durable)
            accounts.make_private(socket_directory(home), account)
            programs = self._programs = postgres_programs(account, home)
            write_access(home, account)
            make_cluster(home, account, programs, durable=self._durable)
            self.adopted = self.pid() is not None
            self._bring_up(home, account, programs, deadline)
            self._query(
                f"select 'create database {DATABASE}' where not exists "
                f"(select from pg_database where datname = '{DATABASE}') \\gexec"
            )
        return self.dsn()

    def stop(self) -> None:
        """End the server, whoever started it: open transactions are undone, all else is on disk."""
        if self.root.is_dir():
            with explained("postgres", self.root), self._alone():
                pid = self.pid()
                if pid is not None:
                    stop(pid, str(self._data), signal.SIGINT, _STOP_S)
        self._let_guard_go()

    def erase(self) -> None:
        """Stop the server and remove every file it kept, wherever that was."""
        self.stop()
        remove_home(self.root)
        self.log.unlink(missing_ok=True)

    def status(self) -> ServerStatus:
        """Return whether it runs and where its files are."""
        return ServerStatus("postgres", self.pid(), self.dsn(), known_home(self.root), self.log)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def dsn(self, database: str = DATABASE) -> str:
        """Return the URL of one database, as libpq and asyncpg take it."""
        host = socket_directory(known_home(self.root))
        return f"postgresql://{ROLE}@/{quote(database, safe='')}?host={host}"

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Make a database, empty or as a copy of a template nobody is connected to; its URL.

        Raises:
            ServerError: the name is taken, or the template is missing or in use.
        """
        # Copying files is cheap where nothing must reach the disk; else logging the blocks is.
        strategy = "wal_log" if self._durable else "file_copy"
        self._query(f"create database {_name(name)} template {_name(template)} strategy {strategy}")
        return self.dsn(name)

    def drop_database(self, name: str) -> None:
        """Remove a database and cut off who is connected to it; a missing one is fine."""
        self._query(f"drop database if exists {_name(name)} with (force)")

    def pid(self) -> int | None:
        """Return the live server's process id."""
        try:
            pid = int((self._data / "postmaster.pid").read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return None
        return pid if is_running(pid, str(self._data)) else None

    def _alone(self) -> AbstractContextManager[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        return one_launcher(self.root / "postgres.lock")

    @property
    def _data(self) -> Path:
        return known_home(self.root) / DATA

    def _is_ready(self) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text().split("\n")
        except OSError:
            return False
        return len(lines) > _READY_LINE and lines[_READY_LINE].strip() == "ready"

    def _bring_up(
        self,
        home: Path,
        account: accounts.Account | None,
        programs: PostgresPrograms,
        deadline: float,
    ) -> None:
        """Wait until a server is ready: the one found running, or one started here."""
        settings = _SETTINGS | {
            "unix_socket_directories": str(socket_directory(home)),
            "hba_file": str(home / "pg_hba.conf"),
            "ident_file": str(home / "pg_ident.conf"),
        }
        settings |= {} if self._durable else _THROWAWAY
        command = [programs.path("postgres"), "-D", str(self._data)]
        command += [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        before = size_of(self.log)
        process = None
        while not (self.pid() is not None and self._is_ready()):
            if time.monotonic() > deadline:
                raise self._did_not_start(
                    f"is not ready after {self._start_timeout_s:.0f} s; "
                    "it goes on, start again to wait longer",
                    before,
                )
            if process and process.poll() is not None:
                lines = last_lines(self.log, before)
                if not any(sign in lines for sign in _LEFTOVERS):
                    raise self._did_not_start(f"ended with code {process.returncode}", before)
                process = None
                time.sleep(POLL_S * 10)
            if process is None and self.pid() is None:
                reap()  # Postgres would take one killed a moment ago for alive
                self.adopted = False  # the one found was on its way out
                before = size_of(self.log)
                process = self._spawn(command, home, account)
            time.sleep(POLL_S)

    def _spawn(
        self, command: list[str], home: Path, account: accounts.Account | None
    ) -> subprocess.Popen[bytes]:
        start = partial(
            spawn,
            command,
            log=self.log,
            cwd=home,
            environment=accounts.environment(),
            account=account,
        )
        if not self._die_with_parent:
            return start()
        self._let_guard_go()
        process, self._guard = guarded(start, signal.SIGINT)
        return process

    def _let_guard_go(self) -> None:
        if self._guard:
            self._guard.release()
            self._guard = None

    def _did_not_start(self, reason: str, since_byte: int) -> DidNotStart:
        return DidNotStart("postgres", reason, self.log, last_lines(self.log, since_byte))

    def _query(self, sql: str) -> None:
        """Run one statement with psql, as the account the server itself runs as."""
        account = accounts.stepped_down()
        if self._programs is None:  # the server was found running, by its directory alone
            self._programs = postgres_programs(account, known_home(self.root))
        command = [self._programs.path("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d"]
        answer = accounts.run([*command, self.dsn("postgres")], account, stdin=sql)
        if answer.returncode != 0:
            said = answer.stderr.strip()
            raise ServerError("postgres", f"{sql!r} failed: {said}", advice_for(said))


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
