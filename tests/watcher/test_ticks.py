"""The protocol of looks, with fakes: crashes between any two effects, doubles, late ticks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from goaround_chassis.errors import Later, Never
from goaround_chassis.testing import (
    Alarm,
)
from goaround_judge import SampleState, judge, recording
from goaround_schemas.envelope import derived_id, encode
from goaround_schemas.watching import (
    DeployBaselined,
    DeployJudged,
    DeployObserved,
)
from goaround_watcher import answers, document, rota, watch
from goaround_watcher.evidence import Insight
from goaround_watcher.handlers import on_command, on_dead, on_tick
from goaround_watcher.remembered import Kept, Remembered
from goaround_watcher.state import Doing
from tests.watcher.builders import START, command, plan, queried
from tests.watcher.scene import Scene, alarm_name, received


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_a_live_baseline_is_taken_over_time_and_answered_once(scene: Scene) -> None:
    asked = command("baseline")
    await scene.command(asked)
    assert not scene.publisher.published
    await scene.run_until_quiet()
    (said,) = scene.publisher.of(DeployBaselined)
    assert said.causationid == asked.id
    assert said.data.complete
    (signal,) = said.data.signals
    assert signal.samples == 13
    assert signal.typical == pytest.approx(0.1, rel=0.05)
    assert scene.clock.now() - START == timedelta(seconds=60)


async def test_a_baseline_of_history_is_answered_at_once(scene: Scene) -> None:
    await scene.command(command("baseline", watch=plan(signals=[queried()])))
    (said,) = scene.publisher.of(DeployBaselined)
    assert said.data.complete
    assert not scene.timers.pending
    assert scene.lookout.orders[0].history is not None


async def test_a_live_baseline_has_a_longest_time_and_says_so(scene: Scene) -> None:
    await scene.baseline(baseline={"before": "1h"}, every="15s")
    assert scene.clock.now() - START == timedelta(seconds=300)
    (said,) = scene.publisher.of(DeployBaselined)
    assert "over 300 s, not the guide's 3600 s" in said.data.signals[0].detail


async def test_a_signal_that_never_answers_makes_the_baseline_incomplete(scene: Scene) -> None:
    scene.lookout.value, scene.lookout.state = None, SampleState.NO_DATA
    await scene.baseline()
    (said,) = scene.publisher.of(DeployBaselined)
    assert not said.data.complete
    assert not said.data.signals[0].answered
    assert "13 no data" in said.data.signals[0].detail


async def test_a_steady_watch_ends_green_after_its_period_with_one_look_each_interval(
    scene: Scene,
) -> None:
    await scene.baseline()
    began = scene.clock.now()
    asked = command("watch")
    await scene.command(asked)
    await scene.run_until_quiet()
    judged = scene.judged()
    assert judged.causationid == asked.id
    assert judged.data.summary.colour == "green"
    assert judged.data.summary.action == "accept"
    assert scene.clock.now() - began == timedelta(seconds=60)
    looks = scene.publisher.of(DeployObserved)
    assert [o.data.tick for o in looks] == list(range(13))
    assert judged.data.summary.ticks == 13
    assert judged.data.summary.signals[0].samples["ok"] == 13


async def test_a_degraded_service_is_red_before_the_period_is_over(scene: Scene) -> None:
    await scene.baseline()
    began = scene.clock.now()
    await scene.command(command("watch"))
    scene.lookout.value = 0.9
    await scene.run_until_quiet()
    summary = scene.judged().data.summary
    assert (summary.colour, summary.action, summary.deciding) == ("red", "rollback", "p95")
    assert scene.clock.now() - began < timedelta(seconds=60)


async def test_the_evidence_of_a_verdict_is_said_before_it_and_judges_to_the_same_bytes(
    scene: Scene,
) -> None:
    await scene.baseline()
    asked = command("watch")
    await scene.command(asked)
    scene.lookout.value = 0.9
    await scene.run_until_quiet()
    said, judged = scene.evidenced(), scene.judged()
    order = [m.id for m in scene.publisher.published]
    assert order.index(said.id) == order.index(judged.id) - 1
    assert (said.id, said.causationid) == (derived_id(asked.id, "deploy.evidenced"), asked.id)
    data, summary = said.data, judged.data.summary
    assert (data.colour, data.action, data.looks) == ("red", "rollback", summary.ticks)
    assert (data.version, data.stage, data.judged_at) == ("2.0.0", "all", judged.time)
    assert data.switched_at.timestamp() == (await scene.state()).switched
    found = recording.read(data.recording)
    verdict = judge(found.evidence)
    assert verdict.model_dump_json() == found.verdict
    assert (verdict.reason, verdict.deciding) == (summary.reason, summary.deciding)
    assert len(found.evidence.columns[0].post.at_s) == len(
        (await scene.state()).signals["p95"].after
    )


@pytest.mark.parametrize("undecided", ["hold", "rollback", "accept"])
async def test_a_watch_without_data_is_extended_and_then_left_to_the_guide(
    scene: Scene, undecided: str
) -> None:
    await scene.baseline()
    began = scene.clock.now()
    scene.lookout.value, scene.lookout.state = None, SampleState.PROVIDER_ERROR
    await scene.command(command("watch", watch=plan(undecided=undecided)))
    await scene.run_until_quiet()
    summary = scene.judged().data.summary
    assert (summary.colour, summary.action) == ("yellow", undecided)
    assert summary.extensions == 1
    assert scene.clock.now() - began == timedelta(seconds=80)


@pytest.mark.parametrize("action", ["baseline", "watch"])
async def test_a_watch_of_no_length_is_answered_without_a_document_or_evidence(
    scene: Scene, action: str
) -> None:
    await scene.command(command(action, watch=plan(period="0s")))
    (said,) = scene.publisher.published
    if isinstance(said, DeployJudged):
        assert (said.data.summary.colour, said.data.summary.action) == ("green", "accept")
        assert "no watch" in said.data.summary.reason
    else:
        assert isinstance(said, DeployBaselined)
        assert said.data.complete
    assert await scene.bucket.get("r1") is None
    assert not scene.timers.pending


async def test_a_repeated_command_gets_the_same_answer(scene: Scene) -> None:
    await scene.baseline()
    await scene.command(command("watch"))
    await scene.run_until_quiet()
    looks = len(scene.lookout.orders)
    first, evidence = scene.judged(), encode(scene.evidenced())
    scene.publisher.published.clear()
    await scene.command(command("watch"))
    assert scene.judged() == first
    assert encode(scene.evidenced()) == evidence
    assert len(scene.lookout.orders) == looks


async def test_a_repeated_command_sets_a_lost_alarm_again(scene: Scene) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    await scene.timers.cancel(alarm_name(), "r1")
    await scene.command(command("watch"))
    assert scene.timers.pending == [alarm]


async def test_a_command_that_was_followed_by_another_does_not_come_back(scene: Scene) -> None:
    await scene.command(command("watch", named="one"))
    await scene.command(command("watch", named="two", stage="second"))
    await scene.command(command("watch", named="one"))
    state = await scene.state()
    assert (state.command_id, state.stage) == ("two", "second")


async def test_the_next_stage_keeps_the_baseline_and_begins_anew(scene: Scene) -> None:
    await scene.baseline()
    await scene.command(command("watch", named="one"))
    await scene.run_until_quiet()
    scene.publisher.published.clear()
    await scene.command(command("watch", named="two", stage="second"))
    state = await scene.state()
    assert len(state.signals["p95"].before) == 13
    assert len(state.signals["p95"].after) == 1
    await scene.run_until_quiet()
    assert scene.judged().data.summary.stage == "second"


async def test_a_tick_of_a_stopped_watch_is_ignored(scene: Scene) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    await scene.command(command("stop"))
    assert not scene.timers.pending
    looks = len(scene.lookout.orders)
    await scene.tick(alarm)
    assert len(scene.lookout.orders) == looks
    assert (await scene.state()).doing is Doing.STOPPED


async def test_an_alarm_by_the_name_that_earlier_releases_gave_it_is_served_and_renamed(
    scene: Scene,
) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    await scene.timers.cancel(alarm.name, alarm.key)
    await scene.timers.at("watch", alarm.key, alarm.due, alarm.body)
    scene.clock.set(alarm.due)
    assert await scene.timers.fire(scene.tick) == 1
    assert len(scene.lookout.orders) == 2
    assert [(a.name, a.key) for a in scene.timers.pending] == [(alarm_name(), "r1")]


async def test_to_stop_a_watch_drops_its_alarm_by_whichever_name_it_was_set(scene: Scene) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    await scene.timers.at("watch", alarm.key, alarm.due, alarm.body)
    await scene.command(command("stop"))
    assert not scene.timers.pending


async def test_what_another_watcher_will_look_at_next_is_not_remembered(scene: Scene) -> None:
    for slots, reads in (({rota.slot("r1")}, 0), (set[int](), 1)):
        scene.ports.share.slots = frozenset(slots)
        await scene.command(command("watch", named=f"watch-{reads}"))
        (alarm,) = scene.timers.pending
        scene.clock.set(alarm.due)
        before = scene.bucket.reads
        await scene.timers.fire(scene.tick)
        assert scene.bucket.reads - before == reads


async def test_to_stop_what_was_never_begun_is_done_at_once(scene: Scene) -> None:
    await scene.command(command("stop"))
    assert not scene.publisher.published


async def test_an_old_tick_takes_no_look_and_sets_the_alarm_that_is_waited_for(
    scene: Scene,
) -> None:
    await scene.command(command("watch"))
    (old,) = scene.timers.pending
    for _ in range(3):
        scene.clock.set(scene.timers.pending[0].due)
        await scene.timers.fire(scene.tick)
    (waited_for,) = scene.timers.pending
    looks = len(scene.lookout.orders)
    # The double of an old alarm has replaced the present one, and fires.
    await scene.timers.cancel(alarm_name(), "r1")
    await scene.tick(old)
    assert scene.timers.pending == [waited_for]
    assert len(scene.lookout.orders) == looks


async def test_a_tick_of_a_run_that_nobody_knows_is_given_up_after_some_tries(
    scene: Scene,
) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    await scene.bucket.delete("r1")
    for ports in (scene.ports, scene.another()):
        with pytest.raises(Later):
            await on_tick(received(alarm), ports)
        await on_tick(received(alarm, delivered=6), ports)
    assert len(scene.publisher.published) == 1


async def test_after_a_long_absence_one_look_covers_the_gap_and_the_rhythm_goes_on(
    scene: Scene,
) -> None:
    await scene.baseline()
    began = scene.clock.now()
    await scene.command(command("watch"))
    scene.clock.set(began + timedelta(seconds=32))
    await scene.timers.fire(scene.tick)
    span = scene.lookout.orders[-1].span
    assert span.until - span.since == 32
    (alarm,) = scene.timers.pending
    assert alarm.due == began + timedelta(seconds=35)


async def test_who_loses_the_race_for_a_tick_says_nothing(scene: Scene) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    entry = await scene.bucket.get("r1")
    assert entry is not None
    scene.bucket.rival = entry.value
    said = len(scene.publisher.published)
    await on_tick(received(alarm), scene.another())
    assert len(scene.publisher.published) == said


async def test_a_watcher_reads_no_document_that_it_wrote_last(scene: Scene) -> None:
    await scene.baseline()
    await scene.command(command("watch"))
    reads = scene.bucket.reads
    await scene.run_until_quiet()
    assert scene.bucket.reads == reads
    assert scene.judged().data.summary.ticks == 13


async def test_two_watchers_that_take_turns_remember_nothing_that_is_old(scene: Scene) -> None:
    await scene.baseline()
    one, other = scene.ports, scene.another()
    await scene.command(command("watch"))
    looks = len(scene.lookout.orders)
    # Twice in a row each, so that either has a document of its own and one that is out of date.
    for turn in range(12):
        scene.clock.set(scene.timers.pending[0].due)
        scene.ports = one if turn % 4 < 2 else other
        await scene.timers.fire(scene.tick)
        looks += 1
        assert len(scene.lookout.orders) == looks, "a look was taken in vain"
    assert scene.judged().data.summary.ticks == 13
    assert [o.data.tick for o in scene.publisher.of(DeployObserved)] == list(range(13))


async def test_who_remembers_a_document_that_was_changed_meanwhile_reads_it_again(
    scene: Scene,
) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    scene.clock.set(alarm.due)
    await on_tick(received(alarm), scene.another())
    told = [*scene.publisher.published]
    await on_tick(received(alarm), scene.ports)
    assert scene.publisher.published == told
    assert (await scene.state()).tick == 2


async def test_a_stopped_watch_is_not_gone_on_with_by_who_remembers_it(scene: Scene) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    await on_command(command("stop"), scene.another())
    said = len(scene.publisher.published)
    await on_tick(received(alarm), scene.ports)
    assert (await scene.state()).doing is Doing.STOPPED
    assert len(scene.publisher.published) == said


def test_what_is_remembered_has_a_bound_and_lets_the_oldest_go() -> None:
    wanted = plan()
    states = [
        watch.begun(command("watch", run=run), wanted, None, START, longest_baseline_s=300)
        for run in ("a", "b", "c")
    ]
    known, insight = Remembered(most_bytes=25), Insight()
    for state in states:
        known.keep(Kept(state, 7, insight), 10)
    waiting = [known.waiting_for(watch.next_tick(state)) for state in states]
    assert waiting == [None, Kept(states[1], 7, insight), Kept(states[2], 7, insight)]
    assert known.waiting_for(watch.next_tick(states[1])) is None, "once"
    known.keep(Kept(states[0], 8, insight), 26)
    assert known.waiting_for(watch.next_tick(states[0])) is None, "larger than all the room"
    known.keep(Kept(states[0], 9, insight), 25)
    assert known.waiting_for(watch.next_tick(states[0])) == Kept(states[0], 9, insight)


def test_what_is_waited_for_is_not_let_go_for_what_is_new() -> None:
    wanted, insight, known = plan(), Insight(), Remembered(most_bytes=10)
    one, other = (
        watch.begun(command("watch", run=run), wanted, None, START, longest_baseline_s=300)
        for run in ("a", "b")
    )
    waiting = one.model_copy(update={"due": START + timedelta(seconds=5)})
    known.keep(Kept(waiting, 7, insight), 10)
    known.keep(Kept(other, 8, insight), 10)
    assert known.waiting_for(watch.next_tick(other)) is None, "it is read again"
    assert known.insight("b") is insight, "and what was worked out of it is not again"
    known.forget("b")
    assert known.insight("b") is not insight
    assert known.waiting_for(watch.next_tick(waiting)) == Kept(waiting, 7, insight)
    much_later = other.model_copy(update={"looked": START.timestamp() + 100})
    known.keep(Kept(much_later, 9, insight), 10)
    assert known.waiting_for(watch.next_tick(much_later)) == Kept(much_later, 9, insight)


async def test_a_command_that_loses_a_race_comes_back(scene: Scene) -> None:
    await scene.baseline()
    entry = await scene.bucket.get("r1")
    assert entry is not None
    scene.bucket.rival = entry.value
    with pytest.raises(Later):
        await on_command(command("watch"), scene.ports)
    await on_command(command("watch"), scene.ports)
    assert (await scene.state()).doing is Doing.WATCH


async def test_a_command_that_names_nothing_to_look_at_is_refused(scene: Scene) -> None:
    with pytest.raises(Never, match="what to look at"):
        await on_command(command("watch", watch=None), scene.ports)


async def test_a_tick_that_is_none_is_refused(scene: Scene) -> None:
    with pytest.raises(Never, match="no tick"):
        await on_tick(received(Alarm("watch", "r1", START, b"{}")), scene.ports)


async def test_a_damaged_document_is_refused_and_its_command_answered(scene: Scene) -> None:
    await scene.bucket.put("r1", b'{"format": 1}')
    asked = command("watch", watch=plan(undecided="rollback"))
    with pytest.raises(Never, match="cannot be read") as refused:
        await on_command(asked, scene.ports)
    await on_dead(asked, str(refused.value), scene.ports)
    summary = scene.judged().data.summary
    assert (summary.colour, summary.action) == ("yellow", "rollback")
    assert "cannot be read" in summary.reason


async def test_what_a_newer_watcher_wrote_is_left_to_newer_watchers(scene: Scene) -> None:
    await scene.command(command("watch"))
    (alarm,) = scene.timers.pending
    newer = (await scene.state()).model_copy(update={"format": 99})
    await scene.bucket.put("r1", document.write(newer))
    for work in (
        on_tick(received(alarm), scene.another()),
        on_command(command("stop"), scene.ports),
    ):
        with pytest.raises(Later, match="its format is 99"):
            await work


async def test_a_dead_baseline_is_answered_as_incomplete(scene: Scene) -> None:
    asked = command("baseline")
    await on_dead(asked, "the bus said no", scene.ports)
    (said,) = scene.publisher.of(DeployBaselined)
    assert not said.data.complete
    assert said.causationid == asked.id


async def _whole_life(scene: Scene) -> None:
    await scene.command(command("baseline", watch=plan(baseline={"before": "30s"})))
    await scene.run_until_quiet()
    await scene.command(command("watch", watch=plan(period="15s")))
    await scene.run_until_quiet()


def _said(scene: Scene) -> set[str]:
    """Return the ids of what was said, but for looks that a crash has made late.

    The next one is in step with the first again, and the last one is when the watch ends.
    """
    return {
        str(m.id)
        for m in scene.publisher.published
        if not (scene.leads and isinstance(m, DeployObserved))
    }


async def _effects(*, leads: bool) -> int:
    scene = Scene(leads=leads)
    scene.fuse.left = 10_000
    await _whole_life(scene)
    assert scene.fuse.left is not None
    return 10_000 - scene.fuse.left


@pytest.mark.parametrize("leads", [False, True])
async def test_a_crash_between_any_two_effects_loses_and_doubles_nothing(leads: bool) -> None:
    undisturbed = Scene(leads=leads)
    await _whole_life(undisturbed)
    expected = _said(undisturbed)
    effects = await _effects(leads=leads)
    assert effects > 40
    for place in range(effects):
        scene = Scene(leads=leads)
        scene.fuse.left = place
        await _whole_life(scene)
        assert _said(scene) == expected
        state = await scene.state()
        times = [row.at for row in state.signals["p95"].after]
        assert times == sorted(set(times)), "a look was kept twice"
        ticks = [o.data.tick for o in scene.publisher.of(DeployObserved)]
        assert ticks == list(range(state.tick)), "a look was not said, or another one was"
        assert scene.judged().data.summary.ticks == state.tick
        # Whoever said it, and from whichever copy: the kept document tells the same bytes.
        assert encode(scene.evidenced()) == encode(answers.evidenced(state, scene.judged()))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=12), max_size=12), st.booleans())
async def test_any_crashes_and_doubles_lead_to_one_verdict(places: list[int], leads: bool) -> None:
    scene = Scene(leads=leads)
    await scene.command(command("watch", watch=plan(period="15s")))
    kept = [*scene.timers.pending]
    for place in places:
        scene.fuse.left = place
        if scene.timers.pending:
            await scene.pass_on()
        scene.fuse.left = None
        kept += scene.timers.pending
        await scene.tick(kept[place % len(kept)])
    await scene.run_until_quiet()
    assert len({m.id for m in scene.publisher.of(DeployJudged)}) == 1
    found = recording.read(scene.evidenced().data.recording)
    assert judge(found.evidence).model_dump_json() == found.verdict
    ticks = [o.data.tick for o in scene.publisher.of(DeployObserved)]
    assert sorted(ticks) == list(range(len(ticks)))
