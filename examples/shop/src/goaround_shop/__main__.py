"""The shop's commands. Each is a module with a `main`; only the one asked for is imported."""

import importlib
import sys
from collections.abc import Sequence
from typing import Protocol, cast

COMMANDS = {
    "serve": ("serve", "run one release in the foreground"),
    "release": ("release", "put a version behind the service's port, no request lost"),
    "status": ("control", "which version serves"),
    "stop": ("control", "drain the service and end it"),
    "down": ("control", "end everything of a state directory, whatever it takes"),
    "migrate": ("migrate", "current, upgrade or downgrade the database's schema, or its SQL"),
    "warm": ("warm", "fill a release's caches; takes its time"),
    "smoke": ("smoke", "place an order, read it back, check its total"),
    "traffic": ("traffic", "make requests at a steady rate"),
    "board": ("board", "a notice board: keeps every notice posted to it"),
    "ci": ("ci", "a CI server that says which versions passed"),
}


class Command(Protocol):
    """What a command's module offers."""

    def main(self, argv: Sequence[str]) -> int:
        """Run with the words after the program's name; return the exit code."""
        ...


def main() -> int:
    """Run the command asked for."""
    argv = sys.argv[1:]
    if not argv or argv[0] not in COMMANDS:
        print("usage: python -m goaround_shop COMMAND ... (COMMAND --help tells more)\n")
        for name, (_, promise) in COMMANDS.items():
            print(f"  {name:8} {promise}")
        return 0 if argv and argv[0] in {"-h", "--help"} else 2
    module = importlib.import_module(f"goaround_shop.{COMMANDS[argv[0]][0]}")
    return cast(Command, module).main(argv)


if __name__ == "__main__":
    sys.exit(main())
