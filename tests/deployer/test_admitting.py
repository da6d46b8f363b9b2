"""How long a worker waits for one that died, and that none that lives is taken for dead."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import pytest

from goaround_chassis.bucket import Entry
from goaround_chassis.bus.errors import Unavailable
from goaround_chassis.clock import Clock
from goaround_chassis.errors import Later
from goaround_chassis.testing import ManualClock, MemoryBucket
from goaround_deployer.admitting import Admitted, Admitter
from goaround_deployer.hold import Hold
from goaround_deployer.journal import Journal, ProcedureCommand, decode, encode
from goaround_deployer.lease import Timing
from tests.deployer.builders import RUN, deploy, rollback, step

TIMING = Timing(lease_s=10, beat_s=2)
FORWARD, BACK = deploy(step("one")), rollback(step("back"))


class Shy(MemoryBucket):
    """A bucket that may not tell the time, may take its time, and may be behind what is written."""

    silent = False
    behind = False
    pause: Callable[[], Awaitable[None]] | None = None

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.reads = 0
        self._read: Entry | None = None

    async def now(self) -> datetime:
        if self.pause is not None:
            await self.pause()
        if self.silent:
            raise Unavailable("ask for the time", "no answer in time")
        return await super().now()

    async def get(self, key: str) -> Entry | None:
        if self.pause is not None:
            await self.pause()
        self.reads += 1
        if self._read is None or not self.behind:
            self._read = await super().get(key)
        return self._read


class Scene:
    """A journal with a holder, and a time that passes only as somebody waits."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.bucket = Shy(self.clock)
        self.waited_s = 0.0
        self.sleeps = 0
        self.beats_every_s: float | None = None
        self.admitted: Admitted | None = None

    async def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        assert self.sleeps < 100, "it looks again and again"
        self.waited_s += seconds
        self.clock.advance(timedelta(seconds=seconds))
        if self.beats_every_s is not None and self.waited_s % self.beats_every_s < seconds:
            await self.beat()

    async def beat(self) -> None:
        """Have the holder write, as long as it lives."""
        entry = await MemoryBucket.get(self.bucket, RUN)
        assert entry is not None
        journal = decode(RUN, entry.value)
        lives = journal.model_copy(update={"beat": journal.beat + 1})
        await self.bucket.update(RUN, encode(lives), entry.revision)

    async def held(self) -> None:
        """Have a deployment hold the run."""

        async def take(admitted: Admitted) -> None:
            assert isinstance(admitted, Hold)
            await admitted.write()

        await self.admitter.admit(FORWARD, take)

    @property
    def admitter(self) -> Admitter:
        return Admitter(
            self.bucket, self.clock, TIMING, sleep=self.sleep, now=lambda: self.waited_s
        )

    async def admit(self, command: ProcedureCommand) -> Journal:
        """Wait until a command may have the run, and take it."""

        async def take(admitted: Admitted) -> None:
            if isinstance(admitted, Hold):
                await admitted.write()

        await self.admitter.admit(command, take)
        return await self.kept()

    async def kept(self) -> Journal:
        """Return what is written."""
        entry = await MemoryBucket.get(self.bucket, RUN)
        assert entry is not None
        return decode(RUN, entry.value)


@pytest.fixture
async def scene() -> Scene:
    made = Scene()
    await made.held()
    return made


@pytest.mark.parametrize(
    ("silent_s", "waits_s"), [(0, 10), (4, 6), (7, 3), (8, 3), (10, 3), (3600, 3)]
)
@pytest.mark.parametrize("command", [FORWARD, BACK])
async def test_the_time_for_which_a_journal_has_lain_still_already_counts(
    scene: Scene, command: ProcedureCommand, silent_s: float, waits_s: float
) -> None:
    scene.clock.advance(timedelta(seconds=silent_s))
    taken = await scene.admit(command)

    assert (taken.epoch, taken.command_id) == (2, command.id)
    assert scene.waited_s == waits_s


async def test_a_step_of_the_buckets_clock_never_takes_a_run_from_one_that_lives(
    scene: Scene,
) -> None:
    scene.beats_every_s = TIMING.beat_s
    scene.clock.advance(timedelta(days=1))
    with pytest.raises(Later):
        await scene.admit(FORWARD)

    assert (await scene.kept()).epoch == 1


@pytest.mark.parametrize("command", [FORWARD, BACK])
async def test_what_each_look_takes_is_part_of_the_wait(
    scene: Scene, command: ProcedureCommand
) -> None:
    async def a_second() -> None:
        scene.waited_s += 1
        scene.clock.advance(timedelta(seconds=1))

    scene.bucket.pause = a_second
    taken = await scene.admit(command)

    assert taken.epoch == 2
    assert scene.waited_s == TIMING.lease_s


async def test_a_journal_that_lay_still_for_long_is_read_once(scene: Scene) -> None:
    scene.clock.advance(timedelta(seconds=7))
    await scene.admit(FORWARD)

    assert scene.bucket.reads == 1


async def test_a_holder_that_wrote_after_the_last_look_keeps_its_run(scene: Scene) -> None:
    scene.clock.advance(timedelta(seconds=7))
    scene.beats_every_s = 1.5 * TIMING.beat_s
    with pytest.raises(Later):
        await scene.admit(FORWARD)

    assert scene.waited_s == 1.5 * TIMING.beat_s
    assert (await scene.kept()).epoch == 1


async def test_a_refused_claim_tells_of_a_life_that_cannot_be_read_yet(scene: Scene) -> None:
    scene.clock.advance(timedelta(seconds=7))
    scene.bucket.behind = True
    scene.beats_every_s = 1.5 * TIMING.beat_s
    with pytest.raises(Later):
        await scene.admit(FORWARD)

    assert scene.waited_s == 1.5 * TIMING.beat_s
    assert (await scene.kept()).epoch == 1


async def test_a_bucket_that_does_not_tell_the_time_is_watched_for_the_whole_lease(
    scene: Scene,
) -> None:
    scene.bucket.silent = True
    scene.clock.advance(timedelta(seconds=7))
    assert (await scene.admit(FORWARD)).epoch == 2

    assert scene.waited_s == TIMING.lease_s


async def test_a_stop_that_is_asked_of_a_dead_holder_is_no_sign_of_its_life(scene: Scene) -> None:
    scene.clock.advance(timedelta(seconds=7))
    taken = await scene.admit(BACK)

    assert taken.stop_requested == BACK.id
    assert scene.waited_s == 1.5 * TIMING.beat_s
