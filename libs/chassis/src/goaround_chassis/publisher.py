"""Sending a message, as its sender sees it."""

from typing import Protocol

from goaround_schemas.envelope import Message


class Publisher(Protocol):
    """Where a handler leaves a message for others."""

    async def publish(self, message: Message) -> None:
        """Return once the message is kept; publishing it twice is the same as once."""
        ...
