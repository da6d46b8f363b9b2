"""Real programs: what they print, how they end, and what outlives them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest

from goaround_deployer.runner import Attempt, TooLate
from goaround_deployer.steps.kinds import StepRunner
from goaround_deployer.steps.program import Programs
from goaround_schemas.guide.step import Step
from tests.deployer.builders import step
from tests.deployer.connecting import requests
from tests.deployer.waiting import alive, until, written

WORKER = {"PATH": os.environ["PATH"], "HOME": "/home/op", "LANG": "C", "NATS_PASSWORD": "hunter22"}


async def attempt(
    made: Step,
    *,
    worker: Mapping[str, str] = WORKER,
    passed: tuple[str, ...] = (),
    values: Mapping[str, str] | None = None,
    stop: asyncio.Event | None = None,
    within_s: float | None = None,
) -> Attempt:
    runner = StepRunner(Programs(worker, passed, term_grace_s=0.2), requests(), worker)
    start_by = None if within_s is None else asyncio.get_running_loop().time() + within_s
    return await runner.run(made, values or {}, stop or asyncio.Event(), start_by=start_by)


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code)


async def test_what_a_program_prints_last_is_its_value_and_both_outputs_are_kept() -> None:
    done = await attempt(
        step("ask", script="echo first; echo 'ae1027a6acf (head)'; echo INFO noise >&2")
    )

    assert (done.outcome, done.value) == ("done", "ae1027a6acf")
    assert "first" in done.output
    assert "INFO noise" in done.output


async def test_a_failing_program_tells_its_exit_code_and_its_last_lines() -> None:
    failed = await attempt(step("x", script="echo before; echo 'no such release' >&2; exit 3"))

    assert failed.outcome == "failed"
    assert "exit code 3" in failed.detail
    assert "no such release" in failed.detail


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux is asked for it")
@pytest.mark.parametrize("more", [{}, {"not.for.shells": "1"}], ids=["tied", "forked"])
async def test_a_program_dies_with_its_worker(tmp_path: Path, more: dict[str, str]) -> None:
    told = tmp_path / "pid"
    os.mkfifo(told)
    inner = f"import os, time; open({str(told)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    code = (
        "import asyncio, os\n"
        "from goaround_deployer.process import Program, run\n"
        "from goaround_secrets import Mask, StreamMask\n"
        f"env = {{**os.environ, **{more}}}\n"
        f"program = Program({python(inner)!r}, env, 600)\n"
        "asyncio.run(run(program, asyncio.Event(), lambda: StreamMask(Mask(()))))"
    )
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    try:
        pid = int(await asyncio.to_thread(told.read_text))
    finally:
        worker.kill()
        await worker.wait()

    await until(lambda: not alive(pid))


async def test_a_script_stops_at_its_first_failing_command() -> None:
    failed = await attempt(step("x", script="false\necho reached\n"))

    assert failed.outcome == "failed"
    assert "reached" not in failed.output


async def test_a_command_in_a_script_cannot_read_the_rest_of_the_script() -> None:
    done = await attempt(step("x", script="cat\necho after\n"))

    assert done.output.strip() == "after"


async def test_a_program_killed_by_a_signal_is_told_so() -> None:
    failed = await attempt(step("x", script="kill -SEGV $$"))

    assert failed.detail.startswith("killed by signal 11 (SIGSEGV)")


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (step("x", run=("no-such-program-here",)), "program 'no-such-program-here' was not found"),
        (step("x", run=("true",), dir="/no/such/place"), "directory '/no/such/place' does not"),
        (step("x", run=("/etc/passwd",)), "may not be executed"),
        (step("x", run=("echo", "a\0b")), "could not be started"),
        (step("x", run=("echo", "${env:NOT_THERE}")), "Set NOT_THERE in the environment"),
        (step("x", run=("echo", "${HOME}")), "only ${env:…} and ${file:…} are known"),
    ],
)
async def test_what_never_ran_says_what_to_do(made: Step, expected: str) -> None:
    errored = await attempt(made)

    assert (errored.outcome, errored.begun) == ("errored", False)
    assert expected in errored.detail


async def test_a_step_sees_its_values_and_little_of_the_worker() -> None:
    done = await attempt(
        step("x", script="env", env={"MODE": "blue"}),
        worker={**WORKER, "AWS_REGION": "eu-1"},
        passed=("AWS_REGION", "NOT_SET"),
        values={"GOAROUND_VERSION": "2.0.0"},
    )

    seen = dict(line.split("=", 1) for line in done.output.splitlines())
    assert seen.items() >= {
        "HOME": "/home/op", "MODE": "blue", "AWS_REGION": "eu-1", "GOAROUND_VERSION": "2.0.0",
    }.items()  # fmt: skip
    assert "NATS_PASSWORD" not in seen


async def test_secrets_reach_the_program_and_never_the_output() -> None:
    done = await attempt(
        step(
            "x",
            run=("sh", "-c", 'echo "$1 $TOKEN"; printf hun; sleep 0.05; printf ter22', "x",
                 "${env:NATS_PASSWORD}"),
            env={"TOKEN": "bearer ${env:NATS_PASSWORD}"},
        )
    )  # fmt: skip

    assert done.outcome == "done"
    assert "hunter22" not in done.output + done.detail + done.value
    assert done.output.count("•••") == 3


async def test_a_hundred_megabytes_of_output_neither_fill_memory_nor_block() -> None:
    tracemalloc.start()
    done = await attempt(
        step("x", run=python("import os\nfor _ in range(1600): os.write(1, b'x' * 65536)\n"
                             "print('\\nthe end')"))
    )  # fmt: skip
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert done.outcome == "done"
    assert done.value == "the"
    assert "characters before this are not kept" in done.output
    assert len(done.output) < 17_000
    assert peak < 5_000_000


async def test_a_step_that_never_ends_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    child = tmp_path / "pid"
    failed = await attempt(
        step("x", script=f"sleep 300 & echo $! > {child}; echo waiting; wait", timeout=0.3)
    )

    assert failed.outcome == "failed"
    assert failed.detail == "did not end within 0.3 s; stopped; it printed: waiting"
    pid = int(child.read_text())
    await until(lambda: not alive(pid))


async def test_a_stop_ends_a_step_even_one_that_ignores_the_polite_signal(tmp_path: Path) -> None:
    ready, stop = tmp_path / "pid", asyncio.Event()
    running = asyncio.create_task(
        attempt(
            step("x", script=f"trap '' TERM; echo $$ > {ready}; while :; do sleep 1; done"),
            stop=stop,
        )
    )
    pid = int(await written(ready))
    stop.set()

    stopped = await running
    assert stopped.outcome == "stopped"
    assert not alive(pid)


async def test_cancelling_kills_the_whole_group_at_once(tmp_path: Path) -> None:
    ready = tmp_path / "pid"
    running = asyncio.create_task(
        attempt(step("x", script=f"trap '' TERM; sleep 300 & echo $! > {ready}; wait"))
    )
    pid = int(await written(ready))
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: not alive(pid))


async def test_a_daemon_that_a_step_leaves_behind_lives_on(tmp_path: Path) -> None:
    ready = tmp_path / "pid"
    done = await attempt(
        step("x", script=f"sleep 300 </dev/null >/dev/null 2>&1 & echo $! > {ready}")
    )
    pid = int(ready.read_text())
    try:
        assert done.outcome == "done"
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


async def test_a_grandchild_that_keeps_the_pipe_does_not_keep_the_step(tmp_path: Path) -> None:
    ready = tmp_path / "pid"
    began = asyncio.get_running_loop().time()
    done = await attempt(step("x", script=f"echo hello; sleep 300 & echo $! > {ready}"))
    took = asyncio.get_running_loop().time() - began
    pid = int(ready.read_text())
    try:
        assert done.output == "hello\n"
        assert done.outcome == "done"
        assert took < 3
        assert alive(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


async def test_no_file_descriptor_is_left_behind() -> None:
    await attempt(step("warm", script="true"))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counts, does not look at them

    for made in (step("a", script="true"), step("b", run=("no-such-program-here",))):
        await attempt(made)

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


@pytest.mark.parametrize(
    "worker", [WORKER, {**WORKER, "LD_BIND_NOW": "1"}], ids=["through a shell", "without one"]
)
async def test_a_program_is_begun_in_time_or_not_at_all(
    tmp_path: Path, worker: Mapping[str, str]
) -> None:
    mark = tmp_path / "begun"
    passed = tuple(worker)
    for made in (step("x", run=("touch", str(mark))), step("x", script=f"touch {mark}")):
        with pytest.raises(TooLate):
            await attempt(made, worker=worker, passed=passed, within_s=0)
        assert not mark.exists()
        done = await attempt(made, worker=worker, passed=passed, within_s=60)
        assert done == Attempt("done", "exit code 0")
        mark.unlink()


async def test_a_program_that_says_that_it_is_too_late_has_failed_by_itself() -> None:
    made = step("x", script="echo too late: 0 >&2; exit 1")
    failed = await attempt(made, within_s=60)
    assert (failed.outcome, failed.begun) == ("failed", True)
