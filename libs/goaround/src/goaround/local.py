"""The whole system on one machine: embedded servers, and each service as a process of its own.

What `goaround up`, `goaround demo` and the system tests start. It decides nothing about runs; it
starts, looks after and stops processes, and only those that it started.
"""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

from goaround import probe
from goaround.embedded import EmbeddedServers, Sync
from goaround.embedded.process import Guard, guarded
from goaround.limits import history_of
from goaround.topology import ADMIN, OPERATOR, topology, users
from goaround_chassis.bus import Bus, apply
from goaround_chassis.settings import BusSettings

SERVICES = ("orchestrator", "verifier", "deployer", "watcher", "scribe", "notifier")
_READY_S = 60.0
_STOP_S = 30.0


class DidNotStart(Exception):
    """A part of the system did not come up; the message says which, why, and where its log is."""


@dataclass
class Part:
    """One process of one service."""

    service: str
    number: int
    process: subprocess.Popen[bytes]
    log: Path
    port_file: Path
    guard: Guard | None = None

    @property
    def name(self) -> str:
        """`verifier`, and for further ones `verifier-2`."""
        return self.service if self.number == 1 else f"{self.service}-{self.number}"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.process.pid

    @property
    def probes(self) -> str | None:
        """Where it answers /live, /ready and /metrics; None until it does."""
        return probe.address(self.port_file)

    def not_ready(self) -> str | None:
        """What it is not ready for, or None."""
        if self.process.poll() is not None:
            return f"ended with exit code {self.process.returncode}"
        if (where := self.probes) is None:
            return "has not said where its probes are"
        try:
            return probe.not_ready(where)
        except OSError as error:
            return str(error)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self.process.kill()
        self.process.wait()
        self.let_guard_go()

    def let_guard_go(self) -> None:
        """It has ended: nobody need see to it that it does."""
        if self.guard is not None:
            self.guard.release()
            self.guard = None


@dataclass
class LocalSystem:
    """Servers and services below one folder; `guides` and `workspace` are the user's own."""

    root: Path
    guides: Path
    workspace: Path
    nats_port: int = 0
    sync: Sync = "always"
    durable: bool = True
    die_with_parent: bool = False
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    """For the services: what the guides' secret references name, say."""
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Further settings by service: `{"deployer": {"LEASE_S": "5"}}`."""
    parts: list[Part] = field(default_factory=list[Part])

    def __post_init__(self) -> None:
        self.root = self.root.resolve()
        self.guides = self.guides.resolve()
        self.workspace = self.workspace.resolve()
        self.servers = EmbeddedServers(
            self.root,
            users=users(),
            nats_port=self.nats_port,
            sync=self.sync,
            durable=self.durable,
            die_with_parent=self.die_with_parent,
        )

    def start(self, say: Callable[[str], None] = lambda _: None) -> None:
        """Return once every service is ready.

        Raises:
            ServerError: NATS or Postgres did not come up.
            DidNotStart: A service did not.
        """
        say("starting NATS and PostgreSQL")
        self.servers.start()
        say("creating streams, consumers and tables")
        asyncio.run(self._migrate_bus())
        self._migrate_database()
        say(f"starting {', '.join(SERVICES)}")
        for service in SERVICES:
            self.spawn(service)
        self.wait_ready()

    def stop(self) -> None:
        """End the services, each with what it has in hand done, and then the servers."""
        for part in self.parts:
            if part.process.poll() is None:
                part.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        for part in self.parts:
            try:
                part.process.wait(max(0.1, deadline - time.monotonic()))
                part.let_guard_go()
            except subprocess.TimeoutExpired:
                part.kill()
        self.parts.clear()
        self.servers.stop()

    def __enter__(self) -> Self:
        """Start."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
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
    def nats_url(self) -> str:
        """The bus, without a user."""
        return self.servers.nats.url

    def url_for(self, user: str = OPERATOR) -> str:
        """The bus, for one of its users."""
        name, password = self.servers.nats.credentials(user)
        return self.nats_url.replace("nats://", f"nats://{name}:{password}@")

    @property
    def database_url(self) -> str:
        """The database of the runs."""
        return self.servers.postgres.dsn()

    def spawn(self, service: str) -> Part:
        """Start one more process of a service; it takes its share of the work."""
        if find_spec(f"goaround_{service}") is None:
            raise DidNotStart(f"goaround-{service} is not installed in this environment")
        number = 1 + max((p.number for p in self.parts if p.service == service), default=0)
        name = service if number == 1 else f"{service}-{number}"
        logs = self.root / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        port_file = logs / f"{name}.port"
        port_file.unlink(missing_ok=True)
        log = logs / f"{name}.log"
        start = partial(self._started, service, log, port_file)
        process, guard = guarded(start, signal.SIGTERM) if self.die_with_parent else (start(), None)
        part = Part(service, number, process, log, port_file, guard)
        self.parts.append(part)
        return part

    def respawn(self, part: Part) -> Part:
        """Start a process anew that has ended."""
        self.parts.remove(part)
        return self.spawn(part.service)

    def wait_ready(self, within_s: float = _READY_S) -> None:
        """Return once every process is ready.

        Raises:
            DidNotStart: One has ended, or is not ready in time.
        """
        deadline = time.monotonic() + within_s
        for part in self.parts:
            while (why := part.not_ready()) is not None:
                ended = part.process.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise DidNotStart(f"{part.name}: {why}\n{_last_lines(part.log)}")
                time.sleep(0.02)

    def _started(self, service: str, log: Path, port_file: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            return subprocess.Popen(
                [sys.executable, "-m", f"goaround_{service}"],
                env=self._environment(service, port_file),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=self.workspace,
                start_new_session=True,
            )

    async def _migrate_bus(self) -> None:
        name, password = self.servers.nats.credentials(ADMIN)
        settings = BusSettings.model_validate(
            {"nats_url": self.nats_url, "nats_user": name, "nats_password": password}
        )
        async with await Bus.connect(settings, "migrate") as bus:
            age_s, size = await history_of(bus)
            await apply(bus, topology(history_s=age_s, history_bytes=size))

    def _migrate_database(self) -> None:
        log = self.root / "logs"
        log.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "goaround_orchestrator", "migrate"],
            env=self._environment("orchestrator", log / "migrate.port"),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DidNotStart(f"the database's schema could not be migrated: {done.stderr}")

    def _environment(self, service: str, port_file: Path) -> dict[str, str]:
        name, password = self.servers.nats.credentials(service)
        own = {
            "NATS_URL": self.nats_url,
            "NATS_USER": name,
            "NATS_PASSWORD": password,
            "PROBE_PORT_FILE": str(port_file),
            "WORKSPACE_DIR": str(self.workspace),
            **self.settings.get(service, {}),
        }
        if service == "orchestrator":
            own |= {"DATABASE_URL": self.database_url, "GUIDES_DIR": str(self.guides)}
        kept = {k: v for k, v in os.environ.items() if not k.startswith("GOAROUND_")}
        return kept | dict(self.environment) | {f"GOAROUND_{k}": v for k, v in own.items()}


def _last_lines(log: Path, count: int = 8) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()[-count:]
    except OSError:
        lines = []
    return "\n".join([f"its log is {log}; it ends with:", *lines])
