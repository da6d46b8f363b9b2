"""`release`: put one version of the shop behind its port, without losing a request.

The new process starts beside the old one and gets its listening socket; when it accepts, the old
one stops accepting, finishes what it has in hand, and ends. Whenever this command dies, the shop
goes on: the new process ends by itself unless it was told to serve, and the next command ends
whatever is left over. It never touches the database: see `migrate`.
"""

import argparse
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from goaround_shop.handover import READY, SERVE, SERVING, take
from goaround_shop.http11 import listen, port_of
from goaround_shop.instances import Damaged, Instance, Instances, Locked, Settings
from goaround_shop.process import say_port
from goaround_shop.releases import UnknownRelease, release


class CannotRelease(Exception):
    """The version was not put in place; what served before still does."""


def main(argv: Sequence[str]) -> int:
    """Release a version; exit 0 when it serves, 1 when what served before still does."""
    parser = argparse.ArgumentParser(prog="goaround_shop release", description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--state", type=Path, required=True, help="this service's directory")
    parser.add_argument("--within", type=float, default=30.0, help="seconds a start may take")
    kept = parser.add_argument_group("kept in the state directory after the first release")
    kept.add_argument("--host", help="127.0.0.1 if never given")
    kept.add_argument("--port", type=int, help="0 takes a free one")
    kept.add_argument("--database", default=os.environ.get("SHOP_DATABASE"))
    kept.add_argument("--log", type=Path, help="shop.log in the state directory if never given")
    kept.add_argument("--die-with-pid", type=int, help="stop when that process is gone")
    kept.add_argument("--degrade-after", type=float, help="seconds; for a release that degrades")
    parser.add_argument("--port-file", type=Path, help="where to write the port")
    args = parser.parse_args(argv[1:])
    instances = Instances(args.state)
    try:
        version = release(args.version).version
        with instances.alone():
            settings = _settings(instances, args)
            said, port = put_in_place(instances, version, settings, args.within)
            say_port(args.port_file, port)
    except UnknownRelease as error:
        parser.error(str(error))
    except (CannotRelease, Damaged, Locked) as error:
        parser.exit(1, f"{error}\n")
    print(said)
    return 0


def put_in_place(
    instances: Instances, version: str, settings: Settings, within_s: float
) -> tuple[str, int]:
    """Make `version` the one that serves; return what was done, and the port.

    Raises:
        CannotRelease: it did not start; whatever served before still does.
    """
    serving = instances.serving()
    if serving is not None and serving.version == version:
        instances.keep(replace(settings, port=serving.port))
        return f"{version} is already running (process {serving.process.pid})", serving.port
    with _listener(instances, serving, settings) as listener:
        port = port_of(listener)
        settings = replace(settings, port=port)
        pid = _start(instances, version, settings, listener, within_s)
        instances.keep(settings)
    if serving is None:
        return f"{version} serves port {port} (process {pid})", port
    drained = instances.end(serving)
    ending = "drained" if drained else "was killed: it did not drain in time"
    return f"{version} serves port {port} (process {pid}); {serving.version} {ending}", port


def _settings(instances: Instances, args: argparse.Namespace) -> Settings:
    """What was kept, with what is given now on top."""
    kept = instances.settings()
    database: str | None = args.database or (kept.database if kept else None)
    if database is None:
        raise CannotRelease("the first release needs --database (or $SHOP_DATABASE)")
    kept = kept or Settings("127.0.0.1", 0, database, str(instances.state / "shop.log"))
    return Settings(
        host=args.host or kept.host,
        port=kept.port if args.port is None else args.port,
        database=database,
        log=str(args.log.resolve()) if args.log else kept.log,
        die_with_pid=args.die_with_pid or kept.die_with_pid,
        degrade_after_s=args.degrade_after
        if args.degrade_after is not None
        else kept.degrade_after_s,
    )


def _listener(instances: Instances, serving: Instance | None, settings: Settings) -> socket.socket:
    if serving is None:
        try:
            return listen(settings.host, settings.port)
        except OSError as error:
            where = f"{settings.host}:{settings.port}"
            raise CannotRelease(f"cannot listen on {where}: {error}") from error
    if settings.port not in {0, serving.port}:
        raise CannotRelease(
            f"{serving.version} serves port {serving.port}; a release cannot move it to "
            f"{settings.port}: `stop` first"
        )
    try:
        return take(instances.run, serving.process.pid)
    except OSError as error:
        raise CannotRelease(
            f"process {serving.process.pid} ({serving.version}) does not hand its socket on: "
            f"{error}; `down` ends it"
        ) from error


def _start(
    instances: Instances, version: str, settings: Settings, listener: socket.socket, within_s: float
) -> int:
    """Start the version on the socket and see it serve; return its process id."""
    ours, theirs = socket.socketpair()
    output = instances.state / f"{version}.out"
    command = [sys.executable, "-m", "goaround_shop", "serve", "--release", version]
    command += ["--log", settings.log, "--state", str(instances.state)]
    command += ["--listen-fd", str(listener.fileno()), "--control-fd", str(theirs.fileno())]
    if settings.die_with_pid is not None:
        command += ["--die-with-pid", str(settings.die_with_pid)]
    if settings.degrade_after_s is not None:
        command += ["--degrade-after", str(settings.degrade_after_s)]
    with ours:
        with theirs, output.open("ab") as out:
            started = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                cwd=instances.state,
                env={**os.environ, "SHOP_DATABASE": settings.database},
                pass_fds=(listener.fileno(), theirs.fileno()),
                start_new_session=True,  # it outlives this command
            )
        ours.settimeout(within_s)
        try:
            if ours.recv(len(READY)) == READY:
                ours.sendall(SERVE)
                if ours.recv(len(SERVING)) == SERVING:
                    return started.pid
            why = f"ended with code {started.wait(within_s)}"
        except (OSError, subprocess.TimeoutExpired) as error:
            why = f"did not come up within {within_s:g} s ({error})"
            started.kill()
            started.wait()
    tail = output.read_text(errors="replace").strip().splitlines()[-1:]
    raise CannotRelease(f"{version} {why}; see {output}" + "".join(f": {line}" for line in tail))
