"""The watcher as a process."""

import gc
import sys

from goaround_chassis.service import run
from goaround_watcher.app import build
from goaround_watcher.settings import WatcherSettings

GARBAGE_FROM = 100_000
"""Objects made and not let go of until cycles are searched for. Hardly one is in a cycle, and some
hundreds of looks under way hold tens of thousands of them: to search those takes a twentieth of all
the time there is, and holds up every look meanwhile."""


def main() -> int:
    """Run until told to stop, and return the exit code."""
    gc.freeze()  # What was imported stays.
    gc.set_threshold(GARBAGE_FROM, 20, 50)
    return run(build, WatcherSettings)


if __name__ == "__main__":
    sys.exit(main())
