"""Keeping a local system up: a service that dies is started again, and all end together.

A service that dies again and again is started ever more slowly, and each time it is said. The
work that a dead one had in hand comes back by itself: that is the bus' part.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from goaround import upfile
from goaround.embedded import ServerError
from goaround.embedded.process import stop as stop_process
from goaround.local import LocalSystem, Part
from goaround.upfile import Process, Up

Say = Callable[[str], None]

_LOOK_S = 0.2
_SERVERS_S = 2.0
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
# One that has lived so long is not in a circle of crashes.
_STEADY_S = 60.0
_STOP_S = 20.0


@dataclass
class _Past:
    """How a service has fared."""

    deaths: int = 0
    began: float = 0.0
    again_at: float | None = None


class Supervisor:
    """Starts a system, looks after it until it is told to stop, and stops it."""

    def __init__(self, system: LocalSystem, say: Say) -> None:
        self._system = system
        self._say = say
        self._stop = threading.Event()
        self._past: dict[str, _Past] = {}
        self._written: tuple[Process, ...] | None = None
        self._servers_at = 0.0

    def ask_to_stop(self) -> None:
        """End it cleanly; asked for twice, without waiting for what is in hand."""
        if self._stop.is_set():
            for part in list(self._system.parts):
                part.process.kill()
        self._stop.set()

    def run(self, started: Callable[[], None]) -> None:
        """Start, call back when all is ready, and return when it was stopped.

        Raises:
            goaround.local.DidNotStart, ServerError: It did not come up; what did was ended.
        """
        try:
            self._start()
            if not self._stop.is_set():
                started()
            while not self._stop.wait(_LOOK_S):
                self._look()
            self._say("stopping")
        finally:
            self._system.stop()
            upfile.forget(self._system.root)

    def _start(self) -> None:
        """Start beside the main thread, which is the one that signals are told to."""
        with ThreadPoolExecutor(max_workers=1) as pool:
            starting = pool.submit(self._system.start, self._say)
            while not starting.done():
                wait({starting}, timeout=_LOOK_S / 4)
                self._write()
                if self._stop.is_set():
                    for part in list(self._system.parts):
                        part.process.terminate()
        if not self._stop.is_set():
            starting.result()
        now = time.monotonic()
        self._past = {part.name: _Past(began=now) for part in self._system.parts}

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._servers_at > _SERVERS_S:
            self._servers_at = now
            self._look_at_servers()
        for part in list(self._system.parts):
            if part.process.poll() is not None:
                self._look_at_dead(part, now)
        self._write()

    def _look_at_dead(self, part: Part, now: float) -> None:
        past = self._past.setdefault(part.name, _Past(began=now))
        if past.again_at is None:
            past.deaths = 1 if now - past.began > _STEADY_S else past.deaths + 1
            pause_s = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (past.deaths - 1))
            past.again_at = now + pause_s
            code = part.process.returncode
            how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
            self._say(f"{part.name} {how}; started again in {pause_s:g} s (log: {part.log})")
        if now >= past.again_at:
            name, deaths = part.name, past.deaths
            again = self._system.respawn(part)
            self._past[name] = self._past[again.name] = _Past(deaths=deaths, began=now)

    def _look_at_servers(self) -> None:
        down = [s.server for s in self._system.servers.status() if not s.running]
        if not down:
            return
        self._say(f"{' and '.join(down)} ended; started again")
        try:
            self._system.servers.start()
        except ServerError as error:
            self._say(str(error))

    def _write(self) -> None:
        processes = tuple(
            Process(part.name, part.service, part.pid) for part in list(self._system.parts)
        )
        if processes == self._written:
            return
        self._written = processes
        system = self._system
        up = Up(os.getpid(), str(system.guides), str(system.workspace), processes)
        upfile.write(system.root, up)


def clear(root: Path) -> list[str]:
    """Stop the services that an `up` left behind, and return their names."""
    left = upfile.read(root)
    if left is None:
        return []
    alive = [process for process in left.processes if process.is_alive]
    for process in alive:
        marker = f"goaround_{process.service}"
        stop_process(process.pid, marker, signal.SIGTERM, _STOP_S)
    upfile.forget(root)
    return [process.name for process in alive]
