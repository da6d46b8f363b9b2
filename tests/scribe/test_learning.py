"""Situations that runs on record show, and what is to be corrected for each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from goaround_guidebook import read
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.recording import WorkRecord
from tests.builders import migration_result, row, step_result
from tests.scribe.learned import (
    GUIDE,
    applied,
    asked_of,
    changed,
    empty,
    lesson,
    run,
    strayed,
    switched,
    watched,
)

Runs = Sequence[WorkRecord]
BOTH = ("staging", "prod")


def both(make: Callable[[int, str], WorkRecord], count: int) -> list[WorkRecord]:
    """So many runs in each environment, by turns."""
    return [make(n, BOTH[n % 2]) for n in range(2 * count)]


def warmed(n: int, attempts: int, **changes: Any) -> WorkRecord:
    return run(n, steps=(step_result("warm up", attempts=attempts, seconds=1.0),), **changes)


def ready(n: int, seconds: float, attempts: int = 1, **changes: Any) -> WorkRecord:
    one = row("ready", category="readiness", seconds=seconds, attempts=attempts)
    return asked_of(n, one, "readiness", **changes)


def migrated(n: int, seconds: float, **changes: Any) -> WorkRecord:
    done = step_result("apply migrations", kind="migration", seconds=seconds)
    moved = migration_result(before=f"m{n}", after=f"m{n + 1}")
    return run(n, steps=(done,), migration=moved, **changes)


@dataclass(frozen=True)
class Situation:
    """What runs show, and the one diff that it leads to."""

    shows: str
    runs: Runs
    field: str
    was: str
    proposed: str
    diff: tuple[str, ...]
    evidence: str
    effect: str
    count: int
    """Runs that speak for it."""
    loosens: bool = False


CHANGES = (
    Situation(
        "a step was nearly cut off once, two runs ago",
        [switched(1, 3), switched(2, 1500), switched(3, 4)],
        "deploy.steps[switch to {version}].timeout",
        "30m",
        "1h",
        ("-      timeout: 30m   # nobody knows why", "+      timeout: 1h   # nobody knows why"),
        "took 1500 s of 1800 s in run r-2 (2.2.0, prod), the longest of 3 good runs",
        "of 3 good runs on record none would have used more than 42% of 1h; 1 used more than 80%",
        1,
        loosens=True,
    ),
    Situation(
        "a step regularly uses half of its time",
        [switched(n, s) for n, s in enumerate((1000, 3, 1000, 1000, 3))],
        "deploy.steps[switch to {version}].timeout",
        "30m",
        "1h",
        ("-      timeout: 30m   # nobody knows why", "+      timeout: 1h   # nobody knows why"),
        "over half of it in 3 of the last 5 good runs in prod",
        "0 used more than 80% of 30m",
        3,
        loosens=True,
    ),
    Situation(
        "the worst environment is the slow one",
        [switched(1, 3), switched(2, 1700, environment="staging"), switched(3, 1600)],
        "deploy.steps[switch to {version}].timeout",
        "30m",
        "1h",
        ("-      timeout: 30m   # nobody knows why", "+      timeout: 1h   # nobody knows why"),
        "took 1700 s of 1800 s in run r-2 (2.2.0, staging)",
        "2 used more than 80% of 30m",
        2,
        loosens=True,
    ),
    Situation(
        "a step never needs a tenth of its time, anywhere",
        both(lambda n, place: switched(n, 10 + n, environment=place), 5),
        "deploy.steps[switch to {version}].timeout",
        "30m",
        "2m",
        ("-      timeout: 30m   # nobody knows why", "+      timeout: 2m   # nobody knows why"),
        "took 19 s of 1800 s at most, in run r-9 (2.9.0, prod), the longest of 10 good runs",
        "none would have been cut off: the longest would have used 16%; what hangs is cut off "
        "28m sooner",
        10,
    ),
    Situation(
        "migrations never need a tenth of their time, and keep two minutes at least",
        both(lambda n, place: migrated(n, 2, environment=place), 5),
        "deploy.migrations.timeout",
        "1h",
        "2m",
        (
            "-  migrations: {current: [m, current], apply: [m, up], timeout: 1h}",
            "+  migrations: {current: [m, current], apply: [m, up], timeout: 2m}",
        ),
        "at least 5 in each environment",
        "what hangs is cut off 58m sooner",
        10,
    ),
    Situation(
        "readiness never needs a tenth of its time",
        both(lambda n, place: ready(n, 3.5, environment=place), 6),
        "deploy.ready.within",
        "10m",
        "30s",
        ("-    within: 10m", "+    within: 30s"),
        "took 3.5 s of 600 s at most",
        "of 12 good runs on record none would have been cut off",
        10,  # and two that are not named
    ),
    Situation(
        "a service becomes ready later and later",
        [ready(n, s) for n, s in enumerate((100, 300, 500))],
        "deploy.ready.within",
        "10m",
        "20m",
        ("-    within: 10m", "+    within: 20m"),
        "took 500 s of 600 s in run r-2",
        "of 3 good runs on record none would have used more than 42% of 20m",
        1,
        loosens=True,
    ),
    Situation(
        "readiness is asked a hundred times before it is there",
        [ready(n, 100 + n, attempts=101 + n) for n in range(5)],
        "deploy.ready.checks[ready].every",
        "1s",
        "10s",
        (
            "-    checks: [{name: ready, tcp: {host: db, port: 1}}]",
            "+    checks: [{name: ready, tcp: {host: db, port: 1}, every: 10s}]",
        ),
        "was asked 101 to 105 times until it passed in 5 of the last 5 good runs in prod",
        "each would have been found ready 10s later at most",
        5,
    ),
    Situation(
        "a check regularly cannot tell at first",
        [
            asked_of(n, row("buys", category="smoke", attempts=a), "health")
            for n, a in enumerate((3, 1, 2, 3, 1))
        ],
        "verify.smoke[buys].retries",
        "2",
        "6",
        (
            '       http: {url: "{vars.base}/buy"}   # a whole purchase',
            "+      retries: 6",
        )[1:],
        "needed more than one try in 3 of the last 5 good runs in prod, 3 at most, and may have 3",
        "of 5 good runs on record 2 came to the last try that was allowed; with 7 tries none would",
        3,
        loosens=True,
    ),
    Situation(
        "a step regularly needs its second try",
        [warmed(n, 2) for n in range(3)],
        "deploy.steps[warm up].retries",
        "1",
        "3",
        (
            "-    - {name: warm up, run: [./warm], idempotent: true, retries: 1}   # may be slow",
            "+    - {name: warm up, run: [./warm], idempotent: true, retries: 3}   # may be slow",
        ),
        "needed more than one try in 3 of the last 3 good runs",
        "3 came to the last try that was allowed; with 4 tries none would have",
        3,
        loosens=True,
    ),
    Situation(
        "a signal has no data in any environment",
        both(lambda n, place: watched(n, empty(), environment=place), 3),
        "watch.signals[queue].muted",
        "false",
        "true",
        (
            "-    - {name: queue, prometheus: queue}",
            "+    - {name: queue, prometheus: queue, muted: true}",
        ),
        "had no data in any of 3 good runs on record in prod (no_data)",
        "of 6 good runs on record 6 would not have been Yellow for it; no Red is changed",
        3,
        loosens=True,
    ),
    Situation(
        "a signal strays to both sides in good runs",
        [watched(n, strayed(c)) for n, c in enumerate((0.18, -0.14, 0.01, 0.02, -0.17, 0.03))],
        "watch.signals[p95].matters_from",
        "10%",
        "20%",
        (
            "-      matters_from: 10%   # felt by people",
            "+      matters_from: 20%   # felt by people",
        ),
        "strayed by more than 10% of its baseline in 3 of the last 6 good runs in prod, from "
        "-17.0% to +18.0%: to both sides, so by noise",
        "0 that went Red for it still would have",
        3,
        loosens=True,
    ),
)


def one(runs: Runs) -> GuideCorrection:
    (correction,) = lesson(runs).corrections
    return correction


@pytest.mark.parametrize("situation", CHANGES, ids=lambda s: s.shows)
def test_a_situation_leads_to_its_diff(situation: Situation) -> None:
    found = one(situation.runs)
    assert (found.field, found.was, found.proposed) == (
        situation.field,
        situation.was,
        situation.proposed,
    )
    assert changed(found.diff) == list(situation.diff)
    assert situation.evidence in found.evidence
    assert situation.effect in found.effect
    assert len(found.runs) == situation.count
    assert ("It loosens a safety bound: " in found.evidence) == situation.loosens


@pytest.mark.parametrize("situation", CHANGES, ids=lambda s: s.shows)
def test_a_diff_leaves_all_else_byte_for_byte(situation: Situation) -> None:
    after = applied(GUIDE, one(situation.runs).diff)
    taken = [line[1:] for line in situation.diff if line[0] == "-"]
    put = [line[1:] for line in situation.diff if line[0] == "+"]
    assert [line for line in GUIDE.splitlines() if line not in taken] == [
        line for line in after.splitlines() if line not in put
    ]
    assert read(after, "x").service == "checkout"


@pytest.mark.parametrize("situation", CHANGES, ids=lambda s: s.shows)
def test_a_guide_with_the_line_ends_of_another_system_keeps_them(situation: Situation) -> None:
    *past, now = situation.runs
    windows = GUIDE.replace("\n", "\r\n")
    there = now.model_copy(update={"data": replaced(now, guide_text=windows)})
    after = applied(windows, one([*past, there]).diff)
    assert after == applied(GUIDE, one(situation.runs).diff).replace("\n", "\r\n")


@pytest.mark.parametrize("situation", CHANGES, ids=lambda s: s.shows)
def test_a_corrected_guide_is_not_corrected_again(situation: Situation) -> None:
    after = applied(GUIDE, one(situation.runs).diff)
    *past, now = situation.runs
    data = now.data.model_copy(update={"guide_text": after})
    again = lesson([*past, now.model_copy(update={"data": data})])
    assert situation.field not in [c.field for c in again.corrections]


@pytest.mark.parametrize("outcome", ["rolled_back", "rollback_failed"])
@pytest.mark.parametrize("situation", CHANGES, ids=lambda s: s.shows)
def test_from_runs_that_were_taken_back_none_of_it_is_learned(
    situation: Situation, outcome: str
) -> None:
    runs = [r.model_copy(update={"data": replaced(r, outcome=outcome)}) for r in situation.runs]
    assert [c for c in lesson(runs).corrections if c.diff] == []


@pytest.mark.parametrize("situation", CHANGES, ids=lambda s: s.shows)
def test_from_runs_of_another_service_nothing_is_learned(situation: Situation) -> None:
    *past, now = situation.runs
    runs = [r.model_copy(update={"data": replaced(r, service="another")}) for r in past]
    found = lesson([*runs, now])
    assert found.runs == 1
    assert {run for c in found.corrections for run in c.runs} <= {now.data.run_id}


def replaced(command: WorkRecord, **changes: Any) -> Any:
    return command.data.model_copy(update=changes)


@pytest.mark.parametrize(
    ("why", "runs"),
    [
        ("a tight run of a step that has since been renamed",
         [switched(1, 1700), run(2, steps=(step_result("flip", seconds=1),)), switched(3, 3)]),
        ("a wide bound, with too few runs in one place",
         [*both(lambda n, place: switched(n, 10, environment=place), 4),
          *(switched(n, 10) for n in range(20, 25))]),
        ("a wide bound, and one environment never seen",
         [switched(n, 10) for n in range(9)]),
        ("a wide bound, and one run that needed a fifth",
         [*both(lambda n, place: switched(n, 10, environment=place), 5), switched(20, 360)]),
        ("a step that used over half of its time twice",
         [switched(n, s) for n, s in enumerate((1000, 3, 1000, 4, 5))]),
        ("readiness of a version that was deployed over itself",
         [ready(n, 590, previous_version=f"2.{n}.0") for n in range(3)]),
        ("migrations that had nothing to do",
         both(lambda n, place: run(n, environment=place, steps=(
             step_result("apply migrations", kind="migration", seconds=0.1),),
             migration=migration_result(before="m1", after="m1")), 6)),
        ("a check that needed a second try twice",
         [asked_of(n, row("buys", category="smoke", attempts=a), "health")
          for n, a in enumerate((3, 3, 1, 1, 1))]),
        ("a check that has room for the tries that it needs",
         [asked_of(n, row("pipeline", category="ci", attempts=1), "preflight") for n in range(5)]),
        ("readiness that is asked a few times, as it should be",
         [ready(n, 70, attempts=15) for n in range(5)]),
        ("a step that needed tries, and may not be done twice",
         [run(n, steps=(step_result(f"switch to 2.{n}.0", attempts=3),)) for n in range(5)]),
        ("a signal without data in two runs", [watched(n, empty()) for n in range(2)]),
        ("a signal that had data once",
         [watched(0, empty(samples={"ok": 1, "no_data": 9})),
          *(watched(n, empty(samples={"ok": 1})) for n in range(1, 4))]),
        ("a signal with too few requests, which is an answer",
         [watched(n, empty(samples={"too_few": 40})) for n in range(5)]),
        ("a signal that always moves the same way",
         [watched(n, strayed(0.15)) for n in range(8)]),
        ("a signal that strays within what matters",
         [watched(n, strayed(0.09 * (-1) ** n)) for n in range(8)]),
        ("noise in four runs", [watched(n, strayed(0.2 * (-1) ** n)) for n in range(4)]),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)  # fmt: skip
def test_what_proves_nothing_changes_nothing(why: str, runs: Runs) -> None:
    assert lesson(runs).corrections == (), why


def test_a_muted_signal_is_not_muted_again_nor_widened() -> None:
    text = GUIDE.replace("prometheus: queue}", "prometheus: queue, muted: true}").replace(
        "matters_from: 10%", "muted: true"
    )
    noise = [watched(n, empty(), strayed(0.2 * (-1) ** n), guide_text=text) for n in range(9)]
    assert lesson(noise).corrections == ()
