"""Lines become templates; new and rising error templates are Red, and vanished ones are told."""

import pytest

from goaround_judge import Colour, LogEvidence, LogVerdict, Severity, Word, judge, templates
from tests.judge.watches import log, watch

QUIET = ["2026-11-23T10:00:00Z INFO served /orders in 12 ms"]
FAIL = "2026-11-23T10:00:07Z ERROR order 4711 failed: timeout after 30 s"


def verdict_on(evidence: LogEvidence) -> LogVerdict:
    return judge(watch(logs=(evidence,))).logs[0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("order 4711 failed", "order 12 failed"),
        (
            "user 8f14e45f-ceea-467f-a8b1-0123456789ab gone",
            "user 11111111-2222-3333-4444-555566667777 gone",
        ),
        ("at 0xdeadbeef", "at 0x1"),
        ("commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "commit 1f2e3d4c5b6a798800112233"),
        ("cannot open /var/lib/a.db", "cannot open /srv/b/c.db"),
        ("2026-11-23T10:00:00.123Z started", "2025-01-02 03:04:05,678 started"),
        ("12:00:01.5 tick", "23:59:59.9 tick"),
        ("peer 10.0.0.7:5432 lost", "peer 192.168.1.20:6543 lost"),
        ("GET https://a.example/x?y=1 failed", "GET https://b.example/ failed"),
        ('no user "ann"', 'no user "bob"'),
        ("took 12ms", "took 1400ms"),
        ("retry  in 3 s", "retry in 10 s"),
    ],
)
def test_what_differs_from_line_to_line_is_masked(one: str, other: str) -> None:
    assert templates([one])[0].template == templates([other])[0].template


def test_what_sets_two_messages_apart_is_kept() -> None:
    lines = [
        "ERROR cannot connect to payments",
        "ERROR cannot connect to stock",
        '{"level": "error", "msg": "cannot connect to payments"}',
        '{"level": "error", "msg": "cannot connect to stock"}',
    ]
    assert len(templates(lines)) == 4


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("2026-11-23 ERROR boom", Severity.ERROR),
        ("INFO no error at all", Severity.INFO),
        ('{"level":"error","msg":"boom"}', Severity.ERROR),
        ("level=warn msg=slow", Severity.WARNING),
        ("WARNING: disk at 91 %", Severity.WARNING),
        ("java.lang.NullPointerException: null", Severity.ERROR),
        ("Traceback (most recent call last):", Severity.ERROR),
        ("request failed", Severity.ERROR),
        ('{"msg":"done","error":null}', Severity.INFO),
        ("served 200 in 3 ms", Severity.INFO),
    ],
)
def test_a_line_is_as_bad_as_it_says_it_is(line: str, severity: Severity) -> None:
    assert templates([line])[0].severity is severity


def test_templates_do_not_depend_on_the_order_of_the_lines() -> None:
    lines = [f"ERROR order {i} failed" for i in range(9)] + QUIET
    assert templates(lines) == templates(lines[::-1])
    assert "ERROR order 0 failed" in [found.example for found in templates(lines)]


def test_blank_lines_and_the_rest_of_a_stack_trace_are_no_lines_of_their_own() -> None:
    trace = ["ERROR boom", "    at Shop.pay(Shop.java:12)", "\tat Main.main(Main.java:1)", ""]
    assert [(t.template, t.count) for t in templates(trace)] == [("ERROR boom", 1)]


def test_an_endless_line_is_read_to_a_bound() -> None:
    (found,) = templates(["ERROR " + "x" * 10_000_000])
    assert len(found.template) <= 160
    assert len(found.example) <= 300


def test_a_new_error_template_is_red_with_an_example_line() -> None:
    found = verdict_on(log([QUIET] * 60, [QUIET] * 10 + [[*QUIET, FAIL]] * 30))
    assert (found.colour, found.verdict) == (Colour.RED, Word.REGRESSED)
    (finding,) = found.findings
    assert (finding.change, finding.before, finding.after) == ("new", 0, 30)
    assert finding.example == FAIL
    assert FAIL in found.reason
    assert found.red_at_s is not None
    assert found.red_at_s > 150


def test_a_rising_error_template_is_red() -> None:
    found = verdict_on(log([[FAIL]] * 60, [[FAIL] * 6] * 20))
    assert found.colour is Colour.RED
    assert found.findings[0].change == "rising"
    assert found.findings[0].before_per_min == pytest.approx(4.0)
    assert found.findings[0].after_per_min == pytest.approx(24.0)


def test_an_error_template_that_was_always_there_is_green() -> None:
    assert verdict_on(log([[FAIL]] * 60, [[FAIL]] * 60)).colour is Colour.GREEN


def test_one_burst_of_a_new_error_is_not_red() -> None:
    after = [QUIET] * 5 + [[FAIL] * 500] + [QUIET] * 30
    assert verdict_on(log([QUIET] * 60, after)).colour is not Colour.RED


def test_a_single_new_error_line_is_told_and_is_green() -> None:
    found = verdict_on(log([QUIET] * 60, [QUIET] * 30 + [[FAIL]] + [QUIET] * 29))
    assert found.colour is Colour.GREEN
    assert found.findings[0].change == "new"


def test_a_vanished_error_template_is_an_improvement() -> None:
    found = verdict_on(log([[FAIL] * 3] * 60, [QUIET] * 60))
    assert (found.colour, found.verdict) == (Colour.GREEN, Word.IMPROVED)
    assert found.findings[0].change == "vanished"


def test_new_harmless_lines_are_no_finding() -> None:
    assert verdict_on(log([QUIET] * 60, [["INFO a new feature"] * 9] * 60)).findings == ()


def test_new_warnings_are_told_and_never_count() -> None:
    found = verdict_on(log([QUIET] * 60, [["WARN slow query"] * 9] * 60))
    assert found.colour is Colour.GREEN
    assert found.findings[0].severity == "warning"


def test_twice_the_traffic_may_say_everything_twice() -> None:
    busy = [[*QUIET * 20, *[FAIL] * 4]] * 60
    assert verdict_on(log([[*QUIET * 10, *[FAIL] * 2]] * 60, busy)).colour is Colour.GREEN
    assert (
        verdict_on(log([[*QUIET * 10, *[FAIL] * 2]] * 60, [[FAIL] * 8] * 60)).colour is Colour.RED
    )


def test_a_log_that_could_not_be_read_is_yellow() -> None:
    quiet = log([QUIET] * 60, [QUIET] * 60)
    blind = quiet.model_copy(
        update={"post": tuple(w.model_copy(update={"readable": False}) for w in quiet.post)}
    )
    assert verdict_on(blind).colour is Colour.YELLOW
    half = quiet.model_copy(update={"post": blind.post[:40] + quiet.post[40:]})
    assert verdict_on(half).colour is Colour.YELLOW
    assert verdict_on(quiet.model_copy(update={"baseline": ()})).colour is Colour.YELLOW


def test_a_storm_of_lines_that_no_mask_makes_alike_is_seen_in_bounded_time() -> None:
    words = [f"{a}{b}{c}" for a in "abcdefghij" for b in "klmnopqrst" for c in "uvwxyz"]
    storm = [[f"ERROR no {word} for {word[::-1]}" for word in words[i::30]] for i in range(30)]
    found = verdict_on(log([QUIET] * 60, storm))
    assert found.colour is Colour.RED
    assert found.findings[0].template == "(all rarer templates)"
    assert found.findings[0].after == len(words) - 100
    assert len(found.findings) <= 20
