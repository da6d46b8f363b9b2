"""What is shown of an address."""

import pytest

from goaround_notifier.address import kind_of, scheme_of, shown


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("${env:SLACK_URL}", "${env:SLACK_URL}"),
        ("${file:/run/secrets/hook}/x?y=z", "${file:/run/secrets/hook}"),
        ("https://hooks.internal/services/T0/B0/topsecret", "https://hooks.internal/•••"),
        ("https://ada:topsecret@hooks.internal:8443/x?topsecret", "https://hooks.internal/•••"),
        ("HTTPS://Hooks.Internal/topsecret", "https://hooks.internal/•••"),
        ("https://${env:HOST}/topsecret", "https://•••"),
        ("https://[topsecret/x", "https://•••"),
        ("tgram://topsecret/chat", "tgram://•••"),
        ("slack://topsecret", "slack://•••"),
        ("topsecret", "•••"),
        ("", "•••"),
    ],
)
def test_an_address_is_shown_without_what_could_be_secret(written: str, told: str) -> None:
    assert shown(written) == told
    assert "topsecret" not in shown(written)


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("http://a/b", "webhook"),
        ("HTTPS://a/b", "webhook"),
        ("json://a/b", "apprise"),
        ("mailto://a:b@c", "apprise"),
        ("nothing", "apprise"),
    ],
)
def test_the_scheme_chooses_the_channel(address: str, kind: str) -> None:
    assert kind_of(address) == kind


def test_what_has_no_scheme_has_none() -> None:
    assert scheme_of("hooks.internal/x") is None
