"""What is kept of each notice, in a bucket, under the id of its command."""

from dataclasses import dataclass

from pydantic import ValidationError

from goaround_chassis.bucket import Bucket
from goaround_notifier.delivery import Delivery

BUCKET = "notices"


@dataclass(frozen=True, slots=True)
class Kept:
    """A delivery and the revision under which it was read; 0 for none."""

    delivery: Delivery | None
    revision: int


class Ledger:
    """Remembers which notices were sent. Two workers never claim the same attempt."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    async def read(self, notice_id: str) -> Kept:
        """Return what is kept; a record that cannot be read was begun by someone unknown."""
        entry = await self._bucket.get(notice_id)
        if entry is None:
            return Kept(None, 0)
        try:
            return Kept(Delivery.model_validate_json(entry.value), entry.revision)
        except ValidationError:
            return Kept(Delivery(state="sending", attempt=1), entry.revision)

    async def claim(self, notice_id: str, attempt: int, kept: Kept) -> int | None:
        """Write down that this attempt begins, before it does; None: another worker was first."""
        value = Delivery(state="sending", attempt=attempt).model_dump_json().encode()
        if kept.delivery is None:
            return await self._bucket.create(notice_id, value)
        return await self._bucket.update(notice_id, value, kept.revision)

    async def sent(self, notice_id: str, delivery: Delivery) -> None:
        """Write down that it was sent, whatever another worker thinks: nothing outweighs that."""
        await self._bucket.put(notice_id, delivery.model_dump_json().encode())

    async def failed(self, notice_id: str, delivery: Delivery, revision: int) -> bool:
        """Write down how an attempt failed; False: another worker has gone on with it."""
        value = delivery.model_dump_json().encode()
        return await self._bucket.update(notice_id, value, revision) is not None
