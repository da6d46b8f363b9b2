"""What an embedded server tells of itself without being talked to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ServerStatus:
    """Whether a server runs, where it is reached, where its files are."""

    server: str
    pid: int | None
    address: str
    files: Path
    log: Path

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self.pid is not None
