"""Situations that no diff mends: what a person is told of checks, signals, logs and ways back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from goaround_judge import LogEvidence, LogRule, LogWindow
from goaround_judge.logged import judge_log
from goaround_judge.templates import templates
from goaround_schemas.matrix import RowOutcome
from goaround_schemas.outcome import GuideCorrection
from goaround_schemas.recording import WorkRecord
from goaround_schemas.watching import SignalSummary
from tests.builders import rollback_summary, row, signal_summary, step_result
from tests.scribe.learned import GUIDE, answered, asked_of, empty, lesson, run, strayed, watched

Runs = Sequence[WorkRecord]
ERRORED, FAILED, PASSED = RowOutcome.ERRORED, RowOutcome.FAILED, RowOutcome.PASSED


def one(runs: Runs) -> GuideCorrection:
    (correction,) = lesson(runs).corrections
    return correction


@dataclass(frozen=True)
class Word:
    """What runs show, and what a person is told: no diff."""

    shows: str
    runs: Runs
    field: str
    proposed: str
    evidence: tuple[str, ...]
    count: int


def dashboard(n: int, said: RowOutcome, **changes: Any) -> WorkRecord:
    one = row("wall", category="dashboards", outcome=said, required=False, detail="status 404")
    return asked_of(n, one, "preflight", **changes)


def bank(n: int, said: RowOutcome, **changes: Any) -> WorkRecord:
    one = row("bank", category="dependency", outcome=said, required=False, detail="no program")
    return asked_of(n, one, "health", **changes)


def buys(n: int, *others: RowOutcome, **changes: Any) -> WorkRecord:
    """A run whose purchase passed, beside other checks."""
    rows = [row("buys", category="smoke"), *(row("x", category="smoke", outcome=o) for o in others)]
    asked = answered("smoke", "buys").model_copy(update={"rows": tuple(rows), "of": f"2.{n}.0"})
    return run(n, verification=(asked,), **changes)


WORDS = (
    Word(
        "a dashboard has been dead for three runs, whatever their outcome",
        [
            dashboard(1, PASSED),
            dashboard(2, FAILED),
            dashboard(3, ERRORED, outcome="rolled_back"),
            dashboard(4, FAILED),
        ],
        "preflight.dashboards[wall]",
        "correct the link",
        ("checkout.yaml:11: could not be reached in the last 3 runs in a row in prod: status 404",),
        3,
    ),
    Word(
        "a check has never answered",
        [bank(n, ERRORED) for n in range(4)],
        "verify.dependency[bank]",
        "find out why it never answers",
        ("checkout.yaml:29: has never answered in 4 runs", "it is not required: no program"),
        4,
    ),
    Word(
        "a check passes whatever is the matter",
        [
            buys(1),
            *(buys(n, FAILED, outcome="rolled_back") for n in range(2, 5)),
            watched(5, strayed(0.9), colour="red", outcome="rolled_back",
                    verification=buys(5).data.verification),
            buys(6, FAILED, outcome="rolled_back"),
        ],
        "verify.smoke[buys]",
        "say what it must give (expect)",
        ("has passed in all of 6 runs", "also in the 5 that", "nothing but that the status is 2xx"),
        5,
    ),
    Word(
        "a signal has no data in one environment alone",
        [
            *(watched(n, empty(), environment="staging") for n in range(3)),
            watched(4, empty(samples={"ok": 40}, colour="green")),
        ],
        "watch.signals[queue]",
        "repair its source in staging; it cannot be muted there alone",
        ("had no data in any of 3 good runs on record in staging",),
        3,
    ),
    Word(
        "noise that is wider than what may be let pass",
        [watched(n, strayed(0.7 * (-1) ** n)) for n in range(6)],
        "watch.signals[p95].matters_from",
        "make the signal steadier",
        ("checkout.yaml:40: ", "50% would not be enough"),
        6,
    ),
    Word(
        "noise that hides what a bad version did",
        [
            watched(9, strayed(0.2, colour="red"), colour="red", outcome="rolled_back"),
            *(watched(n, strayed(0.22 * (-1) ** n)) for n in range(6)),
        ],
        "watch.signals[p95].matters_from",
        "make the signal steadier",
        ("1 run that it rightly stopped would have passed",),
        6,
    ),
)  # fmt: skip


@pytest.mark.parametrize("word", WORDS, ids=lambda w: w.shows)
def test_a_situation_that_no_diff_mends_is_told_with_its_line(word: Word) -> None:
    found = one(word.runs)
    assert found.field == word.field
    assert found.proposed.startswith(word.proposed)
    for said in word.evidence:
        assert said in found.evidence
    assert found.evidence.startswith("checkout.yaml:")
    assert found.diff == ""
    assert found.effect
    assert len(found.runs) == word.count


@pytest.mark.parametrize(
    "runs",
    [
        [dashboard(1, FAILED), dashboard(2, FAILED), dashboard(3, PASSED), dashboard(4, FAILED)],
        [bank(1, PASSED), *(bank(n, ERRORED) for n in range(2, 6))],
        [bank(n, FAILED) for n in range(4)],
        [bank(n, ERRORED) for n in range(2)],
        [*(bank(n, ERRORED) for n in range(3)), buys(3), bank(4, ERRORED)],
        [buys(n) for n in range(9)],
        [buys(n, FAILED, outcome="rolled_back") for n in range(4)],
        [
            asked_of(0, row("buys", category="smoke", outcome=FAILED), "health",
                     outcome="rolled_back"),
            *(buys(n, FAILED, outcome="rolled_back") for n in range(1, 9)),
        ],
        [watched(n, strayed(0.9), colour="red", outcome="rolled_back",
                 verification=(answered("liveness", "alive"),)) for n in range(9)],
    ],
)  # fmt: skip
def test_checks_that_tell_something_are_let_be(runs: Runs) -> None:
    assert lesson(runs).corrections == ()


@pytest.mark.parametrize("check", ["buys", "bank"])
def test_checks_of_one_name_are_no_proof_of_either(check: str) -> None:
    twice = {
        "buys": GUIDE.replace("  smoke:\n", "  smoke:\n    - {name: buys, run: [./buy]}\n"),
        "bank": GUIDE.replace("  dependency:\n", "  dependency:\n    - {name: bank, run: [x]}\n"),
    }[check]
    category = {"buys": "smoke", "bank": "dependency"}[check]
    silent = row(check, category=category, outcome=ERRORED, required=False)
    runs = [asked_of(n, silent, "health", guide_text=twice) for n in range(4)]
    assert lesson(runs).corrections == ()


def test_a_check_of_the_previous_version_is_known_by_its_name_there() -> None:
    text = f"{GUIDE}  verify:\n    smoke: [{{name: 'old {{version}}', run: [x]}}]\n"
    runs = [
        run(n, guide_text=text, outcome="rollback_failed", rollback=rollback_summary(
            steps=(), matrix=answered("smoke", f"old 2.{n - 1}.0", "rollback_health",
                                      outcome=ERRORED, detail="no answer")))
        for n in range(1, 4)
    ]  # fmt: skip
    found = one(runs)
    assert found.field == "rollback.verify.smoke[old {version}]"
    assert "has never answered in 3 runs on record in prod; it stops every run" in found.evidence


def test_noise_beside_a_stop_of_unknown_size_is_not_let_pass() -> None:
    caught = strayed(0.2, colour="red").model_copy(update={"change": None})
    runs = [
        watched(9, caught, colour="red", outcome="rolled_back"),
        *(watched(n, strayed(0.12 * (-1) ** n)) for n in range(6)),
    ]
    assert one(runs).diff == ""


def test_what_good_runs_prove_comes_before_a_word_on_the_same_value() -> None:
    said = "did not end within 1800 s; stopped"
    cut = step_result("switch to 2.2.0", outcome="failed", detail=said, seconds=1800)
    tight = run(1, steps=(step_result("switch to 2.1.0", seconds=1700),))
    found = one([tight, run(2, steps=(cut,), outcome="rolled_back")])
    assert (found.proposed, found.runs) == ("1h", ("r-1",))
    assert found.diff


def test_a_log_that_is_muted_and_red_is_not_called_harmless() -> None:
    red = judged("ERROR cache cold").model_copy(update={"colour": "red", "muted": True})
    assert lesson([watched(n, logs=(red,)) for n in range(4)]).corrections == ()


def judged(line: str) -> SignalSummary:
    """What the judge itself says of a log in which this line was new at the end."""

    def windows(lines: Sequence[str], start_s: float) -> tuple[LogWindow, ...]:
        return tuple(
            LogWindow(from_s=start_s + 15 * i, to_s=start_s + 15 * i + 15, counts=templates([said]))
            for i, said in enumerate(lines)
        )

    rule = LogRule(name="application")
    after = ["INFO fine"] * 32 + [line] * 8
    evidence = LogEvidence(
        rule=rule, baseline=windows(["INFO fine"] * 60, -900.0), post=windows(after, 0.0)
    )
    verdict = judge_log(evidence, 40)
    return signal_summary(
        "application", kind="log", colour=verdict.colour.value, reason=verdict.reason
    )


def logged(n: int, line: str, **changes: Any) -> WorkRecord:
    return watched(n, logs=(judged(line),), **changes)


def test_a_line_that_was_new_in_three_good_runs_and_did_no_harm_is_told() -> None:
    found = one([logged(n, f"ERROR cache {n} cold: order {4711 + n}") for n in range(3)])
    assert found.field == "watch.logs[application]"
    assert found.proposed == (
        "have the service log it calmer, or leave it out of the source: ERROR cache * cold: order *"
    )
    assert "an error line was new in 3 good runs on record in prod" in found.evidence
    assert found.evidence.endswith("did no harm: ERROR cache 2 cold: order 4713")
    assert found.effect == "3 good runs on record would not have been Yellow for it"
    assert found.diff == ""


def test_two_harmless_lines_of_one_log_are_two_words() -> None:
    lines = ("ERROR cache cold", "ERROR late answer")
    runs = [logged(n, lines[n % 2]) for n in range(6)]
    told = [c.proposed.partition(": ")[2] for c in lesson(runs).corrections]
    assert sorted(told) == sorted(lines)


@pytest.mark.parametrize(
    "runs",
    [
        [logged(n, "ERROR cache cold") for n in range(2)],
        [logged(n, f"ERROR {word}") for n, word in enumerate(("cache", "bank", "mail"))],
        [logged(n, "ERROR cache cold", outcome="rolled_back") for n in range(5)],
        [logged(n, "INFO all is well") for n in range(5)],
    ],
)
def test_lines_that_did_not_come_again_or_did_harm_are_not_called_harmless(runs: Runs) -> None:
    assert lesson(runs).corrections == ()


def back(n: int, detail: str, outcome: str = "failed", **changes: Any) -> WorkRecord:
    """A run whose way back ended so."""
    step = step_result(f"back to 2.{n - 1}.0", outcome=outcome, detail=detail)
    ended = "rolled_back" if outcome == "done" else "rollback_failed"
    return run(n, outcome=ended, rollback=rollback_summary(steps=(step,)), **changes)


def test_a_step_of_the_way_back_that_failed_is_told_with_its_line() -> None:
    runs = [back(1, "exit code 3"), back(2, "fine", "done"), back(3, "exit code 4; no such host")]
    found = one(runs)
    assert (found.field, found.was) == ("rollback.steps[back to {previous.version}]", "failed")
    assert found.evidence == (
        "checkout.yaml:47: failed on the way back in run r-3 (2.3.0, prod), as in 2 of 3 ways back "
        "by this guide there: exit code 4; no such host"
    )
    assert "say idempotent: true and give it retries" in found.proposed
    assert found.runs == ("r-3", "r-1")
    assert found.diff == ""


def test_a_revert_of_migrations_that_failed_is_told_too() -> None:
    said = "exit code 1; it printed: column note contains null values"
    step = step_result("revert migrations", kind="migration", outcome="failed", detail=said)
    found = one([run(1, outcome="rollback_failed", rollback=rollback_summary(steps=(step,)))])
    assert found.field == "deploy.migrations"
    assert found.proposed.startswith("repair the down-migration that its words name")
    assert found.evidence.startswith("checkout.yaml:16: failed on the way back in run r-1")
    assert found.evidence.endswith(said)


def test_ways_back_by_another_guide_are_not_counted() -> None:
    runs = [back(1, "exit code 3", guide_digest=f"sha256:{'0' * 64}"), back(2, "exit code 4")]
    assert "in 1 of 1 way back by this guide" in one(runs).evidence


def test_a_step_that_may_be_done_again_is_to_be_given_tries() -> None:
    text = GUIDE.replace("timeout: 50}", "timeout: 50, idempotent: true}")
    found = one([back(1, "exit code 3", guide_text=text)])
    assert found.proposed.startswith("it may be done again: raise retries from 0")


def test_a_way_back_that_worked_is_nothing_to_tell() -> None:
    assert lesson([back(1, "exit code 3"), back(2, "fine", "done")]).corrections == ()


def test_a_step_of_the_way_back_that_went_on_after_a_person_helped_has_not_failed() -> None:
    failed = step_result("back to 2.0.0", outcome="failed", detail="exit code 3")
    done = step_result("back to 2.0.0", seconds=1)
    resumed = run(1, outcome="rolled_back", rollback=rollback_summary(steps=(failed, done)))
    assert lesson([resumed]).corrections == ()


def test_what_was_cut_off_after_green_is_given_more_time() -> None:
    said = "did not end within 600 s; stopped, and printed nothing"
    cut = step_result("warm up", outcome="failed", detail=said, seconds=600)
    found = one([run(1, steps=(cut,))])
    assert (found.field, found.proposed) == ("deploy.steps[warm up].timeout", "20m")
    assert "was cut off after the default 600 s in run r-1 (2.1.0, prod), in a run that went" in (
        found.evidence
    )
    assert found.diff
    failed = run(0, steps=(cut,), outcome="rolled_back")
    assert lesson([failed, run(1, steps=(cut,))]).corrections[0].runs == ("r-1",)


def test_only_runs_that_this_very_limit_cut_off_speak_for_more_time() -> None:
    said = "did not end within {} s; stopped, and printed nothing"
    ends = [back(n, said.format(s)) for n, s in enumerate((50, 20, 50))]
    found = one(ends)
    assert found.runs == ("r-2", "r-0")
    assert found.effect == (
        "of 3 runs on record 2 would have had 2m instead of being cut off after 50s; nothing "
        "changes for the others"
    )
