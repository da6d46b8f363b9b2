"""Looks by a watcher's own clock, ahead of their alarms; and what becomes of them when it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goaround_chassis.clock import SystemClock
from goaround_chassis.testing import MemoryTimers
from goaround_schemas.watching import DeployObserved
from goaround_watcher import rota
from goaround_watcher.handlers import arm, on_due, on_tick
from goaround_watcher.lead import FOLLOWS, Lead
from goaround_watcher.leading import Leading
from goaround_watcher.locks import RunLocks
from goaround_watcher.state import Doing, Tick
from tests.watcher.builders import START, command, plan
from tests.watcher.scene import Scene, alarm_name, received

WITHIN_S = 10.0


def tick(run: str, number: int = 1, command_id: str = "c") -> Tick:
    return Tick(run_id=run, command_id=command_id, number=number)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("set"), st.sampled_from("abc"), st.integers(0, 9)),
            st.tuples(st.sampled_from(["drop", "forget"]), st.sampled_from("abc"), st.just(0)),
            st.tuples(st.just("take"), st.just(""), st.integers(0, 9)),
        )
    )
)
def test_each_runs_latest_tick_is_taken_once_when_it_is_due_soonest_first(
    doings: list[tuple[str, str, int]],
) -> None:
    lead = Lead()
    lead.open()
    led: dict[str, tuple[int, Tick]] = {}
    for number, (doing, run, at_s) in enumerate(doings):
        match doing:
            case "set":
                led[run] = at_s, tick(run, number)
                lead.set(led[run][1], after(at_s))
            case "drop" if run in led:
                lead.drop(tick(run, led.pop(run)[1].number))
            case "forget":
                led.pop(run, None)
                lead.forget(run)
            case _:
                due = [at for at, _ in led.values()]
                wait_s = lead.wait_s(after(at_s))
                assert wait_s == (min(due) - at_s if due else None)
                found = lead.take(after(at_s))
                assert (found is None) == (not due or min(due) > at_s)
                if found is not None:
                    assert led.pop(found.run_id) == (min(due), found)
    assert {t.run_id: (t, at) for t, at in lead.close()} == {
        run: (t, after(at)) for run, (at, t) in led.items()
    }
    assert lead.wait_s(START) is None
    assert not lead.is_open


def test_who_has_another_tick_of_the_run_in_hand_drops_none_that_is_led() -> None:
    lead = Lead()
    lead.set(tick("a", 2), after(1))
    lead.drop(tick("a", 1))
    assert lead.take(after(1)) == tick("a", 2)


def test_a_tick_before_the_one_that_is_led_is_done_unless_it_is_another_commands() -> None:
    lead = Lead()
    lead.set(tick("a", 2), after(1))
    asked = [tick("a", 1), tick("a", 2), tick("a", 1, "earlier"), tick("b", 1)]
    assert [lead.is_beyond(t) for t in asked] == [True, False, False, False]


def test_what_is_due_before_all_others_rings_and_nothing_else_does() -> None:
    lead, rings = Lead(), list[str]()
    lead.open(lambda: rings.append("ring"))
    for run, at_s, count in (("a", 5, 1), ("b", 6, 1), ("c", 4, 2), ("a", 4.5, 2), ("a", 1, 3)):
        lead.set(tick(run), after(at_s))
        assert len(rings) == count


@pytest.fixture
def scene() -> Scene:
    return Scene(leads=True)


async def test_a_look_that_is_led_has_its_alarm_seconds_later(scene: Scene) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    due = (await scene.state()).due
    assert due is not None
    assert alarm.due == due + FOLLOWS
    assert scene.ports.lead.wait_s(scene.clock.now()) == 5


@pytest.mark.parametrize(("late_s", "more_s"), [(0, 0), (4, 4), (300, 30)])
async def test_who_is_late_has_the_next_alarm_later_up_to_half_a_minute(
    scene: Scene, late_s: float, more_s: float
) -> None:
    await scene.command(command("watch", watch=plan(period="20m")))
    (first,) = scene.timers.pending
    scene.clock.set(first.due - FOLLOWS + timedelta(seconds=late_s))
    assert await scene.due()
    (alarm,) = scene.timers.pending
    due = (await scene.state()).due
    assert due is not None
    assert alarm.due == due + FOLLOWS + timedelta(seconds=more_s)


async def test_alarms_ring_for_nobody_who_leads_and_none_is_left_at_the_end(scene: Scene) -> None:
    rung: list[str] = []
    await scene.baseline()
    await scene.command(command("watch"))
    while scene.timers.pending:
        await scene.pass_on()
        due = [a for a in scene.timers.pending if a.due <= scene.clock.now()]
        rung += [a.key for a in due]
    assert rung == []
    assert scene.judged().data.summary.ticks == 13
    assert [o.data.tick for o in scene.publisher.of(DeployObserved)] == list(range(13))
    assert scene.ports.lead.wait_s(scene.clock.now()) is None


async def test_a_watch_of_anothers_slot_is_left_to_its_alarm(scene: Scene) -> None:
    scene.ports.share.slots = frozenset(range(rota.SLOTS)) - {rota.slot("r1")}
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    assert alarm.due == (await scene.state()).due
    assert scene.ports.lead.wait_s(scene.clock.now()) is None


async def test_who_dies_leads_no_more_and_the_alarm_goes_on_with_the_watch(scene: Scene) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    scene.ports = scene.another()
    await scene.pass_on()
    assert scene.clock.now() == alarm.due
    assert (await scene.state()).tick == 2
    assert scene.ports.lead.wait_s(scene.clock.now()) == 2, "in step with the first, and led again"


async def test_an_alarm_that_rings_first_takes_the_look_and_it_is_led_no_more(scene: Scene) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    scene.clock.set(alarm.due)
    await scene.timers.fire(scene.tick)
    assert (await scene.state()).tick == 2
    assert scene.ports.lead.take(scene.clock.now()) is None
    assert len(scene.lookout.orders) == 2


async def test_an_alarm_that_rings_while_its_look_is_led_waits_for_it_and_changes_nothing(
    scene: Scene,
) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    scene.clock.set(alarm.due)
    led = scene.ports.lead.take(scene.clock.now())
    assert led is not None
    reads = scene.bucket.reads
    await asyncio.gather(on_due(led, scene.ports), on_tick(received(alarm), scene.ports))
    assert len(scene.lookout.orders) == 2
    assert scene.bucket.reads == reads
    assert (await scene.state()).tick == 2


async def test_a_led_look_at_what_another_watcher_has_looked_at_says_nothing(scene: Scene) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    scene.clock.set(alarm.due)
    led = scene.ports.lead.take(scene.clock.now())
    assert led is not None
    await on_tick(received(alarm), scene.another())
    said, alarms = [*scene.publisher.published], scene.timers.pending
    await on_due(led, scene.ports)
    assert scene.publisher.published == said
    assert scene.timers.pending == alarms


async def test_a_watch_that_is_stopped_is_led_no_more(scene: Scene) -> None:
    await scene.command(command("watch"))
    await scene.command(command("stop"))
    assert scene.ports.lead.wait_s(scene.clock.now()) is None
    assert not scene.timers.pending
    assert (await scene.state()).doing is Doing.STOPPED


@asynccontextmanager
async def led_by(
    lead: Lead, look: Callable[[Tick], Awaitable[None]], places: int = 8
) -> AsyncGenerator[Leading]:
    leading = Leading(lead, SystemClock(), asyncio.Semaphore(places))
    task = asyncio.create_task(leading.keep(look))
    await asyncio.sleep(0)
    yield leading
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_looks_are_taken_when_they_are_due_and_one_that_fails_ends_no_other() -> None:
    lead, taken, all_taken = Lead(), list[tuple[str, datetime]](), asyncio.Event()
    now = SystemClock().now()

    async def look(found: Tick) -> None:
        taken.append((found.run_id, SystemClock().now()))
        if found.run_id == "c":
            all_taken.set()
        raise ConnectionError("no bus")

    async with led_by(lead, look):
        for run, after_s in (("c", 0.2), ("a", -1.0), ("b", 0.1)):
            lead.set(tick(run), now + timedelta(seconds=after_s))
        async with asyncio.timeout(WITHIN_S):
            await all_taken.wait()
    assert [run for run, _ in taken] == ["a", "b", "c"]
    assert taken[2][1] >= now + timedelta(seconds=0.2)


async def test_what_waits_for_a_place_can_still_be_dropped() -> None:
    lead, begun, go_on, taken = Lead(), asyncio.Event(), asyncio.Event(), list[str]()

    async def look(found: Tick) -> None:
        taken.append(found.run_id)
        begun.set()
        await go_on.wait()

    async with led_by(lead, look, places=1):
        now = SystemClock().now()
        for run in ("a", "b", "c"):
            lead.set(tick(run), now)
        async with asyncio.timeout(WITHIN_S):
            await begun.wait()
            lead.drop(tick("b"))
            begun.clear()
            go_on.set()
            await begun.wait()
    assert taken == ["a", "c"]


async def test_who_stops_waits_for_looks_in_hand_and_hands_the_others_back(scene: Scene) -> None:
    lead, begun, go_on, done = Lead(), asyncio.Event(), asyncio.Event(), list[str]()

    async def look(found: Tick) -> None:
        begun.set()
        await go_on.wait()
        done.append(found.run_id)

    async def hand_on(found: Tick, due: datetime) -> None:
        assert done == ["now"]
        await arm(found, due, scene.ports)

    async with led_by(lead, look) as leading:
        later = SystemClock().now() + timedelta(minutes=5)
        lead.set(tick("r1"), later)
        lead.set(tick("now"), SystemClock().now())
        async with asyncio.timeout(WITHIN_S):
            await begun.wait()
            handing = asyncio.create_task(leading.hand_back(hand_on))
            await asyncio.sleep(0)
            go_on.set()
            await handing
    assert not lead.is_open
    (alarm,) = scene.timers.pending
    assert (alarm.name, alarm.key) == (alarm_name(), "r1")
    assert abs(alarm.due - later) < timedelta(milliseconds=1)


async def test_what_is_told_while_all_is_handed_back_is_not_led(scene: Scene) -> None:
    """The look was in hand: its alarm was on its way, for later, when this process was to stop."""

    class Stopping(MemoryTimers):
        async def at(self, name: str, key: str, due: datetime, body: bytes) -> None:
            scene.ports.lead.close()
            await super().at(name, key, due, body)

    scene.ports = replace(scene.ports, timers=(timers := Stopping(scene.clock)))
    await scene.command(command("watch"))
    (alarm,) = timers.pending
    assert alarm.due == (await scene.state()).due
    assert scene.ports.lead.wait_s(scene.clock.now()) is None


async def test_a_runs_lock_is_one_while_it_is_held_and_is_forgotten_afterwards() -> None:
    locks, order = RunLocks(), list[str]()

    async def take(name: str, run: str) -> None:
        async with locks.of(run):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(take("one", "a"), take("two", "a"))
    assert order == ["one begins", "one ends", "two begins", "two ends"]
    assert not locks.of("a").locked()
