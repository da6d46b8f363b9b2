"""Stand-ins for the ports of this package, for tests. The pace passes the suite of the real one."""

import asyncio
import json
import re
from collections.abc import Callable, Mapping

from goaround_schemas.guide import Check
from goaround_verifier.checks.probe import Mask
from goaround_verifier.finding import Finding
from goaround_verifier.secret import Missing, Opened

_REFERENCE = re.compile(r"\$\{[a-z]+:[^}]*\}")


class JumpingPace:
    """Time that passes only where somebody sleeps, and then at once."""

    def __init__(self) -> None:
        self._now = 0.0
        self.slept: list[float] = []

    def seconds(self) -> float:
        """Return the seconds that were slept, and passed, so far."""
        return self._now

    def skip(self, seconds: float) -> None:
        """Let time pass without a sleep, as work does."""
        self._now += seconds

    async def sleep(self, seconds: float) -> None:
        """Jump ahead by so many seconds, others having had their turn."""
        until = self._now + seconds
        self.slept.append(seconds)
        await asyncio.sleep(0)
        self._now = max(self._now, until)


class ScriptedProbe:
    """Answers each try with the next finding of a list, and then for ever with the last.

    A script may be a function of the check too, or hold an error to be raised.
    """

    def __init__(self, *script: Finding | Exception | Callable[[Check], Finding]) -> None:
        self._script = script
        self.asked: list[Check] = []

    async def ask(self, check: Check, timeout_s: float, mask: Mask) -> Finding:
        """Return what the script says next."""
        self.asked.append(check)
        says = self._script[min(len(self.asked), len(self._script)) - 1]
        await asyncio.sleep(0)
        if isinstance(says, Exception):
            raise says
        return says if isinstance(says, Finding) else says(check)


class PlainSecrets:
    """Knows the values it was given, by reference; a reference that it lacks is missing."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = dict(values or {})

    def open(self, check: Check) -> Opened:
        """Return the check with every reference replaced."""
        text = check.model_dump_json(exclude_none=True)
        for reference, value in self._values.items():
            text = text.replace(reference, json.dumps(value)[1:-1])
        if found := _REFERENCE.search(text):
            raise Missing(f"{found[0]} is not set")
        return Opened(Check.model_validate_json(text), self._hide)

    def _hide(self, text: str) -> str:
        for value in self._values.values():
            text = text.replace(value, "***")
        return text
