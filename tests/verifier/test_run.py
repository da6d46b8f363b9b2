import asyncio
import os
import select
import sys
from pathlib import Path

import pytest

from goaround_schemas.guide import Check
from goaround_verifier.checks.process import KEPT, execute
from goaround_verifier.checks.run import RunProbe, environment_for_checks
from goaround_verifier.finding import Again, Finding
from tests.verifier.builders import ask, check


def python(code: str, **fields: object) -> Check:
    return check(run=[sys.executable, "-S", "-c", code], **fields)


async def probe(asked: Check, timeout_s: float = 10.0) -> Finding:
    return await ask(RunProbe(os.environ), asked, timeout_s)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def ends(pid: int) -> bool:
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], 5)[0])
    finally:
        os.close(process)


async def eventually_dead(pid: int) -> bool:
    return await asyncio.to_thread(ends, pid)


@pytest.mark.parametrize(
    ("code", "expect", "outcome", "says"),
    [
        ("", None, "passed", "ended with exit 0"),
        ("raise SystemExit(3)", None, "failed", "ended with exit 3"),
        ("raise SystemExit(3)", {"exit": 3}, "passed", "exit 3"),
        ("import sys; sys.exit('disk is full')", None, "failed", "wanted exit 0: disk is full"),
        ("print('ready 2.4.1')", {"text": "2.4.1"}, "passed", "ready"),
        ("import sys; print('on stderr', file=sys.stderr)", {"text": "on stderr"}, "passed", ""),
        ("print('no')", {"text": "yes"}, "failed", "it did not print 'yes': no"),
        ("print('rev 17')", {"matches": r"rev \d+"}, "passed", "rev 17"),
        ("print('rev x')", {"matches": r"rev \d+"}, "failed", "does not match"),
        ("print('x')", {"matches": "("}, "errored", "is no regular expression"),
        ("import os; os.kill(os.getpid(), 11)", None, "failed", "was ended by signal 11"),
        ("import sys; print(len(sys.stdin.read()))", {"text": "0"}, "passed", ""),
    ],
)
async def test_a_command_is_judged_by_how_it_ends_and_what_it_prints(
    code: str, expect: object, outcome: str, says: str
) -> None:
    finding = await probe(python(code, expect=expect))
    assert finding.outcome == outcome, finding.detail
    assert says in finding.detail


async def test_one_printed_line_is_the_value_that_was_read() -> None:
    assert (await probe(python("print(' 2.4.1 ')"))).value == "2.4.1"
    assert (await probe(python("print('a'); print('b')"))).value is None


async def test_a_program_that_is_not_there_is_named_with_its_path() -> None:
    finding = await probe(check(run=["no-such-program"], env={"PATH": "/nowhere:/else"}))
    assert (finding.outcome, finding.again) == ("errored", Again.RETRY)
    assert "no-such-program: no such program (PATH is /nowhere:/else)" in finding.detail


async def test_a_file_that_may_not_run_is_named(tmp_path: Path) -> None:
    program = tmp_path / "release"
    program.write_text("x")
    finding = await probe(check(run=[str(program)]))
    assert finding.outcome == "errored"
    assert "Permission denied" in finding.detail


async def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    finding = await probe(python("", dir=str(tmp_path / "gone")))
    assert finding.outcome == "errored"
    assert "gone is not there" in finding.detail


async def test_a_command_runs_in_its_directory_with_its_environment(tmp_path: Path) -> None:
    code = "import os; print(os.getcwd(), os.environ['MODE'])"
    finding = await probe(python(code, dir=str(tmp_path), env={"MODE": "check"}))
    assert finding.value == f"{tmp_path} check"


async def test_the_workers_own_settings_are_not_given_to_commands() -> None:
    environ = {"PATH": "/bin", "GOAROUND_NATS_PASSWORD": "s3cret", "HOME": "/root"}
    assert environment_for_checks(environ) == {"PATH": "/bin", "HOME": "/root"}


async def test_an_argument_is_never_read_by_a_shell() -> None:
    asked = check(run=[sys.executable, "-c", "import sys; print(sys.argv[1])", "$(id); `id` && x"])
    assert (await probe(asked)).value == "$(id); `id` && x"


async def test_at_its_time_a_command_is_killed_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "print('half way', flush=True)\n"
        "time.sleep(600)"
    )
    finding = await probe(python(code), timeout_s=1.0)
    assert finding.outcome == "errored"
    assert "not ended within 1 s, killed: half way" in finding.detail
    for pid in pids.read_text().split():
        assert await eventually_dead(int(pid))


async def test_what_a_command_leaves_behind_is_killed(tmp_path: Path) -> None:
    left = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-S', '-c', "
    left += "'import time; time.sleep(600)']).pid)"
    finding = await probe(python(left))
    assert finding.outcome == "passed"
    assert finding.value is not None
    assert await eventually_dead(int(finding.value))


async def test_a_command_that_is_given_up_is_killed(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    os.mkfifo(pid)
    code = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    task = asyncio.create_task(probe(python(code)))
    found = int(await asyncio.to_thread(pid.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await eventually_dead(found)


async def test_only_the_end_of_much_output_is_kept() -> None:
    code = "import sys\nfor n in range(2000): sys.stdout.write('.' * 10000)\nprint('the end')"
    ended = await execute([sys.executable, "-S", "-c", code], env=os.environ, timeout_s=20)
    assert ended.exit == 0
    assert len(ended.out) == KEPT
    assert ended.out.endswith("the end\n")


async def test_output_without_end_is_cut_off_by_the_time() -> None:
    finding = await probe(python("while True: print('y' * 1000)"), timeout_s=0.5)
    assert finding.outcome == "errored"
    assert len(finding.detail) < 600


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux is asked for it")
@pytest.mark.parametrize("more", [{}, {"not.for.shells": "1"}], ids=["tied", "launched"])
async def test_a_command_dies_with_its_worker(tmp_path: Path, more: dict[str, str]) -> None:
    pid = tmp_path / "pid"
    os.mkfifo(pid)
    inner = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = (
        "import asyncio, os, sys\n"
        "from goaround_verifier.checks.process import execute\n"
        f"asyncio.run(execute([sys.executable, '-S', '-c', {inner!r}],"
        f" env={{**os.environ, **{more}}}, timeout_s=600))"
    )
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    try:
        found = int(await asyncio.to_thread(pid.read_text))
    finally:
        worker.kill()
        await worker.wait()
    assert await eventually_dead(found)


async def test_nothing_stays_open_after_many_commands() -> None:
    await probe(python(""))
    before = open_files()
    for _ in range(5):
        await probe(python(""))
        await probe(check(run=["no-such-program"]))
    assert open_files() <= before
