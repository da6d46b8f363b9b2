"""Doing a step, as the one who journals it sees it."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from goaround_schemas.guide.step import Step


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one try.

    `begun` False: nothing was done, for sure. `unknown`: it was begun, and nobody can say whether
    it was done. `stopped`: it was, because it was asked to be. `value` is the last thing printed
    to standard output, for a command that is asked a question.
    """

    outcome: Literal["done", "failed", "errored", "unknown", "stopped"]
    detail: str
    output: str = ""
    begun: bool = True
    value: str = ""


class TooLate(Exception):
    """The step was not to be begun any more, and was not."""


def ensure_in_time(start_by: float | None) -> None:
    """Return if something may be begun now, by the event loop's clock; None: at any time.

    Raises:
        TooLate: It may not.
    """
    if start_by is not None and asyncio.get_running_loop().time() >= start_by:
        raise TooLate


class Runner(Protocol):
    """What changes the world."""

    async def run(
        self,
        step: Step,
        values: Mapping[str, str],
        stop: asyncio.Event,
        *,
        start_by: float | None = None,
    ) -> Attempt:
        """Do a step once and return what came of it; leave off soon once `stop` is set.

        Whatever goes wrong is a result. Being cancelled kills what runs, at once. From `start_by`
        on, by the event loop's clock, it is not begun: its worker has stood still meanwhile.

        Raises:
            TooLate: It was not begun.
        """
        ...
