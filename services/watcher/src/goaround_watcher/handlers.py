"""What the watcher does with a command and with a tick.

The order of effects is always the same: look, keep the document (guarded by its revision), say what
it holds, set the alarm that it names. Whatever was done before a crash is found in the document by
who comes next, and what is said twice has the same id. The evidence of a verdict is said before the
verdict, which ends what the orchestrator waits for.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from pydantic import ValidationError

from goaround_chassis.bucket import Bucket, Entry
from goaround_chassis.bus import Received
from goaround_chassis.clock import Clock
from goaround_chassis.errors import Later, Never
from goaround_chassis.publisher import Publisher
from goaround_chassis.timers import Timers
from goaround_schemas.catalogue import faults
from goaround_schemas.envelope import Message
from goaround_schemas.guide import Watch
from goaround_schemas.watching import DeployBaselined, DeployJudged, WorkWatch
from goaround_watcher import answers, document, fitting, telemetry, watch
from goaround_watcher.evidence import Insight
from goaround_watcher.lead import Lead, follows
from goaround_watcher.locks import RunLocks
from goaround_watcher.look import Lookout
from goaround_watcher.remembered import Kept, Remembered
from goaround_watcher.rota import TIMER, Share, slot, timer
from goaround_watcher.state import State, Tick
from goaround_watcher.telemetry import By

log = structlog.get_logger(__name__)

BUCKET = "watches"
SOON = timedelta(seconds=0.2)
NOT_BEHIND = timedelta(0)
FOR_OTHERS = timedelta(seconds=1)
"""How long what only a newer watcher can do is left alone before it is offered again."""
MOST_EARLY = 5
"""Deliveries after which a tick without its document is no matter of an old copy any more."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All that the handlers act on."""

    bucket: Bucket
    timers: Timers
    publisher: Publisher
    lookout: Lookout
    clock: Clock
    longest_baseline_s: float
    remembered: Remembered = field(default_factory=Remembered)
    share: Share = field(default_factory=Share)
    lead: Lead = field(default_factory=Lead)
    locks: RunLocks = field(default_factory=RunLocks)


async def on_command(command: WorkWatch, ports: Ports) -> None:
    """Take the baseline, watch, or stop; a repeated command gets the same answer."""
    if command.data.action == "stop":
        async with ports.locks.of(command.data.run_id):
            await _stop(command, ports)
        return
    wanted = command.data.watch
    if wanted is None:
        raise Never(f"work.watch to {command.data.action} must say what to look at: data.watch")
    if not wanted.period:
        await ports.publisher.publish(_unwatched(command, ports))
        return
    async with ports.locks.of(command.data.run_id):
        kept = await _kept(command.data.run_id, ports)
        if kept is not None and kept.state.command_id == command.id:
            await _tell(kept.state, ports)
        elif kept is not None and watch.is_served(kept.state, command):
            log.info("command_over", run_id=command.data.run_id, command=command.id)
        else:
            await _begin(command, wanted, kept, ports)


async def on_tick(received: Received, ports: Ports) -> None:
    """Take the look that is due; a tick that nobody waits for is done with."""
    try:
        tick = Tick.model_validate_json(received.body)
    except ValidationError as error:
        raise Never(f"no tick of the watcher's: {faults(error)}") from error
    ports.lead.drop(tick)
    async with ports.locks.of(tick.run_id):
        await _take(tick, received.delivered, ports)


async def on_due(tick: Tick, ports: Ports) -> None:
    """Take a look that was led to here. What else is wanted of a tick, its alarm will find out."""
    async with ports.locks.of(tick.run_id):
        if await _look_as_remembered(tick, By.CLOCK, ports):
            return
        kept = await _kept(tick.run_id, ports)
        if kept is not None and watch.turn(kept.state, tick) is watch.Turn.LOOK:
            insight = ports.remembered.insight(tick.run_id)
            await _look(kept.state, kept.revision, By.CLOCK, ports, insight)


async def arm(tick: Tick, due: datetime, ports: Ports) -> None:
    """Have a tick come from the bus when it is due."""
    body = tick.model_dump_json().encode()
    await ports.timers.at(timer(slot(tick.run_id)), tick.run_id, due, body)


async def on_dead(message: Message, why: str, ports: Ports) -> None:
    """Answer a command that cannot be served, so that its run does not wait for ever."""
    if not isinstance(message, WorkWatch):
        return
    now = ports.clock.now()
    if message.data.action == "baseline":
        await ports.publisher.publish(answers.given_up_baseline(message, why, now))
    elif message.data.action == "watch":
        await ports.publisher.publish(answers.given_up(message, why, now))


async def _take(tick: Tick, delivered: int, ports: Ports) -> None:
    if ports.lead.is_beyond(tick):
        return
    if await _look_as_remembered(tick, By.ALARM, ports):
        return
    # Nothing is known, or someone has changed it since we wrote it.
    kept = await _kept(tick.run_id, ports)
    insight = ports.remembered.insight(tick.run_id)
    match watch.turn(kept.state if kept else None, tick):
        case watch.Turn.LOOK if kept is not None:
            if not await _look(kept.state, kept.revision, By.ALARM, ports, insight):
                log.info("tick_taken_elsewhere", run_id=tick.run_id, tick=tick.number)
        case watch.Turn.AGAIN if kept is not None:
            await _tell(kept.state, ports)
        case watch.Turn.EARLY if delivered < MOST_EARLY:
            raise Later(SOON, "its document is not there yet")
        case _:
            log.info("tick_ignored", run_id=tick.run_id, tick=tick.number)


def _unwatched(command: WorkWatch, ports: Ports) -> Message:
    now = ports.clock.now()
    if command.data.action == "baseline":
        return answers.unwatched_baseline(command, now)
    return answers.unwatched(command, now)


async def _begin(command: WorkWatch, wanted: Watch, kept: Kept | None, ports: Ports) -> None:
    state = watch.begun(
        command,
        wanted,
        kept.state if kept else None,
        ports.clock.now(),
        longest_baseline_s=ports.longest_baseline_s,
    )
    log.info(
        "begun", run_id=state.run_id, doing=state.doing.value, stage=state.stage, until=state.until
    )
    if not await _look(state, kept.revision if kept else None, By.COMMAND, ports):
        raise Later(SOON, "the run's document was changed meanwhile")


async def _stop(command: WorkWatch, ports: Ports) -> None:
    kept = await _kept(command.data.run_id, ports)
    if kept is None or kept.state.stage != command.data.stage:
        # Said of a stage that is over: it must not end the watch of the next one.
        return
    stopped = watch.stopped(kept.state)
    if await _keep(stopped, document.write(stopped), kept.revision, ports) is None:
        raise Later(SOON, "the run's document was changed meanwhile")
    ports.remembered.forget(command.data.run_id)
    ports.lead.forget(command.data.run_id)
    # By both names: the alarm may be an earlier release's.
    for name in (timer(slot(command.data.run_id)), TIMER):
        await ports.timers.cancel(name, command.data.run_id)
    log.info("stopped", run_id=command.data.run_id)


async def _look_as_remembered(tick: Tick, by: By, ports: Ports) -> bool:
    known = ports.remembered.waiting_for(tick)
    return known is not None and await _look(known.state, known.revision, by, ports, known.insight)


async def _look(
    state: State,
    revision: int | None,
    by: By,
    ports: Ports,
    insight: Insight | None = None,
) -> bool:
    """Take a look and act on it; False where someone else was first, and nothing was done."""
    due = state.due
    look = await ports.lookout.look(watch.order(state, ports.clock.now()))
    insight = insight or Insight()
    outcome = partial(watch.after, state, look, ports.clock.now(), insight=insight)
    state, written = fitting.fitted(outcome)
    kept = await _keep(state, written, revision, ports)
    if kept is None:
        return False
    if ports.share.holds(state.run_id):
        ports.remembered.keep(Kept(state, kept, insight), len(written))
    else:
        ports.remembered.forget(state.run_id)
    telemetry.looked(look, by)
    _note(state)
    await _tell(state, ports, behind=ports.clock.now() - due if due else NOT_BEHIND)
    if by is By.CLOCK and state.due is None:
        # Its alarm was set for the case that this look should not be taken.
        await ports.timers.cancel(timer(slot(state.run_id)), state.run_id)
    return True


def _note(state: State) -> None:
    """Leave one line in the log for what was decided."""
    match state.said:
        case (*_, DeployJudged(data=data)):
            judged = data.summary
            log.info(
                "judged",
                run_id=state.run_id,
                stage=state.stage,
                colour=judged.colour,
                action=judged.action,
                why=judged.reason,
            )
        case (*_, DeployBaselined(data=data)):
            log.info("baselined", run_id=state.run_id, complete=data.complete)
        case _:
            log.debug("looked", run_id=state.run_id, tick=state.tick, due=state.due)


async def _keep(state: State, written: bytes, revision: int | None, ports: Ports) -> int | None:
    """Write the document and return its revision; None where someone else was first."""
    if revision is None:
        return await ports.bucket.create(state.run_id, written)
    return await ports.bucket.update(state.run_id, written, revision)


async def _tell(state: State, ports: Ports, behind: timedelta = NOT_BEHIND) -> None:
    """Say what the last look led to, and have the next one come; twice is the same as once."""
    for message in state.said:
        if isinstance(message, DeployJudged):
            await _tell_evidence(state, message, ports)
        await ports.publisher.publish(message)
    if state.due is None:
        return
    tick = watch.next_tick(state)
    if ports.lead.is_open and ports.share.holds(state.run_id):
        await arm(tick, follows(state.due, behind), ports)
        # Unless all that was led has been handed back meanwhile.
        if ports.lead.is_open:
            ports.lead.set(tick, state.due)
            return
    await arm(tick, state.due, ports)


async def _tell_evidence(state: State, judged: DeployJudged, ports: Ports) -> None:
    evidence = answers.evidenced(state, judged)
    if fitting.is_sayable(evidence):
        await ports.publisher.publish(evidence)
    else:
        # A guide of hundreds of signals: its verdict must not wait for what no message can hold.
        size = len(evidence.data.recording)
        log.warning("evidence_too_large", run_id=state.run_id, stage=state.stage, size=size)


async def _kept(run_id: str, ports: Ports) -> Kept | None:
    entry = await ports.bucket.get(run_id)
    return None if entry is None else _read(entry)


def _read(entry: Entry) -> Kept:
    try:
        return Kept(document.read(entry.value), entry.revision, Insight())
    except document.OfLaterRelease as error:
        # While watchers are being renewed: a new one will come upon it.
        raise Later(FOR_OTHERS, str(error)) from error
    except document.Unreadable as error:
        raise Never(str(error)) from error
