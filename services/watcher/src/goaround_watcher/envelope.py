"""What every answer of the watcher's carries: whose it is, and what it answers. Pure.

Ids come from the command's id, so that saying it again is saying it once.
"""

from datetime import datetime
from typing import TypedDict

from goaround_schemas.envelope import derived_id
from goaround_schemas.watching import WorkWatch
from goaround_watcher.state import State

SOURCE = "watcher"


class About(TypedDict):
    """Which run a message is about."""

    run_id: str
    service: str
    environment: str


class Envelope(TypedDict):
    """The attributes of a message besides what it says."""

    id: str
    source: str
    subject: str
    time: datetime
    correlationid: str
    causationid: str
    traceparent: str | None


def about(state: State) -> About:
    """Return which run it is about."""
    return About(run_id=state.run_id, service=state.service, environment=state.environment)


def asked(command: WorkWatch) -> About:
    """Return which run the command is about."""
    data = command.data
    return About(run_id=data.run_id, service=data.service, environment=data.environment)


def envelope(state: State, now: datetime, *what: str) -> Envelope:
    """Return what an answer to the command in hand carries."""
    return Envelope(
        id=derived_id(state.command_id, *what),
        source=SOURCE,
        subject=state.run_id,
        time=now,
        correlationid=state.correlation_id,
        causationid=state.command_id,
        traceparent=state.traceparent,
    )


def reply(command: WorkWatch, now: datetime, what: str) -> Envelope:
    """Return what an answer to a command carries, where there is no document."""
    return Envelope(
        id=derived_id(command.id, what),
        source=SOURCE,
        subject=command.data.run_id,
        time=now,
        correlationid=command.correlationid,
        causationid=command.id,
        traceparent=command.traceparent,
    )
