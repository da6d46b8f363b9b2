"""Stand-ins for the ports of this package, for tests of handlers."""

from goaround_notifier.channel import NotDelivered
from goaround_notifier.notice import Notice
from goaround_schemas.notice import WorkNotify


class ScriptedPost:
    """Ends each attempt as the next of a list says, and then for ever as the last."""

    def __init__(self, *script: str | Exception) -> None:
        self._script = script or ("told",)
        self.sent: list[WorkNotify] = []

    async def send(self, command: WorkNotify) -> str:
        """Return, or raise, what the script says next."""
        self.sent.append(command)
        says = self._script[min(len(self.sent), len(self._script)) - 1]
        if isinstance(says, Exception):
            raise says
        return says


class MemoryChannel:
    """Keeps what it is sent; refuses with the error that it was given."""

    def __init__(self, refuses: NotDelivered | None = None) -> None:
        self._refuses = refuses
        self.sent: list[Notice] = []

    async def send(self, notice: Notice) -> None:
        """Keep the notice, or refuse it."""
        self.sent.append(notice)
        if self._refuses is not None:
            raise self._refuses
