"""One thing at a time for each run, within this process.

A look that is led may still be under way when its alarm rings, and a tick may come twice: taken at
the same time, all but one would be in vain. Between processes the document's revision decides.
"""

import asyncio
from weakref import WeakValueDictionary


class RunLocks:
    """A lock for each run, as long as somebody holds it or waits for it."""

    def __init__(self) -> None:
        self._locks = WeakValueDictionary[str, asyncio.Lock]()

    def of(self, run_id: str) -> asyncio.Lock:
        """Return the lock of a run, to be held with `async with`."""
        lock = self._locks.get(run_id)
        if lock is None:
            lock = self._locks[run_id] = asyncio.Lock()
        return lock
