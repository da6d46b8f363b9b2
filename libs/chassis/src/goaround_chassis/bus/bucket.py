"""A bucket as NATS keeps it: a stream with one message for each key, read directly.

It needs the rights to publish on `$KV.<bucket>.>` and to ask `$JS.API.DIRECT.GET.KV_<bucket>.>`
(else `$JS.API.STREAM.MSG.GET.KV_<bucket>`), and no others: no consumer, no watch.

A direct read may come from a replica that is a moment behind. Nothing breaks by it, because
every write that depends on a read names the revision that was read.
"""

from uuid import uuid4

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from goaround_chassis.bucket import Entry
from goaround_chassis.bus.errors import Refused, Unavailable
from goaround_chassis.bus.grouping import Grouping
from goaround_chassis.bus.received import headers_of
from goaround_chassis.bus.tokens import as_token

_WRONG_REVISION = 10071
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_OPERATION = "KV-Operation"
_GONE = ("DEL", "PURGE")


class NatsBucket:
    """One key-value bucket; what it promises stands in `goaround_chassis.bucket.Bucket`."""

    def __init__(self, js: JetStreamContext, grouping: Grouping, name: str) -> None:
        self._js = js
        self._grouping = grouping
        self._name = name
        self._stream = f"KV_{name}"
        self._direct = True

    async def get(self, key: str) -> Entry | None:
        """Return what was last put there; None if there is nothing, or it was deleted."""
        found = await self._read(self._subject(key))
        if found is None or headers_of(found).get(_OPERATION) in _GONE:
            return None
        return Entry(found.data or b"", found.seq or 0)

    async def create(self, key: str, value: bytes) -> int | None:
        """Write the first value of a key and return its revision; None: there is one already."""
        revision = await self._write(key, value, expected=0)
        if revision is not None:
            return revision
        found = await self._read(self._subject(key))
        if found is None or headers_of(found).get(_OPERATION) not in _GONE:
            return None
        return await self._write(key, value, expected=found.seq or 0)

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        """Replace the value of that revision and return the new one; None: someone was first."""
        return await self._write(key, value, expected=revision)

    async def put(self, key: str, value: bytes) -> int:
        """Write a value whatever is there, and return its revision."""
        ack = await self._grouping.publish(
            self._subject(key), value, stream=self._stream, headers=_named()
        )
        return ack.seq

    async def delete(self, key: str) -> None:
        """Forget a key; no matter if there is none."""
        headers = {**_named(), _OPERATION: "DEL"}
        await self._grouping.publish(self._subject(key), b"", stream=self._stream, headers=headers)

    def _subject(self, key: str) -> str:
        return f"$KV.{self._name}.{as_token(key)}"

    async def _write(self, key: str, value: bytes, expected: int) -> int | None:
        subject = self._subject(key)
        headers = {**_named(), _EXPECTED: str(expected)}
        try:
            ack = await self._grouping.publish(subject, value, stream=self._stream, headers=headers)
        except Refused as refused:
            if refused.code != _WRONG_REVISION:
                raise
            # An acknowledgement may have been lost and the write repeated: then the one who was
            # first is ourselves, and the stored message has our own id.
            found = await self._read(subject)
            if found is None or headers_of(found).get("Nats-Msg-Id") != headers["Nats-Msg-Id"]:
                return None
            return found.seq
        return ack.seq

    async def _read(self, subject: str) -> RawStreamMsg | None:
        try:
            return await self._js.get_last_msg(self._stream, subject, direct=self._direct)
        except NotFoundError:
            return None
        except nats.errors.NoRespondersError as error:
            if not self._direct:
                raise Unavailable(f"read {subject}", f"is there a bucket {self._name}?") from error
            self._direct = False
            return await self._read(subject)
        except TimeoutError as error:
            raise Unavailable(f"read {subject}", "no answer in time") from error
        except nats.errors.Error as error:
            raise Unavailable(f"read {subject}", str(error)) from error


def _named() -> dict[str, str]:
    """Headers that let the server drop the repeat of one and the same write."""
    return {"Nats-Msg-Id": str(uuid4())}
