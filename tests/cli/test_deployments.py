"""The command line against the real system: deploy, wait, look, go back."""

import json
import os
import pty
import select
import signal
import time
from pathlib import Path

import pytest

from goaround.local import LocalSystem
from tests.cli.command import GOAROUND, clean_environment, guide
from tests.cli.conftest import Command

pytestmark = pytest.mark.system


def _ground(command: Command, system: LocalSystem, service: str, **changes: str) -> tuple[str, str]:
    """Write the service's guide, put version 1.0 on record, and return how to reach the bus."""
    (system.guides / f"{service}.yaml").write_text(guide(service, **changes))
    url = ("--url", system.url_for())
    done = command("adopt", service, "1.0", "--env", "prod", *url)
    assert done.returncode == 0, done.stderr
    return url


def test_a_good_deployment_is_followed_to_its_end_and_leaves_with_0(
    command: Command, local_system: LocalSystem
) -> None:
    url = _ground(command, local_system, "good")
    done = command("deploy", "good", "1.1", "--env", "prod", "--wait", *url)
    assert done.returncode == 0, done.stderr
    run_id = done.stdout.splitlines()[0].removeprefix("run ")
    for wanted in ("deploying:", "step 1 of 1, switch: done", "health of 1.1: passed", "SUCCEEDED"):
        assert wanted in done.stdout
    running = json.loads(command("services", "--service", "good", "--json", *url).stdout)
    assert [(r["version"], r["run_id"]) for r in running] == [("1.1", run_id)]

    back = command("rollback", run_id, "--wait", "--reason", "a bad feeling", *url)
    assert back.returncode == 0, back.stderr
    assert "ROLLED BACK: rollback of good 1.1 in prod" in back.stdout
    assert "a bad feeling" in back.stdout

    first = command("runs", "--service", "good", "--limit", "1", "--json", *url)
    (newest,) = json.loads(first.stdout)
    assert (newest["kind"], newest["run_id"] == run_id) == ("rollback", False)
    below = command("runs", "--service", "good", "--after", newest["run_id"], "--json", *url)
    assert [r["run_id"] for r in json.loads(below.stdout)] == [run_id]
    told = command("runs", "--service", "good", "--limit", "1", *url)
    assert f"--after {newest['run_id']} goes on below" in told.stderr
    lost = command("runs", "--after", "r-none", *url)
    assert lost.returncode == 1
    assert "r-none" in lost.stderr


def test_one_that_goes_around_leaves_with_10_and_why_names_the_row(
    command: Command, local_system: LocalSystem
) -> None:
    url = _ground(command, local_system, "sour", health='test "{version}" != 1.1')
    done = command("deploy", "sour", "1.1", "--env", "prod", "--wait", "--json", *url)
    assert done.returncode == 10, done.stderr
    outcome = json.loads(done.stdout)
    assert outcome["outcome"] == "rolled_back"
    why = command("why", outcome["run_id"], *url)
    assert "The health matrix of 1.1 failed by 1 row:" in why.stdout
    assert "rollback health of 1.0: passed" in why.stdout
    again = command("wait", outcome["run_id"], *url)
    assert again.returncode == 10
    assert "ROLLED BACK" in again.stdout
    refused = command("abort", outcome["run_id"], *url)
    assert refused.returncode == 1
    assert "has ended" in refused.stderr


def test_a_request_that_cannot_be_met_leaves_with_12_and_the_reason(
    command: Command, local_system: LocalSystem
) -> None:
    url = ("--url", local_system.url_for())
    done = command("deploy", "nowhere", "1.0", "--env", "prod", "--wait", *url)
    assert done.returncode == 12
    assert "no guide for 'nowhere'" in done.stdout


def test_a_service_that_is_no_name_is_refused_before_it_is_sent(
    command: Command, local_system: LocalSystem
) -> None:
    url = ("--url", local_system.url_for())
    done = command("deploy", "Not A Name", "1.0", "--env", "prod", *url)
    assert done.returncode == 2
    assert "service:" in done.stderr


def test_the_reader_of_a_pipe_may_leave_early() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    words = ["users", "--nats-conf"]
    pid = os.posix_spawn(
        GOAROUND[0],
        [*GOAROUND, *words],
        clean_environment(),
        file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)],
    )
    os.close(writer)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 141


def test_ctrl_c_detaches_says_how_to_call_it_off_and_leaves_the_run_alone(
    command: Command, local_system: LocalSystem
) -> None:
    gate = local_system.workspace / "slow.gate"
    url = _ground(
        command, local_system, "slow", switch=f"while ! test -e {gate}; do sleep 0.05; done"
    )
    words = ("deploy", "slow", "1.1", "--env", "prod", "--wait", "--run-id", "slow-run", *url)
    output, code = _on_a_terminal(words, interrupt_after="deploying: ")
    assert code == 130
    assert "detached; run slow-run goes on" in output
    assert "goaround abort slow-run" in output
    late = command("wait", "slow-run", "--timeout", "300ms", *url)
    assert late.returncode == 124
    gate.touch()
    assert command("wait", "slow-run", *url).returncode == 0
    said = command("events", "--service", "slow", "--json", *url).stdout.splitlines()
    types = [json.loads(line)["type"] for line in said]
    assert types[0] == "deploy.requested.v1"
    assert types.count("deploy.finished.v1") == 1


def _on_a_terminal(words: tuple[str, ...], *, interrupt_after: str) -> tuple[str, int]:
    """Run it on a terminal of 60 columns, and type Ctrl-C when it has said something."""
    leader, follower = pty.openpty()
    environment = clean_environment() | {"TERM": "xterm-256color", "COLUMNS": "60"}
    pid = os.posix_spawn(
        GOAROUND[0],
        [*GOAROUND, *words],
        environment,
        file_actions=[(os.POSIX_SPAWN_DUP2, follower, n) for n in (0, 1, 2)],
        setsid=True,
        # A background shell has its children ignore it, and they theirs.
        setsigdef=[signal.SIGINT],
    )
    os.close(follower)
    output, asked, deadline = b"", False, time.monotonic() + 30
    while time.monotonic() < deadline:
        if not select.select([leader], [], [], 0.1)[0]:
            continue
        try:
            output += os.read(leader, 65536)
        except OSError:
            break
        if not asked and interrupt_after.encode() in output:
            asked = True
            os.kill(pid, signal.SIGINT)
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(leader)
    _, status = os.waitpid(pid, 0)
    return output.decode(errors="replace"), os.waitstatus_to_exitcode(status)


def test_the_plan_of_a_version_has_every_template_replaced(
    command: Command, local_system: LocalSystem
) -> None:
    url = _ground(command, local_system, "planned", switch="release {version}")
    done = command("guide", "plan", "planned", "7.0", "--env", "prod", *url)
    assert done.returncode == 0, done.stderr
    assert "release 7.0" in done.stdout
    assert "if it must go around" in done.stdout
    checked = command("guide", "check", "--service", "planned", *url)
    assert checked.returncode == 0
    assert Path(checked.stdout.partition(":")[0]).name == "planned.yaml"
