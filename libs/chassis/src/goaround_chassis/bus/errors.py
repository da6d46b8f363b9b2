"""What the bus could not do, for those who can act on it."""


class Unavailable(Exception):
    """The bus did not confirm in time, often enough; trying later may well work.

    A handler need not catch it: its message comes back, and no failure is counted.
    """

    def __init__(self, what: str, why: str) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why


class Refused(Exception):
    """The server understood and said no; the same again will be refused again."""

    def __init__(self, what: str, why: str, code: int = 0) -> None:
        super().__init__(f"{what}: {why}")
        self.what = what
        self.why = why
        self.code = code


class NoAnswer(Exception):
    """Nobody answered a request: none listens, none was in time, or the answer was an error."""

    def __init__(self, subject: str, why: str) -> None:
        super().__init__(f"no answer on {subject}: {why}")
        self.subject = subject
        self.why = why
