"""An orchestrator's ledger and post, as one process of several has them."""

from contextlib import AbstractContextManager

import pytest

from goaround_orchestrator.ledger import Letter
from goaround_orchestrator.store import PostgresLedger, PostgresPost


class Crash(Exception):
    """The process dies here."""


def dying() -> AbstractContextManager[object, bool]:
    """The block ends with the crash that it is about."""
    return pytest.raises(Crash)


class Process:
    """One orchestrator's ledger and post."""

    def __init__(self, ledger: PostgresLedger) -> None:
        self.ledger = ledger
        self.post = PostgresPost(ledger.pool, ledger.outgoing)

    async def posts(self, *letters: Letter) -> list[str]:
        """Post them in one transaction; return their ids."""
        async with self.ledger.unit() as unit:
            await unit.send(letters)
        return [posted.message.id for posted in letters]

    async def sends(self) -> list[str]:
        """Take what is there, as a relay that is told yes; return the ids."""
        async with self.post.taken(10) as taken:
            return [p.message_id for p in taken.letters]

    async def is_told_no(self) -> None:
        """Take what is there, as a relay that cannot send it."""
        with dying():
            async with self.post.taken(10):
                raise Crash

    async def in_outbox(self) -> int:
        """How many messages lie in the database."""
        return (await self.post.waiting())[0]
