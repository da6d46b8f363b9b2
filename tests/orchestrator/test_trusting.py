"""Going by what is remembered: one statement writes it all, or nothing and it is asked for."""

import pytest

from goaround_orchestrator.ledger import Mistaken
from goaround_orchestrator.run import Run
from goaround_orchestrator.store.remembered import DOUBT_S, Familiar
from goaround_schemas.phase import Phase
from tests.orchestrator import builders as build
from tests.orchestrator.conftest import Kept
from tests.orchestrator.process import Crash, Process, dying
from tests.orchestrator.test_ledger import letter


async def added(process: Process, *ids: str) -> None:
    """Have the process add these runs, which it remembers from then on."""
    async with process.ledger.unit() as unit:
        for id_ in ids:
            assert await unit.add(build.run(id=id_, phase=Phase.PREFLIGHT, service=id_))


async def moved(process: Process, message_id: str, to: Phase, *ids: str) -> None:
    """Have a process bring runs into a phase, going by what it remembers."""
    async with process.ledger.unit(trusting=True) as unit:
        assert message_id in await unit.first_times([message_id], ids)
        for id_ in ids:
            run = await unit.run(id_)
            assert run is not None
            await unit.save(run.model_copy(update={"phase": to}), (), None)
            await unit.send([letter(run, revision=len(message_id))])


async def phase(process: Process, id_: str) -> Phase:
    run = await process.ledger.whole(id_)
    assert run is not None
    return run.phase


async def noted(process: Process, message_id: str) -> int:
    query = "select count(*) from inbox where message_id = $1"
    return int(await process.ledger.pool.fetchval(query, message_id))


async def test_what_is_as_remembered_is_written_whole_and_sent(one: Process) -> None:
    await added(one, "r-1", "r-2")
    await moved(one, "m-1", Phase.DEPLOYING, "r-1", "r-2")
    assert [await phase(one, id_) for id_ in ("r-1", "r-2")] == [Phase.DEPLOYING] * 2
    assert await noted(one, "m-1") == 1
    assert len(await one.sends()) == 2


async def test_a_message_that_was_handled_before_undoes_it_all(
    one: Process, other: Process
) -> None:
    await added(one, "r-1")
    async with other.ledger.unit() as unit:
        assert await unit.first_time("m-1")
    with pytest.raises(Mistaken):
        await moved(one, "m-1", Phase.DEPLOYING, "r-1")
    assert await phase(one, "r-1") is Phase.PREFLIGHT
    assert await one.in_outbox() == 0


async def test_a_run_that_somebody_else_has_moved_undoes_it_all(
    one: Process, other: Process
) -> None:
    await added(one, "r-1", "r-2")
    async with other.ledger.unit() as unit:
        run = await unit.run("r-2")
        assert run is not None
        await unit.save(run.model_copy(update={"phase": Phase.VERIFYING}), (), None)
    with pytest.raises(Mistaken):
        await moved(one, "m-1", Phase.DEPLOYING, "r-1", "r-2")
    assert [await phase(one, "r-1"), await phase(one, "r-2")] == [Phase.PREFLIGHT, Phase.VERIFYING]
    assert await noted(one, "m-1") == 0
    assert await one.in_outbox() == 0


async def test_who_was_mistaken_asks_for_a_while_and_is_right(one: Process, other: Process) -> None:
    await added(one, "r-1")
    await moved(other, "m-1", Phase.DEPLOYING, "r-1")
    with pytest.raises(Mistaken):
        await moved(one, "m-2", Phase.VERIFYING, "r-1")
    await moved(one, "m-2", Phase.VERIFYING, "r-1")
    assert await phase(one, "r-1") is Phase.VERIFYING


async def test_a_message_that_moves_nothing_is_noted_all_the_same(one: Process) -> None:
    await added(one, "r-1")
    async with one.ledger.unit(trusting=True) as unit:
        await unit.first_times(["m-1"], ["r-1"])
    assert await noted(one, "m-1") == 1


async def test_a_message_that_moves_nothing_is_asked_about_its_run(
    one: Process, other: Process
) -> None:
    await added(one, "r-1")
    await moved(other, "m-1", Phase.DEPLOYING, "r-1")
    with pytest.raises(Mistaken):
        async with one.ledger.unit(trusting=True) as unit:
            await unit.first_times(["m-2"], ["r-1"])
    assert await noted(one, "m-2") == 0


async def test_more_than_is_remembered_is_asked_for_under_lock(
    one: Process, other: Process
) -> None:
    await added(one, "r-1")
    await moved(other, "m-1", Phase.DEPLOYING, "r-1")
    async with one.ledger.unit(trusting=True) as unit:
        await unit.first_times(["m-2"], ["r-1"])
        with pytest.raises(Mistaken):
            await unit.place("r-1", "prod")


async def test_what_runs_there_is_known_before_the_end(one: Process) -> None:
    await added(one, "r-1")
    landing = build.landing().model_copy(update={"service": "r-1", "environment": "prod"})
    async with one.ledger.unit() as unit:
        await unit.land(landing)
    async with one.ledger.unit(trusting=True) as unit:
        await unit.first_times(["m-1"], ["r-1"])
        run = await unit.run("r-1")
        assert run is not None
        assert await unit.running("r-1", "prod") == landing
        await unit.save(run.model_copy(update={"phase": Phase.RECORDING}), (), None)
    assert await phase(one, "r-1") is Phase.RECORDING


async def test_a_crash_before_the_end_leaves_nothing_written(one: Process) -> None:
    await added(one, "r-1")
    with dying():
        async with one.ledger.unit(trusting=True) as unit:
            await unit.first_times(["m-1"], ["r-1"])
            raise Crash
    assert await noted(one, "m-1") == 0


async def test_what_is_remembered_is_not_believed_of_another_server(one: Process) -> None:
    await added(one, "r-1")
    # As after a failover: the same edition, and something else in it.
    told = build.run(id="r-1", phase=Phase.PREFLIGHT, service="r-1", reason="by the other server")
    update = "update runs set snapshot = $1::json where id = 'r-1'"
    await one.ledger.pool.execute(update, told.model_dump_json())
    await one.ledger.pool.expire_connections()
    await moved(one, "m-1", Phase.DEPLOYING, "r-1")
    run = await one.ledger.whole("r-1")
    assert run is not None
    assert (run.reason, run.phase) == ("by the other server", Phase.DEPLOYING)


async def test_a_ledger_of_any_kind_may_be_trusting(kept: Kept) -> None:
    async with kept.ledger.unit() as unit:
        await unit.add(build.run(id="r-1", phase=Phase.PREFLIGHT))
    async with kept.ledger.unit(trusting=True) as unit:
        assert await unit.first_times(["m-1"], ["r-1"]) == {"m-1"}
        run: Run | None = await unit.run("r-1")
        assert run is not None
        await unit.save(run.model_copy(update={"phase": Phase.DEPLOYING}), (), None)
    whole = await kept.ledger.whole("r-1")
    assert whole is not None
    assert whole.phase is Phase.DEPLOYING


def test_doubt_is_over_after_a_while() -> None:
    times = [100.0]
    familiar = Familiar(clock=lambda: times[-1])
    familiar.add([(1, build.run(id="r-1", phase=Phase.WATCHING))])
    trusted = [familiar.can_be_trusted]
    familiar.doubt(["r-1"])
    trusted.append(familiar.can_be_trusted)
    times.append(100.0 + DOUBT_S)
    trusted.append(familiar.can_be_trusted)
    assert trusted == [True, False, True]
    assert familiar.get("r-1") == (0, None)
