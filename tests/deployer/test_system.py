"""Real deployers on a real bus: killed, frozen, overtaken, told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from goaround_chassis.bus import Bus
from goaround_chassis.settings import BusSettings
from goaround_schemas.guide.step import Step
from goaround_schemas.procedure import DeployStepFinished
from tests.deployer.builders import deploy, rollback, step
from tests.deployer.crew import Deployer, executed, prepare
from tests.deployer.waiting import alive, until, written

pytestmark = pytest.mark.system

# Hangs the first time, and is done at once the second.
FIRST_HANGS = """
echo $$ >> "$BEGAN"
if [ "$(wc -l < "$BEGAN")" -eq 1 ]; then sleep 60 & wait; fi
"""


@pytest.fixture
async def bus(fresh_nats_url: str) -> AsyncIterator[Bus]:
    settings = BusSettings(nats_url=fresh_nats_url, shutdown_grace_s=1)
    async with await Bus.connect(settings, "tester") as bus:
        await prepare(bus)
        yield bus


class Crew:
    """Starts deployers, each ended with the test."""

    def __init__(self, url: str, logs: Path, stack: ExitStack) -> None:
        self._url, self._logs, self._stack = url, logs, stack
        self._count = 0

    async def start(self) -> Deployer:
        self._count += 1
        log = self._logs / f"deployer-{self._count}.log"
        deployer = self._stack.enter_context(Deployer(self._url, log))
        await until(lambda: deployer.ready)
        return deployer


@pytest.fixture
async def crew(bus: Bus, fresh_nats_url: str, tmp_path: Path) -> AsyncIterator[Crew]:
    with ExitStack() as stack:
        yield Crew(fresh_nats_url, tmp_path, stack)


def hanging(began: Path, *, idempotent: bool) -> Step:
    return step("switch", script=FIRST_HANGS, env={"BEGAN": str(began)}, idempotent=idempotent)


async def test_what_a_killed_deployer_had_at_hand_is_judged_by_the_next(
    bus: Bus, crew: Crew, tmp_path: Path
) -> None:
    safe, unsafe = tmp_path / "safe", tmp_path / "unsafe"
    after = step("after", script=f"echo after >> {tmp_path / 'after'}")
    again = deploy(hanging(safe, idempotent=True), after, message_id="again", run_id="r1")
    never = deploy(hanging(unsafe, idempotent=False), after, message_id="never", run_id="r2")

    first = await crew.start()
    for command in (again, never):
        await bus.publish(command)
    pids = [int(await written(path)) for path in (safe, unsafe)]
    first.send(signal.SIGKILL)
    await until(lambda: not any(alive(pid) for pid in pids))
    await crew.start()

    answers = await executed(bus, again, never)
    assert answers[again.id].data.outcome == "done"
    assert answers[again.id].data.steps[0].attempts == 2
    assert answers[never.id].data.outcome == "unknown"
    assert "begun by a worker that died, and is not idempotent" in answers[never.id].data.reason
    assert len(safe.read_text().splitlines()) == 2
    assert len(unsafe.read_text().splitlines()) == 1
    assert (tmp_path / "after").read_text() == "after\n"


async def test_a_frozen_deployer_that_wakes_after_another_took_over_does_nothing_more(
    bus: Bus, crew: Crew, tmp_path: Path
) -> None:
    began, after = tmp_path / "began", tmp_path / "after"
    command = deploy(
        hanging(began, idempotent=True), step("after", script=f"echo after >> {after}")
    )
    frozen = await crew.start()
    await bus.publish(command)
    child = int(await written(began))
    frozen.send(signal.SIGSTOP)
    await crew.start()

    answers = await executed(bus, command)
    assert answers[command.id].data.outcome == "done"
    frozen.send(signal.SIGCONT)
    await until(lambda: frozen.logged("lost_run"))
    await until(lambda: not alive(child))
    # Whatever it would still say or do comes before the end of an orderly stop.
    frozen.send(signal.SIGTERM)
    assert await asyncio.to_thread(frozen.wait) == 0
    assert after.read_text() == "after\n"
    assert len(began.read_text().splitlines()) == 2
    assert await _count(bus) == 3


async def _count(bus: Bus) -> int:
    """How many messages the deployers have said, all in all."""
    said = [received async for received in bus.listed("DEPLOY")]
    assert {DeployStepFinished.model_fields["type"].default} <= {
        DeployStepFinished.model_validate_json(r.body).type
        for r in said
        if r.subject.startswith("deploy.step_finished")
    }
    return len(said)


async def test_a_rollback_stops_a_running_deployment_and_is_carried_out(
    bus: Bus, crew: Crew, tmp_path: Path
) -> None:
    began = tmp_path / "began"
    forward = deploy(hanging(began, idempotent=True), step("never", script="exit 9"))
    back = rollback(step("back", script=f"echo back >> {tmp_path / 'back'}"))
    await crew.start()
    await bus.publish(forward)
    child = int(await written(began))
    await bus.publish(back)

    answers = await executed(bus, forward, back)
    assert list(answers) == [forward.id, back.id]
    assert answers[forward.id].data.outcome == "stopped"
    assert answers[back.id].data.outcome == "done"
    assert (tmp_path / "back").read_text() == "back\n"
    assert not alive(child)


async def test_a_deployer_told_to_end_finishes_what_is_in_hand(
    bus: Bus, crew: Crew, tmp_path: Path
) -> None:
    began, gate = tmp_path / "began", tmp_path / "gate"
    command = deploy(
        step("wait", script=f"echo $$ > {began}; while [ ! -e {gate} ]; do sleep 0.02; done")
    )
    deployer = await crew.start()
    await bus.publish(command)
    await written(began)
    deployer.send(signal.SIGTERM)
    await until(lambda: deployer.logged("stop_asked"))
    gate.touch()

    answers = await executed(bus, command)
    assert answers[command.id].data.outcome == "done"
    assert await asyncio.to_thread(deployer.wait) == 0
