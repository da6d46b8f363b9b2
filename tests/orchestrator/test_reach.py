"""What a database says when it cannot do it just now comes back as `Away`, nothing else does."""

import asyncio

import asyncpg
import pytest

from goaround_orchestrator.ledger import Away
from goaround_orchestrator.store import PostgresLedger
from goaround_orchestrator.store.reach import reaching

ONE, OTHER = ("shop", "prod"), ("till", "prod")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError("no route"),
        TimeoutError(),
        asyncpg.CannotConnectNowError("the database system is starting up"),
        asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT in a read-only transaction"),
        asyncpg.DiskFullError("could not extend file"),
        asyncpg.DeadlockDetectedError("deadlock detected"),
        asyncpg.SerializationError("could not serialize access"),
        asyncpg.LockNotAvailableError("canceling statement due to lock timeout"),
        asyncpg.IdleInTransactionSessionTimeoutError("terminating connection"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_another_try_may_mend_means_that_the_database_is_away(error: Exception) -> None:
    with pytest.raises(Away), reaching():
        raise error


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("duplicate key"),
        asyncpg.UndefinedTableError("relation does not exist"),
        asyncpg.InvalidPasswordError("password authentication failed"),
        asyncpg.InsufficientPrivilegeError("permission denied"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_another_try_would_not_mend_is_said_as_it_is(error: asyncpg.PostgresError) -> None:
    with pytest.raises(type(error)), reaching():
        raise error


async def test_of_two_that_wait_for_each_other_one_is_told_to_come_again(migrated: str) -> None:
    ledger = await PostgresLedger.connect(migrated, 2)
    both_hold = asyncio.Barrier(2)

    async def hold(first: tuple[str, str], then: tuple[str, str]) -> None:
        async with ledger.unit() as unit:
            await unit.place(*first)
            await both_hold.wait()
            await unit.place(*then)

    ends = await asyncio.gather(hold(ONE, OTHER), hold(OTHER, ONE), return_exceptions=True)
    await ledger.close()
    assert sorted(type(end).__name__ for end in ends) == ["Away", "NoneType"], ends


async def test_whoever_stands_still_does_not_hold_its_rows_for_ever(migrated: str) -> None:
    ledger = await PostgresLedger.connect(migrated, 1)
    idle, waiting = [
        await ledger.pool.fetchval(f"select current_setting('{name}')::interval")
        for name in ("idle_in_transaction_session_timeout", "lock_timeout")
    ]
    await ledger.close()
    assert 0 < waiting.total_seconds() < idle.total_seconds() < 30
