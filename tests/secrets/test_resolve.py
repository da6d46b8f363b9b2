from __future__ import annotations

from pathlib import Path

import pytest

from goaround_secrets import (
    MAX_SECRET_BYTES,
    Json,
    ReferenceMalformed,
    SecretMissing,
    read_secret_file,
    resolve,
    resolve_all,
)

ENVIRON = {"TOKEN": "t0k3n-value", "EMPTY": "", "NESTED": "${env:TOKEN}"}


def test_a_reference_is_replaced_and_its_secret_is_told_for_masking(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("p4ss\n")
    resolved = resolve(f"https://u:${{file:{file}}}@h/?t=${{env:TOKEN}}", ENVIRON)
    assert resolved.value == "https://u:p4ss@h/?t=t0k3n-value"
    assert resolved.secrets == {"p4ss", "t0k3n-value"}


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        (b"s3cret", "s3cret"),
        (b"s3cret\n", "s3cret"),
        (b"s3cret\r\n", "s3cret"),
        (b" a \n\n", " a \n"),
    ],
)
def test_one_newline_at_the_end_of_a_file_is_not_of_the_secret(content: bytes, secret: str) -> None:
    assert resolve("${file:/x}", {}, lambda _: content).value == secret


def test_what_a_secret_contains_is_not_looked_into() -> None:
    assert resolve("${env:NESTED}", ENVIRON).value == "${env:TOKEN}"


def test_a_secret_is_never_part_of_a_representation() -> None:
    assert "t0k3n" not in repr(resolve("${env:TOKEN}", ENVIRON))
    assert "t0k3n" not in repr(resolve_all(["${env:TOKEN}"], ENVIRON))


@pytest.mark.parametrize(
    ("text", "why", "where"),
    [
        ("${env:NONE}", "the variable is not set", "Set NONE in the environment"),
        ("${env:EMPTY}", "it is empty", "Set EMPTY in the environment"),
        ("${file:/no/such/file}", "No such file", "Put the secret in /no/such/file"),
        ("${file:/}", "Is a directory", "Put the secret in /"),
    ],
)
def test_a_missing_secret_is_named_with_where_to_put_it(text: str, why: str, where: str) -> None:
    with pytest.raises(SecretMissing) as missing:
        resolve(f"before {text} after ${{env:TOKEN}}", ENVIRON)
    assert str(missing.value).startswith(text)
    assert why in str(missing.value)
    assert where in str(missing.value)
    assert "t0k3n" not in str(missing.value)


def test_a_file_that_is_no_text_is_refused_without_its_bytes() -> None:
    with pytest.raises(SecretMissing, match="not UTF-8") as missing:
        resolve("${file:/key}", {}, lambda _: b"hidden\xff")
    assert missing.value.__cause__ is None
    assert "hidden" not in str(missing.value)


def test_a_file_too_long_for_a_secret_is_refused_and_not_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"x" * (MAX_SECRET_BYTES * 3))
    assert len(read_secret_file(str(file))) == MAX_SECRET_BYTES + 1
    with pytest.raises(SecretMissing, match="longer than 64 KB"):
        resolve(f"${{file:{file}}}", {})


def test_a_typo_is_told_before_any_file_is_opened() -> None:
    opened: list[str] = []

    def read(path: str) -> bytes:
        opened.append(path)
        return b"secret"

    with pytest.raises(ReferenceMalformed):
        resolve("${file:/a} ${evn:X}", {}, read)
    assert opened == []


def test_a_file_named_twice_is_read_once_so_that_both_places_agree() -> None:
    contents = iter([b"first", b"second"])
    assert resolve("${file:/a}${file:/a}", {}, lambda _: next(contents)).value == "firstfirst"


def test_every_string_of_a_structure_is_resolved_and_all_else_is_kept() -> None:
    tree: Json = {
        "${env:TOKEN}": ["a", "${env:TOKEN}", 1, 2.5, None, True, {"deep": "x${env:TOKEN}"}]
    }
    resolved = resolve_all(tree, ENVIRON)
    assert resolved.value == {
        "${env:TOKEN}": ["a", "t0k3n-value", 1, 2.5, None, True, {"deep": "xt0k3n-value"}]
    }
    assert resolved.secrets == {"t0k3n-value"}
