"""What a process has posted and not yet sent, and what it has sent and not yet forgotten.

The outbox in the database is the truth; this spares the process to read back what it has just
written, and a transaction to forget it. Losing it loses nothing: what lies in the outbox for longer
than it takes to send it, is sent from there.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence

from goaround_orchestrator.relay import Posted


class Outgoing:
    """Messages on their way from this process's transactions to its relay."""

    def __init__(self) -> None:
        self.bell = asyncio.Event()
        """Rung when there is something to send."""
        self.behind = False
        """Whether there may be messages of ours in the outbox alone, after a failure.

        Then nothing is taken here: the outbox has it, and what was posted first is sent first."""
        self._posted: deque[Posted] = deque()
        self._sent: list[int] = []

    def post(self, letters: Iterable[Posted]) -> None:
        """Have these sent: they are in the outbox now."""
        if not self.behind:
            self._posted.extend(letters)
        self.bell.set()

    def take(self, limit: int) -> list[Posted]:
        """Take what is to be sent next."""
        return [self._posted.popleft() for _ in range(min(limit, len(self._posted)))]

    def fall_behind(self) -> None:
        """Leave everything to the outbox."""
        self._posted.clear()
        self.behind = True

    def sent(self, ids: Sequence[int]) -> None:
        """Have these forgotten some time soon."""
        self._sent += ids

    @property
    def forgets(self) -> bool:
        """Whether there is something to forget."""
        return bool(self._sent)

    def to_forget(self) -> list[int]:
        """Take what can be forgotten; who does not get it done gives it back by `sent`."""
        ids, self._sent = self._sent, []
        return ids
