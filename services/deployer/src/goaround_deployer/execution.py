"""Carrying out one command to its end: ask what is next, have it done, until nothing is left.

The last word is told only after it is written, and can be told again from there.
"""

from typing import assert_never

import structlog

from goaround_deployer import migration, reverting
from goaround_deployer.journal import End
from goaround_deployer.procedure import Begin, Finish, Settle, Task, closed, next_move
from goaround_deployer.runner import Attempt
from goaround_deployer.work import Ending, LeftOff, Work, ending
from goaround_schemas.guide.step import Step
from goaround_schemas.procedure import WorkDeploy

log = structlog.get_logger(__name__)

_MOST_REASON = 2000


async def to_the_end(work: Work) -> None:
    """Do what is left to do, let go of the run, and tell how it ended.

    Raises:
        Lost: Another worker has the run, or may have; nothing more was done or told.
        Forestalled: Another worker has the run, and we never had; nothing was done.
        Unavailable: It is done and written down, but not told. Deliver the command again.
    """
    if work.record.end is None:
        await work.hold.keep(_until_finished(work))
    else:
        # A rollback came first, and its word on this deployment is written already.
        work.hold.note(work.record, release=True)
        await work.hold.write()
    end = work.record.end
    assert end is not None, "a run is let go of only with the end on record"
    log.info(
        "executed",
        run=work.command.data.run_id,
        stage=work.command.data.stage,
        outcome=end.outcome,
        reason=end.reason,
    )
    await work.tell_all()


async def _until_finished(work: Work) -> None:
    stage = work.command.data.stage
    while True:
        move = next_move(work.plan, work.record, stage, work.stop.is_set())
        match move:
            case Begin(task, again):
                if again:
                    log.warning("taken_up_again", run=work.command.data.run_id, task=task.name)
                await _do(work, task)
            case Settle(task, outcome, detail):
                work.end(task, Ending(outcome, detail, begun=outcome == "unknown"))
            case Finish(outcome, reason):
                at = work.tools.clock.now()
                end = End(outcome=outcome, reason=reason[:_MOST_REASON], at=at)
                work.hold.note(closed(work.record, end), release=True)
                await work.hold.write()
                return
            case _:
                assert_never(move)


async def _do(work: Work, task: Task) -> None:
    if task.step is not None:
        await _step(work, task, task.step)
    elif isinstance(work.command, WorkDeploy):
        await migration.forward(work, task)
    else:
        await reverting.back(work, task)


async def _step(work: Work, task: Task, step: Step) -> None:
    """Do a step, again as often as it allows; tries of a worker before us count."""
    found = work.record.tasks.get(task.key)
    begun = found is not None
    tries = found.attempts if found else 0
    most = max(tries + 1, 1 + step.retries)
    last: Attempt | None = None
    seconds = work.watch()
    while last is None or (last.outcome in ("failed", "errored") and tries < most):
        if last is not None:
            log.info("step_failed", run=work.command.data.run_id, step=step.name, tries=tries)
            if not await work.pause(tries):
                break
        try:
            last = await work.do(task, step, tries + 1)
        except LeftOff:
            break
        tries += 1
        begun = begun or last.begun
    if last is not None:
        work.end(task, ending(last, begun=begun, seconds=seconds(), attempts=tries))
