"""Templates are replaced once, everywhere but in scripts, and a value is never looked at again."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_guidebook import Context, Unresolved, render, render_kept, uses, values
from goaround_schemas.guide import (
    Check,
    Environment,
    GithubCheck,
    Guide,
    HttpCheck,
    HttpStep,
    LogSource,
    Step,
    TcpCheck,
)
from tests.builders import guide, migrations, watch, work_deploy

CONTEXT = Context(
    version="2.4.1",
    previous_version="2.4.0",
    environment="prod",
    run_id="r-1",
    stage_name="canary",
    stage_weight=10,
    vars={"base": "https://c", "port": 8080, "dry": True, "ratio": 0.5, "empty": ""},
)
BEFORE = frozenset({"migration.before"})
BRACES = st.text(alphabet="{}ab.v$: ", max_size=30)


def context(**vars_: str | int | float | bool) -> Context:
    return Context("2.4.1", "2.4.0", "prod", "r-1", "all", 100, vars_)


def filled(text: str, given_: Context = CONTEXT) -> str:
    return str(render(LogSource(file=text), given_).file)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("{version}", "2.4.1"),
        ("{previous.version}", "2.4.0"),
        ("{environment}/{run.id}", "prod/r-1"),
        ("{stage.name}={stage.weight}%", "canary=10%"),
        ("{vars.base}:{vars.port} {vars.dry} {vars.ratio}", "https://c:8080 true 0.5"),
        ("{{version}} is {version}", "{version} is 2.4.1"),
        ("{{anything.at-all}}", "{anything.at-all}"),
        ('{"v":"{version}","n":{vars.port}}', '{"v":"2.4.1","n":8080}'),
        ('up{code=~"5..",job="{environment}"}', 'up{code=~"5..",job="prod"}'),
        ("${env:TOKEN}", "${env:TOKEN}"),
        ("{{{version}}}", "{{version}}"),
        ("{ version }{}{{}}{A}", "{ version }{}{{}}{A}"),
    ],
)
def test_a_template_becomes_its_value_and_other_braces_stay(text: str, wanted: str) -> None:
    assert filled(text) == wanted


def test_every_part_of_a_guide_is_filled_in() -> None:
    step = Step(
        name="send {version}",
        http=HttpStep(
            url="{vars.base}/{environment}",
            headers={"X-Run": "{run.id}"},
            body={"tag": "{version}", "list": ["{stage.name}", {"n": 1}]},
        ),
        env={"V": "{version}"},
        dir="/srv/{environment}",
    )
    done = render(step, CONTEXT)
    assert done.http is not None
    assert done.name == "send 2.4.1"
    assert (done.http.url, done.http.headers) == ("https://c/prod", {"X-Run": "r-1"})
    assert done.http.body == {"tag": "2.4.1", "list": ["canary", {"n": 1}]}
    assert (done.env, done.dir) == ({"V": "2.4.1"}, "/srv/prod")
    assert isinstance(done, Step)


def test_a_script_is_left_alone() -> None:
    step = Step(name="x", script="echo {version}")
    assert render(step, CONTEXT) == step
    assert uses(step) == frozenset()


def test_a_port_becomes_a_number() -> None:
    done = render(Check(tcp=TcpCheck(host="{vars.base}", port="{vars.port}")), CONTEXT)
    assert done.tcp is not None
    assert done.tcp.port == 8080


@pytest.mark.parametrize("port", ["http", "0", "65536", "1" * 5000, "٣", ""])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    check = Check(tcp=TcpCheck(host="h", port="{vars.port}"))
    with pytest.raises(Unresolved, match=r"\{vars\.port\}: gives .* a port is a number") as caught:
        render(check, context(port=port))
    assert caught.value.name == "vars.port"


def test_a_first_deployment_has_no_previous_version() -> None:
    first = Context("1", None, "prod", "r", "all", 100)
    with pytest.raises(Unresolved) as caught:
        filled("{previous.version}", first)
    assert str(caught.value) == "{previous.version}: there is no version before this one"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{vars.nope}", "not among the vars of prod"),
        ("{nope}", "no such template"),
        ("{vars}", "no such template"),
        ("{migration.before}", "not on record"),
    ],
)
def test_what_has_no_value_is_named(text: str, why: str) -> None:
    with pytest.raises(Unresolved, match=why):
        filled(text)


def test_a_value_that_is_not_allowed_where_it_stands_is_refused() -> None:
    with pytest.raises(Unresolved, match="not allowed here"):
        render(Step(name="x", run=("{vars.empty}",)), CONTEXT)
    check = Check(github=GithubCheck(repository="acme/{vars.base}", ref="x"))
    with pytest.raises(Unresolved, match="repository"):
        render(check, CONTEXT)


def test_a_value_is_never_a_template_itself() -> None:
    assert filled("{vars.x}", context(x="{version} {{version}} {vars.x}")) == (
        "{version} {{version}} {vars.x}"
    )


def test_environments_keep_their_vars_as_they_are() -> None:
    place = Environment(vars={"x": "{version}"})
    assert render(place, CONTEXT) == place
    whole = guide(environments={"prod": place}, verify=guide().verify)
    assert render(whole, context(base="b"), BEFORE).environments["prod"] == place


def test_the_migration_s_template_waits_until_the_deployer_knows() -> None:
    kept = render(migrations(), CONTEXT, keep=BEFORE)
    assert kept.revert == ("alembic", "downgrade", "{migration.before}")
    assert render_kept(kept, {"migration.before": "a1b2"}).revert == (
        "alembic",
        "downgrade",
        "a1b2",
    )


@given(st.sampled_from(["{migration.before}", "{version}", "{{migration.before}}", "{{x}}", "z"]))
def test_a_value_put_in_before_is_not_replaced_with_what_was_kept(value: str) -> None:
    part = LogSource(command=("{vars.x}", "-{vars.x}-{migration.before}"))
    once = render(part, context(x=value), keep=BEFORE)
    assert render_kept(once, {"migration.before": "{version}"}).command == (
        value,
        f"-{value}-{{version}}",
    )


def test_what_is_used_is_told() -> None:
    assert uses(guide()) == {"version", "previous.version", "vars.base", "migration.before"}
    assert uses(LogSource(file="{{version}} {code=~'5'}")) == frozenset()


def test_a_script_s_values_are_environment_variables() -> None:
    own: dict[str, str | bool] = {"base-url": "x", "dry": True}
    assert values(context(**own)) == {
        "GOAROUND_VERSION": "2.4.1",
        "GOAROUND_PREVIOUS_VERSION": "2.4.0",
        "GOAROUND_ENVIRONMENT": "prod",
        "GOAROUND_RUN_ID": "r-1",
        "GOAROUND_STAGE_NAME": "all",
        "GOAROUND_STAGE_WEIGHT": "100",
        "GOAROUND_VARS_BASE_URL": "x",
        "GOAROUND_VARS_DRY": "true",
    }
    first = Context("1", None, "prod", "r", "all", 100)
    assert values(first)["GOAROUND_PREVIOUS_VERSION"] == ""


def test_a_part_without_templates_stays_equal() -> None:
    for part in (watch(), work_deploy().data.steps[0], Check(http=HttpCheck(url="http://x"))):
        assert render(part, CONTEXT) == part


@given(BRACES.filter(lambda t: not uses(LogSource(file=t)) and "{{" not in t))
def test_text_without_templates_is_left_as_it_is(text: str) -> None:
    assert filled(text) == text


@given(BRACES, st.dictionaries(st.sampled_from(["a", "b", "ab"]), BRACES))
def test_any_text_is_filled_in_or_unresolved(text: str, vars_: Mapping[str, str]) -> None:
    part = LogSource(file=text)
    named = uses(part)
    try:
        render(part, context(**vars_))
    except Unresolved as refused:
        named &= {refused.name}
    assert named or not uses(part)


@given(BRACES, BRACES, BRACES)
def test_a_value_with_braces_survives(before: str, value: str, after: str) -> None:
    parts = LogSource(command=(f"a{before}", "{vars.x}", f"{after}z", "<{vars.x}>"))
    try:
        done = render(parts, context(x=value, a="1", b="2", v="3", ab="4")).command
    except Unresolved:
        return
    assert done is not None
    assert (done[1], done[3]) == (value, f"<{value}>")


def test_a_rendered_guide_is_a_guide() -> None:
    done = render(guide(), CONTEXT, BEFORE)
    assert isinstance(done, Guide)
    assert uses(done) == BEFORE
    assert done.deploy.steps[0].run == ("./release", "2.4.1")
