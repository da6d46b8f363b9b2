"""What every runner promises, the real one and the stand-in: one suite for both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from goaround_deployer.runner import Attempt, Runner, TooLate
from goaround_deployer.steps.kinds import StepRunner
from goaround_deployer.steps.program import Programs
from goaround_deployer.testing import ScriptedRunner
from tests.deployer.builders import step
from tests.deployer.connecting import requests

WORKER = {"PATH": "/usr/bin:/bin"}


@pytest.fixture(params=["real", "scripted"])
async def runner(request: pytest.FixtureRequest) -> AsyncIterator[Runner]:
    if request.param == "scripted":
        scripted = ScriptedRunner()
        scripted.teach("true", does=lambda: Attempt("done", "exit code 0"))
        scripted.teach(
            "echo", "a b", does=lambda: Attempt("done", "exit code 0", "a b\n", value="a")
        )
        scripted.teach("false", does=lambda: Attempt("failed", "exit code 1, and printed nothing"))
        scripted.teach("sleep", "300")
        yield scripted
        return
    yield StepRunner(Programs(WORKER), requests(), WORKER)


async def test_done(runner: Runner) -> None:
    done = await runner.run(step("true"), {}, asyncio.Event())
    assert done == Attempt("done", "exit code 0")


async def test_done_with_what_it_printed(runner: Runner) -> None:
    done = await runner.run(step("x", run=("echo", "a b")), {}, asyncio.Event())
    assert done == Attempt("done", "exit code 0", "a b\n", value="a")


async def test_failed(runner: Runner) -> None:
    failed = await runner.run(step("false"), {}, asyncio.Event())
    assert failed == Attempt("failed", "exit code 1, and printed nothing")


async def test_never_begun(runner: Runner) -> None:
    errored = await runner.run(step("no-such-program-here"), {}, asyncio.Event())
    assert (errored.outcome, errored.begun) == ("errored", False)
    assert "program 'no-such-program-here' was not found" in errored.detail


async def test_too_slow(runner: Runner) -> None:
    late = step("x", run=("sleep", "300"), timeout=0.05)
    failed = await runner.run(late, {}, asyncio.Event())
    assert failed.outcome == "failed"
    assert failed.detail.startswith("did not end within 0.05 s; stopped")


async def test_stopped(runner: Runner) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(0.05, stop.set)
    stopped = await runner.run(step("x", run=("sleep", "300")), {}, stop)
    assert stopped == Attempt("stopped", "stopped while it ran")


async def test_cancelled(runner: Runner) -> None:
    running = asyncio.ensure_future(
        runner.run(step("x", run=("sleep", "300")), {}, asyncio.Event())
    )
    asyncio.get_running_loop().call_later(0.05, running.cancel)
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_too_late(runner: Runner) -> None:
    now = asyncio.get_running_loop().time()
    with pytest.raises(TooLate):
        await runner.run(step("true"), {}, asyncio.Event(), start_by=now)
    done = await runner.run(step("true"), {}, asyncio.Event(), start_by=now + 60)
    assert done == Attempt("done", "exit code 0")
