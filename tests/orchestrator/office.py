"""The orchestrator over its shipped fakes: requests go in, commands come out, answers go back."""

import asyncio
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from goaround_chassis.bus import Received
from goaround_chassis.testing import ManualClock
from goaround_orchestrator.answers import Answers
from goaround_orchestrator.commands import PinnedGuide
from goaround_orchestrator.condition import ConditionAnswers
from goaround_orchestrator.handlers import GuideRefused, on_answer, on_request
from goaround_orchestrator.lifecycle import Answered
from goaround_orchestrator.memory import MemoryLedger, MemoryPost
from goaround_orchestrator.relay import send_some
from goaround_orchestrator.run import Run, What
from goaround_orchestrator.sweeper import LastLook, sweep_once
from goaround_schemas.catalogue import AnyMessage, parse
from goaround_schemas.guide import Guide
from goaround_schemas.outcome import DeployFinished
from goaround_schemas.phase import Phase
from tests import builders as messages
from tests.orchestrator import builders as build


class Shelf:
    """One guide for one service."""

    def __init__(self, guide: Guide) -> None:
        self.guide = guide

    def find(self, service: str) -> PinnedGuide:
        if service != self.guide.service:
            raise GuideRefused(f"no guide for {service}; there is one for {self.guide.service}")
        return build.pinned(self.guide)

    def read(self, text: str, name: str) -> PinnedGuide:
        raise GuideRefused(f"{name}:1:1: not a guide: {text[:10]}\n{name}:2:1: nor here")


class Stream:
    """Takes what is published, once for each id; says no or nothing when told to."""

    def __init__(self) -> None:
        self.taken: dict[str, tuple[str, bytes, Mapping[str, str]]] = {}
        self.fails: dict[str, Exception] = {}
        self.still_queued: set[str] = set()
        self.failed = 0
        self._changed = asyncio.Condition()

    async def until(self, met: Callable[[], bool]) -> None:
        """Wait until what was published makes this true."""
        async with self._changed:
            await self._changed.wait_for(met)

    async def publish_raw(
        self,
        subject: str,
        body: bytes,
        *,
        stream: str,
        msg_id: str,
        headers: Mapping[str, str] | None = None,
    ) -> bool:
        async with self._changed:
            self._changed.notify_all()
            if subject in self.fails:
                self.failed += 1
                raise self.fails[subject]
            self.taken.setdefault(msg_id, (f"{stream} {subject}", body, headers or {}))
        return True

    async def queued(self, subject: str, stream: str) -> int:
        return int(subject in self.still_queued)

    @property
    def messages(self) -> list[AnyMessage]:
        return [parse(body) for _, body, _ in self.taken.values()]

    def outcomes(self) -> list[tuple[str, str]]:
        """Run id and outcome of each end, in their order."""
        ends = [m for m in self.messages if isinstance(m, DeployFinished)]
        return [(m.data.run_id, m.data.outcome) for m in ends]


class Office:
    """All of it, with a clock that is moved by hand."""

    def __init__(self, guide: Guide | None = None) -> None:
        self.clock = ManualClock(build.at())
        self.ledger = MemoryLedger(self.clock)
        self.post = MemoryPost(self.ledger)
        self.shelf = Shelf(guide or messages.guide())
        self.stream = Stream()
        self.last_look = LastLook()
        self.answers = (
            Answers(self.ledger, self.shelf, self.clock).by_subject()
            | ConditionAnswers(self.ledger, self.clock, self.last_look).by_subject()
        )
        self._sequence = 0

    def knock(self, subject: str = "deploy.requested", **fields: Any) -> Received:
        """A request as it arrives, numbered by the stream."""
        self._sequence += 1
        usual = {"service": "checkout", "environment": "prod", "version": "2.4.1"}
        body = json.dumps({**usual, **fields}).encode()
        return Received(subject, body, {}, "DEPLOY", self._sequence, self.clock.now())

    async def request(self, **fields: Any) -> Received:
        """Ask for 2.4.1 of checkout in prod, or for something else."""
        received = self.knock(**fields)
        await self.take(received)
        return received

    async def take(self, received: Received) -> None:
        """Have the front door take a message."""
        self.clock.advance(timedelta(seconds=1))
        await on_request(received, self.ledger, self.shelf, self.clock)

    async def run(self, run_id: str) -> Run:
        """The run as it is now."""
        run = await self.ledger.whole(run_id)
        assert run is not None
        return run

    async def answer(self, run_id: str, what: What, good: bool = True) -> None:
        """Have a worker answer what the run waits for."""
        run = await self.run(run_id)
        self.clock.advance(timedelta(seconds=1))
        await on_answer(answer_to(run, what, good).event, self.ledger, self.clock)

    async def bring_to(self, run_id: str, *until: Phase) -> Run:
        """Answer everything well until the run is in one of these phases."""
        for _ in range(20):
            run = await self.run(run_id)
            if run.phase in until:
                return run
            await self.answer(run_id, run.pending[0].order.what)
        raise AssertionError(f"{run_id} never came to {until}")

    async def deliver(self) -> int:
        """Send what lies in the post."""
        sent = 0
        while done := await send_some(self.post, self.stream, 50):
            sent += done
        return sent

    async def sweep(self, seconds: float = 0.0) -> int:
        """Let time pass, and sweep."""
        self.clock.advance(timedelta(seconds=seconds))
        return await sweep_once(self.ledger, self.clock)

    async def ask(self, subject: str, **fields: Any) -> dict[str, Any]:
        """Ask over request and reply."""
        reply: dict[str, Any] = json.loads(await self.answers[subject](json.dumps(fields).encode()))
        return reply


def answer_to(run: Run, what: What, good: bool) -> Answered:
    """A worker's answer, good or bad."""
    match what:
        case What.DEPLOY | What.ROLL_BACK | What.CONTRACT | What.STOP_CONTRACT:
            return build.executed(run, what, "done" if good else "failed")
        case What.TAKE_BASELINE:
            return build.baselined(run, answered=good)
        case What.INSPECT:
            return build.inspected(run, outcome="done" if good else "errored")
        case What.WATCH:
            return build.judged(run, "accept" if good else "rollback")
        case What.RECORD:
            return build.recorded(run)
        case _:
            return build.verified(run, what, "passed" if good else "failed")
