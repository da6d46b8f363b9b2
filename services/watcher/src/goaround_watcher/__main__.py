"""The watcher as a process."""

import gc
import sys

from goaround_chassis.service import run
from goaround_watcher.app import build
from goaround_watcher.settings import WatcherSettings

GARBAGE_FROM = 50_000
"""Objects made and not let go of until cycles are searched for. A look makes thousands, and hardly
one is in a cycle; with them is searched what the judge remembers of ten thousand watches."""


def main() -> int:
    """Run until told to stop, and return the exit code."""
    gc.freeze()  # What was imported stays.
    gc.set_threshold(GARBAGE_FROM, 20, 50)
    return run(build, WatcherSettings)


if __name__ == "__main__":
    sys.exit(main())
