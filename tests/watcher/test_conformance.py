"""Our own sources keep the promises that a source of somebody else's is asked for."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from math import isfinite
from pathlib import Path
from typing import Any
from unittest import SkipTest

import pytest

from goaround_watcher.conformance import (
    LogSourceContract,
    LogStage,
    MetricSourceContract,
    MetricStage,
)
from goaround_watcher.plugin import Answer, Point, Question, SampleState
from goaround_watcher.sources.command import LogCommand
from goaround_watcher.sources.file import LogFiles
from goaround_watcher.sources.loki import Loki
from tests.watcher.provider import provider, web
from tests.watcher.stages import SECRET, OnCommand, OnFile, OnLoki, OnPage, OnPrometheus

PYTHON = os.path.realpath(sys.executable)


class TestPrometheus(MetricSourceContract):
    secret = SECRET
    wrong_options = ()

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[MetricStage]:
        async with provider() as server, web(SECRET) as http:
            yield OnPrometheus(server, http)


class TestScrape(MetricSourceContract):
    secret = SECRET
    wrong_options = ()

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[MetricStage]:
        async with provider() as server, web(SECRET) as http:
            yield OnPage(server, http)


class TestLoki(LogSourceContract):
    secret = SECRET
    wrong_options = ()

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[LogStage]:
        async with provider() as server, web(SECRET) as http:
            yield OnLoki(server, Loki(http))


class TestFile(LogSourceContract):
    # A file that cannot be read has tests of its own: who may read all files sees none that fail.
    can_fail = False
    can_hang = False
    wrong_options = ()

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[LogStage]:
        with tempfile.TemporaryDirectory() as folder:
            yield OnFile(Path(folder), LogFiles())


class TestCommand(LogSourceContract):
    wrong_options = ({"command": ["/nonesuch/program"]},)

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[LogStage]:
        with tempfile.TemporaryDirectory() as folder:
            source = LogCommand({"PATH": os.environ["PATH"]})
            yield OnCommand(Path(folder), source, PYTHON)


class Faulty:
    """A source that keeps its promises but for one."""

    tells_of_the_past = True

    def __init__(self, fault: str) -> None:
        self.fault = fault
        self.points: list[Point] = []
        self.is_down = False
        self.left: list[asyncio.Task[Any]] = []

    async def sample(self, question: Question) -> Answer:
        span = question.span
        if not question.options.get("token"):
            return self._failure("say which token to use")
        if self.fault == "leaves a task":
            self.left.append(asyncio.create_task(asyncio.Event().wait()))
        if self.is_down:
            return self._failure("the provider is down")
        within = [p for p in self.points if span.since < p.at <= span.until + 0.1]
        if self.fault == "forgets what was missed":
            within = within[-1:]
        if self.fault == "in disorder":
            within.reverse()
        if self.fault == "old for new":
            within = within or self.points[-1:]
        if self.fault == "nought for nothing":
            within = [Point(p.at, p.value if isfinite(p.value) else 0.0) for p in within]
            within = within or [Point(span.until, 0.0)]
        if self.fault == "no words":
            return Answer(tuple(within), SampleState.OK if within else SampleState.NO_DATA)
        state = SampleState.OK if within else SampleState.NO_DATA
        return Answer(tuple(within), state, "" if within else "nothing there")

    def _failure(self, why: str) -> Answer:
        if self.fault == "raises":
            raise OSError(why)
        said = f"{why} ({SECRET})" if self.fault == "tells its secret" else why
        wrong = self.fault == "an outage is no data"
        return Answer((), SampleState.NO_DATA if wrong else SampleState.PROVIDER_ERROR, said)


class OnNothing:
    """No provider at all: the source knows what it is told."""

    def __init__(self, source: Faulty) -> None:
        self.source = source
        self.options: Mapping[str, Any] = {"token": SECRET}

    async def holds(self, points: Sequence[Point]) -> None:
        self.source.points = list(points)

    async def fails(self) -> None:
        self.source.is_down = True

    async def hangs(self) -> None:
        raise NotImplementedError


def broken_promises(fault: str) -> set[str]:
    """Play every test of the contract on a source with a fault, and name those that fail."""

    class Contract(MetricSourceContract):
        can_hang = False
        secret = SECRET

        @asynccontextmanager
        async def stage(self) -> AsyncGenerator[MetricStage]:
            source = Faulty(fault)
            yield OnNothing(source)
            for task in source.left:
                task.cancel()

    failed: set[str] = set()
    for name in (name for name in dir(Contract) if name.startswith("test_")):
        try:
            getattr(Contract(), name)()
        except SkipTest:
            continue
        except (AssertionError, OSError):
            failed.add(name.removeprefix("test_").replace("_", " "))
    return failed


def test_a_source_without_a_fault_keeps_every_promise() -> None:
    assert broken_promises("none") == set()


@pytest.mark.parametrize(
    ("fault", "promise"),
    [
        ("raises", "a provider that fails is an answer that says why"),
        ("raises", "options that make no sense are told"),
        ("tells its secret", "a provider that fails is an answer that says why"),
        ("an outage is no data", "a provider that fails is an answer that says why"),
        ("nought for nothing", "where nothing is there is no data"),
        ("nought for nothing", "what is no number is never taken for one"),
        ("no words", "where nothing is there is no data"),
        ("in disorder", "numbers are of the span and in order"),
        ("forgets what was missed", "a look after a gap gets what was missed"),
        ("old for new", "what was long before is not taken for now"),
        ("leaves a task", "a call that is given up leaves nothing behind"),
    ],
)
def test_a_fault_is_found_by_the_promise_that_it_breaks(fault: str, promise: str) -> None:
    assert promise in broken_promises(fault)
