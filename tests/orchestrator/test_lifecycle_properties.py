"""Whatever happens in whatever order: the promises of the lifecycle hold."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goaround_orchestrator.lifecycle import LEGAL, Answered, Input, decide
from goaround_orchestrator.run import Run, Step
from goaround_schemas.phase import ENDS, Phase
from tests.orchestrator.builders import TICK, at
from tests.orchestrator.world import World

T = TypeVar("T")
MOST = 60

of_all_lives = pytest.mark.xdist_group("lives")
"""Looks at 1,200 lives, which cost three seconds: one worker lives them, for all such tests."""


def holds(before: Run, what: Input, now: datetime, step: Step) -> None:
    after = step.run
    # No move is made that the table does not know, and each is counted.
    at_ = before.phase
    for n, move in enumerate(step.moves, before.revision + 1):
        assert move.to in LEGAL[at_]
        assert (move.from_, move.revision) == (at_, n)
        assert move.reason
        assert move.actor
        at_ = move.to
    assert after.phase is at_
    assert after.revision == before.revision + len(step.moves) == len(after.timeline)
    # Nothing can be forgotten.
    if after.ended:
        assert after.due_at is None
        assert after.pending == ()
    elif after.phase is not Phase.REQUESTED:
        assert after.deadline is not None
        assert after.due_at is not None
        assert after.due_at <= after.deadline
    # An end is an end.
    if before.ended:
        assert after == before
        assert (step.moves, step.orders, step.again) == ((), (), ())
        assert step.refused
    # The timeline has no gap and runs forward.
    edge = before.requested_at
    for span in after.timeline:
        assert span.from_ == edge
        assert span.to >= span.from_
        edge = span.to
    assert after.phase_since == edge
    # Who changed something comes to an end that says so, and only those.
    if after.ended:
        gone = after.phase in (Phase.SUCCEEDED, Phase.ROLLED_BACK, Phase.ROLLBACK_FAILED)
        assert after.changed == gone
    if after.phase is Phase.ROLLED_BACK and after.previous_version is not None:
        assert after.going is not None
        assert after.going.matrix is not None
        assert after.going.matrix.outcome == "passed"
    if step.refused:
        assert after == before
    # What is written down comes back the same.
    assert Run.model_validate_json(after.model_dump_json()) == after
    # The same again, at the same moment, changes nothing more.
    if isinstance(what, Answered) and not after.ended:
        assert decide(after, what, now).moves == ()
    assert decide(before, what, now) == step


def live(world: World, most: int = MOST) -> list[tuple[Run, Input, Step]]:
    run, now = world.new_run(), at()
    happened: list[tuple[Run, Input, Step]] = []
    for _ in range(most):
        what = world.next_input(run)
        now += world.pause()
        step = decide(run, what, now)
        happened.append((run, what, step))
        holds(run, what, now, step)
        if run.ended:
            break
        run = step.run
    return happened


@given(st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_promise_holds_whatever_happens(data: Any) -> None:
    def choose(among: Sequence[T], /) -> T:
        chosen: T = data.draw(st.sampled_from(among))
        return chosen

    live(World(choose), most=25)


@cache
def lived() -> tuple[tuple[tuple[Run, Input, Step], ...], ...]:
    return tuple(tuple(live(World(random.Random(seed).choice))) for seed in range(1200))


@of_all_lives
def test_random_lives_reach_every_end() -> None:
    ends = Counter(life[-1][2].run.phase for life in lived() if life[-1][2].run.ended)
    assert set(ends) == ENDS


@of_all_lives
def test_random_lives_take_every_move_of_the_table_and_no_other() -> None:
    taken = {(m.from_, m.to) for life in lived() for _, _, step in life for m in step.moves}
    assert taken == {(a, b) for a, ways in LEGAL.items() for b in ways}


@of_all_lives
def test_a_run_that_nobody_answers_any_more_ends_by_itself() -> None:
    for life in lived():
        run = life[len(life) // 2][2].run
        for _ in range(100):
            if run.ended or run.due_at is None:
                break
            run = decide(run, TICK, run.due_at).run
        assert run.ended or run.phase is Phase.REQUESTED


@of_all_lives
def test_no_two_commands_of_a_run_share_a_name() -> None:
    for life in lived():
        ids = [p.id for _, _, step in life for p in step.run.pending]
        ordered = [
            o.id_for(step.run.id, str(step.run.revision))
            for _, _, step in life
            for o in step.orders
        ]
        assert len(ordered) == len(set(ordered))
        new = {(p.id, p.order) for _, _, step in life for p in step.run.pending}
        assert len({i for i, _ in new}) == len(new)
        assert set(ids) == {i for i, _ in new}


@of_all_lives
def test_a_command_is_ordered_once_and_then_only_sent_again() -> None:
    for life in lived():
        named = [
            o.id_for("r-1") for _, _, s in life for o in s.orders if o.what.value != "stop_watch"
        ]
        told = [n for n in named if named.count(n) > 1]
        held = {o.id_for("r-1") for _, _, s in life for o in s.orders if o.moment == "held"}
        # Held twice is told twice, each under the revision of its own.
        assert set(told) <= held
