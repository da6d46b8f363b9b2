"""A stand-in for what changes the world, for tests of everything around it.

It passes the suite of the real one. Programs are known by their argument list; what is not
known is not found.
"""

import asyncio
from collections.abc import Callable, Mapping

from goaround_deployer.runner import Attempt, ensure_in_time
from goaround_schemas.guide.step import Step

Does = Callable[[], Attempt]


class ScriptedRunner:
    """Does what it was told that a program does, and keeps what it was asked to run, in order."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self._programs: dict[tuple[str, ...], Does | None] = {}

    def teach(self, *argv: str, does: Does | None = None) -> None:
        """Know a program from now on; without `does` it runs until it is stopped."""
        self._programs[argv] = does

    async def run(
        self,
        step: Step,
        values: Mapping[str, str],
        stop: asyncio.Event,
        *,
        start_by: float | None = None,
    ) -> Attempt:
        """Do what the program does, and return what came of it."""
        argv = step.run or ()
        ensure_in_time(start_by)
        if argv not in self._programs:
            return Attempt("errored", f"program {step.name!r} was not found", begun=False)
        self.asked.append(argv)
        does = self._programs[argv]
        if does is not None:
            return does()
        try:
            async with asyncio.timeout(step.timeout.total_seconds()):
                await stop.wait()
        except TimeoutError:
            return Attempt(
                "failed", f"did not end within {step.timeout.total_seconds():g} s; stopped"
            )
        return Attempt("stopped", "stopped while it ran")
