"""The guides that were read last, kept by their very text, so that the same text is read once.

Bounded by the texts' length, not by their number: a thousand services with a page each are all
kept, and a few guides as large as a guide may be do not fill the memory.
"""

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

R = TypeVar("R")


class Remembered(Generic[R]):
    """What was made of texts, the least lately asked for forgotten first. For any thread."""

    def __init__(self, most_characters: int) -> None:
        self._most = most_characters
        self._held = 0
        self._kept: OrderedDict[tuple[str, str], R] = OrderedDict()
        self._lock = Lock()

    def find(self, text: str, name: str) -> R | None:
        """Return what was made of the text under that name; None if it is not known."""
        with self._lock:
            found = self._kept.get((text, name))
            if found is not None:
                self._kept.move_to_end((text, name))
            return found

    def keep(self, text: str, name: str, made: R) -> None:
        """Remember it, and forget what there is no room for any more."""
        with self._lock:
            if (text, name) not in self._kept:
                self._held += len(text)
            self._kept[text, name] = made
            while self._held > self._most:
                (oldest, _), _ = self._kept.popitem(last=False)
                self._held -= len(oldest)
