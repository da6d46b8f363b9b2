"""A bucket as NATS keeps it: a stream with one message for each key, read directly.

It needs the rights to publish on `$KV.<bucket>.>` and to ask `$JS.API.DIRECT.GET.KV_<bucket>.>`
(else `$JS.API.STREAM.MSG.GET.KV_<bucket>`), and for the time `$JS.API.STREAM.INFO.KV_<bucket>`,
and no others: no consumer, no watch.

A direct read may come from a replica that is a moment behind. Nothing breaks by it, because
every write that depends on a read names the revision that was read. In a cluster the clock is that
of the server that leads the bucket; if another one comes to lead it, it is that one's.
"""

import json
from datetime import UTC, datetime

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from goaround_chassis.bucket import Entry
from goaround_chassis.bus.errors import Refused, Unavailable
from goaround_chassis.bus.grouping import Grouping
from goaround_chassis.bus.naming import new_id
from goaround_chassis.bus.received import headers_of
from goaround_chassis.bus.tokens import as_token

_WRONG_REVISION = 10071
_EXPECTED = "Nats-Expected-Last-Subject-Sequence"
_OPERATION = "KV-Operation"
_GONE = ("DEL", "PURGE")
_TIME_WITHIN_S = 2.0


class NatsBucket:
    """One key-value bucket; what it promises stands in `goaround_chassis.bucket.Bucket`."""

    def __init__(self, client: Client, js: JetStreamContext, grouping: Grouping, name: str) -> None:
        self._client = client
        self._js = js
        self._grouping = grouping
        self._name = name
        self._stream = f"KV_{name}"
        self._direct = True

    async def now(self) -> datetime:
        """Return the present moment by the bucket's own clock, which no other one is held to."""
        what = f"ask {self._stream} for the time"
        subject = f"$JS.API.STREAM.INFO.{self._stream}"
        try:
            answer = await self._client.request(subject, b"", timeout=_TIME_WITHIN_S)
        except (nats.errors.Error, TimeoutError) as error:
            raise Unavailable(what, str(error) or "no answer in time") from error
        said = json.loads(answer.data)
        if "ts" not in said:
            raise Unavailable(what, said.get("error", {}).get("description", "it does not tell"))
        return datetime.fromisoformat(said["ts"]).astimezone(UTC)

    async def get(self, key: str) -> Entry | None:
        """Return what was last put there; None if there is nothing, or it was deleted."""
        found = await self._read(self._subject(key))
        if found is None or headers_of(found).get(_OPERATION) in _GONE:
            return None
        assert found.time is not None, "the server tells of each message when it was kept"
        return Entry(found.data or b"", found.seq or 0, found.time)

    async def create(self, key: str, value: bytes) -> int | None:
        """Write the first value of a key and return its revision; None: there is one already."""
        written = await self._write(key, value, expected=0)
        if not isinstance(written, RawStreamMsg):
            return written
        gone = headers_of(written).get(_OPERATION) in _GONE
        return await self.update(key, value, written.seq or 0) if gone else None

    async def update(self, key: str, value: bytes, revision: int) -> int | None:
        """Replace the value of that revision and return the new one; None: someone was first."""
        written = await self._write(key, value, expected=revision)
        return written if isinstance(written, int) else None

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

    async def _write(self, key: str, value: bytes, expected: int) -> int | RawStreamMsg | None:
        """Return the new revision; else what is there instead of the one that was expected."""
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
                return found
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
    return {"Nats-Msg-Id": new_id()}
