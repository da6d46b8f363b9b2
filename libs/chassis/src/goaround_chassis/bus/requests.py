"""Asking and answering on plain subjects: nothing is kept, so every failure is told to the asker.

Errors travel as NATS services have them (`Nats-Service-Error` and its code), so that other clients
understand them too.
"""
# The client library leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Awaitable, Callable

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription as CoreSubscription

from goaround_chassis import telemetry
from goaround_chassis.bus.errors import NoAnswer

log = structlog.get_logger(__name__)

ERROR = "Nats-Service-Error"
ERROR_CODE = "Nats-Service-Error-Code"
AT_ONCE = 64

Answerer = Callable[[bytes], Awaitable[bytes]]


async def request(client: Client, subject: str, body: bytes, timeout_s: float) -> bytes:
    """Return the answer.

    Raises:
        NoAnswer: Nobody listens, none was in time, or the one who answered could not.
    """
    try:
        msg = await client.request(subject, body, timeout=timeout_s)
    except nats.errors.NoRespondersError as error:
        raise NoAnswer(subject, "nobody listens there") from error
    except TimeoutError as error:
        raise NoAnswer(subject, f"none within {timeout_s:g} s") from error
    except nats.errors.Error as error:
        raise NoAnswer(subject, str(error)) from error
    if msg.headers and (why := msg.headers.get(ERROR)):
        raise NoAnswer(subject, why)
    return msg.data


class Answers:
    """The requests that one service answers, and those it is answering now."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._subscriptions: list[CoreSubscription] = []
        self._in_hand: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(AT_ONCE)

    async def add(self, subject: str, answerer: Answerer, queue: str) -> None:
        """Answer requests on a subject; of one queue, one instance answers each."""

        async def take(msg: Msg) -> None:
            await self._places.acquire()
            task = asyncio.create_task(self._answer(msg, answerer, subject))
            self._in_hand.add(task)
            task.add_done_callback(self._let_go)

        self._subscriptions.append(await self._client.subscribe(subject, queue, cb=take))
        # Whoever is told that we are ready may ask at once.
        await self._client.flush()

    async def stop(self, grace_s: float) -> None:
        """Take no more requests, and answer those in hand within the grace."""
        for subscription in self._subscriptions:
            try:
                await subscription.unsubscribe()
            except nats.errors.Error as error:
                log.debug("unsubscribe_failed", subject=subscription.subject, why=str(error))
        self._subscriptions.clear()
        if self._in_hand:
            _, late = await asyncio.wait(self._in_hand, timeout=grace_s)
            for task in late:
                task.cancel()

    def _let_go(self, task: asyncio.Task[None]) -> None:
        self._in_hand.discard(task)
        self._places.release()

    async def _answer(self, msg: Msg, answerer: Answerer, subject: str) -> None:
        result = "answered"
        headers: dict[str, str] | None = None
        try:
            body = await answerer(msg.data)
        except Exception as error:  # whatever it is, the asker must hear of it
            log.exception("answer_failed", subject=msg.subject)
            body, result = b"", "failed"
            headers = {ERROR: f"internal error ({type(error).__name__})", ERROR_CODE: "500"}
        telemetry.ANSWERS.labels(subject, result).inc()
        if not msg.reply:
            return
        try:
            await self._client.publish(msg.reply, body, headers=headers)
        except nats.errors.MaxPayloadError:
            log.error("answer_too_large", subject=msg.subject, size=len(body))
            headers = {ERROR: f"the answer of {len(body)} bytes is too large", ERROR_CODE: "500"}
            await self._client.publish(msg.reply, b"", headers=headers)
        except nats.errors.Error as error:
            log.warning("answer_not_sent", subject=msg.subject, why=str(error))
