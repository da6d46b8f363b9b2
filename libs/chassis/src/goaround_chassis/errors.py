"""The two words with which a handler says what becomes of its message.

Returning means done. Every other exception is a failure, tried again a few times. These two are
not failures but decisions; `goaround_chassis.bus` obeys them and is the only reader.
"""

from datetime import timedelta


class Later(Exception):
    """Not now: bring the message back after this time. It does not count as a failure."""

    def __init__(self, after: timedelta, why: str) -> None:
        super().__init__(f"in {after.total_seconds():g} s: {why}")
        self.after = after
        self.why = why


class Never(Exception):
    """No retry can help: put the message aside for a person to look at."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why
