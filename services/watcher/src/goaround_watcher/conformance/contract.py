"""What sources of numbers and of lines promise alike, and how a test is played."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar
from unittest import SkipTest

from goaround_watcher.plugin import Answer, Lines, SampleState, Span
from goaround_watcher.sources.port import SourceError

SLACK_S = 0.5
"""What a source may take longer than it was given: it shares the machine with others."""
AT_ONCE = 8
"""Questions that are asked at the same time."""
_SETTLED_WITHIN_S = 1.0

A = TypeVar("A", Answer, Lines)


class Stage(Protocol):
    """A provider that can be made to fail, and how it is asked."""

    @property
    def options(self) -> Mapping[str, Any]:
        """What a guide would say of it."""
        ...

    async def fails(self) -> None:
        """From now on the provider is down, or refuses."""
        ...

    async def hangs(self) -> None:
        """From now on the provider takes a question and does not answer."""
        ...


class Contract:
    """What sources of both kinds promise."""

    step_s: ClassVar[float] = 5.0
    timeout_s: ClassVar[float] = 1.0
    can_fail: ClassVar[bool] = True
    can_hang: ClassVar[bool] = True
    secret: ClassVar[str | None] = None
    """What stands in the stage's options and must never be told."""
    wrong_options: ClassVar[Sequence[Mapping[str, Any]]] = ({},)
    """Options that make no sense to the source."""

    def now(self) -> float:
        """Return the time that is taken for the present, in seconds since 1970."""
        return float(int(time.time()))

    def span(self, since: float, until: float) -> Span:
        """Return a span of the test's, in seconds from the present."""
        now = self.now()
        return Span(now + since, now + until, self.step_s, self.timeout_s)

    def needs(self, wanted: bool, why: str) -> None:
        """Skip a test that does not apply."""
        if not wanted:
            raise SkipTest(why)

    def check_failure(self, said: A, held: Sequence[object]) -> None:
        """See that an answer says that there is none, and why."""
        assert not held, f"a provider at fault has nothing to give, and gave {held!r:.200}"
        assert said.state is SampleState.PROVIDER_ERROR, f"{said.state}: {said.detail}"
        assert len(said.detail) >= 10, f"this tells nobody what is wrong: {said.detail!r}"
        self.check_discretion(said.detail)

    def check_discretion(self, detail: str) -> None:
        """See that no secret is told."""
        assert not self.secret or self.secret not in detail, f"a secret is told: {detail}"


S = TypeVar("S", bound=Stage)


def play_on(
    stage: Callable[[], AbstractAsyncContextManager[S]],
    act: Callable[[S], Coroutine[Any, Any, None]],
) -> None:
    """Set the stage, and act on it."""

    async def play() -> None:
        async with stage() as it:
            await act(it)

    asyncio.run(play())


@contextmanager
def in_words() -> Generator[None]:
    """Fail with the words in which the watcher would refuse an answer."""
    try:
        yield
    except SourceError as error:
        raise AssertionError(error.detail) from None


async def give_up(stage: Stage, ask: Callable[[], Coroutine[Any, Any, A]], *, hangs: bool) -> None:
    """Cancel a call in its midst, and see that no task, thread or open file is left of it."""
    if hangs:
        await stage.hangs()
    before = _left_open()
    for _ in range(3):
        call = asyncio.create_task(ask())
        await asyncio.sleep(0.05 if hangs else 0)
        call.cancel()
        await asyncio.wait({call})
    deadline = asyncio.get_running_loop().time() + _SETTLED_WITHIN_S
    while any(now > was for now, was in zip(_left_open(), before, strict=True)):
        assert asyncio.get_running_loop().time() < deadline, (
            f"tasks, threads and files before: {before}, after: {_left_open()}"
        )
        await asyncio.sleep(0.01)


def _left_open() -> tuple[int, int, int]:
    files = Path("/proc/self/fd")
    # Threads that a pool keeps for the next work are no fault: those of asyncio's own are not told.
    threads = [t for t in threading.enumerate() if not t.name.startswith("asyncio_")]
    return (
        len(asyncio.all_tasks()),
        len(threads),
        len(list(files.iterdir())) if files.is_dir() else 0,
    )
