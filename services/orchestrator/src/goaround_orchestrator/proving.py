"""What is answered about rehearsals, and about corrections of guides.

A rehearsal that is asked for here is no run: it moves nothing, waits for nobody, and its result is
listed under its id when the deployer has told it. A correction is decided on once; the guide itself
is changed by whoever keeps it, never here.
"""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import uuid4

import structlog

from goaround_chassis.clock import Clock
from goaround_guidebook import Context, Unresolved
from goaround_orchestrator.commands import PinnedGuide, inspection
from goaround_orchestrator.handlers import Guides
from goaround_orchestrator.ledger import Ledger, Letter
from goaround_orchestrator.proofs import ALONE
from goaround_orchestrator.replies import (
    Answer,
    Wrong,
    answering,
    environment_of,
    guide_of,
)
from goaround_orchestrator.run import Landing
from goaround_schemas import api, proving
from goaround_schemas.envelope import Payload, derived_id
from goaround_schemas.procedure import WorkInspect, WorkInspectData
from goaround_schemas.proving import CorrectionRow, RehearseRequest

P = TypeVar("P", bound=Payload)

log = structlog.stdlib.get_logger()

MOST_TOLD = 920_000
"""Bytes of rows in one answer. It must fit into a reply of 1 MiB."""


class ProvingAnswers:
    """The subjects of `api.>` that are about rehearsals and corrections."""

    def __init__(self, ledger: Ledger, guides: Guides, clock: Clock) -> None:
        self._ledger = ledger
        self._guides = guides
        self._clock = clock

    def by_subject(self) -> dict[str, Answer]:
        """Subject to a function from the request's bytes to the reply's."""
        return {
            proving.REHEARSALS_START: answering(RehearseRequest, self._rehearse),
            proving.REHEARSALS_LIST: answering(proving.RehearsalQuery, self._rehearsals),
            proving.CORRECTIONS_LIST: answering(proving.CorrectionQuery, self._corrections),
            proving.CORRECTIONS_DECIDE: answering(proving.CorrectionDecision, self._decide),
        }

    async def _rehearse(self, request: RehearseRequest) -> Payload:
        pinned = guide_of(self._guides, request.service)
        id_ = ALONE + uuid4().hex[:12]
        async with self._ledger.unit() as unit:
            running = await unit.running(request.service, request.environment)
            data = ordered(request, id_, pinned, running)
            await unit.send([Letter(_command(data, self._clock))])
        log.info("rehearsal asked for", rehearsal_id=id_, **request.model_dump())
        how = data.migrations.rehearse
        within_s = how.within.total_seconds() if how else None
        return proving.RehearsalStarted(rehearsal_id=id_, within_s=within_s)

    async def _rehearsals(self, query: proving.RehearsalQuery) -> Payload:
        rows = await self._ledger.rehearsals(query)
        return proving.RehearsalList(rehearsals=_fitting(rows, "rehearsals"))

    async def _corrections(self, query: proving.CorrectionQuery) -> Payload:
        rows = await self._ledger.corrections(query)
        return proving.CorrectionList(corrections=_fitting(rows, "corrections"))

    async def _decide(self, said: proving.CorrectionDecision) -> Payload:
        async with self._ledger.unit() as unit:
            row = await unit.decide(said, self._clock.now())
        if row is None:
            raise Wrong(
                f"no correction has the id {said.correction_id!r}; "
                "goaround guide corrections --state all lists them"
            )
        if row.state != said.decision:
            raise Wrong(f"correction {said.correction_id} {_stands(row)}; that stays so")
        log.info("correction decided", **said.model_dump())
        return api.Accepted(run_id="", what=f"correction {said.correction_id} is {row.state}")


def ordered(
    request: RehearseRequest, id_: str, pinned: PinnedGuide, running: Landing | None
) -> WorkInspectData:
    """Return what the deployer is to rehearse. Pure.

    Raises:
        Wrong: The guide does not say how, or not for there; the message says what to add.
    """
    guide = pinned.guide
    environment_of(pinned, request.environment)
    if guide.deploy.migrations is None:
        raise Wrong(f"{pinned.name} has no deploy.migrations: there is nothing to rehearse")
    if guide.deploy.migrations.rehearse is None:
        raise Wrong(
            f"{pinned.name} does not say where to rehearse: add to deploy.migrations "
            "rehearse: {server: '${env:SCRATCH_DATABASE_URL}'}, the reference of a PostgreSQL "
            "server on which databases may be made and dropped"
        )
    stage = guide.stages[0]
    context = Context(
        version=request.version,
        previous_version=running.version if running else None,
        environment=request.environment,
        run_id=id_,
        stage_name=stage.name,
        stage_weight=stage.weight,
        vars=guide.environments[request.environment].vars,
    )
    try:
        return inspection(guide, context, service=request.service, run_id=id_, rehearse=True)
    except Unresolved as exc:
        where = f"for {request.version} in {request.environment}"
        raise Wrong(f"{pinned.name}, {where}: {exc}") from exc


def _command(data: WorkInspectData, clock: Clock) -> WorkInspect:
    document: dict[str, Any] = {
        "id": derived_id("rehearse", data.run_id),
        "source": "orchestrator",
        "subject": data.run_id,
        "time": clock.now(),
        "correlationid": data.run_id,
        "data": data,
    }
    return WorkInspect.model_validate(document)


def _stands(row: CorrectionRow) -> str:
    when = f" on {row.decided_at:%Y-%m-%d}" if row.decided_at else ""
    why = f": {row.because}" if row.because else ""
    return f"was {row.state} by {row.actor}{when}{why}"


def _fitting(rows: Sequence[P], what: str) -> tuple[P, ...]:
    """Return the rows if they fit into one reply; a part of them would look like all there are."""
    left = MOST_TOLD
    for fitting, row in enumerate(rows):
        left -= len(row.model_dump_json().encode()) + 1
        if left < 0 and fitting:
            raise Wrong(
                f"{len(rows)} {what} are too much for one answer: ask for {fitting} at most "
                f"(--limit {fitting}), or of one service"
            )
    return tuple(rows)
