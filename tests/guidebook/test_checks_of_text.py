"""Templates and secret references are checked when a guide is read, for every environment."""

from pathlib import Path

import pytest

from goaround_guidebook import GuideInvalid, load, read
from tests.guidebook.texts import small


def faults(text: str) -> str:
    with pytest.raises(GuideInvalid) as caught:
        read(text, "g.yaml")
    return str(caught.value)


def url(text: str) -> str:
    return small("{vars.base}/livez", text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (url("{verson}"), "g.yaml:11:28: unknown template {verson}; did you mean 'version'?"),
        (url("{vars.bas}"), "unknown template {vars.bas}; did you mean 'vars.base'?"),
        (url("{zzz}"), "unknown template {zzz}; to have it stand as it is, write {{zzz}}"),
        (url("{vars.region}"), "{vars.region} has no value in the environment prod"),
        (url("{migration.before}"), "has a value in deploy.migrations only"),
        (url("x/{stage}"), "g.yaml:11:30: unknown template {stage}"),
        (small("region: eu", 'region: "{environment}"'), "{environment} is not replaced here"),
        (url("${env:}"), "'${env:' is no secret reference; write ${env:NAME}"),
        (url("${env}"), "'${env' is no secret reference"),
        (url("${env:A B}"), "is no secret reference"),
        (url("${env:1A}"), "is no secret reference"),
        (url("${file:}"), "is no secret reference"),
        (url("${file:/run/{environment}/x}"), "is no secret reference"),
        (url("${env:NAME"), "is no secret reference"),
        (url("${evn:NAME}"), "names no kind of secret reference"),
        (url("${evn:NAME}"), "did you mean 'env'?"),
        (url("${version}"), "is neither a template, {version}, nor a secret reference"),
    ],
)
def test_what_can_never_be_replaced_is_a_fault(text: str, wanted: str) -> None:
    assert wanted in faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "{version}/{previous.version}/{environment}/{run.id}/{stage.name}/{stage.weight}",
        "{vars.base}",
        "{{zzz}}",
        "${env:TOKEN}-${file:/run/secrets/token}",
        "{code=~'5..'}[5m]",
        "{}{ }{1}{a b}{A}",
        "${HOME}",
        "${a:-b}",
    ],
)
def test_what_can_be_replaced_or_stands_for_itself_is_none(text: str) -> None:
    read(url(text), "g.yaml")


def test_a_script_is_the_shell_s_own() -> None:
    script = 'script: "echo ${version} {nothing} ${env:} $GOAROUND_VERSION"'
    guide = read(small('run: [./release, "{version}"]', script), "g.yaml")
    assert guide.deploy.steps[0].script == "echo ${version} {nothing} ${env:} $GOAROUND_VERSION"


def warned(tmp_path: Path, text: str) -> tuple[str, ...]:
    path = tmp_path / "g.yaml"
    path.write_text(text)
    return load(path).warnings


@pytest.mark.parametrize(
    "more",
    [
        "preflight: {ci: [{github: {repository: a/b, ref: x, token: hunter2}}]}\n",
        "preflight: {checks: [{http: {url: x, headers: {Authorization: Bearer hunter2}}}]}\n",
        "preflight: {checks: [{run: [x], env: {DB_PASSWORD: hunter2}}]}\n",
        "notify: [{to: 'https://ada:hunter2@example.org/hook'}]\n",
    ],
)
def test_a_secret_in_the_text_is_warned_of_and_not_repeated(tmp_path: Path, more: str) -> None:
    said = warned(tmp_path, small(more=more))
    assert len(said) == 1
    assert "holds a secret itself; write ${env:NAME} instead" in said[0]
    assert f"{tmp_path / 'g.yaml'}:16:" in said[0]
    assert "hunter2" not in said[0]


def test_references_and_ordinary_texts_are_not_warned_of(tmp_path: Path) -> None:
    more = (
        "preflight: {ci: [{gitlab: {project: a/b, ref: x, token: '${env:TOKEN}'}}]}\n"
        "notify: [{to: 'https://ada:${env:PASSWORD}@example.org/hook'}]\n"
    )
    assert warned(tmp_path, small(more=more)) == ()


@pytest.mark.parametrize("text", ["{ version }", "{Version}", "{VERSION}", "{ vars.base}"])
def test_what_nearly_is_a_template_is_warned_of(tmp_path: Path, text: str) -> None:
    (said,) = warned(tmp_path, url(text))
    assert "is not replaced: a template is written {v" in said
