"""A worker may die at any moment. Nothing is done twice that must not be, nothing is left out."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from goaround_chassis.errors import Later
from goaround_migrating.tools import Script
from goaround_schemas.guide.step import Migrations, Step
from goaround_schemas.procedure import WorkDeploy, WorkRollback
from tests.deployer.builders import JUDGED, MIGRATIONS, SEEN, deploy, rollback, step
from tests.deployer.world import World

DELIVERIES = 20
NOTE = Script(
    version="B",
    up="ALTER TABLE orders ADD COLUMN note text;",
    down="ALTER TABLE orders DROP COLUMN note;",
)

moments = st.lists(st.integers(0, 60), max_size=4)
tools = st.sampled_from((MIGRATIONS, SEEN, JUDGED))
"""By the revision alone; with fingerprints; with fingerprints, and judged by their SQL."""
procedures = st.lists(st.booleans(), min_size=1, max_size=4).map(
    lambda flags: tuple(step(f"s{i}", idempotent=flag) for i, flag in enumerate(flags))
)


async def through_deaths(
    world: World, steps: tuple[Step, ...], deaths: list[int], migrations: Migrations | None
) -> None:
    command = deploy(*steps, migrations=migrations)
    for moment in deaths:
        await delivered(world, command, dies_after=moment)
    assert await delivered(world, command)


async def delivered(
    world: World, command: WorkDeploy | WorkRollback, dies_after: int | None = None
) -> bool:
    """Deliver a command, as often as its worker asks for it again.

    On a machine that stalls, a worker loses its lease and does.
    """
    for _ in range(DELIVERIES):
        with suppress(Later):
            return await world.deliver(command, dies_after=dies_after)
    raise AssertionError(f"not done after {DELIVERIES} deliveries")


def shop() -> World:
    """A world whose migration adds a column: its way back is lossy."""
    world = World()
    world.catalogue.script = NOTE
    return world


def in_order(effects: list[str]) -> list[str]:
    """The effects in the order of their first time."""
    return list(dict.fromkeys(effects))


@settings(max_examples=120, deadline=None)
@given(procedures, moments, st.none() | tools)
def test_a_step_that_is_not_idempotent_is_never_run_twice_and_no_undone_one_is_skipped(
    steps: tuple[Step, ...], deaths: list[int], migrations: Migrations | None
) -> None:
    world = shop()
    asyncio.run(through_deaths(world, steps, deaths, migrations))

    executed = world.executed(deploy(*steps)).data
    done = [r.name for r in executed.steps if r.outcome == "done"]
    plan = (["apply"] if migrations else []) + [s.name for s in steps]
    for s in steps:
        assert s.idempotent or world.effects.count(s.name) <= 1
    # The schema is asked before it is touched again, and here every apply moves it.
    assert world.effects.count("apply") <= 1
    assert in_order(world.effects) == plan[: len(in_order(world.effects))]
    assert {name for name in done if name.startswith("s")} <= set(world.effects)
    assert executed.changed or not world.effects
    if executed.outcome == "done":
        assert set(world.effects) == set(plan)
        assert [f.data.index for f in world.finished(deploy(*steps))] == list(range(len(plan)))
    else:
        assert executed.outcome == "unknown"
        assert deaths
        assert executed.steps[-1].outcome == "unknown"
    if executed.migration is not None:
        assert executed.migration.before == "A"


@settings(max_examples=120, deadline=None)
@given(procedures, moments, moments, st.booleans(), tools)
def test_a_rollback_brings_back_whatever_a_dying_deployment_did_and_stays_the_last(
    steps: tuple[Step, ...],
    deaths: list[int],
    rollback_deaths: list[int],
    again: bool,
    migrations: Migrations,
) -> None:
    world = shop()
    forward = deploy(*steps, migrations=migrations)
    back = rollback(step("back", idempotent=True), migrations=migrations, allow=("lossy",))

    async def play() -> None:
        for moment in deaths:
            await delivered(world, forward, dies_after=moment)
        for moment in rollback_deaths:
            await delivered(world, back, dies_after=moment)
        if again:
            # The deployment comes back to a dying rollback: it must not go on.
            before = list(world.effects)
            if await world.bucket.get(back.data.run_id) and rollback_deaths:
                await delivered(world, back, dies_after=3)
                before = list(world.effects)
                await delivered(world, forward)
                assert world.effects == before
        assert await delivered(world, back)
        effects = list(world.effects)
        await delivered(world, forward)
        assert world.effects == effects

    asyncio.run(play())

    executed = world.executed(back).data
    assert executed.outcome == "done"
    assert world.schema == "A"
    assert world.effects.count("apply") == world.effects.count("revert") <= 1
    assert world.effects[-1] == "back"
    assert world.catalogue.columns == {"orders.id"}
    if "apply" in world.effects:
        told = executed.migration
        assert told is not None
        assert told.reverted is not None
        assert told.reverted.outcome == "reverted_verified"
        # Nothing is dropped before it is copied, and no copy is forgotten over a death.
        assert bool(told.reverted.kept) == (migrations is JUDGED)
    assert world.executed(forward).data.outcome in ("done", "stopped", "unknown")
