"""Answers to what is published: one subject of our own, and who waits for which of them.

The client's own way to ask makes an inbox, a task's wait and a timer for each question; a stream's
acknowledgements come by the thousand.
"""
# The client library leaves parts of its signatures without types.
# pyright: reportUnknownMemberType=false

import asyncio
from collections.abc import Iterable
from itertools import count

from nats.aio.client import Client
from nats.aio.msg import Msg


class Answers:
    """What is waited for on one connection; an answer that nobody waits for is dropped."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._inbox = client.new_inbox()
        self._listening = False
        self._numbers = count()
        self._awaited: dict[str, asyncio.Future[Msg]] = {}

    async def open(self) -> None:
        """Listen; no matter if we do already."""
        if self._listening:
            return
        # Said first: who comes meanwhile publishes behind what is being sent here.
        self._listening = True
        try:
            await self._client.subscribe(f"{self._inbox}.*", cb=self._take)
        except BaseException:
            self._listening = False
            raise

    def expect(self) -> tuple[str, asyncio.Future[Msg]]:
        """Return a subject to be answered on, and the answer."""
        subject = f"{self._inbox}.{next(self._numbers)}"
        answer: asyncio.Future[Msg] = asyncio.get_running_loop().create_future()
        self._awaited[subject] = answer
        return subject, answer

    def forget(self, subjects: Iterable[str]) -> None:
        """Wait for these no more."""
        for subject in subjects:
            self._awaited.pop(subject, None)

    async def _take(self, msg: Msg) -> None:
        answer = self._awaited.pop(msg.subject, None)
        if answer is not None and not answer.done():
            answer.set_result(msg)
