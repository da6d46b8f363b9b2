"""Programs that die with the worker that started them, started without a copy of the worker.

A killed worker takes its programs with it: nobody would be there to judge them. The kernel sees to
that for a process that asks for it (PR_SET_PDEATHSIG of prctl(2)) between the fork and the program.
To ask from Python takes a fork of the whole worker, or an interpreter: ten or twenty milliseconds.
`setpriv` of util-linux asks within one, and a shell then looks whether the worker is still there,
since it may have died just before; two milliseconds in all.

The shell may look at the time as well (`StartBy`): a worker that stood still just before it started
a program starts it as it wakes, and a program that was not to be begun any more by then is not.

Only what these two start just as the kernel would is given to them: the program gets its own
arguments and environment, and the shell interprets nothing. Whoever asks has another way for the
rest (another system, a file that is no program, a variable that a shell would not hand on).
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from uuid import uuid4

SHELL = "/bin/dash"
"""The one shell that leaves the environment as it is, but for PWD."""
_TOOLS = "/usr/bin:/bin"
_TRIAL_S = 5.0
_UPTIME = Path("/proc/uptime")
_ALIVE = '[ "$PPID" = "$1" ] || exit 1; shift; '
_IN_TIME = (
    f"read -r goaround_up goaround_idle <{_UPTIME} "
    '&& [ "${goaround_up%.*}${goaround_up#*.}" -lt "$1" ] || { echo "$2" >&2; exit 1; }; shift 2; '
)
_WITHOUT_PWD = "unset PWD; "
_BECOME = 'exec "$@"'
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_THE_SHELLS_OWN = frozenset({"IFS", "OPTIND", "PPID", "goaround_up", "goaround_idle"})
_HEAD = 256
"""Bytes of a program that tell what it is; an interpreter's line may have as many."""


@dataclass(frozen=True, slots=True)
class StartBy:
    """A moment from which on a program is not begun; `word` is what is printed in its stead.

    To standard error, and alone on its line: no program can know it.
    """

    uptime_cs: int
    """By the system's own count of time, in hundredths of a second."""
    word: str

    @classmethod
    def within(cls, seconds: float, since_cs: int) -> "StartBy":
        """Return the moment so many seconds after `uptime_cs` was asked."""
        return cls(since_cs + int(seconds * 100), f"too late: {uuid4().hex}")


def uptime_cs() -> int | None:
    """Return how long the system has been up, in hundredths of a second; None if it cannot tell.

    Ask before you look at how much time is left: who stands still in between is then too late.
    """
    try:
        up = _UPTIME.read_text().split()[0]
        return int(up.replace(".", ""))
    except (OSError, ValueError, IndexError):
        return None


def tied(
    argv: Sequence[str],
    env: Mapping[str, str],
    directory: str | None = None,
    start_by: StartBy | None = None,
) -> list[str] | None:
    """Return the command that becomes this program, and dies with this process; None if none can.

    It must be started by this very process, with just that environment and in that directory.
    """
    program = argv[0]
    setpriv = _setpriv()
    if setpriv is None or program.startswith("-") or not _is_handed_on(env):
        return None
    found = _found(program, env, directory)
    if found is None or not _is_program(found):
        return None
    told = [str(os.getpid())]
    script = _ALIVE
    if start_by is not None:
        told += [str(start_by.uptime_cs), start_by.word]
        script += _IN_TIME
    script += _BECOME if "PWD" in env else _WITHOUT_PWD + _BECOME
    return [setpriv, "--pdeathsig", "KILL", SHELL, "-c", script, "sh", *told, *argv]


@cache
def _setpriv() -> str | None:
    """Find a setpriv that can do it here, beside the shell."""
    setpriv = shutil.which("setpriv", path=_TOOLS) if sys.platform == "linux" else None
    if setpriv is None or not os.access(SHELL, os.X_OK):
        return None
    trial = [setpriv, "--pdeathsig", "KILL", SHELL, "-c", ":"]
    quiet = subprocess.DEVNULL
    try:
        ended = subprocess.run(
            trial, check=False, timeout=_TRIAL_S, stdin=quiet, stdout=quiet, stderr=quiet
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if ended.returncode else setpriv


def _is_handed_on(env: Mapping[str, str]) -> bool:
    """Whether a shell hands on every variable as it is, and none changes how it starts itself."""
    return "PATH" in env and not any(
        name in _THE_SHELLS_OWN or name.startswith("LD_") or not _PLAIN.fullmatch(name)
        for name in env
    )


def _found(program: str, env: Mapping[str, str], directory: str | None) -> Path | None:
    if "/" in program:
        return Path(directory or "", program)
    folders = env["PATH"].split(os.pathsep)
    if not all(folder.startswith("/") for folder in folders):
        return None  # it depends on the directory, which may be another one for us
    found = shutil.which(program, path=env["PATH"])
    return Path(found) if found else None


def _is_program(path: Path, *, as_interpreter: bool = False) -> bool:
    """Whether the kernel starts this file: for this machine, or by an interpreter that is."""
    head = _head(path)
    if head.startswith(b"\x7fELF"):
        return _machine(head) == _own_machine()
    if as_interpreter or not head.startswith(b"#!"):
        return False
    line, ended, _ = head[2:].partition(b"\n")
    interpreter = os.fsdecode(line.split()[0]) if ended and line.split() else ""
    return interpreter.startswith("/") and _is_program(Path(interpreter), as_interpreter=True)


def _head(path: Path) -> bytes:
    try:
        if not path.is_file() or not os.access(path, os.X_OK):
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD)
    except (OSError, ValueError):
        return b""


def _machine(head: bytes) -> tuple[bytes, bytes]:
    """Return an ELF file's class and byte order, and its machine (elf(5))."""
    return head[4:6], head[18:20]


@cache
def _own_machine() -> tuple[bytes, bytes]:
    return _machine(_head(Path("/proc/self/exe")))
