"""Waiting for what happens outside this process, with a limit."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


async def until(look: Callable[[], T], *, within_s: float = 8.0) -> T:
    """Return the first thing seen that is true."""
    async with asyncio.timeout(within_s):
        # It happens in another process, which has no event to wait for.
        while not (seen := look()):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return seen


async def written(path: Path) -> str:
    """Return the first line that a program writes to a file."""
    return await until(lambda: _line(path))


def _line(path: Path) -> str:
    text = path.read_text() if path.exists() else ""
    return text.partition("\n")[0] if "\n" in text else ""


def alive(pid: int) -> bool:
    """Say whether a process runs; one that is dead and not yet reaped does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"
