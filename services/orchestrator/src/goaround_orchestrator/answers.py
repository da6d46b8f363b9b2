"""What the orchestrator answers when it is asked: over request and reply, a refusal with a reason.

Reading needs no lock; everything that moves a run goes through the one decision.
"""

from collections.abc import Awaitable, Callable
from typing import Literal

import structlog

from goaround_chassis.clock import Clock
from goaround_guidebook import Unresolved
from goaround_orchestrator import conduct, finish, outlook
from goaround_orchestrator.evidence import MOST_LABELS, EvidenceAnswers
from goaround_orchestrator.handlers import GuideRefused, Guides, after
from goaround_orchestrator.ledger import Ledger
from goaround_orchestrator.lifecycle import Asked
from goaround_orchestrator.replies import (
    Answer,
    Wrong,
    answering,
    environment_of,
    guide_of,
    unknown,
)
from goaround_orchestrator.resuming import go_on
from goaround_orchestrator.run import Landing, Run
from goaround_schemas import api
from goaround_schemas.envelope import Payload
from goaround_schemas.phase import Phase

log = structlog.stdlib.get_logger()

Verb = Literal["abort", "approve", "resume", "promote", "rollback"]


class Answers:
    """Every subject of `api.>`, and who answers it."""

    def __init__(self, ledger: Ledger, guides: Guides, clock: Clock) -> None:
        self._ledger = ledger
        self._guides = guides
        self._clock = clock

    def by_subject(self) -> dict[str, Answer]:
        """Subject to a function from the request's bytes to the reply's."""
        return {
            api.RUNS_LIST: answering(api.RunsQuery, self._list),
            api.RUNS_GET: answering(api.RunQuery, self._get),
            api.RUNS_ABORT: answering(api.RunRequest, self._asking("abort")),
            api.RUNS_APPROVE: answering(api.RunRequest, self._asking("approve")),
            api.RUNS_RESUME: answering(api.RunRequest, self._asking("resume")),
            api.RUNS_PROMOTE: answering(api.RunRequest, self._asking("promote")),
            api.RUNS_ROLLBACK: answering(api.RunRequest, self._asking("rollback")),
            api.SERVICES_LIST: answering(api.ServiceQuery, self._services),
            api.SERVICES_ADOPT: answering(api.AdoptRequest, self._adopt),
            api.GUIDES_CHECK: answering(api.GuideQuery, self._check),
            api.GUIDES_PLAN: answering(api.PlanQuery, self._plan),
            **EvidenceAnswers(self._ledger, self._clock).by_subject(),
        }

    async def _list(self, query: api.RunsQuery) -> Payload:
        return api.RunList(runs=tuple(await self._ledger.rows(query)))

    async def _get(self, query: api.RunQuery) -> Payload:
        run = await self._known(query.run_id)
        labels = await self._ledger.labels(run.id, MOST_LABELS)
        return detail_of(run, await self._ledger.history(run.id), labels)

    async def _known(self, run_id: str) -> Run:
        run = await self._ledger.whole(run_id)
        if run is None:
            raise unknown(run_id)
        return run

    def _asking(self, verb: Verb) -> Callable[[api.RunRequest], Awaitable[Payload]]:
        async def ask(request: api.RunRequest) -> Payload:
            return await self._ask(verb, request)

        return ask

    async def _ask(self, verb: Verb, request: api.RunRequest) -> Payload:
        if verb == "resume":
            known = await self._known(request.run_id)
            if known.phase is Phase.ROLLBACK_FAILED:
                return await go_on(known, request, self._ledger, self._guides, self._clock)
        what = Asked(verb, request.actor, request.groups, request.reason)
        refused: str | None = None
        async with self._ledger.unit() as unit:
            run = await unit.run(request.run_id)
            if run is None:
                raise unknown(request.run_id)
            now = self._clock.now()
            step = await conduct.advance(unit, run, what, now, None)
            if step.refused:
                # Refused is on record too: who asked for what, when, and why not.
                refused = step.refused
                asked = f"{verb} asked for by {request.actor}, refused: {refused}"
                await unit.note(run, now, request.actor, asked)
        if refused:
            raise Wrong(refused)
        await after((step,), self._ledger, self._clock)
        return api.Accepted(run_id=run.id, what=f"run {run.id} is {step.run.phase} now")

    async def _services(self, query: api.ServiceQuery) -> Payload:
        return api.RunningList(running=tuple(await self._ledger.services(query)))

    async def _adopt(self, request: api.AdoptRequest) -> Payload:
        pinned = guide_of(self._guides, request.service)
        environment_of(pinned, request.environment)
        async with self._ledger.unit() as unit:
            active, _ = await unit.place(request.service, request.environment)
            if active is not None:
                raise Wrong(f"run {active.id} is {active.phase} there: wait until it has ended")
            before = await unit.running(request.service, request.environment)
            if before is None or before.version != request.version:
                await unit.pin(pinned)
                await unit.land(
                    Landing(
                        service=request.service,
                        environment=request.environment,
                        version=request.version,
                        previous_version=before.version if before else None,
                        run_id=None,
                        at=self._clock.now(),
                        guide_digest=pinned.digest,
                    )
                )
        log.info("adopted", **request.model_dump(exclude_none=True))
        said = f"{request.service} {request.version} is on record in {request.environment}"
        return api.Accepted(run_id="", what=said)

    async def _check(self, query: api.GuideQuery) -> Payload:
        try:
            if query.text is not None:
                pinned = self._guides.read(query.text, query.name)
            else:
                pinned = self._guides.find(query.service or "")
        except GuideRefused as exc:
            return api.GuideFaults(
                name=query.name, digest=None, faults=tuple(str(exc).splitlines())
            )
        return api.GuideFaults(name=pinned.name, digest=pinned.digest, faults=())

    async def _plan(self, query: api.PlanQuery) -> Payload:
        pinned = guide_of(self._guides, query.service)
        environment_of(pinned, query.environment)
        async with self._ledger.unit() as unit:
            standing = await unit.standing(query.service, query.environment)
            rehearsed = await conduct.rehearsed_well(unit, query.service, query.environment)
        proven = outlook.Proven(standing.last_proof, rehearsed)
        try:
            return outlook.plan(query, pinned, standing.running, self._clock.now(), proven)
        except Unresolved as exc:
            raise Wrong(str(exc)) from exc


def detail_of(run: Run, history: list[api.Transition], labels: list[api.Label]) -> api.RunDetail:
    """All that is known of a run."""
    return api.RunDetail(
        run=api.RunRow(
            run_id=run.id,
            kind=run.kind,
            service=run.service,
            environment=run.environment,
            version=run.version,
            previous_version=run.previous_version,
            phase=run.phase,
            stage=run.stage_name,
            emergency=run.emergency,
            requested_by=run.requested_by,
            requested_at=run.requested_at,
            updated_at=run.phase_since,
            deadline=run.deadline,
            reason=run.reason,
        ),
        request_reason=run.request_reason,
        artifact=run.artifact,
        guide_digest=run.guide_digest,
        waiting_for=tuple(p.order.what.replace("_", " ") for p in run.pending),
        history=tuple(history),
        timeline=run.timeline,
        verification=run.matrices,
        baseline=run.baseline or (),
        steps=run.steps,
        migrations=run.pending_migrations,
        watch=run.watches[-1] if run.watches else None,
        rollback=finish.rollback(run),
        corrections=run.corrections,
        record=finish.record(run),
        warnings=run.warnings,
        labels=tuple(labels),
    )
