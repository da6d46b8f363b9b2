"""The example of somebody else's source: installed, found by its name, and true to its word."""

from __future__ import annotations

import asyncio
import math
import tempfile
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import httpx
import pytest

from goaround_judge import SampleState
from goaround_schemas.watching import DeployBaselined
from goaround_source_csv.source import MOST_BYTES
from goaround_watcher import watch
from goaround_watcher.app import sources
from goaround_watcher.conformance import MetricSourceContract, MetricStage
from goaround_watcher.look import SourcesLookout
from goaround_watcher.plugin import SOURCES, Answer, MetricPlugin, Point, Question
from goaround_watcher.settings import WatcherSettings
from goaround_watcher.sources import plugins
from tests.watcher.builders import at, command, since_1970, span
from tests.watcher.builders import plan as watch_plan


def installed() -> MetricPlugin:
    (entry,) = entry_points(group=SOURCES, name="csv")
    return entry.load()()  # type: ignore[no-any-return]


class OnTable:
    def __init__(self, folder: Path) -> None:
        self._path = folder / "results.csv"
        self.source = installed()
        self.options: Mapping[str, Any] = {"file": str(self._path), "value": "elapsed"}
        self._path.write_text("time,elapsed\n")

    async def holds(self, points: Sequence[Point]) -> None:
        rows = [
            f"{datetime.fromtimestamp(p.at, UTC).isoformat()},{p.value}\n"
            for p in sorted(points, key=lambda p: p.at)
        ]
        self._path.write_text("time,elapsed\n" + "".join(rows))

    async def fails(self) -> None:
        self._path.unlink()

    async def hangs(self) -> None:
        raise NotImplementedError


class TestCsv(MetricSourceContract):
    can_hang = False
    wrong_options = (
        {},
        {"file": "/nonesuch.csv", "value": "x"},
        {"file": "x.csv", "value": "x", "coulmn": "x"},
        {"file": "x.csv", "value": "x", "each": "p95"},
        {"file": 7, "value": "x"},
        {"file": "x.csv", "value": "x", "where": "y"},
    )

    @asynccontextmanager
    async def stage(self) -> AsyncGenerator[MetricStage]:
        with tempfile.TemporaryDirectory() as folder:
            yield OnTable(Path(folder))


LOAD_TEST = """\
timeStamp,elapsed,label,success
1767225600500,100,pay,true
1767225601000,300,pay,false
1767225602000,200,list,true
1767225606000,50,pay,true
1767225607000,,pay,true
1767225609999,70,pay,false
1767225999000,9,pay,true
1767225609999,40,half a row"""


async def asked(path: Path, text: str, **options: Any) -> Answer:
    await asyncio.to_thread(path.write_text, text)
    given = {"file": str(path), "time": "timeStamp", "value": "elapsed", **options}
    return await installed().sample(Question(given, span(0, 10, timeout_s=30)))


@pytest.mark.parametrize(
    ("options", "values"),
    [
        ({}, [200, 70]),
        ({"each": "mean"}, [200, 60]),
        ({"each": "median"}, [200, 60]),
        ({"each": "max"}, [300, 70]),
        ({"each": "sum"}, [600, 120]),
        ({"each": "count", "value": "label"}, [3, 3]),
        ({"each": "count", "value": "label", "where": {"success": "false"}}, [1, 1]),
        ({"where": {"label": "list"}}, [200]),
    ],
)
async def test_the_rows_of_each_look_make_one_number(
    tmp_path: Path, options: dict[str, Any], values: list[float]
) -> None:
    answer = await asked(tmp_path / "load.csv", LOAD_TEST, **options)
    assert [p.value for p in answer.points] == values, answer.detail
    assert [p.at for p in answer.points] == [since_1970(5), since_1970(10)][: len(values)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no column 'timeStamp'; there are none"),
        ("a,b\n1,2\n", "no column 'timeStamp'; there are a, b"),
        ("timeStamp,elapsed\n1767225601,fast\n", "line 2: 'fast' is no number"),
        ("timeStamp,elapsed\nyesterday,1\n", "line 2: 'yesterday' is no time"),
        ("timeStamp,elapsed\n2026-01-01T00:00:01,1\n", "does not say in which zone"),
        (f"timeStamp,elapsed\n1,{'x' * 140_000}\n", "this is no CSV"),
    ],
)
async def test_a_table_that_makes_no_sense_is_told_with_its_line(
    tmp_path: Path, text: str, words: str
) -> None:
    answer = await asked(tmp_path / "load.csv", text)
    assert answer.state is SampleState.PROVIDER_ERROR
    assert words in answer.detail


async def test_what_is_no_number_is_not_lost_among_others(tmp_path: Path) -> None:
    text = "timeStamp,elapsed\n1767225606,1\n1767225607,nan\n1767225608,2\n"
    (point,) = (await asked(tmp_path / "load.csv", text, each="max")).points
    assert math.isnan(point.value)


async def test_of_a_very_long_file_the_end_is_read(tmp_path: Path) -> None:
    old = "1767220000,1\n" * (MOST_BYTES // 13 + 5)
    answer = await asked(tmp_path / "load.csv", f"timeStamp,elapsed\n{old}1767225606,7\n")
    assert [p.value for p in answer.points] == [7], answer.detail


@pytest.mark.system
async def test_a_guide_asks_it_by_the_name_under_which_it_is_installed(tmp_path: Path) -> None:
    table = OnTable(tmp_path)
    await table.holds([Point(since_1970(-5.0 * i), 0.5 + i / 100) for i in range(13)])
    signal = {"name": "p95", "plugin": {"name": "csv", "options": dict(table.options)}}
    wanted = watch_plan(signals=[signal])
    settings = WatcherSettings(nats_url="nats://127.0.0.1:4222")
    found = await plugins.load()
    async with httpx.AsyncClient() as client:
        lookout = SourcesLookout(sources(settings, client, {}, found))
        asked = command("baseline", watch=wanted)
        state = watch.begun(asked, wanted, None, at(0), longest_baseline_s=300)
        state = watch.after(state, await lookout.look(watch.order(state, at(0))), at(0))
    await found.aclose()
    (said,) = state.said
    assert isinstance(said, DeployBaselined)
    assert said.data.complete, said.data
    assert said.data.signals[0].samples == 12
    assert state.signals["p95"].before[-1].value == 0.5
