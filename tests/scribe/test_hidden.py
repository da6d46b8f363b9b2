"""What may stand in a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_scribe.hidden import HIDDEN, masked, shown, words_shown


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("password", "hunter2"),
        ("DB_PASSWORD", "hunter2"),
        ("apiKey", "abc"),
        ("access-key", "abc"),
        ("dsn", "abc"),
        ("x", "-----BEGIN PRIVATE KEY-----\nabc"),
        ("x", "AKIAIOSFODNN7EXAMPLE"),
        ("token", "1234"),
    ],
)
def test_what_is_or_may_be_a_secret_is_hidden_whole(key: str, text: str) -> None:
    assert shown(key, text) == HIDDEN


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://ada:hunter2@host/x", "https://•••@host/x"),
        ("https://host/x?token=abc&y=1", "https://host/x?token=•••&y=1"),
        ("Authorization: Bearer abcdef", "Authorization: •••"),
        ("authorization: Negotiate YII abc", "authorization: •••"),
        ("--password=hunter2", "--password=•••"),
        ("curl -H 'bearer abcdef' x", "curl -H 'bearer •••' x"),
        ("https://${env:USER}@host", "https://${env:USER}@host"),
    ],
)
def test_of_a_text_with_a_secret_in_it_the_rest_is_shown(text: str, said: str) -> None:
    assert masked(text) == said


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("password", "${env:DB_PASSWORD}"),
        ("token", "{vars.token_name}"),
        ("key_required", "true"),
        ("timeout", "120s"),
        ("monkey", "chimp"),
        ("image", "registry/shop@sha256:" + "ab12" * 16),
        ("path", "/var/lib/checkout/releases/2026-03-04"),
        ("url", "https://checkout.internal/livez?q=1"),
        ("run", "a-service-of-production-with-a-long-name-2"),
    ],
)
def test_what_is_no_secret_is_shown_as_it_is(key: str, text: str) -> None:
    assert shown(key, text) == text


def test_the_word_after_an_option_for_a_secret_is_hidden() -> None:
    words = ("tool", "--password", "hunter2", "-u", "ada:hunter2", "--token=abc", "--to", "prod")
    said = (
        "tool",
        "--password",
        HIDDEN,
        "-u",
        f"ada:{HIDDEN}",
        f"--token={HIDDEN}",
        "--to",
        "prod",
    )
    assert words_shown("run", words) == said


@given(st.text(), st.text())
def test_any_text_can_be_looked_at(key: str, text: str) -> None:
    assert isinstance(shown(key, text), str)


@pytest.mark.parametrize("part", ["pass", "://", "a1", "token "])
def test_of_a_huge_text_only_the_beginning_is_looked_at(part: str) -> None:
    assert len(shown("run", part * 100_000)) < 10_000
