"""The short way past the outbox: what one process posts it sends by itself, and nothing is lost."""

import asyncio
from datetime import timedelta

from goaround_orchestrator.ledger import Letter
from goaround_orchestrator.run import Run
from goaround_orchestrator.store import PostgresPost
from goaround_orchestrator.store.posted import FORGET_WITHIN_S, LEFT_BEHIND
from goaround_orchestrator.store.remembered import Familiar
from goaround_schemas.phase import Phase
from tests.orchestrator import builders as build
from tests.orchestrator.process import Crash, Process, dying
from tests.orchestrator.test_ledger import letter

WAIT_S = 10


def letters(count: int) -> list[Letter]:
    return [letter(build.run(), n) for n in range(count)]


async def test_what_was_sent_is_forgotten_by_the_next_transaction(one: Process) -> None:
    ids = await one.posts(*letters(2))
    assert await one.sends() == ids
    assert await one.in_outbox() == 2
    await one.posts(letter(build.run(), 5))
    assert await one.in_outbox() == 1


async def test_without_another_transaction_what_was_sent_is_forgotten_soon(one: Process) -> None:
    await one.posts(*letters(2))
    await one.sends()
    async with asyncio.timeout(WAIT_S):
        await one.post.rung(FORGET_WITHIN_S * 10)
    assert await one.in_outbox() == 0


async def test_a_transaction_that_is_undone_leaves_it_to_the_next_to_forget(one: Process) -> None:
    await one.posts(*letters(2))
    await one.sends()
    with dying():
        async with one.ledger.unit() as unit:
            await unit.send(letters(1))
            raise Crash
    assert await one.in_outbox() == 2
    await one.posts()
    assert await one.in_outbox() == 0


async def test_after_a_failure_what_was_posted_first_is_sent_first(one: Process) -> None:
    first = await one.posts(*letters(2))
    await one.is_told_no()
    then = await one.posts(letter(build.run(), 5))
    assert await one.sends() == [*first, *then]
    assert await one.sends() == []
    assert await one.in_outbox() == 0


async def test_after_a_failure_what_had_been_sent_before_is_not_sent_again(one: Process) -> None:
    await one.posts(letter(build.run(), 1))
    await one.sends()
    left = await one.posts(letter(build.run(), 2))
    await one.is_told_no()
    assert await one.sends() == left


async def test_what_a_process_has_in_hand_no_other_sends(one: Process, other: Process) -> None:
    ids = await one.posts(*letters(2))
    other.post = PostgresPost(other.ledger.pool, other.ledger.outgoing)  # about to look again
    assert await other.sends() == []
    assert await one.sends() == ids


async def test_what_a_process_that_died_has_posted_another_sends(
    one: Process, other: Process
) -> None:
    ids = await one.posts(*letters(3))
    await one.ledger.pool.execute("update outbox set at = at - $1::interval", LEFT_BEHIND)
    own = await other.posts(letter(build.run(), 7))
    other.post = PostgresPost(other.ledger.pool, other.ledger.outgoing)  # about to look again
    assert await other.sends() == ids
    assert await other.sends() == own
    await other.posts()
    assert await other.in_outbox() == 0


async def test_a_letter_that_is_parked_on_the_short_way_is_kept_and_forgotten_in_one(
    one: Process,
) -> None:
    await one.posts(*letters(2))
    async with one.post.taken(10) as taken:
        await taken.park(taken.letters[0], "no stream takes it")
    await one.posts()
    assert await one.in_outbox() == 0
    assert await one.ledger.pool.fetchval("select why from parked") == "no stream takes it"


async def moved(process: Process, run_id: str, to: Phase) -> Run:
    """Have a process bring a run into a phase; return it as it was read for that."""
    async with process.ledger.unit() as unit:
        await unit.first_times([f"{run_id}/{to}"], [run_id])
        run = await unit.run(run_id)
        assert run is not None
        await unit.save(run.model_copy(update={"phase": to}), (), None)
        return run


async def test_a_run_that_another_process_has_written_is_read_anew(
    one: Process, other: Process
) -> None:
    async with one.ledger.unit() as unit:
        await unit.add(build.run(id="r-1", phase=Phase.PREFLIGHT))
    assert (await moved(one, "r-1", Phase.DEPLOYING)).phase is Phase.PREFLIGHT
    assert (await moved(other, "r-1", Phase.VERIFYING)).phase is Phase.DEPLOYING
    assert (await moved(one, "r-1", Phase.WATCHING)).phase is Phase.VERIFYING
    assert (await moved(one, "r-1", Phase.RECORDING)).phase is Phase.WATCHING


async def test_what_is_remembered_of_runs_is_no_truth_for_another_server(one: Process) -> None:
    async with one.ledger.unit() as unit:
        await unit.add(build.run(id="r-1", phase=Phase.PREFLIGHT))
    # As after a failover: the same edition, and something else in it.
    elsewhere = build.run(id="r-1", phase=Phase.PREFLIGHT, reason="told by the other server")
    await one.ledger.pool.execute(
        "update runs set snapshot = $1::json where id = 'r-1'", elsewhere.model_dump_json()
    )
    await one.ledger.pool.expire_connections()
    assert (await moved(one, "r-1", Phase.DEPLOYING)).reason == "told by the other server"


def test_only_so_many_runs_are_remembered_and_none_that_has_ended() -> None:
    familiar = Familiar(most=2)
    familiar.add((n, build.run(id=f"r-{n}", phase=Phase.WATCHING)) for n in (1, 2, 3))
    assert [familiar.get(f"r-{n}")[0] for n in (1, 2, 3)] == [0, 2, 3]
    familiar.add([(4, build.run(id="r-3", phase=Phase.SUCCEEDED))])
    assert familiar.get("r-3") == (0, None)


def test_sending_takes_less_than_what_makes_a_letter_anybodys() -> None:
    assert timedelta(seconds=FORGET_WITHIN_S) * 4 < LEFT_BEHIND
