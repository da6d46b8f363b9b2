"""The client's part about what is tried before and learned after: rehearsals, corrections."""

import asyncio
import time
from typing import Literal

from goaround.asking import Asking, user_name, valid
from goaround.errors import Unreachable
from goaround_schemas import api, proving
from goaround_schemas.proving import CorrectionRow, RehearsalRow

WITHIN_S = 300.0
"""What a rehearsal may take where the orchestrator does not say: the guide's own default."""
SLACK_S = 60.0
"""Seconds for the queue and for restarts, beyond what the guide allows for a rehearsal."""
_FIRST_LOOK_S, _LOOK_S = 0.1, 2.0

State = Literal["open", "accepted", "dismissed"]


class Proving(Asking):
    """Questions and requests about rehearsals, and about corrections of guides."""

    async def rehearse(
        self, service: str, version: str, *, environment: str, requested_by: str | None = None
    ) -> proving.RehearsalStarted:
        """Have a version's migrations tried, there and back, on a scratch copy of the schema.

        It changes nothing that is deployed, and is no run. `rehearsed` waits for the result.
        """
        request = valid(
            proving.RehearseRequest,
            service=service,
            environment=environment,
            version=version,
            actor=requested_by or user_name(),
        )
        return await self._ask(proving.REHEARSALS_START, request, proving.RehearsalStarted)

    async def rehearsed(
        self, started: proving.RehearsalStarted, *, timeout_s: float | None = None
    ) -> RehearsalRow:
        """Return how a rehearsal went, once it has; waits as long as its guide allows, and a bit.

        Raises:
            TimeoutError: There is no result by then. It may still come, and be listed.
            Unreachable: Nobody answered when the time was up.
        """
        within_s = timeout_s
        if within_s is None:
            within_s = (started.within_s or WITHIN_S) + SLACK_S
        end, pause_s = time.monotonic() + within_s, _FIRST_LOOK_S
        query = proving.RehearsalQuery(rehearsal_id=started.rehearsal_id)
        while True:
            away: Unreachable | None = None
            try:
                found = await self._ask(proving.REHEARSALS_LIST, query, proving.RehearsalList)
            except Unreachable as error:
                # An orchestrator that is started again has not forgotten it.
                away = error
            else:
                if found.rehearsals:
                    return found.rehearsals[0]
            left_s = end - time.monotonic()
            if left_s <= 0:
                raise away or TimeoutError(f"no result of {started.rehearsal_id} in {within_s:g} s")
            await asyncio.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 1.5, _LOOK_S)

    async def rehearsals(
        self,
        *,
        service: str | None = None,
        environment: str | None = None,
        rehearsal_id: str | None = None,
        limit: int = 20,
    ) -> tuple[RehearsalRow, ...]:
        """Return rehearsals, newest first; `limit` is 500 at most."""
        query = valid(
            proving.RehearsalQuery,
            service=service,
            environment=environment,
            rehearsal_id=rehearsal_id,
            limit=limit,
        )
        return (await self._ask(proving.REHEARSALS_LIST, query, proving.RehearsalList)).rehearsals

    async def corrections(
        self,
        *,
        service: str | None = None,
        state: State | None = "open",
        correction_id: str | None = None,
        limit: int = 50,
    ) -> tuple[CorrectionRow, ...]:
        """Return what runs propose to correct in guides, newest first; all states if None."""
        query = valid(
            proving.CorrectionQuery,
            service=service,
            state=state,
            correction_id=correction_id,
            limit=limit,
        )
        return (
            await self._ask(proving.CORRECTIONS_LIST, query, proving.CorrectionList)
        ).corrections

    async def decide_correction(
        self,
        correction_id: str,
        decision: Literal["accepted", "dismissed"],
        *,
        because: str | None = None,
        requested_by: str | None = None,
    ) -> api.Accepted:
        """Put on record what becomes of a correction; the guide itself is not touched.

        What is dismissed is not proposed again. The same decision again is fine, another one is
        refused.
        """
        request = valid(
            proving.CorrectionDecision,
            correction_id=correction_id,
            decision=decision,
            actor=requested_by or user_name(),
            because=because,
        )
        return await self._ask(proving.CORRECTIONS_DECIDE, request, api.Accepted)
