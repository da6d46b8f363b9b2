from pathlib import Path

import pytest

from goaround_verifier.references import ReferencedSecrets
from goaround_verifier.secret import Missing, Secrets
from goaround_verifier.testing import PlainSecrets
from tests.verifier.builders import check

VALUES = {"${env:TOKEN}": 's3cret"value'}


@pytest.fixture(params=["referenced", "plain"])
def secrets(request: pytest.FixtureRequest) -> Secrets:
    if request.param == "plain":
        return PlainSecrets(VALUES)
    return ReferencedSecrets({"TOKEN": VALUES["${env:TOKEN}"]})


def test_a_reference_is_replaced_wherever_it_stands(secrets: Secrets) -> None:
    http = {
        "url": "http://127.0.0.1/?key=${env:TOKEN}",
        "headers": {"authorization": "Bearer ${env:TOKEN}"},
        "body": {"deep": ["${env:TOKEN}"]},
        "expect": {"json": {"a": None, "b": 3}},
    }
    opened = secrets.open(check(http=http, timeout="3s")).check
    assert opened.http is not None
    assert opened.http.url == 'http://127.0.0.1/?key=s3cret"value'
    assert opened.http.headers == {"authorization": 'Bearer s3cret"value'}
    assert opened.http.body == {"deep": ['s3cret"value']}
    assert opened.http.expect.json_values == {"a": None, "b": 3}


def test_a_value_is_hidden_again(secrets: Secrets) -> None:
    opened = secrets.open(check(run=["login", "${env:TOKEN}"]))
    assert opened.check.run == ("login", 's3cret"value')
    assert "s3cret" not in opened.mask('it said s3cret"value twice: s3cret"value')


def test_a_check_without_references_stays_as_it_is(secrets: Secrets) -> None:
    plain = check(tcp={"host": "db", "port": 5432}, within="2m", required=False, name="db")
    assert secrets.open(plain).check == plain


def test_what_only_looks_like_a_reference_is_written_as_it_is_meant() -> None:
    opened = ReferencedSecrets({}).open(check(run=["echo", "$${HOME}"]))
    assert opened.check.run == ("echo", "${HOME}")
    assert opened.mask("it printed ${HOME}") == "it printed ${HOME}"


def test_a_reference_is_found_however_deep_it_stands() -> None:
    body = {"a": [{"b": ["${env:TOKEN}"]}]}
    opened = ReferencedSecrets({"TOKEN": "deep-secret"}).open(
        check(http={"url": "http://127.0.0.1/", "method": "POST", "body": body})
    )
    assert opened.check.http is not None
    assert opened.check.http.body == {"a": [{"b": ["deep-secret"]}]}
    assert "deep-secret" not in opened.mask("it said deep-secret")


def test_a_missing_secret_is_named_by_its_reference(secrets: Secrets) -> None:
    with pytest.raises(Missing, match=r"\$\{env:NOWHERE\}"):
        secrets.open(check(run=["login", "${env:NOWHERE}"]))


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from-file\n")
    reference = f"${{file:{tmp_path / 'token'}}}"
    opened = ReferencedSecrets({}).open(check(run=["login", reference]))
    assert opened.check.run == ("login", "from-file")


def test_what_is_no_reference_is_said_as_such() -> None:
    with pytest.raises(Missing, match="only"):
        ReferencedSecrets({}).open(check(run=["login", "${vault:x}"]))


def test_a_check_that_a_secret_makes_invalid_does_not_tell_the_secret() -> None:
    github = {"repository": "${env:REPO}/x", "ref": "v1"}
    with pytest.raises(Missing) as caught:
        ReferencedSecrets({"REPO": "hunter2 /"}).open(check(github=github))
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
