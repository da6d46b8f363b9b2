"""Dead letters: what a service could not handle, why, and sending it once more.

A letter leaves the stream only when the original is on its way again for good, or when a person
drops it.
"""

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass

from goaround.errors import Refused
from goaround.reach import heard
from goaround_chassis.bus import Bus, Received
from goaround_schemas.subjects import DEAD

PREFIX = "dead."
_OURS = "goaround-"
_ENOUGH = 1_000_000


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that was put aside."""

    received: Received

    @property
    def sequence(self) -> int:
        """Its number among the dead letters."""
        return self.received.sequence

    @property
    def subject(self) -> str:
        """Where it was sent to in the first place."""
        return self.received.subject.removeprefix(PREFIX)

    @property
    def stream(self) -> str:
        """The stream that it was taken from."""
        return self.said("stream")

    def said(self, name: str) -> str:
        """What the service noted: reason, error, consumer, service, delivered, at, cut."""
        return self.received.header(f"{_OURS}{name}") or ""

    @property
    def headers(self) -> dict[str, str]:
        """The original's own headers, without those that the server obeys."""
        return {k: v for k, v in self.received.headers.items() if _is_originals(k)}

    def document(self, *, body: bool) -> dict[str, object]:
        """All of it, for programs."""
        noted: dict[str, object] = {
            "sequence": self.sequence,
            "subject": self.subject,
            "stream": self.stream,
            "consumer": self.said("consumer"),
            "service": self.said("service"),
            "reason": self.said("reason"),
            "error": self.said("error"),
            "deliveries": int(self.said("delivered") or 0),
            "at": self.said("at") or self.received.published_at.isoformat(),
            "bytes": int(self.said("cut") or len(self.received.body)),
            "cut": bool(self.said("cut")),
        }
        if not body:
            return noted
        try:
            text = {"body": self.received.body.decode()}
        except UnicodeDecodeError:
            text = {"body_base64": base64.b64encode(self.received.body).decode()}
        return {**noted, "headers": self.headers, **text}


class Letters:
    """The stream of dead letters, for one who may read and change it (admin)."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def listed(self, limit: int = _ENOUGH) -> AsyncIterator[Letter]:
        """Yield the letters, oldest first, so many at most."""
        found = self._bus.listed(DEAD, limit=limit)
        while True:
            try:
                received = await heard(anext(found))
            except StopAsyncIteration:
                return
            yield Letter(received)

    async def read(self, sequence: int) -> Letter:
        """Return one letter.

        Raises:
            Refused: There is none of that number.
        """
        received = await heard(self._bus.fetch_by_sequence(DEAD, sequence))
        if received is None:
            raise Refused(f"no dead letter has the number {sequence}; goaround dead list has them")
        return Letter(received)

    async def resend(self, letter: Letter) -> None:
        """Send the original once more, and remove the letter when the stream has it.

        Should the connection break in between, doing it again sends it no second time (within the
        stream's window for repeats, minutes).

        Raises:
            Refused: It was cut when it was put aside, or says no stream.
        """
        if letter.said("cut"):
            raise Refused(
                f"letter {letter.sequence} holds {len(letter.received.body)} of "
                f"{letter.said('cut')} bytes only: it was too large to keep whole; ask for it anew"
            )
        if not letter.stream:
            raise Refused(f"letter {letter.sequence} does not say which stream it came from")
        when = int(letter.received.published_at.timestamp() * 1000)
        await heard(
            self._bus.publish_raw(
                letter.subject,
                letter.received.body,
                stream=letter.stream,
                msg_id=f"resent-{letter.sequence}-{when}",
                headers=letter.headers,
            )
        )
        await self.drop(letter)

    async def drop(self, letter: Letter) -> bool:
        """Remove a letter for good; False if it was gone already."""
        return await heard(self._bus.discard(DEAD, letter.sequence))


def _is_originals(header: str) -> bool:
    return not header.lower().startswith((_OURS, "nats-"))
