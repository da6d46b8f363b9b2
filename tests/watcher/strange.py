"""Sources as others may write them: sound ones, and all that can be wrong with one."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from typing import Any

from goaround_watcher.plugin import Answer, Lines, Point, Question, SampleState

released = threading.Event()
"""Lets a source go on that holds its thread."""


class Sound:
    """Answers with what its options say, and counts how often it was asked."""

    tells_of_the_past = True
    asked = 0

    async def sample(self, question: Question) -> Answer:
        type(self).asked += 1
        span = question.span
        count = round((span.until - span.since) / span.step_s)
        points = [
            Point(span.until - i * span.step_s, question.options["value"]) for i in range(count)
        ]
        return Answer(tuple(reversed(points)))


class Counting:
    """Knows the present only, and remembers how often it was asked."""

    tells_of_the_past = False

    async def sample(self, question: Question) -> Answer:
        seen = question.remembered.get("seen", 0.0) + 1
        return Answer((Point(question.span.until, seen),), remember={"seen": seen})


class Answering:
    """Answers with whatever a test has put here."""

    tells_of_the_past = True
    answer: Any = None

    async def sample(self, question: Question) -> Any:
        return self.answer

    async def lines(self, question: Question) -> Any:
        return self.answer


class Telling:
    """Fails in a way of one's choice; it knows a secret and is not discreet."""

    tells_of_the_past = True

    async def sample(self, question: Question) -> Answer:
        match question.options["how"]:
            case "raise":
                raise ValueError(f"no such token: {question.options['token']}")
            case "exit":
                sys.exit(3)
            case "cancel":
                raise asyncio.CancelledError
            case "hang":
                await asyncio.Event().wait()
            case "deaf":
                while not released.is_set():
                    try:
                        await asyncio.sleep(0.01)
                    except asyncio.CancelledError:
                        continue
            case "block":
                released.wait(20)
            case _:
                why = f"refused {question.options['token']}"
                return Answer((), SampleState.PROVIDER_ERROR, why)
        return Answer((Point(question.span.until, 1.0),))


class Spoken:
    """Gives lines."""

    async def lines(self, question: Question) -> Lines:
        return Lines(tuple(question.options["lines"]))


class Closing(Counting):
    """Wants to know when it is over."""

    closed = threading.Event()

    async def aclose(self) -> None:
        self.closed.set()


class Unbuilt:
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError("no licence")


class Slow:
    """Takes its time to be made."""

    def __init__(self) -> None:
        time.sleep(0.3)


class Silent:
    """Forgot to say whether it tells of the past."""

    async def sample(self, question: Question) -> Answer:
        return Answer()
