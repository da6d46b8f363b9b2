"""The shop's processes in one state directory: who serves, and what they were started with.

    service.json         what every release is started with
    lock                 held by the command at work
    run/PID.json         one for each process that serves or drains; removed by the process itself
    run/PID.listener     where that process hands its listening socket on

A process that died without a word leaves its file: it is known by its birth, and forgotten here.
"""

import fcntl
import json
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from goaround_shop.process import POLL_S, Birth, birth_of, end, read_birth, write_whole

DRAIN_S = 10.0
"""Longer than a process takes to drain by itself (half a second idle, five busy)."""


@dataclass(frozen=True)
class Settings:
    """What every release of this service is started with."""

    host: str
    port: int
    database: str
    log: str
    die_with_pid: int | None = None
    degrade_after_s: float | None = None


@dataclass(frozen=True)
class Instance:
    """One process that serves, or did and now drains."""

    process: Birth
    version: str
    port: int
    serving: bool
    since_ns: int


class Locked(Exception):
    """Another command is at work on the same state directory."""

    def __init__(self, state: Path, waited_s: float) -> None:
        super().__init__(f"{state}: another command has been at work for {waited_s:g} s; try later")


class Damaged(Exception):
    """A file of the state directory says what we never wrote."""

    def __init__(self, file: Path, why: str) -> None:
        super().__init__(f"{file}: {why}; `down`, remove it, and release with --database again")


class Instances:
    """The state directory."""

    def __init__(self, state: Path) -> None:
        self.state = state.resolve()
        self.run = self.state / "run"

    def create(self) -> None:
        """Make the directory, for its owner's eyes: it holds the database's address."""
        self.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.run.mkdir(exist_ok=True, mode=0o700)

    @contextmanager
    def alone(self, within_s: float = 60.0) -> Generator[None]:
        """Hold the directory's lock; the system lets go of it for a command that dies.

        Raises:
            Locked: somebody else holds it for too long.
        """
        self.create()
        with (self.state / "lock").open("w") as lock:
            give_up = time.monotonic() + within_s
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > give_up:
                        raise Locked(self.state, within_s) from None
                    time.sleep(POLL_S)
            yield

    def settings(self) -> Settings | None:
        """Return what the last release was started with; None before the first.

        Raises:
            Damaged: somebody else wrote there.
        """
        file = self.state / "service.json"
        try:
            return Settings(**json.loads(file.read_text()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError) as error:
            raise Damaged(file, str(error)) from error

    def keep(self, settings: Settings) -> None:
        """Start later releases with the same."""
        write_whole(self.state / "service.json", json.dumps(asdict(settings), indent=1) + "\n")

    def register(self, version: str, port: int, *, serving: bool) -> None:
        """Say that this process serves, or that it drains."""
        process = birth_of(os.getpid())
        assert process is not None
        told = {**asdict(process), "version": version, "port": port, "serving": serving}
        write_whole(
            self.run / f"{process.pid}.json", json.dumps({**told, "since_ns": time.time_ns()})
        )

    def unregister(self) -> None:
        """Say that this process is done."""
        self._forget(os.getpid())

    def alive(self) -> list[Instance]:
        """Return the living processes, the one that serves (the newest such) first."""
        found: list[Instance] = []
        for file in self.run.glob("*.json"):
            process = read_birth(file)
            if process is None or not process.is_alive():
                if file.stem.isdigit():
                    self._forget(int(file.stem))
                continue
            told = json.loads(file.read_text())
            found.append(
                Instance(process, told["version"], told["port"], told["serving"], told["since_ns"])
            )
        return sorted(found, key=lambda one: (one.serving, one.since_ns), reverse=True)

    def serving(self) -> Instance | None:
        """Return the process that serves, after ending any other that a dead command left."""
        alive = self.alive()
        serves = alive[0] if alive and alive[0].serving else None
        for left in alive[1:] if serves else alive:
            self.end(left)
        return serves

    def end(self, instance: Instance, within_s: float = DRAIN_S) -> bool:
        """Drain and end one process; False if it had to be killed."""
        willing = end(instance.process, within_s=within_s)
        self._forget(instance.process.pid)
        return willing

    def _forget(self, pid: int) -> None:
        (self.run / f"{pid}.json").unlink(missing_ok=True)
        (self.run / f"{pid}.listener").unlink(missing_ok=True)
