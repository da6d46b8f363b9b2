"""Telling a database that cannot do it just now from one that says no."""

from collections.abc import Generator
from contextlib import contextmanager

import asyncpg

from goaround_orchestrator.ledger import Away

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    # What the client says of a connection that was cut under it.
    asyncpg.InterfaceError,
    # A standby that is not yet the primary; a server without room or memory, or asked to stop.
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.QueryCanceledError,
    # Whoever else holds the rows goes first, or was thought to be gone.
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
)


@contextmanager
def reaching() -> Generator[None]:
    """Raise `Away` for whatever another try may mend; let all else through."""
    try:
        yield
    except _AWAY as exc:
        raise Away(f"the database cannot do it now: {exc or type(exc).__name__}") from exc
