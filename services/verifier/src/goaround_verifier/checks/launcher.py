"""Run as a script: becomes a check's program, tied to the life of the worker that asked.

A worker that is killed takes its checks' programs with it: the kernel is told so here, between
the fork and the program, where an ordinary child may still run code. What keeps the program from
starting goes to the descriptor that is named first. Imports nothing of goaround.
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Become `argv[3:]`; `argv[1]` takes an error's number, `argv[2]` is the worker's pid."""
    status, worker, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    os.set_inheritable(status, False)
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != worker:
            os._exit(1)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(status, str(error.errno).encode())
        os._exit(127)


if __name__ == "__main__":
    main()
