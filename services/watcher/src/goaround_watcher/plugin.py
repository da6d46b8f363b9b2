"""What the author of a source needs: all of it, and nothing else. Changes only with a new major.

A source is a class without arguments, named in its distribution's pyproject.toml:

    [project.entry-points."goaround.sources"]       # or goaround.log_sources, for lines
    csv = "acme_csv:CsvSource"

Installed beside the watcher, it is asked by a guide's `plugin: {name: csv, options: {...}}`.
The watcher makes one of it, in a thread and an event loop of its own, and asks it from there only.
It waits no longer than the question's `span.timeout_s`; then the call is cancelled and the sample
is `provider_error`. So is one whose source raises, or answers with something that makes no sense.

`goaround_watcher.conformance` holds the tests that a source should pass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from goaround_judge import SampleState
from goaround_watcher.sources.port import Answer, Lines, Point, Span

__all__ = [
    "LOG_SOURCES",
    "SOURCES",
    "Answer",
    "Lines",
    "LogPlugin",
    "MetricPlugin",
    "Point",
    "Question",
    "SampleState",
    "Span",
]

SOURCES = "goaround.sources"
"""The group of entry points that give numbers."""
LOG_SOURCES = "goaround.log_sources"
"""The group of entry points that give lines."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a guide wants to know, and of which time."""

    options: Mapping[str, Any] = field(repr=False)
    """As they stand in the guide, with the secrets in the place of references to them."""
    span: Span
    remembered: Mapping[str, float] = field(default_factory=dict[str, float])
    """What the last answer to this question asked to remember, whichever watcher got it."""


class MetricPlugin(Protocol):
    """Where numbers come from.

    One that has `aclose()` is told by it that the watcher stops.
    """

    tells_of_the_past: bool
    """Whether it can answer for a span that is long over: then a baseline takes no time."""

    async def sample(self, question: Question) -> Answer:
        """Return the numbers of the span, each `span.step_s` one, the last at its end.

        It never raises for what its provider does: an outage is an answer with the state
        `provider_error`, and nothing to be had is `no_data`; both with a detail for a person.
        """
        ...


class LogPlugin(Protocol):
    """Where log lines come from.

    One that has `aclose()` is told by it that the watcher stops.
    """

    async def lines(self, question: Question) -> Lines:
        """Return what was written after `span.since` and up to `span.until`, oldest first.

        Silence is no fault: no lines, with the state `ok`. What cannot be read is `provider_error`.
        """
        ...
