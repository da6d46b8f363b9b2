"""Our own sources on the stage that every source has to stand on."""

from __future__ import annotations

import json
import math
import stat
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from goaround_schemas.guide import LogSource, PrometheusServer, Source
from goaround_watcher.plugin import Answer, Lines, Point, Question
from goaround_watcher.sources.http import Http
from goaround_watcher.sources.port import Cursors, LineSource, MetricSource
from goaround_watcher.sources.prometheus import Prometheus
from goaround_watcher.sources.scrape import Scrape
from tests.watcher.provider import Asked, Provider

SECRET = "s3cret-of-the-stage"
TOLD = {"Authorization": "Bearer ${env:TOKEN}"}


class AsPlugin:
    """One of our own sources of numbers, asked in the way of a plug-in."""

    def __init__(self, source: MetricSource, *, tells_of_the_past: bool) -> None:
        self._source = source
        self.tells_of_the_past = tells_of_the_past

    async def sample(self, question: Question) -> Answer:
        source = Source.model_validate(dict(question.options))
        return (await self._source.sample([source], question.span, {})).answers[0]


class AsLogPlugin:
    """One of our own sources of lines, with what the watch would remember for it."""

    def __init__(self, source: LineSource) -> None:
        self._source = source
        self._cursors: Cursors | None = None

    async def lines(self, question: Question) -> Lines:
        source = LogSource.model_validate(dict(question.options))
        said = await self._source.lines(source, question.span, self._cursors)
        self._cursors = said.cursors
        return said


class Web:
    """What a provider over HTTP does to fail and to hang; it repeats what it was told."""

    def __init__(self, server: Provider) -> None:
        self.server = server

    async def fails(self) -> None:
        self.server.says(f"no entry with {SECRET}", status=503)

    async def hangs(self) -> None:
        self.server.hangs = True


class OnPrometheus(Web):
    """Answers range queries from what it holds, as the server does: the last value of each step."""

    def __init__(self, server: Provider, http: Http) -> None:
        super().__init__(server)
        self._points: list[Point] = []
        asked = PrometheusServer(url=server.url, headers=TOLD)
        self.source = AsPlugin(Prometheus(http, asked), tells_of_the_past=True)
        self.options: Mapping[str, Any] = {"prometheus": "up"}
        server.body = self._answer

    async def holds(self, points: Sequence[Point]) -> None:
        self._points = sorted(points, key=lambda p: p.at)

    def _answer(self, asked: Asked) -> bytes:
        start, end, step = (float(asked.query[k]) for k in ("start", "end", "step"))
        times = [p.at for p in self._points]
        values: list[list[Any]] = []
        for i in range(round((end - start) / step) + 1):
            at = start + i * step
            place = bisect_right(times, at + 1e-3) - 1
            if place >= 0 and times[place] > at - step:
                value = self._points[place].value
                values.append([at, "NaN" if math.isnan(value) else str(value)])
        result: list[dict[str, Any]] = [{"metric": {}, "values": values}] if values else []
        data: dict[str, Any] = {"resultType": "matrix", "result": result}
        return json.dumps({"status": "success", "data": data}).encode()


class OnPage(Web):
    """A metrics page that shows the last number it holds."""

    def __init__(self, server: Provider, http: Http) -> None:
        super().__init__(server)
        self.source = AsPlugin(Scrape(http), tells_of_the_past=False)
        page = {"url": f"{server.url}/metrics", "value": "in_flight", "headers": TOLD}
        self.options: Mapping[str, Any] = {"scrape": page}
        server.says("up 1\n")

    async def holds(self, points: Sequence[Point]) -> None:
        value = points[-1].value
        self.server.says(f"up 1\nin_flight {'NaN' if math.isnan(value) else value}\n")


class OnLoki(Web):
    """Answers range queries in the documented form: `start` inclusive, `end` exclusive."""

    def __init__(self, server: Provider, source: LineSource) -> None:
        super().__init__(server)
        self._lines: list[tuple[float, str]] = []
        self.source = AsLogPlugin(source)
        self.options: Mapping[str, Any] = {
            "loki": {"url": server.url, "query": '{app="shop"}', "headers": TOLD}
        }
        server.body = self._answer

    async def writes(self, lines: Sequence[tuple[float, str]]) -> None:
        self._lines += lines

    def _answer(self, asked: Asked) -> bytes:
        start, end = int(asked.query["start"]), int(asked.query["end"])
        held = [(int(at * 1e9), line) for at, line in self._lines]
        values = [[str(ns), line] for ns, line in reversed(held) if start <= ns < end]
        stream = {"stream": {"app": "shop"}, "values": values}
        data = {"resultType": "streams", "result": [stream] if values else []}
        return json.dumps({"status": "success", "data": data}).encode()


class OnFile:
    """A log file that is written to as time goes by."""

    def __init__(self, folder: Path, source: LineSource) -> None:
        self._path = folder / "app.log"
        self._path.touch()
        self.source = AsLogPlugin(source)
        self.options: Mapping[str, Any] = {"file": str(folder / "*.log")}

    async def writes(self, lines: Sequence[tuple[float, str]]) -> None:
        with self._path.open("a") as file:
            file.writelines(f"{line}\n" for _, line in lines)

    async def fails(self) -> None:
        raise NotImplementedError

    async def hangs(self) -> None:
        raise NotImplementedError


_PRINTS = """\
import json, os, sys
from datetime import datetime
since, until = (datetime.fromisoformat(os.environ["GOAROUND_" + n]) for n in ("SINCE", "UNTIL"))
for at, line in map(json.loads, open(sys.argv[1])):
    if since.timestamp() < at <= until.timestamp():
        print(line)
"""


class OnCommand:
    """A program that prints what was written in the span that it is told."""

    def __init__(self, folder: Path, source: LineSource, python: str) -> None:
        self._held = folder / "held.jsonl"
        self._held.touch()
        self._program = folder / "prints"
        self._python = python
        self._is(_PRINTS)
        self.source = AsLogPlugin(source)
        self.options: Mapping[str, Any] = {"command": [str(self._program), str(self._held)]}

    def _is(self, text: str) -> None:
        self._program.write_text(f"#!{self._python} -IS\n{text}")
        self._program.chmod(stat.S_IRWXU)

    async def writes(self, lines: Sequence[tuple[float, str]]) -> None:
        with self._held.open("a") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)

    async def fails(self) -> None:
        self._is("import sys; sys.exit('no such pod')")

    async def hangs(self) -> None:
        self._is("import time; time.sleep(60)")
