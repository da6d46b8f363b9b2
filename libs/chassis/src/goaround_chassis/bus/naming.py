"""Ids for messages that have none of their own: no two writes share one, repeats of one do.

One question to the system a process, not one a message. Ids that say what a message is about are
its author's matter.
"""

from itertools import count
from uuid import uuid4

_PROCESS = uuid4().hex
_NUMBERS = count(1)


def new_id() -> str:
    """Return an id that no other message has."""
    return f"{_PROCESS}-{next(_NUMBERS)}"
