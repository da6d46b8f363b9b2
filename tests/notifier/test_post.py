"""Secrets are opened for sending and appear nowhere else."""

import pytest

from goaround_notifier.channel import NotDelivered
from goaround_notifier.post import Post
from goaround_notifier.testing import MemoryChannel
from tests.notifier.builders import command

ENVIRON = {"HOOK": "https://hooks.internal/topsecret", "TOKEN": "topsecret"}


def post(webhook: MemoryChannel, apprise: MemoryChannel | None = None) -> Post:
    return Post({"webhook": webhook, "apprise": apprise or MemoryChannel()}, ENVIRON)


async def test_a_reference_is_resolved_for_the_channel_alone() -> None:
    webhook = MemoryChannel()
    how = await post(webhook).send(command("${env:HOOK}"))
    assert webhook.sent[0].to == "https://hooks.internal/topsecret"
    assert how == "told by webhook (${env:HOOK})"
    assert "topsecret" not in repr(webhook.sent[0])


async def test_a_scheme_other_than_http_goes_through_apprise() -> None:
    webhook, apprise = MemoryChannel(), MemoryChannel()
    how = await post(webhook, apprise).send(command("slack://${env:TOKEN}/x"))
    assert (len(webhook.sent), apprise.sent[0].to) == (0, "slack://topsecret/x")
    assert how == "told by slack:// (slack://•••)"


@pytest.mark.parametrize(
    ("to", "named"),
    [
        ("${env:NOWHERE}", "${env:NOWHERE}"),
        ("https://a/${file:/no/such/file}", "${file:/no/such/file}"),
        ("${vault:x}", "${vault:x}"),
    ],
)
async def test_a_missing_secret_is_named_and_nothing_is_sent(to: str, named: str) -> None:
    webhook = MemoryChannel()
    with pytest.raises(NotDelivered) as caught:
        await post(webhook).send(command(to))
    assert caught.value.permanent
    assert named in caught.value.why
    assert webhook.sent == []


async def test_whatever_a_channel_says_is_masked() -> None:
    said = "cannot reach https://hooks.internal/topsecret (topsecret)"
    webhook = MemoryChannel(NotDelivered(said, permanent=False))
    with pytest.raises(NotDelivered) as caught:
        await post(webhook).send(command("${env:HOOK}"))
    assert "topsecret" not in caught.value.why.replace("(topsecret)", "")
    assert not caught.value.permanent
    with pytest.raises(NotDelivered) as caught:
        await post(webhook).send(command("https://x/${env:TOKEN}"))
    assert "topsecret" not in caught.value.why


async def test_a_literal_address_is_masked_as_well() -> None:
    said = "no: https://hooks.internal/topsecret"
    webhook = MemoryChannel(NotDelivered(said, permanent=True))
    with pytest.raises(NotDelivered) as caught:
        await post(webhook).send(command("https://hooks.internal/topsecret"))
    assert "topsecret" not in caught.value.why
