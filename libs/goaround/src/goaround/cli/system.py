"""`up`, `down`, `status`: the whole system on this machine, below one folder."""

import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from goaround import probe, upfile
from goaround.cli import narration, options, outcome
from goaround.cli.screen import Screen
from goaround.cli.session import Failed, ask
from goaround.cli.table import Cell, Table
from goaround.embedded import EmbeddedServers, ServerError
from goaround.embedded.process import wait_until
from goaround.place import URL_VARIABLE, root_of

if TYPE_CHECKING:
    from goaround.client import Goaround
    from goaround.local import LocalSystem

_STOP_S = 60.0


def up(
    root: options.Root = None,
    guides: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the deployment guides are.")
    ] = Path("guides"),
    workspace: Annotated[
        Path, typer.Option(metavar="DIR", help="Where guides' commands run, and records are kept.")
    ] = Path(),
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The bus' port; 0 takes a free one and keeps it.")
    ] = 0,
) -> int:
    """Start the whole system on this machine, and keep it up until Ctrl-C.

    NATS and PostgreSQL of its own, and every service as a process; what it keeps stays in the
    folder. A service that dies is started again.
    """
    # It brings the bus' client with it, which takes most of a second to import.
    from goaround.local import DidNotStart, LocalSystem
    from goaround.supervision import Supervisor, clear
    from goaround_chassis.telemetry import start_logging

    start_logging("goaround", "error", "console")
    screen = Screen()
    folder = root_of(root)
    if not workspace.is_dir():
        raise Failed(f"the workspace {workspace} is no folder; make it, or name another")
    try:
        with upfile.held(folder):
            for name in clear(folder):
                screen.line(f"stopped {name}, which an earlier system had left behind")
            system = LocalSystem(folder, guides.resolve(), workspace.resolve(), nats_port=port)
            supervisor = Supervisor(system, screen.line)

            def asked_to_stop(_number: int, _frame: FrameType | None) -> None:
                supervisor.ask_to_stop()

            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                # Under nohup, the end of the terminal is to be ignored.
                if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                    signal.signal(number, asked_to_stop)
            began = time.monotonic()
            supervisor.run(lambda: _tell(screen, system, time.monotonic() - began))
    except upfile.OneRuns as error:
        raise Failed(str(error)) from error
    except (DidNotStart, ServerError, OSError) as error:
        screen.note(str(error), "")
        raise Failed("the local system did not start, as said above") from error
    screen.line("stopped")
    return outcome.DONE


def down(root: options.Root = None) -> int:
    """Stop the local system: the `up` that runs, or what a killed one left behind."""
    from goaround.supervision import clear

    screen = Screen()
    folder = root_of(root)
    left = upfile.read(folder)
    if upfile.is_held(folder) and left is not None:
        os.kill(left.pid, signal.SIGTERM)
        if not wait_until(lambda: not upfile.is_held(folder), _STOP_S):
            raise Failed(f"goaround up (pid {left.pid}) has not ended in {_STOP_S:g} s")
        screen.line(f"stopped goaround up (pid {left.pid}) and all it had started")
        return outcome.DONE
    stopped = clear(folder)
    servers = EmbeddedServers(folder)
    try:
        stopped += [s.server for s in servers.status() if s.running]
        servers.stop()
    except ServerError as error:
        raise Failed(str(error)) from error
    screen.line(f"stopped {', '.join(stopped)}" if stopped else f"nothing runs in {folder}")
    return outcome.DONE


def status(url: options.Url = None, root: options.Root = None, json: options.Json = False) -> int:
    """Show whether the system runs: each part of a local one, or a named bus and who answers."""
    screen = Screen()
    if url or (root is None and os.environ.get(URL_VARIABLE)):
        return _remote(screen, url, json=json)
    folder = root_of(root)
    left = upfile.read(folder)
    rows = [*_servers(folder), *_services(folder, left)]
    ready = bool(left) and all(row["state"] in ("runs", "ready") for row in rows)
    if json:
        pid = left.pid if left and upfile.is_held(folder) else None
        screen.document({"root": str(folder), "up": pid, "ready": ready, "parts": rows})
        return outcome.DONE if ready else outcome.REFUSED
    table = Table(("PART", "STATE", "PID", "WHERE", "LOG"))
    for row in rows:
        style = narration.GOOD if row["state"] in ("runs", "ready") else narration.BAD
        table.add(row["part"], Cell(row["state"], style), row["pid"], row["where"], row["log"])
    screen.table(table)
    if left is None:
        screen.note(f"no local system runs in {folder}: goaround up")
    elif not upfile.is_held(folder):
        screen.note("goaround up was killed; this is what it left: goaround down, or up again")
    return outcome.DONE if ready else outcome.REFUSED


def _servers(folder: Path) -> list[dict[str, str]]:
    return [
        {
            "part": found.server,
            "state": "runs" if found.running else "down",
            "pid": str(found.pid or ""),
            "where": found.address,
            "log": str(found.log),
        }
        for found in EmbeddedServers(folder).status()
    ]


def _services(folder: Path, left: upfile.Up | None) -> list[dict[str, str]]:
    logs = folder / "logs"
    return [
        {
            "part": process.name,
            "state": _state(logs, process),
            "pid": str(process.pid),
            "where": probe.address(logs / f"{process.name}.port") or "",
            "log": str(logs / f"{process.name}.log"),
        }
        for process in (left.processes if left else ())
    ]


def _state(logs: Path, process: upfile.Process) -> str:
    if not process.is_alive:
        return "down"
    where = probe.address(logs / f"{process.name}.port")
    if where is None:
        return "starting"
    try:
        return "not ready" if probe.not_ready(where) is not None else "ready"
    except OSError:
        return "not ready"


def _tell(screen: Screen, system: "LocalSystem", took_s: float) -> None:
    screen.line(f"up in {took_s:.1f} s (pid {os.getpid()}); Ctrl-C stops it", narration.GOOD)
    where = {
        "bus": f"{system.nats_url} (this folder's commands find it; as others: goaround users)",
        "guides": str(system.guides) + ("" if system.guides.is_dir() else " (is not there yet)"),
        "workspace": str(system.workspace),
        "logs": str(system.root / "logs"),
    }
    probes = {part.name: f"{part.probes}/ready" for part in system.parts}
    for name, said in (where | probes).items():
        screen.line(f"  {name:<12} {said}")


def _remote(screen: Screen, url: str | None, *, json: bool) -> int:
    async def asked(g: "Goaround") -> float:
        began = time.monotonic()
        await g.runs(limit=1)
        return time.monotonic() - began

    took_ms = round(ask(url, None, asked) * 1000, 1)
    if json:
        screen.document({"ready": True, "orchestrator_ms": took_ms})
    else:
        screen.line(f"the bus is there, and an orchestrator answers in {took_ms:g} ms")
    return outcome.DONE
