"""What the orchestrator does with each message: load, decide, advance, in one transaction."""

from datetime import datetime
from typing import Protocol

import structlog

from goaround_chassis.bus import Received
from goaround_chassis.clock import Clock
from goaround_chassis.errors import Never
from goaround_orchestrator import admission, conduct, frontdoor
from goaround_orchestrator.admission import Admission, Facts
from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.frontdoor import Knock, Refusal, Request, Stray
from goaround_orchestrator.ledger import Ledger, Overtaken, Unit
from goaround_orchestrator.lifecycle import Answer, Answered, Neighbour, Tick, attribution
from goaround_orchestrator.run import Run, Step

log = structlog.stdlib.get_logger()


class GuideRefused(Exception):
    """There is no sound guide for the service; the message says what to do."""


class Guides(Protocol):
    """Where guides are found."""

    def find(self, service: str) -> PinnedGuide:
        """The guide of a service, as its file says now.

        Raises:
            GuideRefused: There is none, or it has faults.
        """
        ...

    def read(self, text: str, name: str) -> PinnedGuide:
        """The guide in a text.

        Raises:
            GuideRefused: It has faults; each is one line.
        """
        ...


async def on_request(received: Received, ledger: Ledger, guides: Guides, clock: Clock) -> None:
    """Someone knocked at the front door."""
    knock = Knock(
        subject=received.subject,
        body=received.body,
        headers=received.headers,
        arrival=f"{received.stream}/{received.sequence}/{received.published_at.isoformat()}",
    )
    asked = frontdoor.read(knock)
    if isinstance(asked, Stray):
        raise Never(asked.reason)
    guide, error = (None, None) if isinstance(asked, Refusal) else _guide(guides, asked)
    async with ledger.unit() as unit:
        if not await unit.first_time(f"knock/{knock.arrival}"):
            return
        now = clock.now()
        decided = await _admission(unit, asked, guide, error, now)
        await _admit(unit, decided, guide, asked.cause, now)


async def on_answer(event: Answer, ledger: Ledger, clock: Clock) -> None:
    """A worker answered."""
    async with ledger.unit() as unit:
        if not await unit.first_time(event.id):
            return
        run = await unit.run(event.data.run_id)
        if run is None:
            log.warning("answer for a run that is not known", run_id=event.data.run_id)
            return
        answered = Answered(event, await _neighbours(unit, run, event))
        step = await conduct.advance(unit, run, answered, clock.now(), event.id)
    await after(step, ledger, clock)


async def on_due(run_id: str, ledger: Ledger, clock: Clock) -> None:
    """Time has passed for a run."""
    async with ledger.unit() as unit:
        run, now = await unit.run(run_id), clock.now()
        if run is None or run.due_at is None or run.due_at > now:
            return
        step = await conduct.advance(unit, run, Tick(), now, None)
    await after(step, ledger, clock)


async def after(step: Step, ledger: Ledger, clock: Clock) -> None:
    """Give the place to the next run, if this step has freed it."""
    if step.moves and step.run.ended:
        await conduct.begin_next(ledger, step.run.service, step.run.environment, clock.now())


async def _neighbours(unit: Unit, run: Run, event: Answer) -> tuple[Neighbour, ...]:
    if not attribution.is_worth_asking(event):
        return ()
    since = run.switched_at or run.phase_since
    return tuple(await unit.neighbours(run, since, attribution.MOST_NAMED))


def _guide(guides: Guides, asked: Request) -> tuple[PinnedGuide | None, str | None]:
    try:
        return guides.find(asked.data.service), None
    except GuideRefused as exc:
        return None, str(exc)


async def _admission(
    unit: Unit,
    asked: Request | Refusal,
    guide: PinnedGuide | None,
    error: str | None,
    now: datetime,
) -> Admission:
    if isinstance(asked, Refusal):
        return admission.refused(asked, await unit.run(asked.run_id), now)
    active, queued = await unit.place(asked.data.service, asked.data.environment)
    facts = Facts(
        guide=guide,
        guide_error=error,
        same_id=await unit.run(asked.data.run_id),
        active=active,
        queued=queued,
    )
    return admission.admit(asked, facts, now)


async def _admit(
    unit: Unit, decided: Admission, guide: PinnedGuide | None, cause: str, now: datetime
) -> None:
    run = decided.run
    if run is None:
        return
    if not await unit.add(run):
        known = await unit.run(run.id)
        if known is not None and known.request_digest != run.request_digest:
            # Someone took the id since we looked: decide again with that known.
            raise Overtaken(run.id)
        return
    if guide is not None:
        await unit.pin(guide)
    for run_id, what in decided.others:
        other = await unit.run(run_id)
        if other is not None:
            await conduct.advance(unit, other, what, now, cause)
    if decided.first is None:
        await conduct.begin(unit, run, now, cause)
    else:
        await conduct.advance(unit, run, decided.first, now, cause)
