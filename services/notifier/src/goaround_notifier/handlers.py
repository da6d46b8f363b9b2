"""What the notifier does with its one command: one attempt, one answer, and later perhaps another.

A dead channel never holds a run up: an attempt is bounded, its failure is answered at once, and the
next one comes by `Later`. If the process dies

    before the claim                   nothing has happened: the redelivery makes the attempt
    between the claim and the end      the notice may have arrived: it is sent again (`delivery`)
    between `sent` and the answer      the redelivery finds `sent`, answers and sends nothing
    between `failed` and its record    the next attempt comes at once instead of after its pause
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol

import structlog

from goaround_chassis.clock import Clock
from goaround_chassis.errors import Later
from goaround_chassis.publisher import Publisher
from goaround_notifier.channel import NotDelivered
from goaround_notifier.delivery import (
    SPARE_ATTEMPTS,
    Delivery,
    GiveUp,
    SayAgain,
    Send,
    Wait,
    failed,
    next_move,
)
from goaround_notifier.ledger import Kept, Ledger
from goaround_notifier.metric import NOTICES
from goaround_schemas.envelope import Message, derived_id
from goaround_schemas.notice import DeployNotified, DeployNotifiedData, WorkNotify

log = structlog.get_logger(__name__)

SOURCE = "notifier"
# Another worker has just claimed the notice: by then it knows how it went.
OTHER_WORKER = timedelta(seconds=10)


class Sends(Protocol):
    """Who gets a notice to its recipient."""

    async def send(self, command: WorkNotify) -> str:
        """Return how, in words that may be shown.

        Raises:
            NotDelivered: The recipient was not told.
        """
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """What a notice is handled with."""

    ledger: Ledger
    post: Sends
    publisher: Publisher
    clock: Clock
    retry_s: Sequence[float]


async def on_notify(command: WorkNotify, desk: Desk) -> None:
    """Do what is next with a notice, and answer.

    Raises:
        Later: There is to be another attempt.
    """
    kept = await desk.ledger.read(command.id)
    match next_move(kept.delivery, desk.clock.now(), desk.retry_s):
        case Send(attempt):
            await _attempt(command, attempt, kept, desk)
        case SayAgain(delivery):
            await desk.publisher.publish(answer(command, delivery))
        case GiveUp(delivery):
            await _over(command, delivery, kept.revision, desk)
        case Wait(seconds):
            raise Later(timedelta(seconds=seconds), "the next attempt is not due yet")


async def _attempt(command: WorkNotify, attempt: int, kept: Kept, desk: Desk) -> None:
    revision = await desk.ledger.claim(command.id, attempt, kept)
    if revision is None:
        raise Later(OTHER_WORKER, "another notifier is just sending it")
    try:
        how = await desk.post.send(command)
    except NotDelivered as error:
        ended = failed(
            attempt,
            error.why,
            permanent=error.permanent,
            now=desk.clock.now(),
            retry_s=desk.retry_s,
        )
        await _not_told(command, ended, revision, desk)
        return
    told = Delivery(state="sent", attempt=attempt, detail=how)
    await desk.ledger.sent(command.id, told)
    await desk.publisher.publish(answer(command, told))
    _say(command, told)


async def _not_told(command: WorkNotify, ended: Delivery, revision: int, desk: Desk) -> None:
    if ended.state == "given_up" or ended.due is None:
        await _over(command, ended, revision, desk)
        return
    # The answer first: once `waiting` is on record nobody would come back to say it.
    await desk.publisher.publish(answer(command, ended))
    _say(command, ended)
    if not await desk.ledger.failed(command.id, ended, revision):
        raise Later(OTHER_WORKER, "another notifier has taken it over")
    raise Later(ended.due - desk.clock.now(), ended.detail)


async def _over(command: WorkNotify, ended: Delivery, revision: int, desk: Desk) -> None:
    # The record first: should the answer be lost, the redelivery gives the very same one.
    if not await desk.ledger.failed(command.id, ended, revision):
        raise Later(OTHER_WORKER, "another notifier has taken it over")
    await desk.publisher.publish(answer(command, ended))
    _say(command, ended)


async def on_dead(
    command: Message, why: str, publisher: Publisher, retry_s: Sequence[float]
) -> None:
    """Answer a command that will not be tried again: the run must know whom nobody told."""
    if isinstance(command, WorkNotify):
        # Beyond every attempt there can have been, so that the answer is no repeat of one.
        attempt = len(retry_s) + SPARE_ATTEMPTS + 2
        ended = Delivery(state="given_up", attempt=attempt, detail=f"the notifier gave up: {why}")
        await publisher.publish(answer(command, ended))
        _say(command, ended)


def answer(command: WorkNotify, delivery: Delivery) -> DeployNotified:
    """The answer to one attempt, under an id that follows from the command's and the attempt."""
    data = command.data
    return DeployNotified(
        id=derived_id(command.id, "deploy.notified", str(delivery.attempt)),
        source=SOURCE,
        subject=data.run_id,
        correlationid=command.correlationid,
        causationid=command.id,
        traceparent=command.traceparent,
        data=DeployNotifiedData(
            run_id=data.run_id,
            service=data.service,
            environment=data.environment,
            moment=data.moment,
            name=data.name,
            outcome=_OUTCOMES[delivery.state],
            detail=delivery.detail,
            attempt=delivery.attempt,
        ),
    )


_OUTCOMES: dict[str, Literal["delivered", "failed", "given_up"]] = {
    "sent": "delivered",
    "waiting": "failed",
    "sending": "failed",
    "given_up": "given_up",
}


def _say(command: WorkNotify, delivery: Delivery) -> None:
    data, outcome = command.data, _OUTCOMES[delivery.state]
    NOTICES.labels(data.moment, outcome).inc()
    tell = log.error if outcome == "given_up" else log.info
    tell(
        "notified",
        run=data.run_id,
        moment=data.moment,
        recipient=data.name,
        outcome=outcome,
        attempt=delivery.attempt,
        detail=delivery.detail,
    )
