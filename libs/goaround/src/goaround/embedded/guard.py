"""Run as a script: ends one server when the launcher that holds our standard input is gone.

Started before the server, told its pid in one line. Imports nothing of goaround, so that it is up
in milliseconds, and ignores what a terminal sends. Never touches files.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

GRACE_S = 10.0  # what the server gets for a clean end before it is killed


def first_of(pid: int, launcher: list[int], timeout_s: float | None) -> str:
    """Return who is gone first, "server" or "launcher"; "" when the time is up.

    The launcher is its end of our standard input: an empty list looks at the server alone.
    """
    if hasattr(os, "pidfd_open"):
        try:
            server = os.pidfd_open(pid)
        except ProcessLookupError:
            return "server"
        ready, _, _ = select.select([*launcher, server], [], [], timeout_s)
        os.close(server)
        if server in ready:
            return "server"
        return "launcher" if ready else ""
    end = None if timeout_s is None else time.monotonic() + timeout_s
    while end is None or time.monotonic() < end:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return "server"
        if select.select(launcher, [], [], 0.1)[0]:
            return "launcher"
    return ""


def main() -> None:
    """Wait for the launcher's end, then end the server: asked first, killed after the grace."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = sys.stdin.buffer.readline().split()
    if not line:  # the launcher left before it started anything
        return
    pid, gentle = int(line[0]), int(line[1])
    if first_of(pid, [0], None) == "server":
        return
    try:
        os.kill(pid, gentle)
        if first_of(pid, [], GRACE_S) != "server":
            os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


if __name__ == "__main__":
    main()
