"""What a source of numbers promises."""
# ruff: noqa: D102 - the name of a test is the sentence that it proves.

import asyncio
import json
import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Protocol

from goaround_watcher.conformance.contract import (
    AT_ONCE,
    SLACK_S,
    Contract,
    Stage,
    give_up,
    in_words,
    play_on,
)
from goaround_watcher.plugin import Answer, MetricPlugin, Point, Question, SampleState, Span
from goaround_watcher.sources import answered


class MetricStage(Stage, Protocol):
    """A provider of numbers."""

    @property
    def source(self) -> MetricPlugin:
        """What is tested."""
        ...

    async def holds(self, points: Sequence[Point]) -> None:
        """From now on the provider knows these numbers and no others; at first it knows none."""
        ...


class MetricSourceContract(Contract):
    """What a source of numbers promises."""

    holds_nan: ClassVar[bool] = True
    """Whether its provider can hold what is no number."""

    def stage(self) -> AbstractAsyncContextManager[MetricStage]:
        """Return a provider that runs, knows nothing yet, and is gone afterwards."""
        raise NotImplementedError("say on which stage the source is tested")

    def test_the_number_that_is_there_is_given(self) -> None:
        async def play(stage: MetricStage) -> None:
            await stage.holds(self._points(0, values=[0.25]))
            answer = await self._ask(stage)
            assert answer.state is SampleState.OK, answer.detail
            assert answer.points[-1].value == 0.25

        play_on(self.stage, play)

    def test_where_nothing_is_there_is_no_data(self) -> None:
        async def play(stage: MetricStage) -> None:
            answer = await self._ask(stage)
            assert (answer.state, answer.points) == (SampleState.NO_DATA, ()), answer
            assert answer.detail, "say what was looked for, and where"
            self.check_discretion(answer.detail)

        play_on(self.stage, play)

    def test_a_provider_that_fails_is_an_answer_that_says_why(self) -> None:
        async def play(stage: MetricStage) -> None:
            await stage.holds(self._points(0))
            await stage.fails()
            answer = await self._ask(stage)
            self.check_failure(answer, answer.points)

        self.needs(self.can_fail, "its provider cannot fail")
        play_on(self.stage, play)

    def test_a_provider_that_hangs_is_answered_for_in_time(self) -> None:
        async def play(stage: MetricStage) -> None:
            await stage.hangs()
            async with asyncio.timeout(self.timeout_s + SLACK_S):
                answer = await self._ask(stage)
            self.check_failure(answer, answer.points)

        self.needs(self.can_hang, "its provider cannot hang")
        play_on(self.stage, play)

    def test_what_is_no_number_is_never_taken_for_one(self) -> None:
        async def play(stage: MetricStage) -> None:
            await stage.holds(self._points(0, values=[math.nan]))
            answer = await self._ask(stage)
            made_up = [p for p in answer.points if math.isfinite(p.value)]
            assert not made_up, made_up
            assert answer.points or answer.state is not SampleState.OK

        self.needs(self.holds_nan, "its provider holds numbers only")
        play_on(self.stage, play)

    def test_numbers_are_of_the_span_and_in_order(self) -> None:
        async def play(stage: MetricStage) -> None:
            await stage.holds(self._points(*range(-30, 0)))
            span = self.span(-20 * self.step_s, -10 * self.step_s)
            answer = await stage.source.sample(Question(stage.options, span))
            times = [p.at for p in answer.points]
            assert len(times) >= 9, f"10 numbers are there, {len(times)} came: {answer.detail}"
            assert times == sorted(set(times))
            assert span.since - self.step_s / 2 <= times[0]
            assert times[-1] <= span.until + self.step_s / 2

        self._needs_a_past()
        play_on(self.stage, play)

    def test_a_look_after_a_gap_gets_what_was_missed(self) -> None:
        async def play(stage: MetricStage) -> None:
            values = [float(i) for i in range(12)]
            await stage.holds(self._points(*range(-11, 1), values=values))
            answer = await self._ask(stage, self.span(-6 * self.step_s, 0))
            assert [p.value for p in answer.points][-5:] == values[-5:], answer

        self._needs_a_past()
        play_on(self.stage, play)

    def test_what_was_long_before_is_not_taken_for_now(self) -> None:
        async def play(stage: MetricStage) -> None:
            await stage.holds(self._points(-40, -39))
            answer = await self._ask(stage)
            assert not answer.points
            assert answer.state in (SampleState.NO_DATA, SampleState.STALE), answer

        self._needs_a_past()
        play_on(self.stage, play)

    def test_the_same_question_has_the_same_answer(self) -> None:
        async def play(stage: MetricStage) -> None:
            await stage.holds(self._points(0))
            span = self.span(-self.step_s, 0)
            assert await self._ask(stage, span) == await self._ask(stage, span)

        play_on(self.stage, play)

    def test_questions_at_the_same_time_do_not_disturb_each_other(self) -> None:
        async def play(stage: MetricStage) -> None:
            await stage.holds(self._points(0, values=[0.25]))
            asked = [self._ask(stage) for _ in range(AT_ONCE)]
            assert {a.points[-1].value for a in await asyncio.gather(*asked)} == {0.25}

        play_on(self.stage, play)

    def test_a_call_that_is_given_up_leaves_nothing_behind(self) -> None:
        async def play(stage: MetricStage) -> None:
            await stage.holds(self._points(0))
            await self._ask(stage)
            await give_up(stage, lambda: self._ask(stage), hangs=self.can_hang)

        play_on(self.stage, play)

    def test_options_that_make_no_sense_are_told(self) -> None:
        async def play(stage: MetricStage) -> None:
            for wrong in self.wrong_options:
                answer = await self._ask(stage, options=wrong)
                self.check_failure(answer, answer.points)

        self.needs(bool(self.wrong_options), "its options are read before it is asked")
        play_on(self.stage, play)

    def test_what_it_remembers_can_be_kept(self) -> None:
        async def play(stage: MetricStage) -> None:
            await stage.holds(self._points(0))
            answer = await self._ask(stage)
            kept: dict[str, float] = json.loads(json.dumps(dict(answer.remember)))
            again = Question(stage.options, self.span(-self.step_s, 0), kept)
            assert (await stage.source.sample(again)).points

        play_on(self.stage, play)

    def _needs_a_past(self) -> None:
        async def play(stage: MetricStage) -> None:
            tells: object = stage.source.tells_of_the_past
            assert isinstance(tells, bool), "tells_of_the_past is True or False"
            self.needs(tells, "it knows the present only")

        play_on(self.stage, play)

    def _points(self, *steps: int, values: Sequence[float] | None = None) -> list[Point]:
        """Return points at so many steps from the present."""
        numbers = values if values is not None else [1.0] * len(steps)
        now = self.now()
        return [Point(now + i * self.step_s, v) for i, v in zip(steps, numbers, strict=True)]

    async def _ask(
        self,
        stage: MetricStage,
        span: Span | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Ask as the watcher does: what makes no sense to it fails here."""
        span = span or self.span(-self.step_s, 0)
        given = stage.options if options is None else options
        answer = await stage.source.sample(Question(given, span))
        with in_words():
            made = answered.numbers(answer, span, "the source", str)
        assert len(made.points) == len(answer.points), "numbers of another time"
        return answer
