"""The end of what a program prints, in bounded memory. Pure."""

from collections import deque


class Tail:
    """Keeps the last so many characters, and counts the rest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._parts: deque[str] = deque()
        self._kept = 0
        self.dropped = 0

    def add(self, text: str) -> None:
        """Take some more text."""
        if len(text) > self._most:
            self.dropped += len(text) - self._most
            text = text[-self._most :]
        self._parts.append(text)
        self._kept += len(text)
        while self._kept > self._most:
            over = self._kept - self._most
            first = self._parts.popleft()
            cut = min(over, len(first))
            if cut < len(first):
                self._parts.appendleft(first[cut:])
            self._kept -= cut
            self.dropped += cut

    def text(self) -> str:
        """Return what is kept; where something is not, that comes first."""
        kept = "".join(self._parts)
        return (
            f"[{self.dropped} characters before this are not kept]\n{kept}"
            if self.dropped
            else kept
        )


def last_lines(text: str, most: int = 3, width: int = 300) -> str:
    """Return the last lines in one line, each cut to a width that a reason can hold."""
    lines = [line.strip() for line in text.splitlines() if line.strip()][-most:]
    return " | ".join(line if len(line) <= width else f"{line[: width - 1]}…" for line in lines)


def last_word(text: str) -> str:
    """Return the first word of the last line that says something; empty if nothing does.

    `alembic current` prints `ae1027a6acf (head)`: the revision is the first word. With several
    heads it prints several lines: the last counts.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].split()[0][:200] if lines else ""
