"""What a look may bring, from the provider's answer to the verdict: no data is never Green or Red.

The sources, the looks, the judge and the messages are the watcher's own; a provider on loopback
does what providers do. Time alone is ours.
"""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Callable
from typing import Any

import httpx
import pytest

from goaround_judge import SampleState
from goaround_schemas.guide import Watch
from goaround_schemas.watching import DeployBaselined, DeployJudged, DeployObserved, WatchSummary
from goaround_watcher import watch
from goaround_watcher.app import sources
from goaround_watcher.look import SourcesLookout
from goaround_watcher.settings import WatcherSettings
from goaround_watcher.state import State
from tests.watcher.builders import START, at, command, queried
from tests.watcher.builders import plan as watch_plan
from tests.watcher.provider import Asked, Provider

Course = Callable[[str, float], float | None]
"""What a query gives at a time (seconds since the switch): a number, or none."""


def healthy(query: str, seconds: float) -> float | None:
    # A little unrest, as no service is without.
    unrest = 1 + ((int(seconds) * 7) % 11 - 5) / 200
    return {"sum(requests)": 200.0, "sum(failed)": 0.0}.get(query, 0.2 * unrest)


def suffering(query: str, seconds: float) -> float | None:
    value = healthy(query, seconds)
    return value if value is None or seconds <= 0 else 4 * value


class Metrics:
    """A Prometheus whose answers take a course, and that is out of order at times."""

    def __init__(self, server: Provider) -> None:
        self._server = server
        self.course: Course = healthy
        self.fails: Callable[[int], bool] = lambda question: False
        self._questions = 0
        server.body = self._answer

    def _answer(self, asked: Asked) -> bytes:
        self._questions += 1
        self._server.status = 503 if self.fails(self._questions) else 200
        if "query" not in asked.query:
            return f"p95 {self.course('page', self._questions)}\n".encode()
        start, end, step = (float(asked.query[k]) for k in ("start", "end", "step"))
        values: list[list[Any]] = []
        for i in range(round((end - start) / step) + 1):
            time = start + i * step
            value = self.course(asked.query["query"], time - START.timestamp())
            if value is not None:
                values.append([time, "NaN" if math.isnan(value) else str(value)])
        result: list[dict[str, Any]] = [{"metric": {}, "values": values}] if values else []
        data = {"resultType": "matrix", "result": result}
        return json.dumps({"status": "success", "data": data}).encode()


class Scene:
    """A watcher without a bus: its looks follow each other as its alarms would ring."""

    def __init__(self, lookout: SourcesLookout, server: Provider) -> None:
        self.metrics = Metrics(server)
        self._lookout = lookout
        self._server = server
        self.observed: list[DeployObserved] = []
        self.state: State | None = None

    def guide(self, **fields: Any) -> Watch:
        return watch_plan(
            **{"signals": [queried("p95")], "prometheus": {"url": self._server.url}, **fields}
        )

    def on_a_page(self) -> dict[str, Any]:
        page = {"url": f"{self._server.url}/metrics", "value": "p95"}
        return {"name": "p95", "kind": "latency", "scrape": page}

    async def baseline(self, wanted: Watch) -> DeployBaselined:
        state = await self._played("baseline", wanted)
        (said,) = state.said
        assert isinstance(said, DeployBaselined)
        return said

    async def verdict(self, wanted: Watch) -> WatchSummary:
        """Take the baseline, watch to the end, and return what is said of it."""
        await self.baseline(wanted)
        state = await self._played("watch", wanted)
        *_, said = state.said
        assert isinstance(said, DeployJudged)
        return said.data.summary

    async def _played(self, action: str, wanted: Watch) -> State:
        asked = command(action, watch=wanted)
        now = at(0)
        state = watch.begun(asked, wanted, self.state, now, longest_baseline_s=300)
        while state.runs:
            look = await self._lookout.look(watch.order(state, now))
            state = watch.after(state, look, now)
            self.observed += [said for said in state.said if isinstance(said, DeployObserved)]
            now = state.due or now
        self.state = state
        return state


@pytest.fixture
async def scene(server: Provider) -> AsyncGenerator[Scene]:
    async with httpx.AsyncClient() as client:
        settings = WatcherSettings(nats_url="nats://127.0.0.1:4222")
        yield Scene(SourcesLookout(sources(settings, client, {})), server)


def ends_after(seconds: float) -> Course:
    return lambda query, at_s: healthy(query, at_s) if at_s <= seconds else None


def nan_after(seconds: float) -> Course:
    return lambda query, at_s: healthy(query, at_s) if at_s <= seconds else math.nan


async def test_a_service_that_goes_on_as_before_is_green(scene: Scene) -> None:
    summary = await scene.verdict(scene.guide())
    assert (summary.colour, summary.action) == ("green", "accept"), summary.reason
    assert summary.extensions == 0


@pytest.mark.parametrize("undecided", ["hold", "rollback", "accept"])
@pytest.mark.parametrize(
    ("course", "state"),
    [(ends_after(0), SampleState.STALE), (nan_after(0), SampleState.NAN)],
    ids=["no data", "nan"],
)
async def test_without_a_number_the_watch_is_extended_and_then_left_to_the_guide(
    scene: Scene, course: Course, state: SampleState, undecided: str
) -> None:
    scene.metrics.course = course
    extend = {"by": "20s", "at_most": 2}
    summary = await scene.verdict(scene.guide(undecided=undecided, extend=extend))
    assert (summary.colour, summary.action) == ("yellow", undecided), summary.reason
    assert summary.extensions == 2
    assert summary.watched_s == 60 + 2 * 20
    (signal,) = summary.signals
    assert signal.samples.get("ok", 0) <= 1, "the point of the switch itself is the last"
    assert signal.samples[state.value] > 10
    assert {o.data.colour for o in scene.observed} == {"yellow"}


@pytest.mark.parametrize(
    "course", [ends_after(25), nan_after(25)], ids=["data that ends", "nan from then on"]
)
async def test_what_was_well_before_the_data_ended_is_not_green(
    scene: Scene, course: Course
) -> None:
    scene.metrics.course = course
    summary = await scene.verdict(scene.guide())
    assert (summary.colour, summary.action) == ("yellow", "hold"), summary.reason
    assert summary.extensions == 1
    assert summary.signals[0].samples["ok"] >= 4


async def test_data_that_comes_back_within_the_extension_is_green(scene: Scene) -> None:
    def course(query: str, at_s: float) -> float | None:
        return None if 30 < at_s < 62 else healthy(query, at_s)

    scene.metrics.course = course
    summary = await scene.verdict(scene.guide(extend={"by": "40s", "at_most": 2}))
    assert (summary.colour, summary.action) == ("green", "accept"), summary.reason
    assert summary.extensions >= 1


def every_other(question: int) -> bool:
    return question > 1 and question % 2 == 1


async def test_a_page_that_fails_half_the_time_is_judged_by_the_other_half(scene: Scene) -> None:
    scene.metrics.fails = lambda question: question % 2 == 1
    summary = await scene.verdict(scene.guide(signals=[scene.on_a_page()], period="120s"))
    assert (summary.colour, summary.action) == ("green", "accept"), summary.reason
    samples = summary.signals[0].samples
    assert samples["provider_error"] >= 12
    assert samples["ok"] >= 12


async def test_what_an_outage_has_hidden_is_asked_for_again(scene: Scene) -> None:
    scene.metrics.fails = lambda question: 3 <= question < 9
    summary = await scene.verdict(scene.guide())
    assert (summary.colour, summary.action) == ("green", "accept"), summary.reason
    assert {s: n for s, n in summary.signals[0].samples.items() if n} == {"ok": 13}
    assert scene.state is not None
    times = [row.at - START.timestamp() for row in scene.state.signals["p95"].after]
    assert times == [5.0 * i for i in range(13)]


async def test_harm_that_an_outage_has_hidden_is_seen_after_it(scene: Scene) -> None:
    scene.metrics.fails = lambda question: 3 <= question < 12
    scene.metrics.course = lambda query, at_s: (
        suffering(query, at_s) if at_s < 50 else healthy(query, at_s)
    )
    summary = await scene.verdict(scene.guide())
    assert (summary.colour, summary.deciding) == ("red", "p95"), summary.reason


async def test_an_outage_of_half_the_looks_costs_no_sample(scene: Scene) -> None:
    scene.metrics.fails = every_other
    summary = await scene.verdict(scene.guide(period="120s"))
    assert (summary.colour, summary.action) == ("green", "accept"), summary.reason
    assert summary.signals[0].samples["ok"] >= 24


async def test_harm_is_seen_through_a_provider_that_fails_half_the_time(scene: Scene) -> None:
    scene.metrics.fails = every_other
    scene.metrics.course = suffering
    summary = await scene.verdict(scene.guide(period="120s"))
    assert (summary.colour, summary.action) == ("red", "rollback"), summary.reason
    assert summary.deciding == "p95"


async def test_an_outage_of_the_provider_from_the_switch_on_is_no_harm(scene: Scene) -> None:
    scene.metrics.fails = lambda question: question > 1
    summary = await scene.verdict(scene.guide())
    assert (summary.colour, summary.action) == ("yellow", "hold"), summary.reason
    assert {s for s, n in summary.signals[0].samples.items() if n} == {"provider_error"}
    details = {o.data.observations[0].detail for o in scene.observed}
    assert all("answered 503" in detail for detail in details)


ERRORS = {
    "name": "errors",
    "kind": "errors",
    "errors": {"prometheus": "sum(failed)"},
    "requests": {"prometheus": "sum(requests)"},
}


async def test_too_few_requests_say_neither_well_nor_ill(scene: Scene) -> None:
    def course(query: str, at_s: float) -> float | None:
        if at_s < 0:
            return healthy(query, at_s)
        return 1.0 if query == "sum(requests)" else 0.0

    scene.metrics.course = course
    summary = await scene.verdict(scene.guide(signals=[ERRORS]))
    assert (summary.colour, summary.action) == ("yellow", "hold"), summary.reason
    assert summary.extensions == 1


async def test_few_requests_that_all_fail_are_not_waited_out(scene: Scene) -> None:
    def course(query: str, at_s: float) -> float | None:
        return healthy(query, at_s) if at_s <= 0 else 10.0

    scene.metrics.course = course
    summary = await scene.verdict(scene.guide(signals=[ERRORS]))
    assert (summary.colour, summary.action) == ("red", "rollback"), summary.reason


async def test_no_series_of_failures_means_that_nothing_failed(scene: Scene) -> None:
    def course(query: str, at_s: float) -> float | None:
        return None if query == "sum(failed)" else healthy(query, at_s)

    scene.metrics.course = course
    summary = await scene.verdict(scene.guide(signals=[ERRORS]))
    assert (summary.colour, summary.action) == ("green", "accept"), summary.reason


async def test_a_signal_that_never_existed_is_told_before_anything_is_deployed(
    scene: Scene,
) -> None:
    scene.metrics.course = lambda query, at_s: (
        None if query == "avg(nonesuch)" else healthy(query, at_s)
    )
    wanted = scene.guide(signals=[queried("p95"), queried("nonesuch")])
    said = await scene.baseline(wanted)
    assert not said.data.complete
    there, missing = said.data.signals
    assert there.answered
    assert (missing.answered, missing.samples, missing.typical) == (False, 0, None)
    assert "the query returned nothing; check the expression" in missing.detail


async def test_a_signal_that_ended_before_the_deployment_is_told_as_well(scene: Scene) -> None:
    scene.metrics.course = ends_after(-30)
    said = await scene.baseline(scene.guide())
    (signal,) = said.data.signals
    assert not said.data.complete
    assert not signal.answered
    assert "the last value is 30 s old" in signal.detail
