from __future__ import annotations

import base64
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from goaround_secrets import MASK, Mask, StreamMask

# Few letters, so that secrets overlap, repeat and begin one another.
letters = st.text(alphabet="abc/ é", max_size=30)
secret_sets = st.lists(st.text(alphabet="abc/ é", min_size=1, max_size=8), max_size=3)


def streamed(mask: Mask, chunks: list[bytes]) -> bytes:
    stream = StreamMask(mask)
    return b"".join([*(stream.feed(chunk) for chunk in chunks), stream.finish()])


def cut(content: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(content) + 1) for place in places} | {len(content)})
    return [content[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@given(st.lists(st.one_of(letters, st.integers(0, 2)), max_size=8), secret_sets, st.data())
def test_however_a_stream_is_cut_no_secret_passes_and_the_rest_is_unchanged(
    plan: list[str | int], secrets: list[str], data: st.DataObject
) -> None:
    chosen = [part if isinstance(part, str) else "".join(secrets[part : part + 1]) for part in plan]
    content = "".join(chosen).encode()
    chunks = cut(content, data.draw(st.lists(st.integers(0, 300), max_size=12)))
    mask = Mask(secrets)

    shown = streamed(mask, chunks)

    assert shown == mask.apply(content)
    for secret in secrets:
        if len(secret) >= 4:
            assert secret.encode() not in shown
    plain = shown.split(MASK.encode())
    at = 0
    for piece in plain:  # what is shown is what was there, in order
        at = content.index(piece, at) + len(piece)


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=6))
@example(b"\xff\xfe\x00", [1])
def test_bytes_without_a_secret_pass_unchanged_whatever_they_are(
    content: bytes, places: list[int]
) -> None:
    mask = Mask(["not-in-there-at-all"])
    assert streamed(mask, cut(content, places)) == content == mask.apply(content)


@given(
    st.text(min_size=4, max_size=20).filter(lambda secret: "•" not in secret),
    st.binary(max_size=5),
    st.binary(max_size=5),
)
def test_base64_of_any_text_around_a_secret_does_not_give_it_back(
    secret: str, before: bytes, after: bytes
) -> None:
    content = before + secret.encode() + after
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert MASK in Mask([secret]).apply(encode(content).decode())


@pytest.mark.parametrize(
    "secret", ["p@ss word/1", 'quo"te\\d', "grün-und-blau", "line one\nline 2"]
)
def test_a_secret_is_masked_in_every_usual_writing(secret: str) -> None:
    mask = Mask([secret])
    writings = [
        secret,
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
    ]
    for writing in writings:
        assert mask.apply(f"[{writing}]") == f"[{MASK}]"


def test_percent_codes_are_masked_in_small_letters_too() -> None:
    assert Mask(["p@ss/word"]).apply("p%40ss%2fword") == MASK


def test_basic_authentication_does_not_show_the_password() -> None:
    header = "Basic " + base64.b64encode(b"deployer:s3cr3t-w0rd").decode()
    masked = Mask(["s3cr3t-w0rd"]).apply(header)
    assert masked == f"Basic ZGVwbG95ZXI6{MASK}Q="  # no more than the last four bits of it


def test_each_long_line_of_a_key_is_masked_by_itself() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\nabc\n-----END KEY-----"
    shown = Mask([key]).apply("12:00 MIIEvQIBADANBgkq\n12:01 abc\n")
    assert shown == f"12:00 {MASK}\n12:01 abc\n"


def test_an_empty_or_short_secret_masks_nothing() -> None:
    assert Mask(["", "a", "abc"]).apply("abc and a") == "abc and a"
    assert Mask([]).apply(b"anything") == b"anything"


def test_overlapping_secrets_leave_nothing_of_either() -> None:
    mask = Mask(["abcdef", "defghi"])
    assert mask.apply("-abcdefghi-") == f"-{MASK}-"


def test_neighbouring_secrets_are_a_mask_each() -> None:
    assert Mask(["secret"]).apply("secretsecret") == MASK * 2


def test_a_stream_of_nothing_but_a_repeating_secret_is_not_held_back() -> None:
    stream = StreamMask(Mask(["aaaa"]))
    shown = [stream.feed(b"a" * 1000) for _ in range(100)]
    assert b"".join(shown) == MASK.encode()
    assert stream.finish() == b""


def test_text_before_a_possible_secret_is_shown_at_once() -> None:
    stream = StreamMask(Mask(["secret"]))
    assert stream.feed(b"ready: se") == b"ready: "
    assert stream.feed(b"cre") == b""
    assert stream.feed(b"am") == b"secream"
    assert stream.finish() == b""
