"""Steps that run a program or a script."""

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from goaround_deployer.environment import environment
from goaround_deployer.output import last_lines, last_word
from goaround_deployer.process import TERM_GRACE_S, Ended, NotStarted, Program, Screen, run
from goaround_deployer.runner import Attempt
from goaround_schemas.guide.step import GOAROUND_SQL, Step

_SHELL = "/bin/sh"
# Ours, so that it need not be on the PATH; without -P a file in `dir` could stand in for a module.
_SQL = (sys.executable, "-P", "-m", "goaround_migrating")


@dataclass(frozen=True)
class Programs:
    """Runs programs with what this worker lets through of its own environment."""

    worker: Mapping[str, str]
    passed: tuple[str, ...] = ()
    term_grace_s: float = TERM_GRACE_S

    async def run(
        self,
        step: Step,
        argv: tuple[str, ...],
        values: Mapping[str, str],
        stop: asyncio.Event,
        screen: Callable[[], Screen],
        *,
        pass_fds: tuple[int, ...] = (),
        start_by: float | None = None,
    ) -> Attempt:
        """Run an argument list, and read its end from its exit code.

        Raises:
            TooLate: It was not begun.
        """
        program = replace(self._program(step, argv, values, pass_fds), start_by=start_by)
        try:
            ended = await run(program, stop, screen)
        except NotStarted as error:
            return Attempt("errored", error.why, begun=False)
        return _judged(ended, program.timeout_s)

    async def ask(
        self,
        step: Step,
        values: Mapping[str, str],
        stop: asyncio.Event,
        screen: Callable[[], Screen],
        most_stdout: int,
    ) -> Ended:
        """Run a step's argument list for what it prints to standard output, so much at most.

        Raises:
            NotStarted: With the reason and what to do.
        """
        program = self._program(step, step.run or (), values)
        return await run(replace(program, most_stdout=most_stdout), stop, screen)

    def _program(
        self,
        step: Step,
        argv: tuple[str, ...],
        values: Mapping[str, str],
        pass_fds: tuple[int, ...] = (),
    ) -> Program:
        return Program(
            argv=(*_SQL, *argv[1:]) if argv[0] == GOAROUND_SQL else argv,
            env=environment(self.worker, self.passed, values, step.env),
            timeout_s=step.timeout.total_seconds(),
            dir=step.dir,
            pass_fds=pass_fds,
            term_grace_s=self.term_grace_s,
        )

    async def script(
        self,
        step: Step,
        text: str,
        values: Mapping[str, str],
        stop: asyncio.Event,
        screen: Callable[[], Screen],
        *,
        start_by: float | None = None,
    ) -> Attempt:
        """Give a text to `/bin/sh -e`, which stops at the first command that fails.

        The text is in a file that has no name and ends with the step; standard input stays empty,
        so that no command in it can read the rest of the text.
        """
        with tempfile.TemporaryFile(buffering=0) as file:
            file.write(text.encode())
            file.seek(0)
            number = file.fileno()
            argv = (_SHELL, "-e", f"/dev/fd/{number}")
            fds = (number,)
            return await self.run(step, argv, values, stop, screen, pass_fds=fds, start_by=start_by)


def worker_environment() -> Mapping[str, str]:
    """Return this process's environment, for `app` alone to pass on."""
    return dict(os.environ)


def printed_by(ended: Ended) -> str:
    """Return the end of a sentence on a program: what it printed last."""
    said = last_lines(ended.output)
    return f"; it printed: {said}" if said else ", and printed nothing"


def _judged(ended: Ended, timeout_s: float) -> Attempt:
    printed = printed_by(ended)
    match ended.how:
        case "stopped":
            return Attempt("stopped", "stopped while it ran", ended.output)
        case "timed_out":
            why = f"did not end within {timeout_s:g} s; stopped{printed}"
            return Attempt("failed", why, ended.output)
        case "exited" if ended.code == 0:
            return Attempt("done", "exit code 0", ended.output, value=last_word(ended.stdout))
        case "exited":
            return Attempt("failed", f"{_code(ended.code)}{printed}", ended.output)


def _code(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"killed by signal {-code}"
