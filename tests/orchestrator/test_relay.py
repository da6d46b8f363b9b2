"""The post: nothing is lost, nothing is held up by another, reminders go where they are needed."""

import asyncio

import pytest
from prometheus_client import REGISTRY

from goaround_chassis.bus import Refused, Unavailable
from goaround_orchestrator.relay import relay, send_some
from goaround_schemas.phase import Phase
from tests import builders as messages
from tests.orchestrator.office import Office

VERIFY = "work.verify.prod.checkout"


async def requested() -> Office:
    # Without migrations the run's first letters are its move and the question of pre-flight.
    deploy = messages.guide().deploy.model_copy(update={"migrations": None})
    office = Office(messages.guide(deploy=deploy))
    await office.request(run_id="r-1")
    return office


async def test_a_letter_goes_out_as_the_very_bytes_with_its_id_and_its_trace() -> None:
    office = await requested()
    assert await office.deliver() == 2
    subjects = [s for s, _, _ in office.stream.taken.values()]
    assert subjects == ["DEPLOY deploy.advanced.prod.checkout", f"WORK {VERIFY}"]
    for message_id, (_, body, headers) in office.stream.taken.items():
        assert message_id.encode() in body
        assert headers["Content-Type"] == "application/cloudevents+json"
        assert headers["traceparent"].encode() in body
    assert await office.post.waiting() == 0


async def test_nothing_is_forgotten_while_the_bus_takes_nothing() -> None:
    office = await requested()
    office.stream.fails[VERIFY] = Unavailable("publish", "no answer")
    with pytest.raises(ExceptionGroup):
        await send_some(office.post, office.stream, 50)
    assert await office.post.waiting() == 2
    office.stream.fails.clear()
    assert await office.deliver() == 2
    # What had gone out all the same came again under its own id, and was dropped.
    assert len(office.stream.taken) == 2


async def test_a_letter_that_no_stream_takes_is_put_aside_and_holds_up_no_other() -> None:
    office = await requested()
    office.stream.fails[VERIFY] = Refused("publish", "maximum payload exceeded", 413)
    assert await office.deliver() == 2
    assert len(office.stream.taken) == 1
    (parked,) = office.post.parked
    assert (parked.letter.subject, parked.why) == (VERIFY, "publish: maximum payload exceeded")


async def reminded() -> Office:
    office = await requested()
    await office.deliver()
    await office.sweep(31)
    return office


def counted(still_queued: str) -> float:
    labels = {"still_queued": still_queued}
    return REGISTRY.get_sample_value("goaround_outbox_reminders_total", labels) or 0.0


async def test_a_command_that_still_lies_in_its_queue_is_not_sent_again() -> None:
    office = await reminded()
    before = counted("true")
    office.stream.still_queued.add(VERIFY)
    assert await office.deliver() == 1
    assert len(office.stream.taken) == 2
    assert counted("true") == before + 1


async def test_a_command_that_was_lost_is_sent_again_under_a_name_of_its_own() -> None:
    office = await reminded()
    assert await office.deliver() == 1
    first, again = [i for i, (s, _, _) in office.stream.taken.items() if s.endswith(VERIFY)]
    assert again == f"{first}.1"
    bodies = [b for s, b, _ in office.stream.taken.values() if s.endswith(VERIFY)]
    assert all(first.encode() in body for body in bodies)


async def test_each_reminder_has_another_name() -> None:
    office = await requested()
    await office.bring_to("r-1", Phase.DEPLOYING)
    for seconds in (31, 61, 121):
        await office.sweep(seconds)
    await office.deliver()
    sent = [i for i, (s, _, _) in office.stream.taken.items() if "work.deploy" in s]
    assert [i.partition(".")[2] for i in sent] == ["", "1", "2", "3"]


async def test_a_relay_sends_what_is_posted_and_survives_an_outage() -> None:
    office = await requested()
    office.stream.fails[VERIFY] = Unavailable("publish", "no answer")
    task = asyncio.create_task(relay(office.post, office.stream, poll_s=0.005))
    try:
        async with asyncio.timeout(5):
            await office.stream.until(lambda: bool(office.stream.failed))
            office.stream.fails.clear()
            await office.stream.until(lambda: len(office.stream.taken) == 2)
            await office.bring_to("r-1", Phase.SUCCEEDED)
            await office.stream.until(lambda: bool(office.stream.outcomes()))
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert office.stream.outcomes() == [("r-1", "succeeded")]
