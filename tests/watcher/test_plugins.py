"""Sources that others wrote: found, loaded, asked in bounded time, and believed with care."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint
from typing import Any

import httpx
import pytest

from goaround_judge import SampleState
from goaround_schemas.guide import LogSource, Source
from goaround_schemas.watching import DeployBaselined
from goaround_watcher import watch
from goaround_watcher.app import sources
from goaround_watcher.look import SourcesLookout
from goaround_watcher.plugin import LOG_SOURCES, SOURCES, Answer, Lines, Point
from goaround_watcher.secret import options_from
from goaround_watcher.settings import WatcherSettings
from goaround_watcher.sources import installed
from goaround_watcher.sources.installed import Installed
from goaround_watcher.sources.plugin_thread import MOST_IN_HAND
from goaround_watcher.sources.plugins import (
    PluginLogs,
    PluginMetrics,
    Plugins,
    lack_of_lines,
    lack_of_metrics,
)
from goaround_watcher.sources.port import Sampled
from goaround_watcher.state import State
from tests.watcher import strange
from tests.watcher.builders import at, command, since_1970, span
from tests.watcher.builders import plan as watch_plan

OPTIONS = options_from({"TOKEN": "hunter2-and-more"})
NOW = span(0, 5, timeout_s=2)


def entry(name: str, of: str, group: str = SOURCES) -> EntryPoint:
    return EntryPoint(name, f"tests.watcher.strange:{of}", group)


@asynccontextmanager
async def loaded(**named: str) -> AsyncGenerator[Installed]:
    found = await installed.load([entry(n, of) for n, of in named.items()], lack_of_metrics)
    try:
        yield found
    finally:
        strange.released.set()
        await found.aclose()
        strange.released.clear()


def source(name: str, **options: Any) -> Source:
    return Source.model_validate_json(json.dumps({"plugin": {"name": name, "options": options}}))


async def ask(found: Installed, name: str, about: Any = NOW, **options: Any) -> Answer:
    sampled = await PluginMetrics(found, OPTIONS).sample([source(name, **options)], about, {})
    return sampled.answers[0]


async def test_a_source_is_asked_for_its_span_with_its_options() -> None:
    async with loaded(sound="Sound") as found:
        answer = await ask(found, "sound", span(0, 15), value=0.5)
    assert [(p.at - since_1970(0), p.value) for p in answer.points] == [
        (5, 0.5),
        (10, 0.5),
        (15, 0.5),
    ]
    assert (answer.state, answer.detail) == (SampleState.OK, "")


async def test_the_same_question_of_two_signals_is_asked_once() -> None:
    strange.Sound.asked = 0
    twice = [source("sound", value=1), source("sound", value=2), source("sound", value=1)]
    async with loaded(sound="Sound") as found:
        sampled = await PluginMetrics(found, OPTIONS).sample(twice, NOW, {})
    assert [a.points[0].value for a in sampled.answers] == [1, 2, 1]
    assert strange.Sound.asked == 2


async def test_what_a_source_remembers_it_has_again_at_the_next_look_and_can_be_kept() -> None:
    async def look(found: Installed, before: Sampled | None) -> Sampled:
        kept = before.memory if before else {}
        asked = [source("counting", a=1), source("counting", a=2)]
        return await PluginMetrics(found, OPTIONS).sample(asked, NOW, kept)

    async with loaded(counting="Counting") as found:
        first = await look(found, None)
        then = await look(found, first)
    assert [a.points[0].value for a in then.answers] == [2, 2]
    assert len(then.memory) == 2
    assert all(json.loads(m.model_dump_json()) for m in then.memory.values())


async def test_a_name_that_is_not_installed_is_told_with_those_that_are() -> None:
    async with loaded(csv="Sound", statsd="Counting") as found:
        answer = await ask(found, "cvs")
    assert answer.state is SampleState.PROVIDER_ERROR
    assert answer.detail == "no source named cvs is installed; installed: csv, statsd"
    assert "installed: none" in (await ask(Installed({}, {}), "csv")).detail


@pytest.mark.parametrize(
    ("of", "why"),
    [
        ("Nonesuch", "has no attribute 'Nonesuch'"),
        ("Unbuilt", "RuntimeError: no licence"),
        ("Silent", "does not say in `tells_of_the_past`"),
        ("Spoken", "has no method `async def sample(self, question)`"),
        ("released", "'Event' object is not callable"),
    ],
)
async def test_what_cannot_be_loaded_says_why_to_each_question_and_spoils_no_other(
    of: str, why: str
) -> None:
    async with loaded(broken=of, sound="Sound") as found:
        broken = await ask(found, "broken")
        assert (await ask(found, "sound", value=1)).state is SampleState.OK
    assert broken.state is SampleState.PROVIDER_ERROR
    assert "the source broken could not be loaded" in broken.detail
    assert why in broken.detail


async def test_a_source_that_takes_too_long_to_load_is_done_without() -> None:
    found = await installed.load([entry("slow", "Slow")], lack_of_metrics, within_s=0.05)
    assert "did not answer within 0.05 s" in (await ask(found, "slow")).detail


async def test_a_name_that_two_distributions_bring_is_used_of_neither() -> None:
    both = [entry("csv", "Sound"), entry("csv", "Counting")]
    found = await installed.load(both, lack_of_metrics)
    detail = (await ask(found, "csv")).detail
    assert "several distributions bring it" in detail
    assert "strange:Counting" in detail


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("raise", "telling failed: ValueError: no such token"),
        ("exit", "telling failed: SystemExit: 3"),
        ("cancel", "telling gave up"),
        ("hang", "telling did not answer within 0.1 s"),
        ("deaf", "telling did not answer within 0.1 s"),
        ("block", "telling did not answer within 0.1 s"),
    ],
)
async def test_whatever_a_source_does_is_an_answer_in_time_that_names_it(
    how: str, words: str
) -> None:
    loop = asyncio.get_running_loop()
    async with loaded(telling="Telling") as found:
        began = loop.time()
        answer = await ask(found, "telling", span(0, 5, timeout_s=0.1), how=how, token="t")
        assert loop.time() - began < 1
        assert (answer.state, answer.points) == (SampleState.PROVIDER_ERROR, ())
        assert words in answer.detail
        strange.released.set()
        again = await ask(found, "telling", how="tell", token="t")
        assert again.detail == "telling: refused t", "it is asked again as if nothing had been"


@pytest.mark.parametrize("how", ["raise", "tell"])
async def test_a_secret_reaches_the_source_and_no_detail(how: str) -> None:
    async with loaded(telling="Telling") as found:
        answer = await ask(found, "telling", how=how, token="${env:TOKEN}")
    assert "hunter2" not in answer.detail
    assert "•••" in answer.detail


async def test_a_secret_that_is_not_there_is_told_and_nobody_is_asked() -> None:
    strange.Sound.asked = 0
    async with loaded(sound="Sound") as found:
        answer = await ask(found, "sound", value="${env:NONESUCH}")
    assert answer.state is SampleState.PROVIDER_ERROR
    assert "NONESUCH" in answer.detail
    assert strange.Sound.asked == 0


async def test_a_source_that_answers_nobody_is_not_asked_without_end() -> None:
    quick = span(0, 5, timeout_s=0.02)
    async with loaded(telling="Telling") as found:
        said = [
            await asyncio.gather(*(ask(found, "telling", quick, how="deaf", i=i) for i in range(8)))
            for _ in range(MOST_IN_HAND // 8)
        ]
        assert all("did not answer" in a.detail for some in said for a in some)
        refused = await ask(found, "telling", quick, how="tell", token="t")
        assert f"telling still owes {MOST_IN_HAND} answers" in refused.detail


def wrong(**fields: Any) -> Callable[[], Any]:
    def make() -> Any:
        answer = Answer((Point(since_1970(5), 1.0),))
        for name, value in fields.items():
            answer = answer._replace(**{name: value})
        return answer

    return make


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: None, "nothing instead of an Answer"),
        (lambda: 7, "a int instead of an Answer"),
        (wrong(points=None), "nothing where a tuple is due"),
        (wrong(points=(1.0,)), "a float where a Point is due"),
        (wrong(points=(Point(since_1970(5), "1"),)), "a point that is none"),  # type: ignore[arg-type]
        (wrong(points=(Point(since_1970(5), True),)), "a point that is none"),
        (wrong(points=(Point(float("nan"), 1.0),)), "a point that is none"),
        (wrong(points=(Point(since_1970(5) * 1000, 1.0),)), "numbers of another time"),
        (wrong(state="fine"), "an unknown state 'fine'"),
        (wrong(detail=None), "nothing for its detail"),
        (wrong(remember=[1]), "a list to remember"),
        (wrong(remember={"a": "b"}), "no number: 'b'"),
        (wrong(remember={"a": float("inf")}), "no number: inf"),
        (wrong(remember={str(i): 1.0 for i in range(1001)}), "1001 numbers to remember"),
    ],
)
async def test_an_answer_that_makes_no_sense_is_a_provider_error_that_says_what(
    make: Callable[[], Any], words: str
) -> None:
    strange.Answering.answer = make()
    async with loaded(odd="Answering") as found:
        answer = await ask(found, "odd")
    assert (answer.state, answer.points) == (SampleState.PROVIDER_ERROR, ())
    assert answer.detail.startswith("odd answered with")
    assert words in answer.detail


async def test_numbers_are_put_in_order_and_those_of_another_time_left_out() -> None:
    seconds = (10, 5, 90, -90)
    strange.Answering.answer = Answer(tuple(Point(since_1970(s), s) for s in seconds))
    async with loaded(odd="Answering") as found:
        answer = await ask(found, "odd", span(0, 10))
    assert [p.value for p in answer.points] == [5, 10]


async def test_an_empty_answer_is_no_data() -> None:
    strange.Answering.answer = Answer()
    async with loaded(odd="Answering") as found:
        answer = await ask(found, "odd")
    assert (answer.state, answer.detail) == (SampleState.NO_DATA, "odd: no number for this time")


async def said(name: str, of: str, **options: Any) -> Lines:
    found = await installed.load([entry(name, of, LOG_SOURCES)], lack_of_lines)
    given = {"plugin": {"name": name, "options": options}}
    wanted = LogSource.model_validate_json(json.dumps(given))
    try:
        return await PluginLogs(found, OPTIONS).lines(wanted, NOW, {})
    finally:
        await found.aclose()


async def test_lines_are_read_as_records() -> None:
    lines = ["ERROR a", "  at b", "INFO c"]
    assert (await said("journal", "Spoken", lines=lines)).lines == ("ERROR a\n  at b", "INFO c")


async def test_lines_that_are_none_are_a_provider_error() -> None:
    strange.Answering.answer = Lines((1, 2))  # type: ignore[arg-type]
    odd = await said("odd", "Answering")
    assert (odd.state, odd.lines) == (SampleState.PROVIDER_ERROR, ())
    assert odd.detail == "odd answered with lines that are not text"
    strange.Answering.answer = Answer()
    assert "a Answer instead of Lines" in (await said("odd", "Answering")).detail
    assert "could not be loaded" in (await said("odd", "Sound")).detail


async def test_a_source_is_told_that_the_watcher_stops() -> None:
    strange.Closing.closed.clear()
    async with loaded(closing="Closing"):
        pass
    assert strange.Closing.closed.is_set()


@pytest.fixture
async def lookout() -> AsyncGenerator[SourcesLookout]:
    async with (
        httpx.AsyncClient() as client,
        loaded(sound="Sound", counting="Counting") as found,
    ):
        settings = WatcherSettings(nats_url="nats://127.0.0.1:4222")
        plugins = Plugins(found, Installed({}, {}))
        yield SourcesLookout(sources(settings, client, {}, plugins))


def plugged(name: str, **options: Any) -> dict[str, Any]:
    return {"name": "p95", "plugin": {"name": name, "options": options}}


async def baselined(lookout: SourcesLookout, *signals: dict[str, Any], **fields: Any) -> State:
    asked = command("baseline", watch=watch_plan(signals=signals, **fields))
    state = watch.begun(
        asked, asked.data.watch or watch_plan(), None, at(0), longest_baseline_s=300
    )
    return watch.after(state, await lookout.look(watch.order(state, at(0))), at(0))


async def test_a_source_that_tells_of_the_past_has_its_baseline_at_once(
    lookout: SourcesLookout,
) -> None:
    also = {"before": "60s", "also": "same-hour-yesterday"}
    state = await baselined(lookout, plugged("sound", value=0.5), baseline=also)
    record = state.signals["p95"]
    assert (len(record.before), len(record.reference)) == (12, 12)
    (answer,) = state.said
    assert isinstance(answer, DeployBaselined)
    assert answer.data.complete


async def test_a_source_of_the_present_has_its_baseline_taken_over_time(
    lookout: SourcesLookout,
) -> None:
    state = await baselined(lookout, plugged("counting"))
    assert state.runs
    state = watch.after(state, await lookout.look(watch.order(state, at(5))), at(5))
    assert [r.value for r in state.signals["p95"].before] == [1, 2]


async def test_a_source_that_is_not_installed_is_told_before_anything_is_deployed(
    lookout: SourcesLookout,
) -> None:
    state = await baselined(lookout, plugged("nonesuch"))
    (answer,) = state.said
    assert isinstance(answer, DeployBaselined)
    (signal,) = answer.data.signals
    assert not signal.answered
    assert "no source named nonesuch is installed; installed: counting, sound" in signal.detail
