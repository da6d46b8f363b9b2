"""Programs tied to the worker's life: started as they are, and gone with who started them."""

import os
import select
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from goaround_chassis.lifeline import SHELL, StartBy, tied, uptime_cs

PATH = "/usr/bin:/bin"
ENV = {"PATH": PATH, "COLOUR": "deep blue\nand green", "EMPTY": "", "_": "x"}

pytestmark = pytest.mark.skipif(
    tied(["true"], {"PATH": PATH}) is None,
    reason=f"this system has no setpriv that knows --pdeathsig, or no {SHELL}",
)


def command(*argv: str, env: dict[str, str] = ENV, directory: str | None = None) -> list[str]:
    found = tied(argv, env, directory)
    assert found is not None
    return found


def script(folder: Path, text: str, name: str = "tool") -> str:
    file = folder / name
    file.write_text(text)
    file.chmod(stat.S_IRWXU)
    return str(file)


@pytest.mark.parametrize("more", [{}, {"PWD": "/somewhere"}])
def test_a_program_gets_its_own_arguments_environment_and_directory(
    tmp_path: Path, more: dict[str, str]
) -> None:
    told = "import os, sys; print(sys.argv[1:], sorted(os.environ.items()), os.getcwd())"
    argv = [sys.executable, "-I", "-c", told, "a b", "", "$HOME", "*", "-n", "'"]
    env = {**ENV, **more}

    def said(command: list[str]) -> str:
        return subprocess.check_output(command, env=env, cwd=tmp_path, text=True)

    plain, through = said(argv), said(command(*argv, env=env))
    if more:
        # Of a directory that is another one the shell corrects the variable, and that is all.
        plain = plain.replace("/somewhere", str(tmp_path))
    assert through == plain


def test_its_exit_and_its_signal_are_its_own() -> None:
    assert subprocess.run(command("sh", "-c", "exit 127"), env=ENV, check=False).returncode == 127
    killed = subprocess.run(command("sh", "-c", "kill -9 $$"), env=ENV, check=False)
    assert killed.returncode == -signal.SIGKILL


def moment(seconds: float) -> StartBy:
    now_cs = uptime_cs()
    assert now_cs is not None
    return StartBy.within(seconds, now_cs)


def test_a_program_that_is_in_time_is_the_same_as_without_a_time(tmp_path: Path) -> None:
    told = "import os, sys; print(sys.argv[1:], sorted(os.environ.items()), os.getcwd())"
    argv = [sys.executable, "-I", "-c", told, "a b", "", "$HOME", "*"]
    for env in (ENV, {**ENV, "PWD": str(tmp_path)}):
        timed, plain = tied(argv, env, start_by=moment(60)), tied(argv, env)
        assert timed is not None
        assert plain is not None
        ended = subprocess.run(timed, env=env, cwd=tmp_path, check=True, capture_output=True)
        assert ended.stderr == b""
        assert ended.stdout == subprocess.check_output(plain, env=env, cwd=tmp_path)


@pytest.mark.parametrize("seconds", [0, -0.01, -60])
def test_a_program_that_is_too_late_is_not_begun(tmp_path: Path, seconds: float) -> None:
    mark, start_by = tmp_path / "started", moment(seconds)
    command = tied(["touch", str(mark)], ENV, start_by=start_by)
    assert command is not None
    ended = subprocess.run(command, env=ENV, check=False, capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"{start_by.word}\n")
    assert not mark.exists()


def test_a_worker_that_stands_still_before_the_start_of_a_program_is_too_late(
    tmp_path: Path,
) -> None:
    mark = tmp_path / "started"
    worker = f"""
import os, signal, subprocess
from goaround_chassis.lifeline import StartBy, tied, uptime_cs
env = {{"PATH": {PATH!r}}}
command = tied(["touch", {str(mark)!r}], env, start_by=StartBy.within(0.1, uptime_cs()))
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGSTOP)
print(subprocess.run(command, env=env).returncode, flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", worker], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        now_cs = uptime_cs()
        assert now_cs is not None
        while (uptime_cs() or 0) < now_cs + 20:
            os.sched_yield()
        process.send_signal(signal.SIGCONT)
        assert process.stdout.readline() == b"1\n"
    assert not mark.exists()


def test_who_died_before_the_kernel_was_told_has_started_nothing(tmp_path: Path) -> None:
    mark = tmp_path / "started"
    # Started by another process than the one that it is tied to: as if that one were gone.
    subprocess.run(["env", *command("touch", str(mark))], env=ENV, check=True)
    assert mark.exists(), "env is replaced by it: the same process"
    mark.unlink()
    stranger = ["sh", "-c", '"$@"; exit 0', "sh", *command("touch", str(mark))]
    subprocess.run(stranger, env=ENV, check=True)
    assert not mark.exists()


def test_a_killed_worker_takes_its_program_along(tmp_path: Path) -> None:
    worker = f"""
import os, subprocess, time
from goaround_chassis.lifeline import tied
env = {{"PATH": {PATH!r}}}
program = subprocess.Popen(tied(["sleep", "600"], env), env=env)
print(program.pid, flush=True)
time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", worker], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        program = os.pidfd_open(int(process.stdout.readline()))
        process.kill()
    # A pidfd can be read once its process has ended.
    assert select.select([program], [], [], 10)[0] == [program]
    os.close(program)


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["no-such-program"], "it is not there"),
        (["-n"], "a shell would take it for an option"),
        (["/etc/passwd"], "it may not be executed"),
        (["/usr/bin"], "it is a folder"),
        (["a\0b/c"], "it is no name"),
    ],
)
def test_what_cannot_be_started_is_left_to_who_can_say_why(argv: list[str], why: str) -> None:
    assert tied(argv, ENV) is None, why


@pytest.mark.parametrize(
    "text",
    ["echo no first line\n", "#!/no/such/interpreter\n", "#!relative\n", "#!\n", "#!/bin/sh", ""],
)
def test_a_script_that_the_kernel_would_refuse_is_no_program(tmp_path: Path, text: str) -> None:
    assert tied([script(tmp_path, text)], ENV) is None


def test_a_script_for_an_interpreter_that_is_there_is_a_program(tmp_path: Path) -> None:
    tool = script(tmp_path, "#!/bin/sh -e\necho $0\n")
    said = subprocess.run(command(tool), env=ENV, check=True, capture_output=True, text=True)
    assert said.stdout.strip() == tool
    found = command("./tool", directory=str(tmp_path))
    subprocess.run(found, env=ENV, cwd=tmp_path, check=True, capture_output=True)


def test_a_program_for_another_machine_is_none_here(tmp_path: Path) -> None:
    own = bytearray(Path("/proc/self/exe").read_bytes()[:64])
    own[18] ^= 0xFF
    file = tmp_path / "foreign"
    file.write_bytes(own)
    file.chmod(stat.S_IRWXU)
    assert tied([str(file)], ENV) is None


@pytest.mark.parametrize(
    "env",
    [
        {},
        {"PATH": "bin:/usr/bin"},
        {"PATH": PATH, "with.dot": "1"},
        {"PATH": PATH, "LD_PRELOAD": "libx.so"},
        {"PATH": PATH, "IFS": ":"},
        {"PATH": PATH, "goaround_up": "1"},
    ],
)
def test_a_variable_that_a_shell_would_not_hand_on_is_not_given_to_one(
    env: dict[str, str],
) -> None:
    assert tied(["true"], env) is None
