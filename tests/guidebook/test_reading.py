"""A guide is read whole, or every fault in it is told at its line and column."""

import time
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goaround_guidebook import Fault, GuideInvalid, read
from tests.guidebook.texts import CHECKOUT, SMALL, small

NAME = "guides/checkout.yaml"


def told(text: str) -> list[str]:
    with pytest.raises(GuideInvalid) as caught:
        read(text, NAME)
    assert str(caught.value).splitlines() == [str(f) for f in caught.value.faults]
    return [str(f) for f in caught.value.faults]


def test_a_full_guide_is_read() -> None:
    guide = read(CHECKOUT, NAME)
    assert guide.service == "checkout"
    assert list(guide.environments) == ["staging", "prod"]
    assert guide.environments["prod"].approval is not None
    assert guide.environments["prod"].approval.from_ == ("sre",)
    assert guide.preflight.rollback is not None
    assert guide.preflight.rollback.understood_on == date(2026, 10, 1)
    assert guide.deploy.migrations is not None
    assert guide.deploy.migrations.revert == ("alembic", "downgrade", "{migration.before}")
    assert guide.deploy.steps[0].timeout == timedelta(minutes=2)
    assert guide.verify.smoke[0].http is not None
    assert guide.verify.smoke[0].http.expect.json_values == {"version": "{version}"}
    assert [s.kind for s in guide.watch.signals] == ["latency", "errors", "throughput"]
    assert guide.watch.signals[0].matters_from == 0.1
    assert guide.notify[0].to == "${env:SLACK_URL}"


def test_a_typo_is_told_with_its_place_and_the_nearest_name() -> None:
    line = CHECKOUT.splitlines().index("      timeout: 2m") + 1
    assert told(CHECKOUT.replace("timeout: 2m", "imeout: 2m")) == [
        f"guides/checkout.yaml:{line}:7: unknown field 'imeout'; did you mean 'timeout'?"
    ]


def test_all_faults_are_told_at_once_in_the_order_of_the_text() -> None:
    text = (
        CHECKOUT.replace("owners: [team-payments]", "owners: [7]\nservice: twice")
        .replace("timeout: 2m", "imeout: 2m")
        .replace("port: 5432", "port: [1]")
        .replace("period: 15m", "period: abc")
        .replace("when_busy: queue", "when_busy: queu")
        .replace('{vars.base}/livez"', '{vars.bsae}/livez"')
        .replace("policy:", "polcy:")
        .replace("${env:SLACK_URL}", "${env:SLACK URL}")
    )
    said = told(text)
    wanted = [
        "owners[0]: 7 is a number, but a text is wanted; put it in quotes",
        "the field 'service' stands twice; it stands on line 3 already",
        "unknown field 'imeout'; did you mean 'timeout'?",
        "unknown template {vars.bsae}; did you mean 'vars.base'?",
        "tcp.port: it is a list, but a whole number or a text is wanted",
        "watch.period: 'abc' is not a length of time",
        "'${env:SLACK URL' is no secret reference",
        "unknown field 'polcy'; did you mean 'policy'?",
    ]
    assert len(said) == len(wanted), said
    for line, part in zip(said, wanted, strict=True):
        assert part in line
    places = [tuple(map(int, line.split(":")[1:3])) for line in said]
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "1:1: the guide is empty"),
        ("# nothing but a comment\n", "1:1: the guide is empty"),
        ("- a\n- b\n", "1:1: a guide is a mapping of fields"),
        ("hello", "1:1: a guide is a mapping of fields"),
        ("guide: goaround/v1\n\tservice: x\n", "2:1: a tab; YAML is indented with spaces"),
        ("guide: [a\nservice: b", "no YAML: expected ',' or ']'"),
        ("guide: 'a\n", "no YAML: found unexpected end of stream"),
        ("guide: a: b\n", "1:9: no YAML: mapping values are not allowed here"),
        ("guide: \x07\n", "1:8: the character '\\x07' is not allowed"),
        ("guide: a\n---\nguide: b\n", "2:1: a second document"),
        ("guide: *nowhere\n", "1:8: the alias *nowhere has no anchor &nowhere before it"),
        ("guide: &a [*a]\n", "1:12: the alias *a stands within what it stands for"),
        ("? [a]\n: b\n", "a field's name is a text"),
        ("x: " + "[" * 50, "nested more than 40 deep"),
    ],
)
def test_what_cannot_be_gone_on_with_is_one_fault(text: str, wanted: str) -> None:
    said = told(text)
    assert len(said) == 1
    assert wanted in said[0]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (small("service: checkout\n", ""), ":1:1: the field 'service' is missing"),
        (
            small("- name: switch\n      run", "- run"),
            ":8:7: the field 'name' is missing in",
        ),
        (
            small("name: switch", "name: switch\n      name: x"),
            ":9:7: the field 'name' stands twice",
        ),
        (small("goaround/v1", "goaround/v2"), ":1:1: guide: 'goaround/v2' is not known; there is"),
        (small("service: checkout", "service: Check Out"), ":2:1: service: 'Check Out': should"),
        (small("  prod:", "  Prod:"), ":5:3: environments.Prod: the name 'Prod'"),
        (small('[./release, "{version}"]', "./release now"), "is wanted; write [./release, now]"),
        (small('[./release, "{version}"]', "[sleep, 5]"), ":9:20: deploy.steps[0].run[1]: 5 is"),
        (small('[./release, "{version}"]', "[]"), "deploy.steps[0].run: a command is a list"),
        (
            small("run: [./release", "script: x\n      run: [./release"),
            "exactly one of run, script",
        ),
        (small("name: switch", "name: switch\n      retries: 2"), "retries need idempotent: true"),
        (small("name: switch", "name: switch\n      idempotent: maybe"), "true or false is wanted"),
        (small("region: eu", "region: [eu]"), "a text or a whole number or a number or true or"),
        (small("liveness: [{", "liveness: [{retries: 101, "), "less than or equal to 100"),
        (small("livez", 'livez", expect: {matches: "("}, url: "x'), "is no regular expression"),
        (small(more="watch: 5\n"), "watch: 5 is a number, but a mapping is wanted"),
        (small(more="watch:\n"), "watch: it is empty, but a mapping is wanted"),
        (small(more="watch: {period: 5m}\n"), ":16:1: watch: a watch needs signals or logs"),
        (small(more="policy: {when_busy: qeue}\n"), "did you mean 'queue'?"),
        (small("eu}", "eu}, approval: {form: [sre]}"), "did you mean 'from'?"),
        (small("eu}", "eu}, approval: {from_: [sre]}"), "did you mean 'from'?"),
        (small(more="policy: {xyzzy: 1}\n"), "(known here: when_busy, queue_within)"),
        (small(more="policy: !!python/object:os.system {}\n"), "the tag !!python/object:os.system"),
        (small(more="policy:\n  <<: {when_busy: queue}\n"), "merge keys (<<) are not YAML 1.2"),
        (small(more="stages: [{name: a}, {name: a}]\n"), ":16:28: the stage 'a' stands twice"),
        (
            small("region: eu", "tag: 2.10"),
            "2.10 would be read as the number 2.1; put it in",
        ),
        (small("region: eu", "tag: 007"), "007 would be read as the number 7; put it in quotes"),
        (small("region: eu", "a-b: 1, a_b: 2"), "would both be GOAROUND_VARS_A_B in a script"),
        (small("region: eu", "'a b': 1"), "the name 'a b' fits no template"),
    ],
)
def test_a_fault_says_the_value_and_what_is_wanted(text: str, wanted: str) -> None:
    assert any(wanted in line for line in told(text)), told(text)


def test_a_value_of_a_field_for_secrets_is_not_repeated() -> None:
    ci = "preflight: {ci: [{github: {repository: a/b, ref: x, token: 123456}}]}\n"
    assert all("123456" not in line for line in told(small(more=ci)))


def test_texts_that_yaml_1_1_would_twist_stay_texts() -> None:
    guide = read(small("region: eu", "country: no, switch: on, time: 12:30:45"), NAME)
    own = guide.environments["staging"].vars
    assert (own["country"], own["switch"], own["time"]) == ("no", "on", "12:30:45")


def test_aliases_stand_for_what_they_name() -> None:
    text = small("[{http:", "&live [{http:").replace("rollback:", "  readiness: *live\nrollback:")
    guide = read(text, NAME)
    assert guide.verify.readiness == guide.verify.liveness


def test_aliases_that_stand_for_a_billion_values_are_refused_at_once() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{n}: &{n} [{', '.join([f'*{p}'] * 9)}]" for p, n in pairwise("abcdefghi")]
    begun = time.perf_counter()
    assert "aliases counted in full" in told("\n".join(lines))[0]
    assert time.perf_counter() - begun < 1


def test_five_megabytes_are_refused_unread() -> None:
    begun = time.perf_counter()
    assert told("a: b\n" * 1_000_000) == [f"{NAME}:1:1: a guide has at most 256 KiB"]
    assert time.perf_counter() - begun < 0.5


@pytest.mark.parametrize("text", ["[" * 50_000, "{a: " * 60_000, "- " * 130_000, "? " * 130_000])
def test_deep_nesting_is_refused_soon(text: str) -> None:
    begun = time.perf_counter()
    assert len(told(text)) == 1
    assert time.perf_counter() - begun < 10


def test_lines_may_end_as_on_windows_and_begin_with_a_byte_order_mark() -> None:
    assert read("\ufeff" + SMALL.replace("\n", "\r\n"), NAME) == read(SMALL, NAME)


def test_json_is_yaml_too() -> None:
    text = read(SMALL, NAME).model_dump_json(exclude_unset=True, exclude_none=True)
    assert read(text, NAME) == read(SMALL, NAME)


@settings(max_examples=60)
@given(st.data())
def test_a_damaged_guide_is_read_or_refused_and_nothing_else(data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(CHECKOUT)))
    end = data.draw(st.integers(start, min(len(CHECKOUT), start + 40)))
    text = CHECKOUT[:start] + data.draw(st.text(max_size=8)) + CHECKOUT[end:]
    try:
        read(text, NAME)
    except GuideInvalid as refused:
        lines = text.count("\n") + text.count("\r") + 1
        places = [(f.line, f.column) for f in refused.faults]
        assert places
        assert all(1 <= line <= lines + 1 and column >= 1 for line, column in places)


def test_a_fault_without_a_near_name_ends_with_its_message() -> None:
    assert str(Fault("a.yaml", 3, 5, "wrong")) == "a.yaml:3:5: wrong"
