from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_secrets import ReferenceMalformed, SecretReference, references, resolve


def test_references_are_found_in_order_and_as_often_as_written() -> None:
    text = "${env:USER_NAME}:${file:/run/secrets/db key}@host/${env:USER_NAME}"
    assert references(text) == [
        SecretReference("env", "USER_NAME"),
        SecretReference("file", "/run/secrets/db key"),
        SecretReference("env", "USER_NAME"),
    ]


def test_a_reference_is_shown_as_it_is_written() -> None:
    assert str(references("x${file:/a}")[0]) == "${file:/a}"


@pytest.mark.parametrize("text", ["", "plain", "$5", "{version}", "a$b{c}", "}", "$", "$$"])
def test_text_without_an_opening_has_no_references_and_stays(text: str) -> None:
    assert references(text) == []
    assert resolve(text, {}).value == text


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("$${env:X}", "${env:X}"),
        ("$${", "${"),
        ("a $${not a reference} b", "a ${not a reference} b"),
        ("$$${env:X}", "$${env:X}"),
    ],
)
def test_a_doubled_dollar_is_a_plain_opening(text: str, plain: str) -> None:
    assert references(text) == []
    assert resolve(text, {"X": "secret"}).value == plain


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("${evn:TOKEN}", "${env:TOKEN}"),
        ("${ENV:TOKEN}", "${env:TOKEN}"),
        ("${flie:/run/x}", "${file:/run/x}"),
        ("${vault:db}", "${env:db}"),
        ("${TOKEN}", "${env:TOKEN}"),
        ("${/run/x}", "${file:/run/x}"),
        ("${env:MY-TOKEN}", "${env:MY_TOKEN}"),
        ("${env:1ST}", "${env:ST}"),
        ("${env: TOKEN }", "${env:TOKEN}"),
        ("${env:}", "${env:NAME}"),
        ("${file:}", "${file:/PATH}"),
        ("${}", "${env:NAME}"),
        ("https://x?key=${env:TOKEN&y=1", "${env:TOKEN_y_1}"),
        ("${file:/run/x and more", "${file:/run/x}"),
    ],
)
def test_what_is_no_reference_is_refused_with_the_nearest_that_is(text: str, nearest: str) -> None:
    with pytest.raises(ReferenceMalformed) as refused:
        references(text)
    assert refused.value.nearest == nearest
    assert nearest in str(refused.value)
    assert references(nearest)


def test_a_long_fault_is_shown_short() -> None:
    with pytest.raises(ReferenceMalformed) as refused:
        references("${" + "x" * 10_000)
    assert "it is never closed" in str(refused.value)
    assert len(str(refused.value).split(":")[0]) <= 60


@given(st.text(alphabet="${}:env file/AB", max_size=40))
def test_any_text_is_either_read_or_refused_with_a_valid_form(text: str) -> None:
    nearest = "${env:X}"
    try:
        references(text)
    except ReferenceMalformed as refused:
        nearest = refused.nearest
    assert len(references(nearest)) == 1


@given(st.text(max_size=40))
def test_escaped_text_comes_back_as_it_was(text: str) -> None:
    plain = text.replace("$", "")  # a dollar before an escape belongs to the escape
    assert resolve(plain + "$${" + plain, {}).value == plain + "${" + plain
