"""One notice through attempts, repeats, crashes and rivals."""

from dataclasses import replace
from datetime import timedelta

import pytest

from goaround_chassis.testing import MemoryBucket, RecordingPublisher
from goaround_notifier.channel import NotDelivered
from goaround_notifier.delivery import Delivery
from goaround_notifier.handlers import on_dead
from goaround_notifier.testing import ScriptedPost
from goaround_schemas.envelope import derived_id
from goaround_schemas.notice import DeployNotified, WorkNotify
from tests.builders import deploy_requested
from tests.notifier.builders import RETRY_S, command, office

DOWN = NotDelivered("the webhook answered 500", permanent=False)
GONE = NotDelivered("the webhook answered 404", permanent=True)


async def test_a_notice_that_arrives_is_answered_as_delivered() -> None:
    here = office()
    assert await here.handle(command()) is None
    (said,) = here.answers
    assert said.id == derived_id("n-1", "deploy.notified", "1")
    assert (said.source, said.subject, said.causationid) == ("notifier", "r-2026-0042", "n-1")
    assert (said.correlationid, said.traceparent) == (
        command().correlationid,
        command().traceparent,
    )
    assert said.data.model_dump() == {
        "run_id": "r-2026-0042",
        "service": "checkout",
        "environment": "prod",
        "moment": "finished",
        "name": "payments channel",
        "outcome": "delivered",
        "detail": "told",
        "attempt": 1,
    }


async def test_a_repeated_command_is_answered_again_and_sent_once() -> None:
    post = ScriptedPost("told", AssertionError("sent twice"))
    here = office(post)
    for _ in range(3):
        await here.handle(command())
    assert (len(post.sent), here.outcomes) == (1, [(1, "delivered")])


async def test_each_failed_attempt_is_answered_and_the_next_comes_later() -> None:
    post = ScriptedPost(DOWN, DOWN, "told")
    here = office(post)
    for pause_s in RETRY_S:
        later = await here.handle(command())
        assert later is not None
        assert later.after == timedelta(seconds=pause_s)
        here.clock.advance(later.after)
    assert await here.handle(command()) is None
    assert here.outcomes == [(1, "failed"), (2, "failed"), (3, "delivered")]
    assert len({a.id for a in here.answers}) == 3


async def test_a_channel_that_stays_dead_is_given_up() -> None:
    post = ScriptedPost(DOWN)
    here = office(post)
    while (later := await here.handle(command())) is not None:
        here.clock.advance(later.after)
    assert here.outcomes == [(1, "failed"), (2, "failed"), (3, "given_up")]
    assert await here.handle(command()) is None
    assert len(post.sent) == 3
    assert "given up after 3 attempts" in here.answers[-1].data.detail


async def test_a_permanent_failure_is_given_up_at_once() -> None:
    here = office(ScriptedPost(GONE))
    assert await here.handle(command()) is None
    assert here.outcomes == [(1, "given_up")]


async def test_a_redelivery_before_its_time_waits_for_the_rest() -> None:
    post = ScriptedPost(DOWN, "told")
    here = office(post)
    await here.handle(command())
    here.clock.advance(timedelta(seconds=2))
    later = await here.handle(command())
    assert later is not None
    assert later.after == timedelta(seconds=3)
    assert len(post.sent) == 1


async def test_a_notice_that_a_crash_interrupted_is_sent_again() -> None:
    bucket, post = MemoryBucket(), ScriptedPost()
    await bucket.put("n-1", Delivery(state="sending", attempt=1).model_dump_json().encode())
    here = office(post, bucket)
    assert await here.handle(command()) is None
    assert (len(post.sent), here.outcomes) == (1, [(2, "delivered")])


async def test_a_record_that_cannot_be_read_counts_as_interrupted() -> None:
    bucket, post = MemoryBucket(), ScriptedPost()
    await bucket.put("n-1", b"\xffnot json")
    here = office(post, bucket)
    assert await here.handle(command()) is None
    assert here.outcomes == [(2, "delivered")]


class RivalBucket(MemoryBucket):
    """Another worker writes first, whenever we claim."""

    async def create(self, key: str, value: bytes) -> int | None:
        await super().create(key, value)
        return None


async def test_a_notice_that_another_worker_has_just_claimed_is_left_to_it() -> None:
    post = ScriptedPost()
    here = office(post, RivalBucket())
    assert await here.handle(command()) is not None
    assert (post.sent, here.answers) == ([], [])


class SentMeanwhile(ScriptedPost):
    """Fails, while another worker delivers the same notice."""

    def __init__(self, bucket: MemoryBucket) -> None:
        super().__init__(DOWN)
        self._bucket = bucket

    async def send(self, command: WorkNotify) -> str:
        sent = Delivery(state="sent", attempt=9, detail="told by the other")
        await self._bucket.put(command.id, sent.model_dump_json().encode())
        return await super().send(command)


async def test_a_delivery_by_another_worker_is_never_overwritten_by_our_failure() -> None:
    bucket = MemoryBucket()
    here = office(SentMeanwhile(bucket), bucket)
    assert await here.handle(command()) is not None
    assert await here.handle(command()) is None
    assert here.outcomes == [(1, "failed"), (9, "delivered")]


class DeafPublisher(RecordingPublisher):
    """Loses the first answer, as a process that dies before it does."""

    def __init__(self) -> None:
        super().__init__()
        self.lost = 0

    async def publish(self, message: object) -> None:
        if not self.lost:
            self.lost += 1
            raise ConnectionError("lost")
        assert isinstance(message, DeployNotified)
        await super().publish(message)


@pytest.mark.parametrize(
    ("says", "outcome", "sends"), [("told", "delivered", 1), (GONE, "given_up", 1)]
)
async def test_an_answer_that_was_lost_is_given_by_the_redelivery(
    says: str | Exception, outcome: str, sends: int
) -> None:
    post, bucket = ScriptedPost(says), MemoryBucket()
    here = office(post, bucket)
    deaf = DeafPublisher()
    here.desk = replace(here.desk, publisher=deaf)
    with pytest.raises(ConnectionError):
        await here.handle(command())
    await here.handle(command())
    assert [(a.data.attempt, a.data.outcome) for a in deaf.of(DeployNotified)] == [(1, outcome)]
    assert len(post.sent) == sends


async def test_a_command_that_is_put_aside_is_answered_as_given_up() -> None:
    publisher = RecordingPublisher()
    await on_dead(command(), "killed the process", publisher, RETRY_S)
    await on_dead(deploy_requested(), "not ours", publisher, RETRY_S)
    (said,) = publisher.of(DeployNotified)
    assert (said.data.outcome, said.data.attempt) == ("given_up", 7)
    assert "killed the process" in said.data.detail
