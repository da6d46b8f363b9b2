"""Carrying out what was decided about a message, and holding on to it meanwhile.

The handler's end is judged in `verdict`; here the judgement reaches the server. Where that fails,
the message is left alone: it is redelivered after its ack_wait, and the memory still knows what
was decided, so the handler does not run again in this process.

What took long is acknowledged with the server's confirmation, repeated if need be: doing it again
would cost as much. For short work a lost acknowledgement costs less than a round trip for each
message: theirs is not awaited, and the memory knows the message when it comes again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import nats.errors
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

from goaround_chassis import telemetry
from goaround_chassis.bus.dead import put_aside
from goaround_chassis.bus.errors import Refused, Unavailable
from goaround_chassis.bus.memory import Case, Memory
from goaround_chassis.bus.received import from_delivery
from goaround_chassis.bus.verdict import (
    HANDLED,
    RETRY_S,
    UNWANTED,
    Again,
    Aside,
    Done,
    Verdict,
    judge,
)
from goaround_schemas.catalogue import Malformed, TooNew, UnknownType, parse
from goaround_schemas.envelope import Message

log = structlog.get_logger(__name__)

CONFIRM_FROM_S = 1.0
CONFIRM_TIMEOUT_S = 2.0
CONFIRM_TRIES = 3
TOGETHER_UNTIL = 2
"""Deliveries up to which a message may go with others. All that a dead process had in hand comes
again at once; what comes once more may be what ends processes, and is handled by itself."""

# The parameter is a kind of message, or `Received`: only the subscription knows which.
Handler = Callable[[Any], Awaitable[None]]
Together = Callable[[Any], Awaitable[None]]
OnDead = Callable[[Message, str], Awaitable[None]]


class InProgress:
    """Tells the server, at a steady pace, that a message is still being worked on."""

    __slots__ = ("_every_s", "_loop", "_msg", "_task", "_timer")

    def __init__(self, msg: Msg, every_s: float) -> None:
        self._msg = msg
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._timer = self._loop.call_later(every_s, self._beat)

    def _beat(self) -> None:
        self._task = self._loop.create_task(self._say())
        self._timer = self._loop.call_later(self._every_s, self._beat)

    async def _say(self) -> None:
        try:
            await self._msg.in_progress()
        except nats.errors.Error as error:
            log.warning("in_progress_not_sent", subject=self._msg.subject, why=str(error))

    def stop(self) -> None:
        """Say no more."""
        self._timer.cancel()


class Settlement:
    """Handles the messages of one consumer and settles each of them."""

    def __init__(
        self,
        *,
        client: Client,
        js: JetStreamContext,
        service: str,
        consumer: str,
        handler: Handler,
        together: Together | None,
        raw: bool,
        kinds: tuple[type[Message], ...] | None,
        on_dead: OnDead | None,
        ack_wait_s: float,
        max_delivered: int,
    ) -> None:
        self._client = client
        self._js = js
        self._service = service
        self._consumer = consumer
        self._handler = handler
        self._together = together
        self._raw = raw
        self._kinds = kinds
        self._on_dead = on_dead
        self._signal_every_s = ack_wait_s / 3
        self._max_delivered = max_delivered
        self._memory = Memory()
        self._results = {
            result: telemetry.MESSAGES.labels(consumer, result)
            for result in (
                *("handled", "unknown", "unwanted", "later", "too_new", "failed"),
                *("dead", "unsettled"),
            )
        }
        self._seconds = telemetry.HANDLING.labels(consumer)
        self._redeliveries = telemetry.REDELIVERIES.labels(consumer)

    async def __call__(self, msg: Msg) -> None:
        """Handle a message and settle it. Cancellation alone passes, and settles nothing."""
        sequence = msg.metadata.sequence.stream
        if msg.metadata.num_delivered > 1:
            self._redeliveries.inc()
        signal = InProgress(msg, self._signal_every_s)
        try:
            case = self._memory.find(sequence)
            started = time.perf_counter()
            verdict = self._decided(msg, case) or await self._handle(msg, case)
            took_long = time.perf_counter() - started >= CONFIRM_FROM_S
            await self._carry_out(verdict, msg, sequence, confirm=took_long)
        except (nats.errors.Error, Unavailable, Refused, TimeoutError) as error:
            self._results["unsettled"].inc()
            log.error(
                "not_settled", subject=msg.subject, sequence=sequence, why=str(error),
                next="the server delivers it again after the consumer's ack_wait",
            )  # fmt: skip
        finally:
            signal.stop()

    async def together(self, messages: list[Msg]) -> None:
        """Handle many in one go, and each by itself where that does not work out."""
        waiting = {id(msg): InProgress(msg, self._signal_every_s) for msg in messages}
        try:
            done = await self._in_one_go(messages)
            for msg in messages:
                # Until its own turn comes, a message says that it is in hand.
                waiting.pop(id(msg)).stop()
                if id(msg) not in done:
                    await self(msg)
        finally:
            for signal in waiting.values():
                signal.stop()

    async def _in_one_go(self, messages: list[Msg]) -> set[int]:
        """Handle those that are fit for it; return which are done, by their identity."""
        # One that came again while it waited here is in the list twice: the first stands for both.
        once = {msg.metadata.sequence.stream: msg for msg in reversed(messages)}.values()
        fit = {id(m): (m, found) for m in reversed(once) if (found := self._fit(m)) is not None}
        if self._together is None or len(fit) < 2:
            return set()
        started = time.perf_counter()
        try:
            await self._together([found for _, found in fit.values()])
        except Exception as error:  # noqa: BLE001 - judged message by message
            log.info("not_together", consumer=self._consumer, why=str(error))
            return set()
        for msg, _ in fit.values():
            self._memory.of(msg.metadata.sequence.stream).handled = True
        try:
            for msg, _ in fit.values():
                await msg.ack()
        except nats.errors.Error as error:
            # Each is settled by itself then: the memory knows that it was handled.
            log.error("not_settled", consumer=self._consumer, why=str(error))
            return set()
        self._results["handled"].inc(len(fit))
        self._redeliveries.inc(sum(m.metadata.num_delivered > 1 for m, _ in fit.values()))
        self._seconds.observe(time.perf_counter() - started)
        return set(fit)

    def _fit(self, msg: Msg) -> Any:
        """What the handler would be given, if it is plain that it would."""
        times, sequence = msg.metadata.num_delivered, msg.metadata.sequence.stream
        if times > TOGETHER_UNTIL or self._memory.find(sequence):
            return None
        if self._raw:
            return from_delivery(msg)
        try:
            message = parse(msg.data)
        except (Malformed, UnknownType, TooNew):
            return None
        return message if self._kinds is None or isinstance(message, self._kinds) else None

    def _decided(self, msg: Msg, case: Case | None) -> Verdict | None:
        """What this process has decided before and could not get confirmed, if anything."""
        if case is None:
            return None
        return HANDLED if case.handled else case.aside

    async def _handle(self, msg: Msg, case: Case | None) -> Verdict:
        started = time.perf_counter()
        try:
            return await self._run(msg)
        except Exception as error:  # noqa: BLE001 - the one place that judges every failure
            age = datetime.now(UTC) - msg.metadata.timestamp
            verdict = judge(error, failures=case.failures if case else 0, age=age)
            self._tell(verdict, msg, error)
            return verdict
        finally:
            self._seconds.observe(time.perf_counter() - started)

    async def _run(self, msg: Msg) -> Verdict:
        if self._raw:
            if gone := self._delivered_too_often(msg):
                return gone
            await self._handler(from_delivery(msg))
            return HANDLED
        message = parse(msg.data)
        if self._kinds is not None and not isinstance(message, self._kinds):
            return UNWANTED
        if gone := self._delivered_too_often(msg):
            return gone
        structlog.contextvars.bind_contextvars(
            run_id=message.correlationid, type=message.type, message_id=str(message.id)
        )
        await self._handler(message)
        return HANDLED

    def _delivered_too_often(self, msg: Msg) -> Aside | None:
        times = msg.metadata.num_delivered
        if times <= self._max_delivered:
            return None
        return Aside(
            "undeliverable",
            f"delivered {times} times and never settled: it may be what ends the process",
        )

    async def _carry_out(self, verdict: Verdict, msg: Msg, sequence: int, *, confirm: bool) -> None:
        match verdict:
            case Done():
                # Should the server not hear of it, the redelivery is not handled again.
                self._memory.of(sequence).handled = verdict is HANDLED
                if confirm:
                    await self._confirmed(msg, Msg.Ack.Ack)
                    self._memory.forget(sequence)
                else:
                    await msg.ack()
                self._results[verdict.result].inc()
            case Again():
                if verdict.result == "failed":
                    self._memory.of(sequence).failures += 1
                await msg.nak(delay=verdict.after_s)
                self._results[verdict.result].inc()
            case Aside():
                await self._put_aside(verdict, msg, self._memory.of(sequence))
                self._results["dead"].inc()
                self._memory.forget(sequence)

    async def _put_aside(self, aside: Aside, msg: Msg, case: Case) -> None:
        case.aside = aside
        if not case.told:
            case.told = True
            await self._tell_owner(aside, msg)
        try:
            await put_aside(
                self._js,
                msg,
                aside,
                service=self._service,
                max_payload=self._client.max_payload,
            )
        except (Unavailable, Refused):
            await msg.nak(delay=RETRY_S[-2])
            raise
        await self._confirmed(msg, Msg.Ack.Term)

    async def _tell_owner(self, aside: Aside, msg: Msg) -> None:
        """Let the worker answer the command that it will not get done."""
        if self._on_dead is None:
            return
        try:
            message = parse(msg.data)
        except (Malformed, UnknownType, TooNew):
            return
        try:
            await self._on_dead(message, aside.error)
        except Exception:  # the message is put aside whether or not its owner could be told
            log.exception("on_dead_failed", consumer=self._consumer, subject=msg.subject)

    async def _confirmed(self, msg: Msg, answer: bytes) -> None:
        """Return once the server has taken the answer.

        Raises:
            TimeoutError: It never said so. It may have.
        """
        for left in reversed(range(CONFIRM_TRIES)):
            try:
                await self._client.request(msg.reply, answer, timeout=CONFIRM_TIMEOUT_S)
            except TimeoutError:
                if not left:
                    raise
            else:
                return

    def _tell(self, verdict: Verdict, msg: Msg, error: Exception) -> None:
        meta = msg.metadata
        line = {
            "subject": msg.subject,
            "consumer": self._consumer,
            "sequence": meta.sequence.stream,
            "delivered": meta.num_delivered,
        }
        match verdict:
            case Done():
                log.info("message_skipped", why=str(error), **line)
            case Again(result="failed"):
                log.warning(
                    "handler_failed", why=verdict.why, again_s=verdict.after_s,
                    exc_info=error, **line,
                )  # fmt: skip
            case Again():
                log.info("message_later", why=verdict.why, again_s=verdict.after_s, **line)
            case Aside():
                unexpected = error if verdict.reason == "failed" else None
                log.error(
                    "message_put_aside", reason=verdict.reason, why=verdict.error,
                    exc_info=unexpected, **line,
                )  # fmt: skip
