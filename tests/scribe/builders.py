"""Runs to be recorded, and the guides they followed, with what does not matter filled in."""

from pathlib import Path
from typing import Any

from goaround_schemas.guide import Record
from goaround_schemas.recording import DeployRecordedData, Entry, WorkRecord
from goaround_scribe.disk import LocalDisk
from goaround_scribe.workspace import Workspace
from tests.builders import watch_summary, work_record

GUIDE = """\
guide: goaround/v1
service: checkout   # the till
environments:
  prod: {vars: {slot: blue}}
deploy:
  migrations: {current: [m, current], apply: [m, up], timeout: 1m}
  steps:
    - name: switch to {version}
      run: [./release, "{version}"]
      timeout: 120s   # was enough in spring
    - {name: warm up, run: [./warm]}
  ready: {within: 10s, checks: [{name: ready, tcp: {host: db, port: 1}}]}
verify:
  liveness: [{tcp: {host: db, port: 1}}]
rollback:
  steps:
    - {name: "back to {previous.version}", run: [./release, "{previous.version}"], timeout: 50}
"""

SUCCEEDED: dict[str, Any] = {
    "outcome": "succeeded",
    "reason": "every check passed, and p95 latency stayed at 0.21 s",
    "rollback": None,
    "watch": watch_summary(),
    "guide_text": GUIDE,
    "previous_guide_text": GUIDE.replace("120s", "60s"),
}


def record_of(**changes: Any) -> WorkRecord:
    """A run that succeeded."""
    return work_record(**{**SUCCEEDED, **changes})


def record(**fields: Any) -> Record:
    return Record.model_validate({"changelog": "CHANGELOG.md", **fields})


def workspace(root: Path, lock_within_s: float = 5.0) -> Workspace:
    (root / "docs").mkdir(exist_ok=True)
    return Workspace(root, LocalDisk(), lock_within_s)


def outcomes(recorded: DeployRecordedData) -> dict[str, str]:
    return {entry.what: entry.outcome for entry in recorded.entries}


def entry_of(recorded: DeployRecordedData, what: str) -> Entry:
    return next(entry for entry in recorded.entries if entry.what == what)
