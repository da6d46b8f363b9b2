"""How a decision is carried out: written, and turned into the messages that it leads to.

Everything here happens inside one transaction; nothing is sent before it is in.
"""

from datetime import datetime
from typing import cast

import structlog

from goaround_chassis.clock import Clock
from goaround_orchestrator import aftermath, finish
from goaround_orchestrator.commands import Desk, commands_for
from goaround_orchestrator.ledger import Ledger, Letter, Unit
from goaround_orchestrator.lifecycle import Begin, Input, decide
from goaround_orchestrator.run import Landing, Run, Step
from goaround_schemas.phase import Phase

log = cast("structlog.stdlib.BoundLogger", structlog.get_logger())


async def advance(unit: Unit, run: Run, what: Input, now: datetime, cause: str | None) -> Step:
    """Decide on what happened to a run, and carry it out."""
    step = decide(run, what, now)
    if aftermath.is_due(step.run):
        step = await _with_next(unit, step, now)
    if step.run != run or step.again:
        await _carry_out(unit, step, now, cause)
    return step


async def _with_next(unit: Unit, step: Step, now: datetime) -> Step:
    """The step, its run knowing what a person could do now that the way back has failed."""
    pinned = await unit.guide(step.run.guide_digest or "", step.run.guide_name or "guide")
    desk = Desk(run=step.run, pinned=pinned, previous_text=None, now=now, cause=None)
    return step.model_copy(update={"run": aftermath.with_next(desk)})


async def begin(unit: Unit, run: Run, now: datetime, cause: str | None) -> Step:
    """The run's turn has come: begin it with what is on record now."""
    on_record = await unit.standing(run.service, run.environment)
    inspects = run.plan is not None and run.plan.inspects
    # Asked for only where the run may want to know.
    rehearsed = await rehearsed_well(unit, run.service, run.environment) if inspects else None
    what = Begin(on_record.running, on_record.last_proof, on_record.stranded, rehearsed)
    return await advance(unit, run, what, now, cause)


async def rehearsed_well(unit: Unit, service: str, environment: str) -> datetime | None:
    """When the service's migrations last went well on a scratch copy, if they did the last time."""
    last = await unit.last_rehearsal(service, environment)
    return last.result.at if last and last.result.outcome == "passed" else None


async def begin_next(ledger: Ledger, service: str, environment: str, clock: Clock) -> None:
    """Begin the next run in line, if the place is free.

    In a transaction of its own, after the one that freed it: that one holds its run, and waiting
    for the place with it in hand could be waiting for each other. The sweeper does it again
    should the process die in between.
    """
    async with ledger.unit() as unit:
        active, queued = await unit.place(service, environment)
        if active is None and queued:
            await begin(unit, queued[0], clock.now(), None)


async def _carry_out(unit: Unit, step: Step, now: datetime, cause: str | None) -> None:
    run = step.run
    await unit.save(run, step.moves, cause)
    letters = [Letter(finish.advanced(run, m, cause)) for m in step.moves]
    if run.guide_digest is not None and (step.orders or step.again):
        desk = await _desk(unit, run, now, cause)
        for order in step.orders:
            letters += [Letter(c) for c in commands_for(desk, order)]
        sent = {p.id: p.sent for p in run.pending}
        for order in step.again:
            for command in commands_for(desk, order):
                letters.append(Letter(command, reminder=sent.get(command.id, 2) - 1))
    if run.ended:
        letters.append(Letter(finish.finished(run, now, cause)))
        await _record_what_runs(unit, run, now)
    await unit.send(letters)
    for move in step.moves:
        log.info(
            "run moved",
            run_id=run.id,
            of=f"{run.service} {run.version} in {run.environment}",
            **{"from": str(move.from_), "to": str(move.to)},
            why=move.reason,
            actor=move.actor,
        )


async def _desk(unit: Unit, run: Run, now: datetime, cause: str | None) -> Desk:
    pinned = await unit.guide(run.guide_digest or "", run.guide_name or "guide")
    previous: str | None = None
    if run.phase is Phase.RECORDING:
        running = await unit.running(run.service, run.environment)
        if running and running.guide_digest and running.guide_digest != pinned.digest:
            previous = (await unit.guide(running.guide_digest, pinned.name)).text
    return Desk(run=run, pinned=pinned, previous_text=previous, now=now, cause=cause)


async def _record_what_runs(unit: Unit, run: Run, now: datetime) -> None:
    running = await unit.running(run.service, run.environment)
    if run.phase is Phase.SUCCEEDED and run.version is not None:
        if running and running.version == run.version:
            # Deployed again: what it replaced, and how to get back there, stays as it was.
            return
        replaced = run.previous_version
        if replaced == run.version:
            replaced = running.version if running else None
        await unit.land(
            Landing(
                service=run.service,
                environment=run.environment,
                version=run.version,
                previous_version=replaced,
                run_id=run.id,
                at=now,
                migration=run.migration,
                guide_digest=run.guide_digest,
            )
        )
    undone = run.phase is Phase.ROLLED_BACK and run.kind == "rollback"
    if undone and running and running.version == run.version:
        await unit.undo(running, run.id, now)
