"""Many messages, one write: what is published to a stream at the same time goes as one batch.

A stream that is synced to disk with every write takes some thousand messages a second one by one,
and ten times as many in batches: an atomic batch (ADR-50 of NATS, server 2.12) is one write,
kept whole or not at all. Nobody waits for company: what comes while a write is under way goes with
the next one, and few go side by side, since a batch costs the server as much as thirty such writes
to begin. Only a process that has said that it can wait (`wait`) does so, and only while there
is much: then larger batches cost the server less.

A batch that the server does not take (a repeat among it, a wrong revision, a stream without
batches) or that is not answered is published message by message, and so is what went side by side
and was not answered. Ids make that harmless.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

import nats.errors
import structlog
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import Header, PubAck

from goaround_chassis import telemetry
from goaround_chassis.bus import publishing
from goaround_chassis.bus.answered import Answers
from goaround_chassis.bus.errors import Refused
from goaround_chassis.bus.pulling import BindingClient

log = structlog.get_logger(__name__)

LEAST = 32
"""Messages that are worth a batch: side by side, 16 cost the server 0.18 ms each and 32 0.16; as a
batch 16 cost 0.28 and 32 0.17 each, 64 0.08, 128 0.05 (two busy cores, every write synced)."""
MOST = 400
"""Messages of one batch; the server takes 1,000."""
MUCH = 8
"""Messages of one turn from which on the next one is worth waiting for."""
ENOUGH = 128
"""Messages that nobody waits beyond: a larger batch costs hardly less for each."""
MOST_BYTES = 2 * 1024 * 1024
ACK_TIMEOUT_S = 2.0
_ODD = re.compile(r"[^!-~]|^$|^\.|\.\.|\.$")
"""What makes a subject none, or not a plain one."""


@dataclass(slots=True)
class _Letter:
    subject: str
    body: bytes
    headers: Mapping[str, str]
    kept: asyncio.Future[PubAck]


@dataclass(slots=True)
class _Lane:
    """What waits to be published to one stream, and who publishes it."""

    waiting: list[_Letter] = field(default_factory=list[_Letter])
    going: asyncio.Task[None] | None = None
    taken: int = 0
    """How many went in the last turn."""

    def next(self) -> list[_Letter]:
        """Take as many as one batch holds."""
        count, size = 0, 0
        for letter in self.waiting[:MOST]:
            size += len(letter.body)
            if count and size > MOST_BYTES:
                break
            count += 1
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        self.taken = count
        return taken


class Grouping:
    """Publishes for one connection."""

    def __init__(self, client: BindingClient, js: JetStreamContext) -> None:
        self._client = client
        self._js = js
        self._answers = Answers(client)
        self._lanes: dict[str, _Lane] = {}
        self._patience_s: dict[str | None, float] = {None: 0.0}

    def wait(self, patience_s: float, stream: str | None = None) -> None:
        """Have a message wait so long for others where there were many just before.

        Without a stream: one to any stream of which nothing else is said.
        """
        self._patience_s[stream] = patience_s

    async def publish(
        self, subject: str, body: bytes, *, stream: str, headers: Mapping[str, str]
    ) -> PubAck:
        """Return the stream's acknowledgement; a repeat is told apart by `Nats-Msg-Id`.

        Raises:
            Unavailable: No acknowledgement came, after several tries. It may have been kept.
            Refused: The server said no (wrong stream, too large, wrong revision).
        """
        lane = self._lanes.setdefault(stream, _Lane())
        loop = asyncio.get_running_loop()
        letter = _Letter(subject, body, headers, loop.create_future())
        lane.waiting.append(letter)
        if lane.going is None:
            lane.going = loop.create_task(self._go(stream, lane))
        return await letter.kept

    async def _go(self, stream: str, lane: _Lane) -> None:
        patience_s = self._patience_s.get(stream, self._patience_s[None])
        try:
            # Whoever publishes in the same turn of the loop goes along.
            await asyncio.sleep(0)
            while lane.waiting:
                if patience_s and lane.taken >= MUCH and len(lane.waiting) < ENOUGH:
                    await asyncio.sleep(patience_s)
                letters = lane.next()
                if len(letters) < LEAST or not await self._together(stream, letters):
                    left = await self._side_by_side(stream, letters)
                    await asyncio.gather(*(self._alone(stream, letter) for letter in left))
        finally:
            lane.going = None
            for letter in lane.waiting:  # only where this was cancelled
                letter.kept.cancel()

    async def _side_by_side(self, stream: str, letters: list[_Letter]) -> list[_Letter]:
        """Publish each for itself, all in one go; return those of which nobody knows."""
        waiting: dict[str, tuple[_Letter, asyncio.Future[Msg]]] = {}
        frames: list[bytes] = []
        most = self._client.max_payload
        for letter in letters:
            reply, answer = self._answers.expect()
            headers = {**letter.headers, Header.EXPECTED_STREAM.value: stream}
            if (frame := _framed(letter, headers, most, reply)) is None:
                self._answers.forget([reply])
                continue
            waiting[reply] = letter, answer
            frames.append(frame)
        try:
            await self._answers.open()
            await self._client.publish_framed(b"".join(frames))
            if waiting:
                await asyncio.wait([a for _, a in waiting.values()], timeout=ACK_TIMEOUT_S)
        except nats.errors.Error as error:
            log.debug("not_answered", stream=stream, why=str(error))
        finally:
            self._answers.forget(waiting)
        for letter, answer in waiting.values():
            if answer.done() and not letter.kept.done():
                _settle(letter, stream, answer.result())
        return [letter for letter in letters if not letter.kept.done()]

    async def _alone(self, stream: str, letter: _Letter) -> None:
        try:
            ack = await publishing.publish(
                self._js, letter.subject, letter.body, stream=stream, headers=letter.headers
            )
        except Exception as error:  # noqa: BLE001 - it is the publisher's, who waits for it
            if not letter.kept.done():
                letter.kept.set_exception(error)
        except asyncio.CancelledError:
            letter.kept.cancel()
            raise
        else:
            if not letter.kept.done():
                letter.kept.set_result(ack)

    async def _together(self, stream: str, letters: list[_Letter]) -> bool:
        """Publish as one batch; False if it was not taken, or nobody knows."""
        batch, last = uuid4().hex, letters[-1]
        frames = [
            _framed(letter, _headers(letter, stream, batch, place), self._client.max_payload)
            for place, letter in enumerate(letters[:-1], 1)
        ]
        if None in frames:
            return False
        try:
            await self._client.publish_framed(b"".join(filter(None, frames)))
            headers = {
                **_headers(last, stream, batch, len(letters)),
                Header.BATCH_COMMIT.value: "1",
            }
            answer = await self._client.request(
                last.subject, last.body, timeout=ACK_TIMEOUT_S, headers=headers
            )
        except (nats.errors.Error, TimeoutError) as error:
            log.debug("batch_not_answered", stream=stream, why=str(error))
            return False
        said = json.loads(answer.data)
        if refused := said.get("error"):
            log.debug("batch_not_taken", stream=stream, why=refused.get("description"))
            return False
        first = int(said["seq"]) - len(letters) + 1
        for place, letter in enumerate(letters):
            if not letter.kept.done():
                letter.kept.set_result(PubAck(stream=stream, seq=first + place))
        telemetry.PUBLISHED.labels(stream).inc(len(letters))
        return True


def _settle(letter: _Letter, stream: str, answer: Msg) -> None:
    """Pass on what the stream said, unless it cannot say just now."""
    if (answer.headers or {}).get("Status"):
        return
    said = json.loads(answer.data)
    if refused := said.get("error"):
        if publishing.is_final(refused.get("code"), refused.get("err_code")):
            why = str(refused.get("description"))
            what = f"publish {letter.subject} to {stream}"
            letter.kept.set_exception(Refused(what, why, refused.get("err_code") or 0))
        return
    telemetry.PUBLISHED.labels(stream).inc()
    letter.kept.set_result(
        PubAck(stream=said["stream"], seq=said["seq"], duplicate=said.get("duplicate"))
    )


def _framed(
    letter: _Letter, headers: Mapping[str, str], most: int, reply: str = ""
) -> bytes | None:
    """Return a message as the protocol has it; None where the client had better look at it.

    The client checks and puts together header by header, which takes it five times as long.
    """
    head = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    block = f"NATS/1.0\r\n{head}\r\n".encode()
    plain = head.isascii() and head.count("\n") == len(headers) == head.count("\r")
    if not plain or _ODD.search(letter.subject) or len(letter.body) + len(block) > most:
        return None
    sizes = f"{len(block)} {len(block) + len(letter.body)}"
    line = f"HPUB {letter.subject} {reply} {sizes}\r\n"
    return b"".join((line.encode(), block, letter.body, b"\r\n"))


def _headers(letter: _Letter, stream: str, batch: str, place: int) -> dict[str, str]:
    return {
        **letter.headers,
        Header.EXPECTED_STREAM.value: stream,
        Header.BATCH_ID.value: batch,
        Header.BATCH_SEQUENCE.value: str(place),
    }
