"""Histories of runs to learn from, the guide they followed, and diffs applied as a tool would."""

import re
from collections.abc import Sequence
from typing import Any

from goaround_schemas.matrix import Matrix, MatrixRow, RowOutcome
from goaround_schemas.recording import WorkRecord
from goaround_schemas.watching import SignalSummary
from goaround_scribe import journal
from goaround_scribe.learning import Lesson, learn
from tests.builders import matrix, row, signal_summary, step_result, watch_summary
from tests.scribe.builders import record_of

GUIDE = """\
# How the till is deployed. Ask ada before you change it.
guide: goaround/v1
service: checkout
environments:
  staging: {vars: {base: "https://staging"}}
  prod: {vars: {base: "https://prod"}}   # the real one

preflight:
  dashboards:
    # the one on the wall
    - name: wall
      http: {url: "{vars.base}/d/wall"}
  ci: [{name: pipeline, run: [./ci, "{version}"]}]

deploy:
  migrations: {current: [m, current], apply: [m, up], timeout: 1h}
  steps:
    - name: switch to {version}
      run: [./release, "{version}"]
      timeout: 30m   # nobody knows why
    - {name: warm up, run: [./warm], idempotent: true, retries: 1}   # may be slow
  ready:
    within: 10m
    checks: [{name: ready, tcp: {host: db, port: 1}}]

verify:
  liveness: [{name: alive, tcp: {host: till, port: 1}}]
  dependency:
    - {name: bank, run: [./bank], required: false}
  smoke:
    - name: buys
      http: {url: "{vars.base}/buy"}   # a whole purchase

watch:
  period: 10m
  signals:
    - name: p95
      kind: latency
      prometheus: p95
      matters_from: 10%   # felt by people
    - {name: queue, prometheus: queue}
  logs:
    - {name: application, file: /var/log/till/*.log}

rollback:
  steps:
    - {name: "back to {previous.version}", run: [./release, "{previous.version}"], timeout: 50}
"""

SWITCH, WARM = "switch to {version}", "warm up"


def run(n: int, **changes: Any) -> WorkRecord:
    """The nth run: it went well, and used little of anything."""
    version = changes.get("version", f"2.{n}.0")
    usual: dict[str, Any] = {
        "run_id": f"r-{n}",
        "id": f"c-{n}",
        "version": version,
        "previous_version": f"2.{n - 1}.0",
        "guide_text": GUIDE,
        "steps": (),
        "verification": (),
        "watch": None,
        "migration": None,
    }
    return record_of(**{**usual, **changes})


def journal_of(past: Sequence[WorkRecord]) -> bytes:
    """The journal after these runs, the oldest first."""
    return "".join(f"{journal.line_for(one)}\n" for one in past).encode()


def lesson(runs: Sequence[WorkRecord]) -> Lesson:
    """What is learned when the last of these is recorded."""
    *past, now = runs
    return learn(now.data, journal_of(past))


def switched(n: int, seconds: float, **changes: Any) -> WorkRecord:
    """A run whose switch took so long."""
    return run(n, steps=(step_result(f"switch to 2.{n}.0", seconds=seconds),), **changes)


def answered(category: str, name: str, kind: str = "health", **changes: Any) -> Matrix:
    """A matrix with one row."""
    return matrix(kind=kind, rows=(row(name, category=category, **changes),))


def asked_of(n: int, one: MatrixRow, kind: str, **changes: Any) -> WorkRecord:
    """A run in which one check was asked."""
    passed = one.outcome is RowOutcome.PASSED or not one.required
    outcome = "passed" if passed else "failed"
    asked = matrix(kind=kind, of=f"2.{n}.0", outcome=outcome, rows=(one,))
    return run(n, verification=(asked,), **changes)


def watched(n: int, *signals: SignalSummary, **changes: Any) -> WorkRecord:
    """A run that was watched."""
    logs = changes.pop("logs", ())
    colour = changes.pop("colour", "green")
    summary = watch_summary(colour=colour, signals=signals, logs=logs)
    return run(n, watch=summary, **changes)


def strayed(change: float, **changes: Any) -> SignalSummary:
    """The latency, so far from its baseline."""
    return signal_summary("p95", change=change, **changes)


def empty(name: str = "queue", **changes: Any) -> SignalSummary:
    """A signal that nobody has ever heard of."""
    usual: dict[str, Any] = {
        "kind": "custom",
        "baseline": None,
        "observed": None,
        "change": None,
        "colour": "yellow",
        "verdict": "too little evidence",
        "reason": f"{name}: nothing was ever measured",
        "samples": {"no_data": 40, "ok": 0},
    }
    return signal_summary(name, **{**usual, **changes})


_HUNK = re.compile(r"@@ -(?P<at>\d+)(?:,(?P<count>\d+))? \+\d+(?:,\d+)? @@")


def applied(text: str, diff: str) -> str:
    """The text with a unified diff applied; every line that the diff quotes must be as quoted."""
    lines, done, at = text.splitlines(keepends=True), list[str](), 0
    for said in diff.splitlines(keepends=True)[2:]:
        if found := _HUNK.match(said):
            start = int(found["at"]) - 1
            done += lines[at:start]
            at = start
        elif said[0] == "+":
            done.append(said[1:])
        else:
            assert lines[at] == said[1:], f"line {at + 1} is not what the diff says"
            done += [said[1:]] if said[0] == " " else []
            at += 1
    return "".join((*done, *lines[at:]))


def changed(diff: str) -> list[str]:
    """The lines that a diff takes away and puts in."""
    return [line for line in diff.splitlines()[2:] if line[0] in "+-"]
