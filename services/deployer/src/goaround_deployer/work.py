"""One command in hand: what is done under its hold, each thing journaled around its doing.

Decides nothing. Nothing is begun that is not written down as begun; nothing is told that is not
written down as ended. What is noted is written with what comes next: the end of one step with the
beginning of another.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog

from goaround_chassis.bus.errors import Refused, Unavailable
from goaround_chassis.clock import Clock
from goaround_chassis.publisher import Publisher
from goaround_deployer import answers
from goaround_deployer.hold import Hold, Sleep
from goaround_deployer.journal import (
    ProcedureCommand,
    ProcedureRecord,
    TaskRecord,
    deed_of,
    tail,
)
from goaround_deployer.procedure import Task
from goaround_deployer.runner import Attempt, Runner, TooLate
from goaround_deployer.schemas import NoSchemas, Schemas
from goaround_schemas.envelope import Event
from goaround_schemas.guide.step import Loss, Step
from goaround_schemas.procedure import StepOutcome, WorkDeploy, WorkRollback

log = structlog.get_logger(__name__)

T = TypeVar("T")

_MOST_OUTPUT_BYTES = 4096
_MOST_DETAIL = 600
_SLOWEST_RETRY_S = 30.0


@dataclass(frozen=True)
class Tools:
    """What carrying out a command needs of the world."""

    runner: Runner
    publisher: Publisher
    clock: Clock
    sleep: Sleep = asyncio.sleep
    retry_first_s: float = 1.0
    schemas: Schemas = field(default_factory=NoSchemas)


class LeftOff(Exception):
    """A rollback of the run wants a deployment to leave off: it begins and awaits nothing more."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What is written of a task at its end. `attempts` None: as many as were written before.

    `goes_on`: it ended badly, and what comes after it is done all the same.
    """

    outcome: StepOutcome
    detail: str
    output: str = ""
    begun: bool = True
    attempts: int | None = None
    seconds: float = 0.0
    goes_on: bool = False


def ending(attempt: Attempt, *, begun: bool, seconds: float, attempts: int | None = None) -> Ending:
    """Say of a task what is to be said of its last try."""
    if attempt.outcome == "stopped":
        detail = f"{attempt.detail}, for a rollback of this run"
        return Ending("unknown", detail, attempt.output, begun, attempts, seconds)
    return Ending(attempt.outcome, attempt.detail, attempt.output, begun, attempts, seconds)


@dataclass
class Work:
    """A command, its plan, and the hold under which it is carried out."""

    command: ProcedureCommand
    plan: tuple[Task, ...]
    hold: Hold
    tools: Tools
    told: set[str] = field(default_factory=set[str])
    _never: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def record(self) -> ProcedureRecord:
        """What is written of this command."""
        return self.hold.record

    @property
    def stop(self) -> asyncio.Event:
        """Set once a rollback wants a deployment to leave off. A rollback is never stopped."""
        return self.hold.stop if isinstance(self.command, WorkDeploy) else self._never

    @property
    def allow(self) -> frozenset[Loss]:
        """What the guide and a person let the schema's way there, or back, lose, together."""
        data, guide = self.command.data, self.command.data.migrations
        if guide is None:
            return frozenset(data.allow)
        back = isinstance(self.command, WorkRollback)
        return frozenset((*data.allow, *(guide.allow_revert if back else guide.allow)))

    async def do(
        self, task: Task, step: Step, attempts: int, record: ProcedureRecord | None = None
    ) -> Attempt:
        """Do a step once for a task, written down as begun before it is.

        Raises:
            Lost: The run may be somebody else's by now; nothing was begun.
            LeftOff: A stop came first; nothing was begun, and the journal will say so.
        """
        before = self.record
        self._begin(task, attempts, record or before)
        try:
            await self._ready()
        except LeftOff:
            self.hold.note(before)
            raise
        log.info("task_begins", run=self.command.data.run_id, task=task.name, tries=attempts)
        return await self._run(step)

    async def ask(self, step: Step) -> Attempt:
        """Run what changes nothing, once.

        Raises:
            Lost: The run may be somebody else's by now; nothing was begun.
            LeftOff: A stop came first; nothing was begun.
        """
        await self._ready()
        return await self._run(step)

    async def _ready(self) -> None:
        await self.hold.secure()
        if self.stop.is_set():
            raise LeftOff

    async def _run(self, step: Step) -> Attempt:
        """Run a step, and tell meanwhile what has ended before it.

        It is begun at once, before the event loop goes on to anything else, and by the time until
        which the run is ours or not at all: a process may be frozen before the step is begun.
        """
        telling = asyncio.ensure_future(self._tell_if_possible())
        try:
            attempt = await self.tools.runner.run(
                step, self.command.data.values, self.stop, start_by=self.hold.ours_until
            )
            await telling
        except TooLate as error:
            raise self.hold.give_up() from error
        finally:
            telling.cancel()
        return attempt

    async def unless_stopped(self, asking: Coroutine[Any, Any, T]) -> T:
        """Wait for what changes nothing.

        Raises:
            LeftOff: A stop came first, and the asking was cancelled.
        """
        answer = asyncio.ensure_future(asking)
        stopped = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({answer, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise LeftOff
            return answer.result()
        finally:
            for task in (answer, stopped):
                task.cancel()
            await asyncio.gather(answer, stopped, return_exceptions=True)

    async def pause(self, tries: int) -> bool:
        """Wait before the next try, longer each time; False: a stop came, there is no next."""
        pause_s = min(self.tools.retry_first_s * 2 ** (tries - 1), _SLOWEST_RETRY_S)
        pausing = asyncio.ensure_future(self.tools.sleep(pause_s))
        stopped = asyncio.ensure_future(self.stop.wait())
        try:
            await asyncio.wait({pausing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            pausing.cancel()
            stopped.cancel()
        return not self.stop.is_set()

    def watch(self) -> Callable[[], float]:
        """Return what says how many seconds have passed since now."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        return lambda: loop.time() - began

    def end(self, task: Task, end: Ending, record: ProcedureRecord | None = None) -> None:
        """Note how a task ended. It is told once that is written."""
        record = record or self.record
        found = record.tasks.get(task.key)
        ended = TaskRecord(
            state="ended",
            started_at=found.started_at if found else self.tools.clock.now(),
            begun=end.begun,
            attempts=end.attempts or (found.attempts if found else 1),
            outcome=end.outcome,
            detail=end.detail[:_MOST_DETAIL],
            output=tail(end.output, _MOST_OUTPUT_BYTES),
            seconds=round(end.seconds, 3),
            goes_on=end.goes_on,
            deed=self._deed(task, found),
        )
        self.hold.note(record.with_task(task.key, ended))
        log.info(
            "task_ended",
            run=self.command.data.run_id,
            task=task.name,
            outcome=ended.outcome,
            detail=ended.detail,
            seconds=ended.seconds,
        )

    async def tell_all(self) -> None:
        """Say what has ended and was not told, and the last word, once all of it is written.

        Raises:
            Unavailable: Something of it was not told.
        """
        last = answers.executed(self.command, self.plan, self.record)
        await tell(self.tools.publisher, [*self._untold().values(), last])

    def _begin(self, task: Task, attempts: int, record: ProcedureRecord) -> None:
        found = record.tasks.get(task.key)
        started = TaskRecord(
            state="started",
            started_at=found.started_at if found else self.tools.clock.now(),
            attempts=attempts,
            deed=self._deed(task, found),
        )
        self.hold.note(record.with_task(task.key, started))

    def _deed(self, task: Task, found: TaskRecord | None) -> str:
        if found is not None and found.deed:
            return found.deed
        return deed_of(task.step, self.command.data.run_id) if task.step else ""

    def _untold(self) -> dict[str, Event]:
        """What is to be said of tasks, in order, also what workers before us may not have told."""
        tasks = self.record.tasks
        return {
            task.key: answers.step_finished(self.command, self.plan, place, self.record)
            for place, task in enumerate(self.plan)
            if task.key not in self.told and task.key in tasks and tasks[task.key].state == "ended"
        }

    async def _tell_if_possible(self) -> None:
        """Nothing waits for it: what cannot be told now is told before the last word."""
        news = self._untold()
        try:
            await tell(self.tools.publisher, news.values())
        except (Unavailable, Refused) as error:
            log.warning("not_told_yet", run=self.command.data.run_id, why=str(error))
        else:
            self.told |= news.keys()


async def tell(publisher: Publisher, events: Iterable[Event]) -> None:
    """Publish events at the same time; return once all are kept.

    Raises:
        Unavailable: One of them is not, or nobody knows.
        Refused: One of them is not taken.
    """
    publishing = (publisher.publish(event) for event in events)
    for failed in await asyncio.gather(*publishing, return_exceptions=True):
        if failed is not None:
            raise failed
