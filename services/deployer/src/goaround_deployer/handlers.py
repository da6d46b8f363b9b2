"""What the deployer does with a command, and with one that it has to give up."""

import structlog

from goaround_chassis.bucket import Bucket
from goaround_chassis.bus.errors import Unavailable
from goaround_chassis.errors import Later
from goaround_deployer import answers
from goaround_deployer.admission import Answer, Refuse
from goaround_deployer.admitting import BUSY, Admitted, Admitter
from goaround_deployer.execution import to_the_end
from goaround_deployer.hold import Hold, Lost
from goaround_deployer.journal import (
    MIGRATION,
    End,
    Journal,
    ProcedureCommand,
    ProcedureRecord,
    Unreadable,
    decode,
)
from goaround_deployer.procedure import Task, closed, plan_of, target_of
from goaround_deployer.work import Tools, Work, tell
from goaround_schemas.procedure import WorkRollback

log = structlog.get_logger(__name__)

_MOST_REASON = 2000
_TOO_LATE = "a rollback of this run has begun: nothing was run"


async def on_command(command: ProcedureCommand, admitter: Admitter, tools: Tools) -> None:
    """Carry a command out, or say again how it ended.

    Raises:
        Later: Another worker has the run, or took it from us.
        Unavailable: The bus or the bucket is away; the journal knows how far it came.
    """

    async def carry_out(admitted: Admitted) -> None:
        if (hold := await _held(admitted, command, admitter.bucket, tools)) is not None:
            plan = await _plan(command, hold.record, hold.journal, admitter.bucket)
            await to_the_end(Work(command, plan, hold, tools))

    try:
        await admitter.admit(command, carry_out)
    except Lost as lost:
        log.warning("lost_run", run=command.data.run_id, why=lost.why)
        raise Later(BUSY, str(lost)) from lost


async def on_dead(command: ProcedureCommand, why: str, admitter: Admitter, tools: Tools) -> None:
    """Answer a command that is given up, so that no run waits for it.

    It is ended in the journal too, so that the dead letter, sent again, runs nothing. If another
    worker is at it, that one answers.
    """
    reason = f"the deployer gave this command up: {why}"[:_MOST_REASON]
    end = End(outcome="errored", reason=reason, at=tools.clock.now())

    async def give_up(admitted: Admitted) -> None:
        if (hold := await _held(admitted, command, admitter.bucket, tools)) is not None:
            hold.note(closed(hold.record, end), release=True)
            await hold.write()
            await _answer(command, hold.record, admitter.bucket, tools)

    try:
        await admitter.admit(command, give_up)
    except (Later, Lost) as busy:
        log.warning("given_up_but_in_hand", run=command.data.run_id, why=busy.why)
    except (Unavailable, Unreadable) as error:
        log.warning("given_up_unread", run=command.data.run_id, why=str(error))
        # Nobody can say that nothing was begun.
        await tools.publisher.publish(answers.unrecorded(command, end, changed=True))


async def _held(
    admitted: Admitted, command: ProcedureCommand, bucket: Bucket, tools: Tools
) -> Hold | None:
    """Return the hold; None where there is none, and the command has been answered."""
    match admitted:
        case Refuse():
            await _refuse(command, tools)
        case Answer(record):
            await _answer(command, record, bucket, tools)
        case Hold():
            return admitted
    return None


async def _refuse(command: ProcedureCommand, tools: Tools) -> None:
    log.info("refused", run=command.data.run_id, why=_TOO_LATE)
    end = End(outcome="stopped", reason=_TOO_LATE, at=tools.clock.now())
    await tools.publisher.publish(answers.unrecorded(command, end, changed=False))


async def _answer(
    command: ProcedureCommand, record: ProcedureRecord, bucket: Bucket, tools: Tools
) -> None:
    plan = await _plan(command, record, None, bucket)
    await tell(tools.publisher, answers.all_of(command, plan, record))


async def _plan(
    command: ProcedureCommand, record: ProcedureRecord, own: Journal | None, bucket: Bucket
) -> tuple[Task, ...]:
    """Return what the command is to do; a way back asks the journal of the run that deployed."""
    if not isinstance(command, WorkRollback):
        return plan_of(command, None)
    run_id = command.data.deployed_by or command.data.run_id
    journal = own if run_id == command.data.run_id else None
    if journal is None:
        entry = await bucket.get(run_id)
        journal = decode(run_id, entry.value) if entry else None
    return plan_of(command, target_of(command, journal), reverted=MIGRATION in record.tasks)
