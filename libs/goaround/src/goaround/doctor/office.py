"""What the orchestrator's answer means: itself, its database, its runs, and clocks. Pure."""

from collections.abc import Iterator
from datetime import datetime

from goaround.cli.words import ago, count, length, spoken
from goaround.doctor.check import Check, Level
from goaround.doctor.findings import ClockFound, Silent
from goaround_schemas.api import DatabaseStatus, SystemStatus

POST_LATE_S, POST_VERY_LATE_S = 30.0, 300.0
"""The relay sends within milliseconds, and looks every second whatever it has missed."""
SWEEP_LATE_S = 60.0
CLOCK_OFF_S, CLOCK_FAR_OFF_S = 1.0, 30.0
"""Looks of a watch are every 15 s as a rule; deadlines are minutes."""
MOST_TOLD = 3


def orchestrator_check(status: SystemStatus | Silent, now: datetime) -> Check:
    """Whether one answers, and looks after what is due."""
    name = "orchestrator"
    if isinstance(status, Silent):
        step = "start one, or see its log; one of an earlier release does not know the question"
        return Check(name, "bad", status.why, step)
    if status.swept_at is None:
        value = "answers, and has not looked after runs that are due since it started"
        if status.database is None:
            return Check(name, "warn", value, "see its database, below")
        return Check(name, "warn", value, "ask again; if it stays like this, see its log")
    since_s = (status.at - status.swept_at).total_seconds()
    value = f"answers; looked after what is due {length(max(0.0, since_s))} ago"
    if since_s > SWEEP_LATE_S + status.sweep_every_s:
        return Check(name, "bad", value, "nothing acts on deadlines: see its log, restart it")
    return Check(name, "ok", value)


def database_checks(status: SystemStatus | Silent) -> Iterator[Check]:
    """The database as the orchestrator sees it."""
    if isinstance(status, Silent):
        return
    if status.database is None:
        why = status.database_error or "not known"
        yield Check("database", "bad", why, "see that PostgreSQL runs; GOAROUND_DATABASE_URL")
        return
    yield _schema(status.database)
    yield _post(status.database)
    yield _parked(status.database, status.at)
    yield _runs(status.database)
    ahead_s = (status.database.at - status.at).total_seconds()
    yield clock(
        "clock of the database", ClockFound(ahead_s, 0.05), "PostgreSQL", "the orchestrator"
    )


def _schema(found: DatabaseStatus) -> Check:
    value = f"schema {found.schema_version:04}"
    if found.schema_version < found.schema_known:
        value += f", the orchestrator is made for {found.schema_known:04}"
        return Check("database", "warn", value, "goaround-orchestrator migrate")
    if found.schema_version > found.schema_known:
        value += f", the orchestrator that answers knows {found.schema_known:04}"
        return Check("database", "warn", value, "an earlier release still runs: upgrade it")
    return Check("database", "ok", f"{value}, about {count(found.runs, 'run')} kept")


def _post(found: DatabaseStatus) -> Check:
    value = f"{count(found.outbox_waiting, 'message')} to be sent"
    if found.outbox_waiting:
        value += f", the oldest for {length(found.outbox_oldest_s)}"
    if found.outbox_oldest_s <= POST_LATE_S:
        return Check("outbox", "ok", value)
    level: Level = "bad" if found.outbox_oldest_s > POST_VERY_LATE_S else "warn"
    return Check("outbox", level, value, "what the bus refuses is in the orchestrator's log")


def _parked(found: DatabaseStatus, now: datetime) -> Check:
    if not found.parked:
        return Check("parked messages", "ok", "none")
    value = count(found.parked, "message")
    if found.parked_last is not None:
        value += f", the last {ago(found.parked_last, now)}"
    step = "no stream takes them: goaround migrate; the table parked says why"
    return Check("parked messages", "warn", value, step)


def _runs(found: DatabaseStatus) -> Check:
    said = [f"{number} {spoken(phase)}" for phase, number in sorted(found.live.items())]
    value = ", ".join(said) or "none under way"
    if not found.stuck:
        return Check("runs", "ok", value)
    told = [
        f"{run.run_id} ({run.service} in {run.environment}, {spoken(run.phase)}): {run.why}"
        for run in found.stuck[:MOST_TOLD]
    ]
    more = len(found.stuck) - len(told)
    rest = f"; and {more} more" if more else ""
    first = found.stuck[0].run_id
    step = f"goaround why {first}; the log of the orchestrator, and of who should answer"
    return Check("runs", "bad", f"{value}; stuck: {'; '.join(told)}{rest}", step)


def clock(name: str, found: ClockFound | None, whose: str, than: str = "this machine") -> Check:
    """How far a clock is off another one."""
    if found is None:
        return Check(name, "warn", "not known", f"{whose} did not answer, see above")
    off_s = max(0.0, abs(found.ahead_s) - found.give_or_take_s)
    way = "ahead of" if found.ahead_s > 0 else "behind"
    value = f"{length(abs(found.ahead_s))} {way} {than}'s"
    if off_s <= CLOCK_OFF_S:
        return Check(name, "ok", f"{value}, as far as can be told" if not off_s else value)
    level: Level = "bad" if off_s > CLOCK_FAR_OFF_S else "warn"
    step = f"have both kept by NTP: {whose} and {than}; looks and deadlines go by these clocks"
    return Check(name, level, value, step)
