"""The bus in one process: durable consumers, acks that get lost, work queues, alarms.

It keeps to what JetStream does: a message id is taken once within the stream's window, a message
without an ack comes again after the consumer's wait, a work queue forgets what is acknowledged. Its
streams and consumers are those of the one topology; who settles messages is the real settlement.
"""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from goaround.topology import topology
from goaround_chassis.bus import Subscription
from goaround_chassis.bus.crew import Crew
from goaround_chassis.bus.settle import Settlement
from goaround_chassis.timers import FIRED
from goaround_schemas.subjects import TIMERS, WORK
from tests.simulation.clock import START, Host, Loop
from tests.simulation.faults import Fate, Gate

TOPOLOGY = topology()
CONSUMERS = {(c.stream, c.name): c for c in TOPOLOGY.consumers}
_WINDOWS = {s.name: s.duplicate_window_s for s in TOPOLOGY.streams}


@dataclass(frozen=True, slots=True)
class Kept:
    """One message of a stream."""

    stream: str
    sequence: int
    subject: str
    body: bytes
    headers: Mapping[str, str]
    at_s: float

    @property
    def id(self) -> str:
        """What its publisher called it."""
        return self.headers.get("Nats-Msg-Id", "")


@dataclass(eq=False, slots=True)
class Delivery:
    """One message on its way to one consumer."""

    consumer: "Durable"
    message: Kept
    times: int = 0
    turn: int = 0
    done: bool = False


class Seat:
    """One host's subscription, and the crew that handles what has come."""

    def __init__(self, subscription: Subscription, settle: Settlement, gate: Gate) -> None:
        self.host, self.gate, self.settle = gate.host, gate, settle
        self.crew = Crew(subscription.concurrency, subscription.turns)
        self.come: list[Hand] = []
        self._as_one = subscription.turns is not None or subscription.together is not None

    @property
    def has_room(self) -> bool:
        """Whether it can take one more message in hand."""
        return self.crew.free > len(self.come)

    async def work(self, refill: Callable[[], None]) -> None:
        """Begin what has come, as long as the host lives."""
        while True:
            await self.crew.bell.wait()
            self.crew.bell.clear()
            if self.come and self.crew.has_turn:
                await self.gate("take")
                come, self.come = self.come, []
                self._begin(come)
            refill()

    def _begin(self, come: "list[Any]") -> None:
        if self._as_one:
            self.crew.begin(self.settle.together(come), len(come))
            return
        for hand in come:
            self.crew.begin(self.settle(hand))


@dataclass(eq=False, slots=True)
class Durable:
    """A consumer, with what waits for a free seat."""

    stream: str
    name: str
    ack_wait_s: float
    seats: list[Seat] = field(default_factory=list[Seat])
    waiting: "deque[Delivery]" = field(default_factory=lambda: deque[Delivery]())
    open: int = 0


@dataclass(frozen=True, slots=True)
class _Sequence:
    stream: int


@dataclass(frozen=True, slots=True)
class _Metadata:
    stream: str
    consumer: str
    sequence: _Sequence
    num_delivered: int
    timestamp: datetime


class Hand:
    """A message in the hands of one worker, with all that a settlement does with one."""

    def __init__(self, bus: "Bus", delivery: Delivery, seat: Seat) -> None:
        message = delivery.message
        self.subject, self.data, self.headers = message.subject, message.body, message.headers
        self.reply = self
        self.metadata = _Metadata(
            stream=message.stream,
            consumer=delivery.consumer.name,
            sequence=_Sequence(message.sequence),
            num_delivered=delivery.times,
            timestamp=START + timedelta(seconds=message.at_s),
        )
        self._bus, self._delivery, self._seat, self._turn = bus, delivery, seat, delivery.turn

    async def ack(self) -> None:
        """Say that it is done."""
        await self._seat.gate("ack")
        self._bus.settled(self._delivery)
        await self._seat.gate("acked")

    async def nak(self, delay: float = 0.0) -> None:
        """Have it again after so many seconds."""
        await self._seat.gate("nak")
        self._bus.put_back(self._delivery, delay)

    async def in_progress(self) -> None:
        """Say that it is worked on."""
        self._bus.worked_on(self._delivery)


@dataclass(frozen=True, slots=True)
class Ack:
    """The stream's acknowledgement of a publish."""

    seq: int
    duplicate: bool


class Bus:
    """What outlives every host: streams, consumers, alarms."""

    def __init__(self, loop: Loop, fate: Fate) -> None:
        self.loop, self.fate = loop, fate
        self.streams: dict[str, list[Kept]] = {name: [] for name in _WINDOWS}
        self.queue: dict[int, Kept] = {}
        self.away_until = 0.0
        self.repeats: list[tuple[Kept, bytes]] = []
        self.on_kept: list[Callable[[Kept], None]] = []
        self._seen: dict[tuple[str, str], Kept] = {}
        self._durables = {
            key: Durable(c.stream, c.name, c.ack_wait_s) for key, c in CONSUMERS.items()
        }
        self._alarms: dict[str, int] = {}

    @property
    def quiet(self) -> bool:
        """Whether nothing is on its way to anybody, and no alarm is set."""
        return not self._alarms and all(not d.open for d in self._durables.values())

    def undone(self) -> list[Kept]:
        """What a worker has still to do."""
        return list(self.queue.values())

    def put(self, stream: str, subject: str, body: bytes, headers: Mapping[str, str]) -> Ack:
        """Take a message in, unless its id was taken within the stream's window."""
        id_ = headers.get("Nats-Msg-Id", "")
        seen = self._seen.get((stream, id_)) if id_ else None
        if seen is not None and self.loop.now_s - seen.at_s < _WINDOWS[stream]:
            self.repeats.append((seen, body))
            return Ack(seen.sequence, duplicate=True)
        all_ = self.streams[stream]
        kept = Kept(stream, len(all_) + 1, subject, body, headers, self.loop.now_s)
        all_.append(kept)
        self._seen[stream, id_] = kept
        for look in self.on_kept:
            look(kept)
        if stream == WORK:
            if self.fate.strikes(_lossy(self.fate, subject), "command lost by the queue"):
                return Ack(kept.sequence, duplicate=False)
            self.queue[kept.sequence] = kept
        for name in _readers(stream, subject):
            durable = self._durables[stream, name]
            durable.open += 1
            self._soon(Delivery(durable, kept))
        return Ack(kept.sequence, duplicate=False)

    def seat(self, seat: Seat, subscription: Subscription) -> None:
        """Have a host handle messages of a consumer from now on."""
        durable = self._durables[subscription.stream, subscription.consumer]
        durable.seats.append(seat)
        self.loop.spawn(seat.host, seat.work(lambda: self._fill(durable)))
        self._fill(durable)

    def leave(self, host: Host) -> None:
        """Forget a host that is dead."""
        for durable in self._durables.values():
            durable.seats = [s for s in durable.seats if s.host is not host]

    def settled(self, delivery: Delivery) -> None:
        """Forget a message that is done, if the word of it arrives."""
        if self._word_lost("ack lost") or delivery.done:
            return
        delivery.done = True
        delivery.consumer.open -= 1
        self.queue.pop(delivery.message.sequence, None) if delivery.message.stream == WORK else None

    def put_back(self, delivery: Delivery, after_s: float) -> None:
        """Deliver again after so many seconds, if the word of it arrives."""
        if self._word_lost("nak lost") or delivery.done:
            return
        delivery.turn += 1
        self.loop.after(after_s, self._offer, delivery, delivery.turn)

    def worked_on(self, delivery: Delivery) -> None:
        """Wait on: somebody is at it."""
        if not self._word_lost("sign of life lost") and not delivery.done:
            self._wait(delivery)

    def set_alarm(self, name: str, key: str, due_s: float, body: bytes) -> None:
        """Have the body arrive when due, in place of an earlier alarm of that name and key."""
        token = f"{name}.{key}"
        number = self._alarms.get(token, 0) + 1
        self._alarms[token] = number
        self.loop.after(max(due_s - self.loop.now_s, 0.0), self._ring, token, number, body)

    def drop_alarm(self, name: str, key: str) -> None:
        """Drop the alarm, if it has not fired."""
        self._alarms.pop(f"{name}.{key}", None)

    def _ring(self, token: str, number: int, body: bytes) -> None:
        if self._alarms.get(token) != number:
            return
        if self.loop.now_s < self.away_until:
            self.loop.after(self.away_until - self.loop.now_s, self._ring, token, number, body)
            return
        del self._alarms[token]
        self.put(TIMERS, f"{FIRED}.{token}", body, {})
        if self.fate.strikes(self.fate.weather.doubles, "alarm fired twice"):
            self.put(TIMERS, f"{FIRED}.{token}", body, {})

    def _word_lost(self, what: str) -> bool:
        return self.loop.now_s < self.away_until or self.fate.strikes(
            self.fate.weather.loses_answers, what
        )

    def _soon(self, delivery: Delivery) -> None:
        draw, weather = self.fate.random, self.fate.weather
        late = self.fate.strikes(weather.delays, "message late")
        delay_s = draw.uniform(0.5, 20.0) if late else 0.001 + 0.004 * draw.random()
        self.loop.after(delay_s, self._offer, delivery, delivery.turn)

    def _offer(self, delivery: Delivery, turn: int) -> None:
        if delivery.done or delivery.turn != turn:
            return
        if self.loop.now_s < self.away_until:
            self.loop.after(self.away_until - self.loop.now_s, self._offer, delivery, turn)
            return
        free = [s for s in delivery.consumer.seats if s.has_room]
        if not free:
            delivery.consumer.waiting.append(delivery)
            return
        seat = free[int(self.fate.random.random() * len(free))] if len(free) > 1 else free[0]
        self._hand(delivery, seat)

    def _hand(self, delivery: Delivery, seat: Seat) -> None:
        delivery.times += 1
        self._wait(delivery)
        seat.come.append(Hand(self, delivery, seat))
        seat.crew.bell.set()
        if self.fate.strikes(self.fate.weather.doubles, "delivered twice"):
            turn = delivery.turn
            self.loop.after(self.fate.random.uniform(0.0, 3.0), self._offer, delivery, turn)

    def _wait(self, delivery: Delivery) -> None:
        delivery.turn += 1
        self.loop.after(delivery.consumer.ack_wait_s, self._offer, delivery, delivery.turn)

    def _fill(self, durable: Durable) -> None:
        while durable.waiting and any(s.has_room for s in durable.seats):
            delivery = durable.waiting.popleft()
            self._offer(delivery, delivery.turn)


def _lossy(fate: Fate, subject: str) -> float:
    """Only what an answer is waited for is missed by anybody when it is lost."""
    return 0.0 if subject.startswith(("work.notify", "work.watch")) else fate.weather.loses_commands


@lru_cache(maxsize=4096)
def _readers(stream: str, subject: str) -> tuple[str, ...]:
    return tuple(
        c.name
        for c in TOPOLOGY.consumers
        if c.stream == stream and any(_pattern(f).fullmatch(subject) for f in c.filters)
    )


@lru_cache(maxsize=256)
def _pattern(subjects: str) -> "re.Pattern[str]":
    escaped = re.escape(subjects).replace(r"\*", r"[^.]+").replace(r"\.>", r"\..+")
    return re.compile(escaped.replace(">", ".+"))
