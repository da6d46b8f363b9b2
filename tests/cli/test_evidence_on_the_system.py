"""Replay, label, why, report and simulate on a run that the whole system watched."""

import json
import re
from pathlib import Path

import pytest

from goaround.local import LocalSystem
from tests.cli.command import guide
from tests.cli.conftest import Command
from tests.system.metrics import served, watch

pytestmark = pytest.mark.system


def test_a_run_that_was_watched_is_replayed_labelled_shown_and_simulated(
    command: Command, local_system: LocalSystem, tmp_path: Path
) -> None:
    url = ("--url", local_system.url_for())
    with served() as page:
        page.fail(2)
        text = guide("watched").replace("{period: 0s}", watch(page, period="20s"))
        (local_system.guides / "watched.yaml").write_text(text)
        assert command("adopt", "watched", "1.0", "--env", "prod", *url).returncode == 0
        done = command(
            *("deploy", "watched", "1.1", "--env", "prod", "--run-id", "watched-1", *url)
        )
        assert done.returncode == 0, done.stderr
        _await_watching(command, url)
        page.fail(80)
        assert command("wait", "watched-1", "--timeout", "60s", *url).returncode == 10

    again = command("replay", "watched-1", *url)
    assert again.returncode == 0, again.stdout + again.stderr
    assert "the same verdict, byte for byte" in again.stdout

    said = command("label", "watched-1", "bad", "--because", "orders failed", "--by", "ada", *url)
    assert (said.returncode, said.stdout) == (0, "run watched-1 is labelled bad\n")

    why = command("why", "watched-1", *url).stdout
    assert re.search(r"Decided by errors\. errors: [\d.]+ errors in [\d.]+ requests", why)
    assert "It would have been Green at" in why
    assert "ada says it was bad: orders failed" in why
    assert "Replay with: goaround replay watched-1" in why

    report = tmp_path / "watched-1.html"
    written = command("show", "watched-1", "--report", str(report), *url)
    assert written.returncode == 0, written.stderr
    html = report.read_text()
    assert html.count("<svg") == 1
    assert "orders failed" in html

    tolerant = tmp_path / "tolerant.yaml"
    tolerant.write_text(text.replace("kind: errors,", "kind: errors, muted: true,"))
    tried = command("simulate", "--guide", str(tolerant), "--json", *url)
    assert tried.returncode == 0, tried.stderr
    summary = json.loads(tried.stdout)["summary"]
    assert (summary["before"]["missed_reds"], summary["bad"]) == (0, 1)
    assert summary["not_recorded_further"] == 1
    same = tmp_path / "same.yaml"
    same.write_text(text)
    unchanged = json.loads(command("simulate", "--guide", str(same), "--json", *url).stdout)
    (verdict,) = unchanged["verdicts"]
    assert (verdict["changes"], verdict["later_min"]) == (False, 0.0)


def _await_watching(command: Command, url: tuple[str, str]) -> None:
    """Wait until the run is being watched: `events` ends with the history, so it is asked again."""
    for _ in range(600):
        detail = json.loads(command("show", "watched-1", "--json", *url).stdout or "{}")
        if detail and detail["run"]["phase"] == "watching":
            return
    raise AssertionError("watched-1 was never watched")
