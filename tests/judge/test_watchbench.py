"""The protocol of the bench: a case a line in, a verdict a line out, red resting on the past."""

import json
import subprocess
import sys
from typing import Any

from goaround_judge.watchbench import answer, answers
from tests.judge.watches import noise


def case(after: float, *, name: str = "c1", n: int = 10) -> dict[str, Any]:
    times = [60.0 * i for i in range(n)]
    return {
        "case_id": name,
        "deploy_time_utc": "2026-01-01T00:00:00Z",
        "service": "checkout",
        "step_s": 60,
        "watch_s": 60 * n,
        "metrics": {
            "p95": {
                "kind": "latency",
                "bad": "up",
                "unit": "s",
                "baseline": [[60.0 * i for i in range(-30, 0)], noise(1, 30)],
                "post": [times, noise(2, n, level=after)],
            }
        },
        "logs": None,
    }


def test_a_steady_case_is_green_and_has_no_moment() -> None:
    said = answer(case(0.2))
    assert (said["case_id"], said["verdict"], said["decided_at_s"]) == ("c1", "green", None)


def test_a_broken_case_is_red_at_its_moment_and_again_when_cut_off_there() -> None:
    broken = case(0.6)
    said = answer(broken)
    assert (said["verdict"], said["decided_at_s"]) == ("red", 60.0)
    post = broken["metrics"]["p95"]["post"]
    broken["metrics"]["p95"]["post"] = [post[0][:2], post[1][:2]]
    assert answer(broken)["decided_at_s"] == 60.0


def test_gaps_in_a_case_are_no_data() -> None:
    gaps = case(0.2)
    gaps["metrics"]["p95"]["post"][1] = [None] * 10
    assert answer(gaps)["verdict"] == "yellow"


def test_a_case_of_logs_alone_is_judged_by_its_errors() -> None:
    logs = case(0.2)
    logs["metrics"] = {}
    logs["logs"] = {
        "baseline": [[-10.0 * i, "shop", "INFO served"] for i in range(60, 0, -1)],
        "post": [[10.0 * i, "shop", f"ERROR order {i} failed"] for i in range(60)],
        "sample_fraction": 1.0,
    }
    said = answer(logs)
    assert said["verdict"] == "red"
    assert "order" in said["reason"]
    logs["logs"]["post"] = [[10.0 * i, "shop", "INFO served"] for i in range(60)]
    assert answer(logs)["verdict"] == "green"


def test_a_log_baseline_taken_long_before_is_not_followed_by_silence() -> None:
    fault = "ERROR order 7 failed: stock service said no"
    logs = case(0.2) | {
        "logs": {
            "baseline": [[-3600.0 + 10 * i, "shop", fault] for i in range(6)],
            "post": [[10.0 * i, "shop", fault] for i in range(60)],
            "sample_fraction": 1.0,
        }
    }
    assert answer(logs)["verdict"] == "green"


def test_the_name_of_a_case_and_of_its_service_are_never_looked_at() -> None:
    one, other = case(0.6), case(0.6) | {"case_id": "c2", "service": "other"}
    assert answer(one) | {"case_id": "c2"} == answer(other)


def test_the_module_answers_line_by_line() -> None:
    lines = "\n".join(json.dumps(case(level, name=str(level))) for level in (0.2, 0.6)) + "\n\n"
    done = subprocess.run(
        [sys.executable, "-m", "goaround_judge"],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(s["case_id"], s["verdict"]) for s in said] == [("0.2", "green"), ("0.6", "red")]
    assert list(answers(lines.splitlines())) == done.stdout.splitlines()
