"""A NATS server of our own with JetStream, from a wheel's program, on loopback only.

It may outlive its launcher; the next one finds it, takes it over and brings its users up to date
without a restart. Never speaks the NATS protocol: it asks the server's monitoring page.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from goaround.embedded.account import environment, remove_tree
from goaround.embedded.binary import nats_program
from goaround.embedded.errors import DidNotStart, ServerError
from goaround.embedded.natsconfig import (
    NatsUser,
    Sync,
    authorization,
    server_settings,
    with_passwords,
)
from goaround.embedded.process import (
    POLL_S,
    Guard,
    is_running,
    last_lines,
    one_launcher,
    size_of,
    spawn,
    stop,
    wait_until,
    write_private,
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
        self._config = self.root / "nats.json"
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
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        with one_launcher(self.root / "nats.lock"):
            (self.root / "store").mkdir(mode=0o700, exist_ok=True)
            self.adopted = self.pid() is not None
            if self.adopted:
                self._take_over(deadline)
            else:
                self._bring_up(deadline)
        return self.url

    def stop(self) -> None:
        """End the server, whoever started it; every message is on disk then."""
        if self.root.is_dir():
            with one_launcher(self.root / "nats.lock"):
                pid = self.pid()
                if pid is not None:
                    stop(pid, str(self._config), signal.SIGTERM, _STOP_S)
        if self._guard:
            self._guard.release()
            self._guard = None

    def erase(self) -> None:
        """Stop the server and remove every file it kept, its messages and passwords with them."""
        self.stop()
        for name in ("store", "nats.json", "nats.pid", "credentials.json", "nats.log"):
            remove_tree(self.root / name)

    def status(self) -> ServerStatus:
        """Return whether it runs and where its files are."""
        url = self.url if self._config.exists() else ""
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
        return f"nats://{self._settings()['listen']}"

    @property
    def monitor_url(self) -> str:
        """The address of the monitoring pages."""
        return f"http://{self._settings()['http']}"

    def credentials(self, name: str) -> tuple[str, str]:
        """Return a user's name and password, made at the first start and kept.

        Raises:
            ServerError: no such user was ever given to this server.
        """
        passwords = self._passwords()
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
        return pid if is_running(pid, str(self._config)) else None

    def _settings(self) -> dict[str, Any]:
        try:
            found = json.loads(self._config.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ServerError("nats", "it was never started", "Start it first.") from None
        except ValueError as error:
            raise ServerError(
                "nats", f"{self._config} is not JSON ({error})", "Remove it and start again."
            ) from error
        return cast("dict[str, Any]", found)

    def _passwords(self) -> dict[str, str]:
        path = self.root / "credentials.json"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise ServerError(
                "nats",
                f"{path} is not JSON ({error})",
                "Remove it and start every service again: new passwords are made.",
            ) from error
        return cast("dict[str, str]", found)

    def _authorization(self) -> dict[str, Any]:
        """Return the settings' part on users; new passwords are on disk before the server."""
        if not self._users:
            return {}
        known = self._passwords()
        passwords = with_passwords(self._users, known)
        if passwords != known:
            write_private(self.root / "credentials.json", json.dumps(passwords, indent=2) + "\n")
        return {"authorization": authorization(self._users, passwords)}

    def _take_over(self, deadline: float) -> None:
        """Bring a running server's users up to date; all else stays as it was started."""
        settings = self._settings()
        if self._wanted_port and settings["listen"] != f"127.0.0.1:{self._wanted_port}":
            raise ServerError(
                "nats",
                f"it already runs on {settings['listen']}, not on port {self._wanted_port}",
                "Stop it first, or do not ask for a port.",
            )
        self._wait_healthy(deadline, None, size_of(self.log))
        wanted = {key: settings[key] for key in settings if key != "authorization"}
        wanted |= self._authorization()
        if wanted != settings:
            self._reload(wanted)

    def _reload(self, settings: dict[str, Any]) -> None:
        loaded, before = self._asked("/varz").get("config_load_time"), size_of(self.log)
        write_private(self._config, json.dumps(settings, indent=2))
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
            try:
                self._wait_healthy(deadline, process, before)
            except DidNotStart as failure:
                if _PORT_TAKEN not in failure.last_lines or attempt == _PORT_TRIES - 1:
                    raise
                # Our own port may be held for a moment by the server that just ended.
                time.sleep(POLL_S * 10)
            else:
                return

    def _write_settings(self, *, fresh_ports: bool) -> None:
        """Write the settings, on the ports of last time if they are still free."""
        last = self._settings() if self._config.exists() else {}
        port, monitor = (_port_of(last.get(key, "")) for key in ("listen", "http"))
        if self._wanted_port:
            port = self._wanted_port
        elif fresh_ports or not _is_free(port):
            port = _free_port()
        if fresh_ports or not _is_free(monitor) or monitor == port:
            monitor = _free_port()
        settings = server_settings(self.root, port, monitor, self._sync) | self._authorization()
        write_private(self._config, json.dumps(settings, indent=2))

    def _spawn(self, program: str) -> subprocess.Popen[bytes]:
        guard = Guard() if self._die_with_parent else None
        process = spawn(
            [program, "-c", str(self._config)],
            log=self.log,
            cwd=self.root,
            environment=environment(),
        )
        if guard:
            guard.watch(process.pid, signal.SIGTERM)
        if self._guard:
            self._guard.release()
        self._guard = guard
        return process

    def _wait_healthy(
        self, deadline: float, process: subprocess.Popen[bytes] | None, since_byte: int
    ) -> None:
        while self._asked("/healthz").get("status") != "ok":
            reason = ""
            if process and process.poll() is not None:
                reason = f"ended with code {process.returncode}"
            elif time.monotonic() > deadline:
                reason = f"is not healthy in time, at {self.monitor_url}/healthz"
            if reason:
                lines = last_lines(self.log, since_byte)
                raise DidNotStart("nats", reason, self.log, lines)
            time.sleep(POLL_S)

    def _asked(self, page: str) -> dict[str, Any]:
        """Return a monitoring page, empty when there is no answer. No proxy is asked on the way."""
        host, _, port = str(self._settings()["http"]).partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=2)
        try:
            connection.request("GET", page)
            return cast("dict[str, Any]", json.loads(connection.getresponse().read()))
        except (OSError, http.client.HTTPException, ValueError):
            return {}
        finally:
            connection.close()


def _port_of(address: str) -> int:
    return int(address.rpartition(":")[2] or 0)


def _is_free(port: int) -> bool:
    if not port:
        return False
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
