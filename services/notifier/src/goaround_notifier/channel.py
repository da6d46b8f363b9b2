"""How a notice leaves, as a port. One adapter a file; the handlers know only this."""

from typing import Protocol

from goaround_notifier.notice import Notice


class NotDelivered(Exception):
    """The recipient was not told, as far as anyone can say. `why` never holds the address."""

    def __init__(self, why: str, *, permanent: bool) -> None:
        super().__init__(why)
        self.why = why
        self.permanent = permanent


class Channel(Protocol):
    """A way to tell somebody something."""

    async def send(self, notice: Notice) -> None:
        """Return once the notice was taken; it always ends in bounded time.

        Raises:
            NotDelivered: It was not. Permanent, where no later attempt can differ.
        """
        ...
