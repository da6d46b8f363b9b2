"""Migrations tried on a scratch copy, with the previous version's smoke steps between.

Bounded in time by the guide's `within`; what it still runs then is ended, and the copy dropped.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from goaround_chassis.clock import Clock
from goaround_deployer.database import database_at, database_of, kept_by_tools
from goaround_deployer.journal import tail
from goaround_deployer.runner import Attempt, Runner
from goaround_deployer.scratch import SCRATCH, ScratchTool
from goaround_deployer.steps.http import HttpRequests
from goaround_deployer.steps.kinds import StepRunner
from goaround_deployer.steps.program import Programs
from goaround_deployer.tooling import NotTold
from goaround_migrating.rehearsing import Rehearsed, ToolFailed, rehearse
from goaround_schemas.guide.step import Rehearsal, Step
from goaround_schemas.procedure import RehearsalResult, StepResult, WorkInspectData

_MOST_REASON = 2000
_MOST_DETAIL = 600
# The whole answer has to fit into a message, beside what is said of the migrations.
_MOST_SMOKE_BYTES = 30_000
_MOST_DIFFERENCES = 60
_MOST_DIFFERENCE = 300


@dataclass(frozen=True)
class ScratchRehearsals:
    """Rehearses on servers that this worker can reach."""

    programs: Programs
    requests: HttpRequests
    worker: Mapping[str, str]
    clock: Clock

    async def rehearse(self, data: WorkInspectData, /) -> RehearsalResult:
        """Return how it went; whatever goes wrong is a result."""
        wanted = data.migrations.rehearse
        assert wanted is not None, "asked only where the guide says how"
        at = self.clock.now()
        began = asyncio.get_running_loop().time()
        smoked: list[StepResult] = []
        try:
            async with asyncio.timeout(wanted.within.total_seconds()):
                done = await self._rehearsed(data, wanted, smoked)
        except NotTold as error:
            done = Rehearsed[None]("errored", error.why, 0.0)
        except TimeoutError:
            limit_s = wanted.within.total_seconds()
            why = f"it did not end within {limit_s:g} s (deploy.migrations.rehearse.within)"
            done = Rehearsed[None]("errored", why, asyncio.get_running_loop().time() - began)
        return RehearsalResult(
            outcome=done.outcome,
            reason=done.reason[:_MOST_REASON],
            at=at,
            seconds=round(done.seconds, 3),
            up_s=_ms(done.up_s),
            down_s=_ms(done.down_s),
            again_s=_ms(done.again_s),
            copied_by=done.copied_by,
            smoke=tuple(smoked),
            difference=tuple(d[:_MOST_DIFFERENCE] for d in done.difference[:_MOST_DIFFERENCES]),
        )

    async def _rehearsed(
        self, data: WorkInspectData, wanted: Rehearsal, smoked: list[StepResult]
    ) -> Rehearsed[None]:
        database = database_of(data.migrations, self.worker)
        assert database is not None, "a guide that rehearses names its database"
        server = database_at(wanted.server, self.worker, "deploy.migrations.rehearse.server")
        tool = ScratchTool(data.migrations, database, self.programs, self.worker, data.values)

        async def smoke(url: str) -> tuple[bool, str, None]:
            runner = StepRunner(self.programs, self.requests, tool.worker_with(url))
            went_well, said = await _Smoke(data, wanted, runner, self.clock, smoked).run()
            return went_well, said, None

        return await rehearse(
            database.url,
            server.url,
            tool,
            name=f"{data.service}_{data.environment}",
            smoke=smoke if wanted.smoke else None,
            bookkeeping=kept_by_tools(data.migrations),
        )


@dataclass(frozen=True)
class _Smoke:
    """What the previous version must still be able to do with the new schema; `results`: did."""

    data: WorkInspectData
    wanted: Rehearsal
    runner: Runner
    clock: Clock
    results: list[StepResult]

    async def run(self) -> tuple[bool, str]:
        """Do the steps on the copy; whether all went well, and one sentence.

        Raises:
            ToolFailed: A step could not be run at all, which says nothing of the schema.
        """
        for step in self.wanted.smoke:
            attempt = await self._done(step)
            if attempt.outcome == "errored":
                raise ToolFailed(f"smoke step {step.name!r} could not be run: {attempt.detail}")
            if attempt.outcome != "done":
                return False, f"smoke step {step.name!r}: {attempt.detail}"
        version = self.data.previous_version or "the previous version"
        return True, f"{version} did all {len(self.results)} smoke steps on the new schema"

    async def _done(self, step: Step) -> Attempt:
        loop = asyncio.get_running_loop()
        at, began, tries = self.clock.now(), loop.time(), 0
        where = self.data.migrations.database_env
        assert where is not None, "a guide that rehearses says where the URL is wanted"
        aimed = step.model_copy(update={"env": {**step.env, where: SCRATCH}})
        while True:
            tries += 1
            attempt = await self.runner.run(aimed, self.data.values, asyncio.Event())
            if attempt.outcome == "done" or tries > step.retries:
                break
        self.results.append(
            StepResult(
                name=step.name,
                kind="step",
                outcome="unknown" if attempt.outcome == "stopped" else attempt.outcome,
                detail=attempt.detail[:_MOST_DETAIL],
                output=tail(attempt.output, _MOST_SMOKE_BYTES // len(self.wanted.smoke)),
                attempts=tries,
                started_at=at,
                seconds=round(loop.time() - began, 3),
            )
        )
        return attempt


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
