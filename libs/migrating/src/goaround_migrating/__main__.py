"""`python -m goaround_migrating` is `goaround-sql`."""

import sys

from goaround_migrating.applying.command import main


def run() -> None:
    """Do what the command line asks for, and exit with its code."""
    sys.exit(main())


if __name__ == "__main__":
    run()
