"""Deployers of a test's own: processes on a real server, or one in this process, with short leases.

The one in this process has the real tools and a real database; its bus and journal are in memory.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from goaround_chassis.bus import Bucketspec, Bus, Consumer, Stream, Topology, apply
from goaround_chassis.clock import SystemClock
from goaround_chassis.testing import MemoryBucket, RecordingPublisher
from goaround_deployer.admitting import Admitter
from goaround_deployer.handlers import on_command
from goaround_deployer.lease import Timing
from goaround_deployer.reach import ReachableSchemas
from goaround_deployer.steps.kinds import StepRunner
from goaround_deployer.steps.program import Programs
from goaround_deployer.work import Tools
from goaround_schemas.procedure import (
    DeployExecuted,
    DeployExecutedData,
    WorkDeploy,
    WorkRollback,
)
from tests.deployer.connecting import requests

TOPOLOGY = Topology(
    streams=(
        Stream("WORK", ("work.>",), retention="workqueue"),
        Stream("DEPLOY", ("deploy.>",)),
        Stream("DEAD", ("dead.>",)),
    ),
    consumers=(
        Consumer("WORK", "deployer", ("work.deploy.>", "work.rollback.>"), ack_wait_s=0.6),
        Consumer("WORK", "deployer-inspections", ("work.inspect.>",), ack_wait_s=0.6),
    ),
    buckets=(Bucketspec("journal"),),
)


class Deployer:
    """One process; what it logs is in a file."""

    def __init__(self, url: str, log: Path, **environ: str) -> None:
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "goaround_deployer"],
                env={
                    "PATH": os.environ["PATH"],
                    "GOAROUND_NATS_URL": url,
                    "GOAROUND_LEASE_S": "0.6",
                    "GOAROUND_LEASE_BEAT_S": "0.15",
                    "GOAROUND_SHUTDOWN_GRACE_S": "10",
                    **environ,
                },
                stdout=out,
                stderr=out,
            )

    @property
    def ready(self) -> bool:
        """Does it take commands?"""
        if self._process.poll() is not None:
            raise AssertionError(f"the deployer ended: {self.log.read_text()}")
        return self.logged("started")

    def logged(self, event: str) -> bool:
        """Did it log this event?"""
        return f'"event": "{event}"' in self.log.read_text()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        return self._process.wait(timeout=10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait(timeout=10)


@dataclass
class Bench:
    """One worker in this process, whose `${env:SHOP_DB}` is a real database."""

    url: str
    bucket: MemoryBucket = field(default_factory=MemoryBucket)
    publisher: RecordingPublisher = field(default_factory=RecordingPublisher)

    async def deliver(self, command: WorkDeploy | WorkRollback) -> DeployExecutedData:
        """Have a command carried out, and return the answer to it."""
        worker = {"PATH": os.environ["PATH"], "SHOP_DB": self.url}
        programs, clock = Programs(worker), SystemClock()
        tools = Tools(
            StepRunner(programs, requests(), worker),
            self.publisher,
            clock,
            schemas=ReachableSchemas(programs, worker),
        )
        await on_command(command, Admitter(self.bucket, clock, Timing()), tools)
        (found,) = [e for e in self.publisher.of(DeployExecuted) if e.causationid == command.id]
        return found.data


async def prepare(bus: Bus) -> None:
    """Make the server have what a deployer needs."""
    await apply(bus, TOPOLOGY)


async def executed(bus: Bus, *commands: WorkDeploy | WorkRollback) -> dict[str, DeployExecuted]:
    """Return the answers to these commands as soon as all are there; each comes once."""
    found: dict[str, DeployExecuted] = {}
    replay = await bus.events("DEPLOY", ("deploy.executed.>",))
    try:
        async for received in replay:
            event = DeployExecuted.model_validate_json(received.body)
            assert event.causationid is not None
            assert event.causationid not in found
            found[event.causationid] = event
            if found.keys() >= {command.id for command in commands}:
                break
    finally:
        await replay.aclose()
    return found
