"""What may go wrong between a client and the system, for those who can act on it."""


class Refused(Exception):
    """The system understood and said no; `reason` says why and what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unreachable(Exception):
    """The bus, or who answers on it, cannot be reached; `why` says what was tried."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class BadRequest(ValueError):
    """It was never asked: a field is missing or wrong, as the message says."""
