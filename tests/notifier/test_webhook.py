"""Webhooks against real servers that answer, refuse, hang and break."""

import json
from collections.abc import AsyncIterator

import pytest

from goaround_notifier.channel import NotDelivered
from goaround_notifier.webhook import WebhookChannel, new_client
from tests.notifier.builders import notice
from tests.verifier.server import Reply, closed_port, drip, hang, http_server, raw_server, reset

TIMEOUT_S = 0.3
PATIENCE_S = 10.0
"""For who is answered at once, on however busy a machine."""
SECRET = "/services/topsecret"


@pytest.fixture
async def webhook() -> AsyncIterator[WebhookChannel]:
    async with new_client(TIMEOUT_S) as client:
        yield WebhookChannel(client, TIMEOUT_S)


async def refusal(webhook: WebhookChannel, to: str) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        await webhook.send(notice(to))
    assert "topsecret" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


async def test_a_notice_is_one_post_with_its_key(webhook: WebhookChannel) -> None:
    async with http_server(Reply(204)) as server:
        await webhook.send(notice(server.url + SECRET, id_="n-7"))
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", SECRET)
    assert asked.headers["idempotency-key"] == "n-7"
    assert asked.headers["content-type"] == "application/json"
    assert json.loads(asked.body) == {
        "id": "n-7",
        "run_id": "r-2026-0042",
        "service": "checkout",
        "environment": "prod",
        "version": "2.4.1",
        "moment": "finished",
        "outcome": "rolled_back",
        "title": "checkout 2.4.1 in prod: rolled back",
        "text": "errors: 4.1 % of 2300 requests against 0.1 % before",
        "urgent": True,
        "time": "2026-03-04T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (400, True),
        (401, True),
        (404, True),
        (410, True),
        (408, False),
        (429, False),
        (500, False),
        (503, False),
        (302, False),
        (308, True),
    ],
)
async def test_a_status_says_whether_another_attempt_can_help(
    webhook: WebhookChannel, status: int, permanent: bool
) -> None:
    async with http_server(Reply(status, headers={"Location": "/elsewhere"})) as server:
        refused = await refusal(webhook, server.url + SECRET)
    assert refused.permanent is permanent
    assert str(status) in refused.why
    assert len(server.asked) == 1, "no redirect is followed"


async def test_a_server_that_hangs_is_left_in_time(webhook: WebhookChannel) -> None:
    async with raw_server(hang) as port:
        refused = await refusal(webhook, f"http://127.0.0.1:{port}{SECRET}")
    assert not refused.permanent
    assert "within 0.3 s" in refused.why


async def test_a_body_without_an_end_is_not_waited_for() -> None:
    async with new_client(PATIENCE_S) as client, raw_server(drip) as port:
        await WebhookChannel(client, PATIENCE_S).send(notice(f"http://127.0.0.1:{port}/"))


async def test_a_closed_port_and_a_broken_connection_are_for_later(
    webhook: WebhookChannel,
) -> None:
    refused = await refusal(webhook, f"http://127.0.0.1:{closed_port()}{SECRET}")
    assert not refused.permanent
    async with raw_server(reset) as port:
        refused = await refusal(webhook, f"http://127.0.0.1:{port}{SECRET}")
    assert not refused.permanent


@pytest.mark.parametrize("to", ["http://", "http://a:topsecret/"])
async def test_what_is_no_url_is_never_tried_again(webhook: WebhookChannel, to: str) -> None:
    assert (await refusal(webhook, to)).permanent


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with http_server(Reply(200)) as server, new_client(TIMEOUT_S) as client:
        await WebhookChannel(client, TIMEOUT_S).send(notice(server.url))
    assert len(server.asked) == 1
