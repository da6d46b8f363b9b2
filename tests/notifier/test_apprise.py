"""Apprise, through its own JSON channel, against a real server on loopback."""

import asyncio
import json
import logging
import threading

import pytest

from goaround_notifier.channel import NotDelivered
from goaround_notifier.everywhere import AppriseChannel
from goaround_notifier.thread import Broke, Threads
from tests.notifier.builders import notice
from tests.verifier.server import Reply, closed_port, hang, http_server, raw_server

SECRET = "/topsecret"


async def refusal(to: str, timeout_s: float = 5.0) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        await AppriseChannel(timeout_s).send(notice(to))
    assert "topsecret" not in str(caught.value)
    return caught.value


async def test_a_notice_reaches_its_recipient_marked_as_urgent() -> None:
    async with http_server(Reply(200)) as server:
        to = server.url.replace("http", "json") + SECRET
        channel = AppriseChannel(5.0)
        await channel.send(notice(to))
        await channel.send(notice(to, urgent=False))
    first, second = (json.loads(asked.body) for asked in server.asked)
    assert first["title"] == "URGENT: checkout 2.4.1 in prod: rolled back"
    assert first["type"] == "failure"
    assert first["message"] == "errors: 4.1 % of 2300 requests against 0.1 % before"
    assert (second["title"], second["type"]) == ("checkout 2.4.1 in prod: rolled back", "info")


@pytest.mark.parametrize(("status", "permanent"), [(404, True), (429, False), (500, False)])
async def test_the_status_that_apprise_met_decides(status: int, permanent: bool) -> None:
    async with http_server(Reply(status)) as server:
        refused = await refusal(server.url.replace("http", "json") + SECRET)
    assert (refused.permanent, str(status) in refused.why) == (permanent, True)


async def test_no_redirect_leads_a_notice_elsewhere() -> None:
    async with http_server(Reply(200)) as elsewhere:
        moved = Reply(307, headers={"Location": elsewhere.url})
        async with http_server(moved) as server:
            await refusal(server.url.replace("http", "json") + SECRET)
    assert elsewhere.asked == []


async def test_a_service_that_hangs_is_left_in_time() -> None:
    async with raw_server(hang) as port:
        refused = await refusal(f"json://127.0.0.1:{port}{SECRET}", timeout_s=0.2)
    assert not refused.permanent
    assert "within 0.2 s" in refused.why


async def test_a_closed_port_is_for_later() -> None:
    assert not (await refusal(f"json://127.0.0.1:{closed_port()}{SECRET}")).permanent


@pytest.mark.parametrize(
    ("to", "hint"),
    [
        ("slak://topsecret/x/y", "did you mean slack://?"),
        ("qqqqqqqq://topsecret", "no channel is called qqqqqqqq://"),
        ("topsecret", "no scheme"),
        ("slack://", "cannot read"),
    ],
)
async def test_an_address_that_nothing_takes_is_refused_for_good(to: str, hint: str) -> None:
    refused = await refusal(to)
    assert refused.permanent
    assert hint in refused.why


async def test_one_address_is_one_recipient_whatever_stands_in_it() -> None:
    async with http_server(Reply(200)) as server, http_server(Reply(200)) as other:
        first, second = (s.url.replace("http", "json") for s in (server, other))
        await AppriseChannel(5.0).send(notice(f"{first}/?to=x, {second}/"))
    assert (len(server.asked), len(other.asked)) == (1, 0)


async def test_apprise_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with http_server(Reply(500)) as server:
        await refusal(server.url.replace("http", "json") + SECRET)
    assert "topsecret" not in caplog.text


async def test_a_hanging_thread_takes_no_place_of_another() -> None:
    threads, end = Threads(2), threading.Event()
    try:
        with pytest.raises(TimeoutError):
            await threads.run(lambda: end.wait(10), 0.05)
        assert await threads.run(lambda: 7, 5) == 7
        with pytest.raises(TimeoutError):
            await threads.run(lambda: end.wait(10), 0.05)
        with pytest.raises(TimeoutError):
            await threads.run(lambda: 8, 0.05)
    finally:
        end.set()
    assert await threads.run(lambda: 9, 5) == 9


async def test_work_that_raises_tells_nothing_of_its_own_words() -> None:
    def breaks() -> int:
        raise ValueError("topsecret")

    with pytest.raises(Broke) as caught:
        await asyncio.wait_for(Threads(1).run(breaks, 5), 5)
    assert "topsecret" not in repr(caught.value)
    assert caught.value.__context__ is None
