"""A step to the one that can do it, with its secrets put in on this worker and masked in words."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from goaround_deployer.runner import Attempt
from goaround_deployer.steps.http import HttpRequests
from goaround_deployer.steps.program import Programs
from goaround_deployer.steps.secret import Unresolved, reveal
from goaround_schemas.guide.step import Step


@dataclass(frozen=True)
class StepRunner:
    """Does steps of every kind on this worker."""

    programs: Programs
    requests: HttpRequests
    worker: Mapping[str, str]

    async def run(
        self,
        step: Step,
        values: Mapping[str, str],
        stop: asyncio.Event,
        *,
        start_by: float | None = None,
    ) -> Attempt:
        """Do a step once and return what came of it; leave off soon once `stop` is set."""
        try:
            revealed = reveal(step, self.worker)
        except Unresolved as error:
            return Attempt("errored", error.why, begun=False)
        plain, mask = revealed.step, revealed.mask
        if plain.http is not None:
            attempt = await self.requests.send(plain, plain.http, stop, start_by)
        elif plain.script is not None:
            attempt = await self.programs.script(
                plain, plain.script, values, stop, revealed.screen, start_by=start_by
            )
        else:
            attempt = await self.programs.run(
                plain, plain.run or (), values, stop, revealed.screen, start_by=start_by
            )
        return Attempt(
            attempt.outcome,
            mask(attempt.detail),
            mask(attempt.output),
            attempt.begun,
            mask(attempt.value),
        )
