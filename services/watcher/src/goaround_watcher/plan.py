"""What the guide's watch means for the looks: what to ask, how long to wait, when again. Pure."""

import math
from datetime import UTC, datetime, timedelta

from goaround_schemas.guide import LogSource, Signal, Watch
from goaround_watcher.sources.port import Span

LEAST_TIMEOUT_S = 1.0
"""A source may take that long even where looks follow each other faster."""
MOST_TIMEOUT_S = 5.0
_AGO = {
    "same-hour-yesterday": timedelta(days=1),
    "same-hour-last-week": timedelta(weeks=1),
}


def tells_of_the_past(signal: Signal) -> bool:
    """Whether all of its numbers, its control's too, can surely be had for a time that is over.

    What somebody else's source can tell is not known before it is asked.
    """
    return all(s.prometheus is not None for s in (*signal.sources, *signal.control_sources))


def needs_time(plan: Watch) -> bool:
    """Whether a baseline takes looks over time: a metrics page and a log know only the present."""
    return bool(plan.logs) or not all(tells_of_the_past(s) for s in plan.signals)


def titled(plan: Watch) -> dict[str, LogSource]:
    """Return the logs by their titles, each title once."""
    named: dict[str, LogSource] = {}
    for log in plan.logs:
        title, number = log.title, 2
        while title in named:
            title, number = f"{log.title} ({number})", number + 1
        named[title] = log
    return named


def span(plan: Watch, since: float, until: float) -> Span:
    """Return the time that a look is about, with the patience that suits the plan."""
    every = plan.every.total_seconds()
    patience = min(max(every, LEAST_TIMEOUT_S), MOST_TIMEOUT_S)
    return Span(since, max(until, since), every, patience)


def before(plan: Watch, now: float) -> Span:
    """Return the time that the baseline is about."""
    return span(plan, now - plan.baseline.before.total_seconds(), now)


def like_before(plan: Watch, now: float) -> Span | None:
    """Return the time, a day or a week ago, in which things should be as in the watch to come."""
    if plan.baseline.also is None:
        return None
    then = now - _AGO[plan.baseline.also].total_seconds()
    length = max(plan.period, plan.baseline.before).total_seconds()
    return span(plan, then, then + length)


def next_look(began: float, every: float, now: float, until: float) -> datetime:
    """Return when to look again: in step with the first look, and at the end in any case.

    What was missed is not made up for: the next look covers it.
    """
    steps = math.floor((now - began) / every + 1e-6) + 1
    due = began + steps * every
    if until > now:
        due = min(due, until)
    return datetime.fromtimestamp(due, UTC)
