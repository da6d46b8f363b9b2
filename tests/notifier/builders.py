"""Notices and desks with what does not matter filled in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from goaround_chassis.bucket import Bucket
from goaround_chassis.errors import Later
from goaround_chassis.testing import ManualClock, MemoryBucket, RecordingPublisher
from goaround_notifier.handlers import Desk, Sends, on_notify
from goaround_notifier.ledger import Ledger
from goaround_notifier.notice import Notice, notice_of
from goaround_notifier.testing import ScriptedPost
from goaround_schemas.notice import DeployNotified, WorkNotify
from tests.builders import work_notify

RETRY_S = (5.0, 30.0)


def command(to: str = "https://hooks.internal/x", id_: str = "n-1", **changes: Any) -> WorkNotify:
    return work_notify(id=id_, to=to, **changes)


def notice(to: str, **changes: Any) -> Notice:
    return notice_of(command(**changes), to)


@dataclass
class Office:
    """A desk on fakes, and what passed over it."""

    desk: Desk
    bucket: Bucket
    clock: ManualClock
    publisher: RecordingPublisher

    async def handle(self, asked: WorkNotify) -> Later | None:
        """Handle one delivery, and return what the bus was asked for."""
        try:
            await on_notify(asked, self.desk)
        except Later as later:
            return later
        return None

    @property
    def answers(self) -> list[DeployNotified]:
        return self.publisher.of(DeployNotified)

    @property
    def outcomes(self) -> list[tuple[int, str]]:
        return [(a.data.attempt, a.data.outcome) for a in self.answers]


def office(
    post: Sends | None = None,
    bucket: Bucket | None = None,
    retry_s: Sequence[float] = RETRY_S,
) -> Office:
    bucket = bucket or MemoryBucket()
    clock, publisher = ManualClock(), RecordingPublisher()
    desk = Desk(
        ledger=Ledger(bucket),
        post=post or ScriptedPost(),
        publisher=publisher,
        clock=clock,
        retry_s=retry_s,
    )
    return Office(desk, bucket, clock, publisher)
