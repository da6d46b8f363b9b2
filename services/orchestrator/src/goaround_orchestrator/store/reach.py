"""Telling a database that cannot be reached from one that says no."""

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
)


@contextmanager
def reaching() -> Generator[None]:
    """Raise `Away` for whatever means that the database is not there; let all else through."""
    try:
        yield
    except _AWAY as exc:
        raise Away(f"the database does not answer: {exc or type(exc).__name__}") from exc
