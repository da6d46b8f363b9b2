"""What the scribe does with its one command. A repeat writes nothing new and answers the same.

A process that dies anywhere before its answer is kept leaves the command on the bus: the next one
finds what is written, completes the rest and answers.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass

import structlog

from goaround_chassis.publisher import Publisher
from goaround_schemas.envelope import Message, derived_id
from goaround_schemas.recording import DeployRecorded, DeployRecordedData, WorkRecord
from goaround_scribe.commit import Commits, files_of, message_for, told
from goaround_scribe.metric import ENTRIES
from goaround_scribe.page import Pages
from goaround_scribe.scribe import given_up, record, writes

log = structlog.get_logger(__name__)

SOURCE = "scribe"


@dataclass(frozen=True, slots=True)
class Desk:
    """What a record is written with. No disk is waited for longer than `within_s`."""

    pages: Pages
    publisher: Publisher
    within_s: float
    commits: Commits | None = None
    """None: nothing is committed. What is, has a time of its own."""


async def on_records(commands: Sequence[WorkRecord], desk: Desk) -> None:
    """Write many down and answer each; those that touch no file in one go, beside all others.

    Whatever breaks with one of them is raised when the others are done, and all of them may come
    again: what is written is found, and what is answered keeps its first answer.
    """
    wordless = [command for command in commands if not writes(command)]
    wordy = (on_record(command, desk) for command in commands if writes(command))
    await _all_of(_on_wordless(wordless, desk), *wordy)


async def on_record(command: WorkRecord, desk: Desk) -> None:
    """Write the run down and answer, whatever could not be written."""
    try:
        async with asyncio.timeout(desk.within_s):
            recorded = await asyncio.to_thread(record, command, desk.pages)
    except TimeoutError:
        why = f"writing was not over within {desk.within_s:g} s; see whether the disk hangs"
        recorded = given_up(command, why)
    else:
        recorded = await _committed(command, recorded, desk)
    await _answer(command, recorded, desk)


async def _on_wordless(commands: Sequence[WorkRecord], desk: Desk) -> None:
    """Say of runs what there is to learn from them. No disk is touched, so none can hang."""
    if not commands:
        return
    told = await asyncio.to_thread(lambda: [record(command, desk.pages) for command in commands])
    await _all_of(*(_answer(c, said, desk) for c, said in zip(commands, told, strict=True)))


async def _all_of(*works: Coroutine[None, None, None]) -> None:
    """Do all of them, and raise what broke first only when none is under way any more."""
    for end in await asyncio.gather(*works, return_exceptions=True):
        if end is not None:
            raise end


async def _answer(command: WorkRecord, recorded: DeployRecordedData, desk: Desk) -> None:
    await desk.publisher.publish(answer(command, recorded))
    _say(recorded)


async def _committed(
    command: WorkRecord, recorded: DeployRecordedData, desk: Desk
) -> DeployRecordedData:
    names = files_of(recorded)
    if desk.commits is None or not names:
        return recorded
    words = await asyncio.to_thread(desk.commits.commit, names, message_for(command))
    return told(recorded, words)


async def on_dead(command: Message, why: str, publisher: Publisher) -> None:
    """Answer a command that will not be tried again: a run must not wait for a worker's faults."""
    if isinstance(command, WorkRecord):
        recorded = given_up(command, f"the scribe gave up: {why}")
        await publisher.publish(answer(command, recorded))
        _say(recorded)


def answer(command: WorkRecord, recorded: DeployRecordedData) -> DeployRecorded:
    """The one answer to a command, under an id that follows from the command's."""
    return DeployRecorded(
        id=derived_id(command.id, "deploy.recorded"),
        source=SOURCE,
        subject=command.data.run_id,
        correlationid=command.correlationid,
        causationid=command.id,
        traceparent=command.traceparent,
        data=recorded,
    )


def _say(recorded: DeployRecordedData) -> None:
    for entry in recorded.entries:
        ENTRIES.labels(entry.what, entry.outcome).inc()
    failed = {entry.what: entry.detail for entry in recorded.entries if entry.outcome == "failed"}
    tell = log.error if failed else log.info
    tell(
        "recorded",
        run=recorded.run_id,
        entries={entry.what: entry.outcome for entry in recorded.entries},
        failed=failed,
        not_committed={e.what: e.detail for e in recorded.entries if "not committed" in e.detail},
        corrections=[c.field for c in recorded.corrections],
    )
