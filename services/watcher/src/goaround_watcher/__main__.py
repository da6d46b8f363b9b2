"""The watcher as a process."""

import sys

from goaround_chassis.service import run
from goaround_watcher.app import build
from goaround_watcher.settings import WatcherSettings


def main() -> int:
    """Run until told to stop, and return the exit code."""
    return run(build, WatcherSettings)


if __name__ == "__main__":
    sys.exit(main())
