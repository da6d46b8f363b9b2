"""What the orchestrator does with each message: load, decide, advance, in one transaction."""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
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
from goaround_orchestrator.ledger import Ledger, Mistaken, Overtaken, Unit
from goaround_orchestrator.lifecycle import Answer, Answered, Neighbour, Tick, attribution
from goaround_orchestrator.proofs import rehearsal_in
from goaround_orchestrator.run import Run, Step
from goaround_schemas.procedure import DeployInspected
from goaround_schemas.recording import DeployRecorded

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
    await on_requests((received,), ledger, guides, clock)


async def on_requests(
    many: Sequence[Received], ledger: Ledger, guides: Guides, clock: Clock
) -> None:
    """Many knocked, in this order: all of them are admitted in one transaction, or none is."""
    knocks = [_knock(received) for received in many]
    doors = {knock.arrival: _asked(knock, guides) for knock in knocks}
    asked = [door.asked for door in doors.values() if isinstance(door.asked, Request)]
    async with ledger.unit() as unit:
        fresh = await unit.first_times([f"knock/{arrival}" for arrival in doors])
        places = [(request.data.service, request.data.environment) for request in asked]
        await unit.hold([request.data.run_id for request in asked], places)
        for arrival, door in doors.items():
            if f"knock/{arrival}" in fresh:
                now = clock.now()
                decided = await _admission(unit, door, now)
                await _admit(unit, decided, door.guide, door.asked.cause, now)


async def on_answer(event: Answer, ledger: Ledger, clock: Clock) -> None:
    """A worker answered."""
    await on_answers((event,), ledger, clock)


async def on_answers(events: Sequence[Answer], ledger: Ledger, clock: Clock) -> None:
    """Many workers answered: all of it is decided in one transaction, or nothing is."""
    try:
        steps = await _decided(events, ledger.unit(trusting=True), clock)
    except Mistaken:
        steps = await _decided(events, ledger.unit(), clock)
    await after(steps, ledger, clock)


async def _decided(
    events: Sequence[Answer], begun: AbstractAsyncContextManager[Unit], clock: Clock
) -> list[Step]:
    steps: list[Step] = []
    async with begun as unit:
        fresh = await unit.first_times(
            [event.id for event in events], [event.data.run_id for event in events]
        )
        news = {event.id: event for event in events if event.id in fresh}
        for told in news.values():
            run = await unit.run(told.data.run_id)
            event = await _noted(unit, run, told)
            if run is None:
                if isinstance(event, DeployInspected):
                    continue  # a rehearsal that was asked for by itself
                log.warning("answer for a run that is not known", run_id=event.data.run_id)
                continue
            answered = Answered(event, await _neighbours(unit, run, event))
            steps.append(await conduct.advance(unit, run, answered, clock.now(), event.id))
    return steps


async def _noted(unit: Unit, run: Run | None, event: Answer) -> Answer:
    """Keep what an answer says beyond its run; return it with what is news to people."""
    data = event.data
    if isinstance(event, DeployInspected) and (tried := rehearsal_in(event)) is not None:
        await unit.rehearsed(tried)
    if isinstance(event, DeployRecorded) and event.data.corrections and run is not None:
        still_open = await unit.proposed(
            data.service,
            data.environment,
            data.run_id,
            run.guide_name or "guide",
            event.data.corrections,
            event.time,
        )
        known = event.data.model_copy(update={"corrections": still_open})
        return event.model_copy(update={"data": known})
    return event


async def on_due(run_id: str, ledger: Ledger, clock: Clock) -> None:
    """Time has passed for a run."""
    async with ledger.unit() as unit:
        run, now = await unit.run(run_id), clock.now()
        if run is None or run.due_at is None or run.due_at > now:
            return
        step = await conduct.advance(unit, run, Tick(), now, None)
    await after((step,), ledger, clock)


async def after(steps: Iterable[Step], ledger: Ledger, clock: Clock) -> None:
    """Give the places that these steps have freed to those who wait for them.

    Whoever is admitted after this look finds the place free by itself.
    """
    freed = {(s.run.service, s.run.environment) for s in steps if s.moves and s.run.ended}
    if freed:
        for service, environment in await ledger.with_waiting(sorted(freed)):
            await conduct.begin_next(ledger, service, environment, clock)


@dataclass(frozen=True, slots=True)
class _Door:
    """What somebody asked for, and the guide for it, or why there is none."""

    asked: Request | Refusal
    guide: PinnedGuide | None = None
    error: str | None = None


def _knock(received: Received) -> Knock:
    return Knock(
        subject=received.subject,
        body=received.body,
        headers=received.headers,
        arrival=f"{received.stream}/{received.sequence}/{received.published_at.isoformat()}",
    )


def _asked(knock: Knock, guides: Guides) -> _Door:
    asked = frontdoor.read(knock)
    match asked:
        case Stray():
            raise Never(asked.reason)
        case Refusal():
            return _Door(asked)
        case Request():
            return _Door(asked, *_guide(guides, asked))


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


async def _admission(unit: Unit, door: _Door, now: datetime) -> Admission:
    asked = door.asked
    if isinstance(asked, Refusal):
        return admission.refused(asked, await unit.run(asked.run_id), now)
    active, queued = await unit.place(asked.data.service, asked.data.environment)
    facts = Facts(
        guide=door.guide,
        guide_error=door.error,
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
