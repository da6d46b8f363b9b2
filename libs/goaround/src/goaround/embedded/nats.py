"""A NATS server of our own with JetStream, from a wheel's program, on loopback only.

It may outlive its launcher; the next one finds it, takes it over and brings its users up to date
without a restart. Never speaks the NATS protocol: it asks the server's monitoring page.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from goaround.embedded.account import environment, remove_tree
from goaround.embedded.binary import nats_program
from goaround.embedded.errors import DidNotStart, ServerError, explained
from goaround.embedded.loopback import asked, free_port, is_free, port_of
from goaround.embedded.natsconfig import (
    NatsUser,
    Sync,
    authorization,
    server_settings,
    with_passwords,
)
from goaround.embedded.natsfiles import NatsFiles
from goaround.embedded.process import (
    POLL_S,
    Guard,
    guarded,
    is_running,
    last_lines,
    one_launcher,
    size_of,
    spawn,
    stop,
    wait_until,
)
from goaround.embedded.status import ServerStatus

_STOP_S = 15.0
_RELOAD_S = 10.0
_PORT_TRIES = 5  # a free port may be taken between our look and the server's start
_PORT_TAKEN = "address already in use"


class EmbeddedNats(AbstractContextManager["EmbeddedNats"]):
    """One server under a root directory.

    `port=0` takes any free one and keeps to it. With no users the server is open to whoever
    reaches loopback: for tests. `sync="always"` writes every message to disk before it is
    acknowledged; "2m" may lose two minutes of them in a power cut, and none when the server is
    killed. `die_with_parent=True` ends a server this object starts when this process ends.
    """

    def __init__(
        self,
        root: Path,
        *,
        port: int = 0,
        users: Sequence[NatsUser] = (),
        sync: Sync = "always",
        die_with_parent: bool = False,
        start_timeout_s: float = 60.0,
    ) -> None:
        names = [user.name for user in users]
        if len(set(names)) != len(names):
            raise ValueError(f"bus users must differ in name: {', '.join(sorted(names))}")
        self.root = root.resolve()
        self.log = self.root / "nats.log"
        self.adopted = False
        self._files = NatsFiles(self.root)
        self._wanted_port = port
        self._users = tuple(users)
        self._sync: Sync = sync
        self._die_with_parent = die_with_parent
        self._start_timeout_s = start_timeout_s
        self._guard: Guard | None = None

    def start(self) -> str:
        """Return the server's URL, without a user, once it is healthy.

        Raises:
            BinariesMissing: no program to run, or one too old.
            DidNotStart: the server gave up, or is not healthy in time.
            ServerError: it runs on another port than asked for, or refuses the users.
        """
        deadline = time.monotonic() + self._start_timeout_s
        with explained("nats", self.root), self._alone():
            (self.root / "store").mkdir(mode=0o700, exist_ok=True)
            self.adopted = self.pid() is not None and self._take_over(deadline)
            if not self.adopted:
                self._bring_up(deadline)
        return self.url

    def stop(self) -> None:
        """End the server, whoever started it; every message is on disk then."""
        if self.root.is_dir():
            with explained("nats", self.root), self._alone():
                pid = self.pid()
                if pid is not None:
                    stop(pid, str(self._files.config), signal.SIGTERM, _STOP_S)
        self._let_guard_go()

    def erase(self) -> None:
        """Stop the server and remove every file it kept, its messages and passwords with them."""
        self.stop()
        for name in ("store", "nats.json", "nats.pid", "credentials.json", "nats.log"):
            remove_tree(self.root / name)

    def status(self) -> ServerStatus:
        """Return whether it runs and where its files are."""
        url = self.url if self._files.config.exists() else ""
        return ServerStatus("nats", self.pid(), url, self.root, self.log)

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

    @property
    def url(self) -> str:
        """The address clients connect to, also after the server stopped.

        Raises:
            ServerError: it was never started.
        """
        return f"nats://{self._files.settings()['listen']}"

    @property
    def monitor_url(self) -> str:
        """The address of the monitoring pages."""
        return f"http://{self._files.settings()['http']}"

    def credentials(self, name: str) -> tuple[str, str]:
        """Return a user's name and password, made at the first start and kept.

        Raises:
            ServerError: no such user was ever given to this server.
        """
        passwords = self._files.passwords()
        if name not in passwords:
            raise ServerError(
                "nats",
                f"there is no bus user {name!r}, only {', '.join(sorted(passwords)) or 'none'}",
                "Give the user when starting the server.",
            )
        return name, passwords[name]

    def pid(self) -> int | None:
        """Return the live server's process id."""
        try:
            pid = int((self.root / "nats.pid").read_text())
        except (OSError, ValueError):
            return None
        return pid if is_running(pid, str(self._files.config)) else None

    def _alone(self) -> AbstractContextManager[None]:
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return one_launcher(self.root / "nats.lock")

    def _authorization(self) -> dict[str, Any]:
        """Return the settings' part on users; new passwords are on disk before the server."""
        if not self._users:
            return {}
        known = self._files.passwords()
        passwords = with_passwords(self._users, known)
        if passwords != known:
            self._files.write_passwords(passwords)
        return {"authorization": authorization(self._users, passwords)}

    def _take_over(self, deadline: float) -> bool:
        """Bring a running server's users up to date; False when it was on its way out.

        All else stays as it was started.
        """
        settings = self._files.settings()
        if self._wanted_port and settings["listen"] != f"127.0.0.1:{self._wanted_port}":
            raise ServerError(
                "nats",
                f"it already runs on {settings['listen']}, not on port {self._wanted_port}",
                "Stop it first, or do not ask for a port.",
            )
        if not self._is_healthy_by(deadline, lambda: self.pid() is not None, size_of(self.log)):
            return False
        wanted = {key: settings[key] for key in settings if key != "authorization"}
        wanted |= self._authorization()
        if wanted != settings:
            self._reload(wanted)
        return True

    def _reload(self, settings: dict[str, Any]) -> None:
        loaded, before = self._asked("/varz").get("config_load_time"), size_of(self.log)
        self._files.write_settings(settings)
        pid = self.pid()
        if pid is not None:
            os.kill(pid, signal.SIGHUP)
        if not wait_until(
            lambda: self._asked("/varz").get("config_load_time", loaded) != loaded, _RELOAD_S
        ):
            raise ServerError(
                "nats",
                f"it did not take the changed users: {last_lines(self.log, before)}",
                "Stop it and start again.",
            )

    def _bring_up(self, deadline: float) -> None:
        program = nats_program()
        for attempt in range(_PORT_TRIES):
            before = size_of(self.log)
            self._write_settings(fresh_ports=attempt > 0)
            process = self._spawn(program)
            if self._is_healthy_by(deadline, partial(_is_alive, process), before):
                return
            failure = DidNotStart(
                "nats",
                f"ended with code {process.returncode}",
                self.log,
                last_lines(self.log, before),
            )
            if _PORT_TAKEN not in failure.last_lines or attempt == _PORT_TRIES - 1:
                raise failure
            # A port asked for may be held for a moment by the server that just ended.
            time.sleep(POLL_S * 10)

    def _write_settings(self, *, fresh_ports: bool) -> None:
        """Write the settings, on the ports of last time if they are still free."""
        last = self._files.settings() if self._files.config.exists() else {}
        port, monitor = (port_of(last.get(key, "")) for key in ("listen", "http"))
        if self._wanted_port:
            port = self._wanted_port
        elif fresh_ports or not is_free(port):
            port = free_port()
        if fresh_ports or not is_free(monitor) or monitor == port:
            monitor = free_port()
        settings = server_settings(self.root, port, monitor, self._sync) | self._authorization()
        self._files.write_settings(settings)

    def _spawn(self, program: str) -> subprocess.Popen[bytes]:
        start = partial(
            spawn,
            [program, "-c", str(self._files.config)],
            log=self.log,
            cwd=self.root,
            environment=environment(),
        )
        if not self._die_with_parent:
            return start()
        self._let_guard_go()
        process, self._guard = guarded(start, signal.SIGTERM)
        return process

    def _let_guard_go(self) -> None:
        if self._guard:
            self._guard.release()
            self._guard = None

    def _is_healthy_by(
        self, deadline: float, is_alive: Callable[[], bool], since_byte: int
    ) -> bool:
        """Wait until the server is healthy; False when it ended before.

        Raises:
            DidNotStart: neither in time.
        """
        while self._asked("/healthz").get("status") != "ok":
            if not is_alive():
                return False
            if time.monotonic() > deadline:
                raise DidNotStart(
                    "nats",
                    f"is not healthy after {self._start_timeout_s:.0f} s, as {self.monitor_url}"
                    "/healthz says; it goes on, start again to wait longer",
                    self.log,
                    last_lines(self.log, since_byte),
                )
            time.sleep(POLL_S)
        return True

    def _asked(self, page: str) -> dict[str, Any]:
        return asked(self._files.settings()["http"], page)


def _is_alive(process: subprocess.Popen[bytes]) -> bool:
    return process.poll() is None
