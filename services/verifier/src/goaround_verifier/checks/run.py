"""run: a command ends as it should and prints what it should. It must change nothing."""

import os
import time
from collections.abc import Mapping

from goaround_schemas.guide import Check, RunExpectation
from goaround_verifier.checks.pattern import NotMatchable, matches
from goaround_verifier.checks.probe import LONGEST_VALUE, Mask, quote, quote_end, seconds
from goaround_verifier.checks.process import Ended, NotStarted, execute
from goaround_verifier.finding import Finding, errored, failed, hopeless, passed

_OURS = "GOAROUND_"
_LEAST_TO_MATCH_S = 0.5


def environment_for_checks(environ: Mapping[str, str]) -> dict[str, str]:
    """The worker's environment without the worker's own settings: its passwords are among them."""
    return {name: value for name, value in environ.items() if not name.startswith(_OURS)}


class RunProbe:
    """Runs the command and judges how it ended."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        """Return what was found within the time."""
        assert check.run is not None
        wanted, started = check.expect or RunExpectation(), time.monotonic()
        what = quote(" ".join(check.run), mask)
        try:
            ended = await execute(
                check.run,
                env={**environment_for_checks(self._environ), **check.env},
                directory=check.dir,
                timeout_s=timeout_s,
            )
        except NotStarted as error:
            return errored(f"{what}: not started, {quote(str(error), mask, 500)}")
        if ended.exit is None:
            told = f"{what}: not ended within {timeout_s:g} s, killed"
            return errored(told + _printed(ended, mask))
        said = f"{what} {_ended(ended.exit)} after {seconds(ended.seconds)}"
        if ended.exit != wanted.exit:
            return failed(f"{said}, wanted exit {wanted.exit}{_printed(ended, mask)}")
        printed = ended.out + ended.err
        if wanted.text is not None and wanted.text not in printed:
            lacks = f"did not print {quote(wanted.text, mask)!r}"
            return failed(f"{said}: it {lacks}{_printed(ended, mask)}")
        if wanted.matches is not None:
            left_s = max(timeout_s - (time.monotonic() - started), _LEAST_TO_MATCH_S)
            try:
                found = await matches(wanted.matches, printed, left_s)
            except NotMatchable as error:
                told = f"{said}: {quote(error.why, mask)}"
                return hopeless(told) if error.hopeless else errored(told)
            if not found:
                want = quote(wanted.matches, mask)
                return failed(f"{said}: what it printed does not match {want!r}"
                              f"{_printed(ended, mask)}")  # fmt: skip
        return passed(f"{said}{_printed(ended, mask)}", _value(ended.out, mask))


def _ended(code: int) -> str:
    return f"ended with exit {code}" if code >= 0 else f"was ended by signal {-code}"


def _printed(ended: Ended, mask: Mask) -> str:
    """What it said last, where people look first: its errors, else its output."""
    told = quote_end(ended.err.strip() or ended.out, mask)
    return f": {told}" if told else ""


def _value(out: str, mask: Mask) -> str | None:
    """What it printed, where that is one line: then it is a value."""
    lines = out.strip().splitlines()
    return quote(lines[0], mask, LONGEST_VALUE) if len(lines) == 1 else None
