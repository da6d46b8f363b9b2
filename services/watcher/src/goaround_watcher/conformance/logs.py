"""What a source of lines promises."""
# ruff: noqa: D102 - the name of a test is the sentence that it proves.

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from goaround_watcher.conformance.contract import (
    AT_ONCE,
    SLACK_S,
    Contract,
    Stage,
    give_up,
    in_words,
    play_on,
)
from goaround_watcher.plugin import Lines, LogPlugin, Question, SampleState, Span
from goaround_watcher.sources import answered


class LogStage(Stage, Protocol):
    """A provider of lines."""

    @property
    def source(self) -> LogPlugin:
        """What is tested."""
        ...

    async def writes(self, lines: Sequence[tuple[float, str]]) -> None:
        """Add lines to what the provider knows, each written at a time (seconds since 1970)."""
        ...


class LogSourceContract(Contract):
    """What a source of lines promises."""

    def stage(self) -> AbstractAsyncContextManager[LogStage]:
        """Return a provider that runs, knows nothing yet, and is gone afterwards."""
        raise NotImplementedError("say on which stage the source is tested")

    def test_each_line_is_given_once_and_in_order(self) -> None:
        async def play(stage: LogStage) -> None:
            await self._ask(stage, -15, -10)
            await self._write(stage, (-8, "first"), (-7, "second"))
            assert await self._ask(stage, -10, -5) == ("first", "second")
            await self._write(stage, (-3, "third"))
            assert await self._ask(stage, -5, 0) == ("third",)

        play_on(self.stage, play)

    def test_silence_is_no_fault(self) -> None:
        async def play(stage: LogStage) -> None:
            assert await self._ask(stage, -10, -5) == ()
            assert await self._ask(stage, -5, 0) == ()

        play_on(self.stage, play)

    def test_a_look_after_a_gap_gets_what_was_missed(self) -> None:
        async def play(stage: LogStage) -> None:
            await self._ask(stage, -65, -60)
            written = [(float(at), f"line {60 + at}") for at in range(-59, 0, 2)]
            await self._write(stage, *written)
            assert await self._ask(stage, -60, 0) == tuple(line for _, line in written)

        play_on(self.stage, play)

    def test_strange_text_does_no_harm(self) -> None:
        async def play(stage: LogStage) -> None:
            await self._ask(stage, -10, -5)
            long = "x" * 5_000
            await self._write(stage, (-4, 'é ✓ "quoted" {a="b"} \\n %s'), (-3, long))
            strange, cut = await self._ask(stage, -5, 0)
            assert strange == 'é ✓ "quoted" {a="b"} \\n %s'
            assert len(cut) >= 500
            assert long.startswith(cut)

        play_on(self.stage, play)

    def test_a_provider_that_fails_is_an_answer_that_says_why(self) -> None:
        async def play(stage: LogStage) -> None:
            await stage.fails()
            said = await self._lines(stage, self.span(-self.step_s, 0))
            self.check_failure(said, said.lines)

        self.needs(self.can_fail, "its provider cannot fail")
        play_on(self.stage, play)

    def test_a_provider_that_hangs_is_answered_for_in_time(self) -> None:
        async def play(stage: LogStage) -> None:
            await stage.hangs()
            async with asyncio.timeout(self.timeout_s + SLACK_S):
                said = await self._lines(stage, self.span(-self.step_s, 0))
            assert said.state is not SampleState.OK
            assert (bool(said.detail), said.lines) == (True, ())
            self.check_discretion(said.detail)

        self.needs(self.can_hang, "its provider cannot hang")
        play_on(self.stage, play)

    def test_questions_at_the_same_time_do_not_disturb_each_other(self) -> None:
        async def play(stage: LogStage) -> None:
            await self._ask(stage, -10, -5)
            await self._write(stage, (-3, "one"), (-2, "two"))
            asked = [self._ask(stage, -5, 0) for _ in range(AT_ONCE)]
            assert set(await asyncio.gather(*asked)) == {("one", "two")}

        play_on(self.stage, play)

    def test_a_call_that_is_given_up_leaves_nothing_behind(self) -> None:
        async def play(stage: LogStage) -> None:
            span = self.span(-self.step_s, 0)
            await self._lines(stage, span)
            await give_up(stage, lambda: self._lines(stage, span), hangs=self.can_hang)

        play_on(self.stage, play)

    def test_options_that_make_no_sense_are_told(self) -> None:
        async def play(stage: LogStage) -> None:
            for wrong in self.wrong_options:
                said = await self._lines(stage, self.span(-self.step_s, 0), wrong)
                self.check_failure(said, said.lines)

        self.needs(bool(self.wrong_options), "its options are read before it is asked")
        play_on(self.stage, play)

    async def _ask(self, stage: LogStage, since: float, until: float) -> tuple[str, ...]:
        said = await self._lines(stage, self.span(since, until))
        assert said.state is SampleState.OK, said.detail
        return said.lines

    async def _lines(
        self, stage: LogStage, span: Span, options: Mapping[str, Any] | None = None
    ) -> Lines:
        """Ask as the watcher does: what makes no sense to it fails here."""
        given = stage.options if options is None else options
        said = await stage.source.lines(Question(given, span))
        with in_words():
            return answered.lines(said, "the source", str)

    async def _write(self, stage: LogStage, *lines: tuple[float, str]) -> None:
        now = self.now()
        await stage.writes([(now + at, line) for at, line in lines])
