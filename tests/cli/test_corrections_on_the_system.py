"""From a run that was nearly cut off to a guide that gives it time, on the whole system."""

import json
from typing import Any

import pytest

from goaround.local import LocalSystem
from tests.cli.command import guide
from tests.cli.conftest import Command

pytestmark = pytest.mark.system

SWITCH = "test {version} = 1.2 || sleep 3.4"


def test_what_a_run_proposes_is_accepted_and_the_next_run_proposes_it_no_more(
    command: Command, local_system: LocalSystem
) -> None:
    file = local_system.guides / "tight.yaml"
    tight = "idempotent: true, timeout: 4s}"
    text = guide("tight", switch=SWITCH).replace("idempotent: true}", tight, 1)
    file.write_text(text)
    url = ("--url", local_system.url_for())
    assert command("adopt", "tight", "1.0", "--env", "prod", *url).returncode == 0

    def deployed(version: str) -> dict[str, Any]:
        asked = ("deploy", "tight", version, "--env", "prod", "--wait", "--json", *url)
        done = command(*asked)
        assert done.returncode == 0, done.stdout + done.stderr
        outcome: dict[str, Any] = json.loads(done.stdout)
        return outcome

    def corrections(state: str) -> list[dict[str, Any]]:
        asked = ("guide", "corrections", "--service", "tight", "--state", state, "--json", *url)
        rows: list[dict[str, Any]] = json.loads(command(*asked).stdout)
        return rows

    first = deployed("1.1")
    (row,) = corrections("open")
    assert row["correction"] in first["guide"]["corrections"]
    assert (row["run_id"], row["times"]) == (first["run_id"], 1)
    assert row["correction"]["field"] == "deploy.steps[switch].timeout"

    words = ("--guides", str(local_system.guides), "--because", "the disk is slow", *url)
    done = command("guide", "accept", row["correction"]["id"], *words)
    assert done.returncode == 0, done.stderr
    more = row["correction"]["proposed"]
    assert file.read_text() == text.replace("timeout: 4s", f"timeout: {more}")

    second = deployed("1.2")
    assert second["guide"]["corrections"] == []
    assert second["guide"]["digest"] != first["guide"]["digest"]
    assert corrections("open") == []
    (row,) = corrections("all")
    assert (row["state"], row["because"]) == ("accepted", "the disk is slow")
