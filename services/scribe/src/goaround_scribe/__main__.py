"""The scribe as a process."""

import sys

from goaround_chassis.service import run
from goaround_scribe.app import build
from goaround_scribe.settings import Settings


def main() -> int:
    """Run until told to stop, and return the exit code."""
    return run(build, Settings)


if __name__ == "__main__":
    sys.exit(main())
